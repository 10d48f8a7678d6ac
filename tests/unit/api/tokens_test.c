#include "api/tokens.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const ds_bytes_t key = {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32};
static const ds_bytes_t other_key = {(const uint8_t *)"X123456789abcdef0123456789abcdef", 32};

static ds_str_t write_token(ds_buf_t *buf, const struct ds_token *token)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(buf, 1024);
    cr_assert(ds_token_write(token, key, buf, &error));
    return ds_buf_str(buf);
}

Test(tokens, what_was_written_is_read)
{
    struct ds_token token = {"01ARZ3NDEKTSV4RRFFQ69G5FAV", DS_TOPIC_DELIVERY, 255, INT64_MAX};
    struct ds_token read;
    ds_buf_t buf;
    ds_error_t error = DS_ERROR_INIT;
    ds_str_t text = write_token(&buf, &token);
    cr_assert(text.len <= DS_TOKEN_MAX_CHARS);
    cr_assert_eq(memcmp(text.data, "ct1.", 4), 0);
    cr_assert(ds_token_read(text, key, &read, &error));
    cr_assert_str_eq(read.identity, token.identity);
    cr_assert_eq(read.topic, DS_TOPIC_DELIVERY);
    cr_assert_eq(read.partition, 255);
    cr_assert_eq(read.offset, INT64_MAX);
    ds_buf_cleanup(&buf);
}

Test(tokens, every_changed_character_is_noticed)
{
    struct ds_token token = {"", DS_TOPIC_ORDER, 3, 41};
    struct ds_token read;
    ds_buf_t buf;
    ds_str_t text = write_token(&buf, &token);
    for (uint32_t i = 0; i < text.len; i++) {
        ds_error_t error = DS_ERROR_INIT;
        uint8_t kept = buf.data[i];
        buf.data[i] = kept == 'A' ? 'B' : 'A';
        /* The last character of base64 may hold bits that do not count. */
        bool ok = ds_token_read(text, key, &read, &error);
        cr_assert(!ok || i == text.len - 1, "character %u", (unsigned)i);
        buf.data[i] = kept;
    }
    ds_error_t error = DS_ERROR_INIT;
    cr_assert_not(ds_token_read(text, other_key, &read, &error));
    cr_assert_eq(error.code, DS_ERR_INVALID);
    ds_buf_cleanup(&buf);
}

Test(tokens, garbage_is_refused)
{
    static const char *const wrong[] = {
        "",     "ct1",         "ct1.", "ct1..", "ct1.AAAA.", "ct1.AAAA.AAAA", "ct2.AAAA.AAAA",
        "....", "ct1.@@@.AAAA"};
    struct ds_token read;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ds_error_t error = DS_ERROR_INIT;
        cr_assert_not(ds_token_read(ds_str(wrong[i]), key, &read, &error), "%s", wrong[i]);
    }
}

Test(cursor, a_cursor_is_of_its_filter_only_and_no_token)
{
    const struct ds_cursor cursor = {42, DS_STR("a|name|with|bars"), DS_STR("berlin-1.milk")};
    struct ds_cursor read;
    struct ds_token token;
    ds_buf_t buf;
    ds_error_t error = DS_ERROR_INIT;
    ds_arena_t *arena = ds_arena_new(256, 4096);
    ds_buf_init(&buf, 1024);
    cr_assert(ds_cursor_write(&cursor, key, &buf, &error));
    cr_assert(ds_cursor_read(ds_buf_str(&buf), key, 42, arena, &read, &error));
    cr_assert(ds_str_eq(read.key, cursor.key));
    cr_assert(ds_str_eq(read.id, cursor.id));
    cr_assert_not(ds_cursor_read(ds_buf_str(&buf), key, 43, arena, &read, &error));
    cr_assert_not(ds_token_read(ds_buf_str(&buf), key, &token, &error));
    ds_buf_cleanup(&buf);
    ds_arena_destroy(arena);
}
