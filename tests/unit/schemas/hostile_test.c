/* Events may come from a hostile topic: whatever the bytes are, a decoder says no, and never takes
 * more memory than the message justifies. */
#include "kit.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* An inventory.commands record up to the items of a SetThreshold: empty texts, actor 0, no
 * trace, time 0, kind 3. */
#define HEAD     "\x00\x00\x00\x00\x00\x00\x00"
#define ITEMS_OF HEAD "\x0c\x00"
#define VARINT11 "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"

struct hostile {
    const char *name;
    const char *bytes;
    size_t len;
    enum ds_error_code code;
    const char *says;
};

#define CASE(name, bytes, code, says)                                                              \
    {                                                                                              \
        name, bytes, sizeof(bytes) - 1, code, says                                                 \
    }

static const struct hostile cases[] = {
    CASE("nothing", "", DS_ERR_TRUNCATED, "head.command_id at byte 10: ends too early"),
    CASE("a text longer than the message", "\x7e", DS_ERR_TRUNCATED, "length beyond the end"),
    CASE("a text of 2^62 bytes", "\xfe\xff\xff\xff\xff\xff\xff\xff\x7f", DS_ERR_TRUNCATED,
         "length beyond the end"),
    CASE("a text of -1 bytes", "\x01", DS_ERR_INVALID, "negative length"),
    CASE("a length of INT64_MIN", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", DS_ERR_INVALID,
         "negative length"),
    CASE("a varint of eleven bytes", VARINT11, DS_ERR_INVALID, "more than 64 bits"),
    CASE("a varint of 65 bits", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", DS_ERR_INVALID,
         "more than 64 bits"),
    CASE("a varint cut off", "\x80", DS_ERR_TRUNCATED, "ends too early"),
    CASE("a lone continuation byte", "\x02\x80", DS_ERR_INVALID,
         "command_id at byte 10: not UTF-8"),
    CASE("a surrogate", "\x06\xed\xa0\x80", DS_ERR_INVALID, "not UTF-8"),
    CASE("an overlong slash", "\x04\xc0\xaf", DS_ERR_INVALID, "not UTF-8"),
    CASE("half a sequence behind ASCII",
         "\x14"
         "aaaaaaaa\xe2\x82",
         DS_ERR_INVALID, "not UTF-8"),
    CASE("an actor kind beyond the symbols", "\x00\x00\x00\x0c", DS_ERR_INVALID,
         "head.actor.kind at byte 13: no such symbol"),
    CASE("an actor kind of -1", "\x00\x00\x00\x01", DS_ERR_INVALID, "no such symbol"),
    CASE("an actor kind of 2^32", "\x00\x00\x00\x80\x80\x80\x80\x20", DS_ERR_INVALID,
         "no such symbol"),
    CASE("a third branch of an optional", "\x00\x00\x00\x00\x00\x04", DS_ERR_INVALID,
         "head.traceparent at byte 15: no such union branch"),
    CASE("a body kind nobody knows", HEAD "\x0e", DS_ERR_INVALID, "body at byte 17"),
    CASE("a negative body kind", HEAD "\x03", DS_ERR_INVALID, "no such union branch"),
    CASE("more items than bytes", ITEMS_OF "\x06\x00\x00\x00\x00", DS_ERR_TRUNCATED,
         "body.SetThreshold.items at byte 19: more items than the bytes allow"),
    CASE("2^40 items", ITEMS_OF "\x80\x80\x80\x80\x80\x80\x01", DS_ERR_TRUNCATED,
         "more items than the bytes allow"),
    CASE("2^62 items", ITEMS_OF "\xfe\xff\xff\xff\xff\xff\xff\xff\x7f", DS_ERR_TRUNCATED,
         "more items than the bytes allow"),
    CASE("INT64_MIN items", ITEMS_OF "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", DS_ERR_INVALID,
         "without a positive"),
    CASE("INT64_MIN + 1 items", ITEMS_OF "\xfd\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00",
         DS_ERR_TRUNCATED, "more items"),
    CASE("a negative block size", ITEMS_OF "\x01\x01\x00\x00\x00", DS_ERR_INVALID,
         "negative block size"),
    CASE("a block beyond the end", ITEMS_OF "\x01\x7e\x00\x00\x00", DS_ERR_TRUNCATED,
         "block beyond the end"),
    CASE("a block larger than its items", ITEMS_OF "\x01\x06\x00\x00\x00\x00", DS_ERR_INVALID,
         "array block of another size"),
    CASE("items larger than their block", ITEMS_OF "\x01\x04\x02z\x00\x00", DS_ERR_INVALID,
         "array block of another size"),
    CASE("an array without an end", ITEMS_OF "\x02\x00\x00", DS_ERR_TRUNCATED, "ends too early"),
    CASE("a bad text in the second item", ITEMS_OF "\x04\x00\x00\x02\xff\x00\x00", DS_ERR_INVALID,
         "body.SetThreshold.items[1].product_id at byte 22: not UTF-8"),
    CASE("an int of 33 bits", ITEMS_OF "\x02\x00\x80\x80\x80\x80\x10\x00", DS_ERR_INVALID,
         "items[0].quantity at byte 21: int out of range"),
    CASE("a byte too many", ITEMS_OF "\x00\x00", DS_ERR_INVALID, "trailing bytes"),
};

