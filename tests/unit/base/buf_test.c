#include "base/buf.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void expect_text(ds_buf_t *buf, const char *want)
{
    const char *text;
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_buf_cstr(buf, &text, &error), "%s", error.message);
    cr_assert_str_eq(text, want);
}

Test(buf, pieces_are_joined)
{
    ds_buf_t buf;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(&buf, 1000);
    cr_assert(ds_buf_append(&buf, "ab", 2, &error));
    cr_assert(ds_buf_append(&buf, NULL, 0, &error));
    cr_assert(ds_buf_append_str(&buf, DS_STR("cd"), &error));
    cr_assert(ds_buf_append_text(&buf, "ef", &error));
    cr_assert(ds_buf_append_char(&buf, 'g', &error));
    cr_assert(ds_buf_printf(&buf, &error, "-%d-%s", 7, "h"));
    expect_text(&buf, "abcdefg-7-h");
    cr_assert_eq(buf.len, 11);
    cr_assert(ds_str_eq(ds_buf_str(&buf), DS_STR("abcdefg-7-h")));
    cr_assert_eq(ds_buf_bytes(&buf).len, 11);
    ds_buf_clear(&buf);
    expect_text(&buf, "");
    ds_buf_cleanup(&buf);
    ds_buf_cleanup(&buf);
    cr_assert_eq(buf.max_bytes, 1000);
}

Test(buf, maximum_is_reached_but_not_passed)
{
    for (size_t max = 0; max < 200; max++) {
        ds_buf_t buf;
        ds_error_t error = DS_ERROR_INIT;
        ds_buf_init(&buf, max);
        for (size_t i = 0; i < max; i++)
            cr_assert(ds_buf_append_char(&buf, 'x', &error), "max %zu at %zu", max, i);
        cr_assert_not(ds_buf_append_char(&buf, 'x', &error));
        cr_assert_eq(error.code, DS_ERR_LIMIT);
        cr_assert_eq(buf.len, max);
        cr_assert_leq(buf.capacity, max);
        ds_buf_cleanup(&buf);
    }
}

Test(buf, refused_append_changes_nothing)
{
    ds_buf_t buf;
    ds_buf_init(&buf, 8);
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_buf_append_text(&buf, "abc", &error));
    cr_assert_not(ds_buf_append_text(&buf, "123456", &error));
    cr_assert_eq(error.code, DS_ERR_LIMIT);
    cr_assert_not(ds_buf_printf(&buf, &error, "%d", 1234567));
    cr_assert_not(ds_buf_append_json(&buf, DS_STR("1234"), &error));
    cr_assert_not(ds_buf_reserve(&buf, SIZE_MAX, &error));
    expect_text(&buf, "abc");
    ds_buf_cleanup(&buf);
}

Test(buf, json_text_is_escaped)
{
    ds_buf_t buf;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(&buf, 1000);
    cr_assert(
        ds_buf_append_json(&buf, DS_STR("q\" b\\ n\n r\r t\t z\x01 d\x7f e\xc3\xa9"), &error));
    expect_text(&buf, "\"q\\\" b\\\\ n\\n r\\r t\\t z\\u0001 d\\u007f e\xc3\xa9\"");
    ds_buf_clear(&buf);
    cr_assert(ds_buf_append_json(&buf, (ds_str_t){"a\0b", 3}, &error));
    expect_text(&buf, "\"a\\u0000b\"");
    ds_buf_clear(&buf);
    cr_assert(ds_buf_append_json(&buf, (ds_str_t){NULL, 0}, &error));
    expect_text(&buf, "\"\"");
    ds_buf_cleanup(&buf);
}