Test(hostile, broken_bytes_are_refused_with_field_and_offset)
{
    struct kit *kit = kit_new();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct hostile *c = &cases[i];
        kit_clear(kit);
        kit_frame(&kit->bytes, &ds_schema_inventory_commands);
        cr_assert(ds_buf_append(&kit->bytes, c->bytes, c->len, NULL));
        cr_assert(!kit_decode(kit, &ds_schema_inventory_commands, kit->bytes.data, kit->bytes.len,
                              NULL),
                  "%s was taken", c->name);
        cr_expect_eq(kit->error.code, c->code, "%s: %s", c->name, kit->error.message);
        cr_expect_not_null(strstr(kit->error.message, c->says), "%s: %s", c->name,
                           kit->error.message);
    }
    kit_destroy(kit);
}

Test(hostile, many_blocks_and_sized_blocks_are_one_array)
{
    static const char bytes[] = ITEMS_OF "\x02\x02"
                                         "a\x02"
                                         "\x01\x06\x02"
                                         "b\x04"
                                         "\x04\x02"
                                         "c\x06\x02"
                                         "d\x08"
                                         "\x00";
    struct kit *kit = kit_new();
    kit_frame(&kit->bytes, &ds_schema_inventory_commands);
    cr_assert(ds_buf_append(&kit->bytes, bytes, sizeof(bytes) - 1, NULL));
    cr_assert(kit_decode(kit, &ds_schema_inventory_commands, kit->bytes.data, kit->bytes.len, NULL),
              "%s", kit->error.message);
    const struct ds_inventory_command *command = (const void *)kit->back;
    const struct ds_array_of_stock_item *items = &command->body.as.set_threshold.items;
    cr_assert_eq(items->count, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(items->items[i].product_id.data[0], (char)('a' + i));
        cr_assert_eq(items->items[i].quantity, (int32_t)i + 1);
    }
    kit_destroy(kit);
}

Test(hostile, a_boolean_is_0_or_1)
{
    struct kit *kit = kit_new();
    for (int byte = 0; byte < 256; byte++) {
        char body[] = HEAD "\x0a\x00\x00"; /* catalog.commands: SetStoreOpen */
        body[sizeof(body) - 2] = (char)byte;
        kit_clear(kit);
        kit_frame(&kit->bytes, &ds_schema_catalog_commands);
        cr_assert(ds_buf_append(&kit->bytes, body, sizeof(body) - 1, NULL));
        cr_assert_eq(kit_decode(kit, &ds_schema_catalog_commands, kit->bytes.data, kit->bytes.len,
                                NULL),
                     byte <= 1);
    }
    kit_destroy(kit);
}

static void truncate_everywhere(struct kit *kit, const struct ds_test_type *type, int32_t kind)
{
    kit_clear(kit);
    kit_fill(kit, type, kind, 77 + (uint64_t)kind);
    cr_assert(ds_schema_encode(type->schema, kit->value, &kit->bytes, &kit->error));
    for (size_t len = 0; len < kit->bytes.len; len++) {
        ds_error_clear(&kit->error);
        ds_arena_reset(kit->decoded);
        cr_assert(!kit_decode(kit, type->schema, kit->bytes.data, len, NULL),
                  "%s: %zu of %zu bytes were taken", type->schema->topic, len, kit->bytes.len);
        cr_assert_eq(kit->error.code, DS_ERR_TRUNCATED, "%s", kit->error.message);
    }
}