Test(arena, memory_is_zeroed_aligned_and_apart)
{
    ds_arena_t *arena = ds_arena_new(64, 100000);
    ds_error_t error = DS_ERROR_INIT;
    for (int round = 0; round < 3; round++) {
        uint8_t *last = NULL;
        for (size_t bytes = 1; bytes < 200; bytes += 7) {
            uint8_t *memory = ds_arena_alloc(arena, bytes, &error);
            cr_assert_not_null(memory, "%s", error.message);
            cr_assert_eq((uintptr_t)memory % 16, 0);
            for (size_t i = 0; i < bytes; i++)
                cr_assert_eq(memory[i], 0);
            memset(memory, 0xAA, bytes);
            cr_assert(last == NULL || last[0] == 0xAA);
            last = memory;
        }
        cr_assert_gt(ds_arena_used(arena), 0);
        ds_arena_reset(arena);
        cr_assert_eq(ds_arena_used(arena), 0);
    }
    ds_arena_destroy(arena);
    ds_arena_destroy(NULL);
}

Test(arena, maximum_holds_and_reset_gives_it_back)
{
    ds_arena_t *arena = ds_arena_new(128, 1024);
    ds_error_t error = DS_ERROR_INIT;
    cr_assert_null(ds_arena_alloc(arena, 1025, &error));
    cr_assert_eq(error.code, DS_ERR_LIMIT);
    for (int round = 0; round < 3; round++) {
        size_t got = 0;
        while (ds_arena_alloc(arena, 16, &error) != NULL)
            got += 16;
        cr_assert_eq(got, 1024, "round %d: %zu", round, got);
        ds_arena_reset(arena);
    }
    ds_arena_destroy(arena);
}

Test(arena, sizes_that_overflow_are_refused)
{
    ds_arena_t *arena = ds_arena_new(64, SIZE_MAX);
    ds_error_t error = DS_ERROR_INIT;
    cr_assert_null(ds_arena_alloc(arena, SIZE_MAX, &error));
    cr_assert_eq(error.code, DS_ERR_LIMIT);
    ds_error_clear(&error);
    cr_assert_null(ds_arena_calloc(arena, SIZE_MAX / 2, 3, &error));
    cr_assert_eq(error.code, DS_ERR_LIMIT);
    ds_arena_destroy(arena);
}

Test(arena, texts_are_copied_and_terminated)
{
    ds_arena_t *arena = ds_arena_new(64, 4096);
    ds_error_t error = DS_ERROR_INIT;
    ds_str_t text;
    cr_assert(ds_arena_dup(arena, (ds_str_t){"abcdef", 3}, &text, &error));
    cr_assert_str_eq(text.data, "abc");
    cr_assert(ds_arena_dup(arena, (ds_str_t){NULL, 0}, &text, &error));
    cr_assert_str_empty(text.data);
    cr_assert(ds_arena_printf(arena, &text, &error, "%s.%d", "berlin-1", 7));
    cr_assert(ds_str_eq(text, DS_STR("berlin-1.7")));
    for (int length = 126; length <= 130; length++) { /* short ones are formatted differently */
        cr_assert(ds_arena_printf(arena, &text, &error, "%0*d", length, 7));
        cr_assert_eq(text.len, (uint32_t)length);
        cr_assert_eq(strspn(text.data, "0"), (size_t)length - 1);
        cr_assert_str_eq(text.data + length - 1, "7");
    }
    cr_assert_not(ds_arena_printf(arena, &text, &error, "%5000d", 1));
    cr_assert_eq(error.code, DS_ERR_LIMIT);
    cr_assert_null(text.data);
    ds_arena_destroy(arena);
}

/* What a size in a message may do: from anywhere, in any order, never over the maximum. */
Test(arena, any_sequence_of_sizes_stays_within_the_maximum)
{
    uint32_t seed = 20261121;
    for (int run = 0; run < 200; run++) {
        ds_arena_t *arena = ds_arena_new(seed % 500, 5000);
        for (int i = 0; i < 50; i++) {
            seed = seed * 1664525 + 1013904223;
            uint8_t *memory = ds_arena_alloc(arena, seed >> 22, NULL);
            if (memory != NULL)
                memset(memory, 1, seed >> 22);
            cr_assert_leq(ds_arena_used(arena), 5000);
        }
        ds_arena_destroy(arena);
    }
}