Test(hostile, a_message_cut_off_anywhere_is_truncated)
{
    struct kit *kit = kit_new();
    for (const struct ds_test_type *type = ds_schema_list_support; type->schema != NULL; type++) {
        for (int32_t kind = 0; kind < kit_kinds(type->schema); kind++)
            truncate_everywhere(kit, type, kind);
    }
    kit_destroy(kit);
}

/* The most an array item may cost: its struct for its least bytes, twice for the growth over many
 * blocks. */
#define ARENA_BYTES_PER_BYTE 48

static void check_memory(struct kit *kit, const char *prefix, size_t prefix_len, const char *block,
                         size_t block_len, size_t blocks)
{
    kit_clear(kit);
    kit_frame(&kit->bytes, &ds_schema_inventory_commands);
    cr_assert(ds_buf_append(&kit->bytes, prefix, prefix_len, NULL));
    for (size_t i = 0; i < blocks; i++)
        cr_assert(ds_buf_append(&kit->bytes, block, block_len, NULL));
    cr_assert(ds_buf_append(&kit->bytes, "\x00", 1, NULL));
    cr_assert(kit_decode(kit, &ds_schema_inventory_commands, kit->bytes.data, kit->bytes.len, NULL),
              "%s", kit->error.message);
    cr_assert_leq(ds_arena_used(kit->decoded), kit->bytes.len * ARENA_BYTES_PER_BYTE);
}

Test(hostile, memory_stays_in_proportion_to_the_message)
{
    struct kit *kit = kit_new();
    static char items[2 * 20000 + 3] =
        "\xc0\xb8\x02"; /* a count of 20,000, then as many empty items */
    check_memory(kit, ITEMS_OF, sizeof(ITEMS_OF) - 1, "\x02\x00\x00", 3, 20000);
    check_memory(kit, ITEMS_OF, sizeof(ITEMS_OF) - 1, items, sizeof(items), 1);
    kit_destroy(kit);
}

Test(hostile, a_full_arena_is_an_error_that_names_the_field)
{
    struct kit *kit = kit_new();
    static char items[2 * 20000 + 4] = "\xc0\xb8\x02";
    ds_arena_t *small = ds_arena_new(256, 4096);
    kit_frame(&kit->bytes, &ds_schema_inventory_commands);
    cr_assert(ds_buf_append(&kit->bytes, ITEMS_OF, sizeof(ITEMS_OF) - 1, NULL));
    cr_assert(ds_buf_append(&kit->bytes, items, sizeof(items), NULL));
    cr_assert(!ds_schema_decode(&ds_schema_inventory_commands, ds_buf_bytes(&kit->bytes), small,
                                kit->back, NULL, &kit->error));
    cr_assert_eq(kit->error.code, DS_ERR_LIMIT);
    cr_assert_not_null(strstr(kit->error.message, "body.SetThreshold.items"), "%s",
                       kit->error.message);
    ds_arena_destroy(small);
    kit_destroy(kit);
}

/* Epoch, seq, more, no cause, no id, time 0: the meta block is the first six bytes of the body. */
Test(hostile, the_meta_block_survives_a_broken_rest)
{
    struct kit *kit = kit_new();
    const struct ds_schema *schema = &ds_schema_order_events;
    struct ds_order_event *event = (void *)kit->value;
    const struct ds_order_event *back = (const void *)kit->back;
    kit_fill(kit, kit_type(schema), DS_ORDER_EVENT_ORDER_CREATED, 5);
    memset(&event->meta, 0, sizeof(event->meta));
    event->meta.epoch = 7;
    event->meta.seq = 42;
    cr_assert(ds_schema_encode(schema, event, &kit->bytes, &kit->error));
    for (size_t len = 0; len < kit->bytes.len; len++) {
        bool head_ok = true;
        ds_error_clear(&kit->error);
        cr_assert(!kit_decode(kit, schema, kit->bytes.data, len, &head_ok));
        cr_assert_eq(head_ok, len >= 10 + 6, "after %zu bytes", len);
        if (head_ok)
            cr_assert(back->meta.epoch == 7 && back->meta.seq == 42);
    }
    kit_destroy(kit);
}
