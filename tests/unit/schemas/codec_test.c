/* Frames, fingerprints, refusals of the encoder, accessors, JSON. */
#include "kit.h"

#include <criterion/criterion.h>

static uint64_t fingerprint_of(const char *text)
{
    return ds_crc64_avro((ds_bytes_t){(const uint8_t *)text, (uint32_t)strlen(text)});
}

Test(fingerprint, agrees_with_the_specification)
{
    cr_assert_eq(fingerprint_of(""), UINT64_C(0xC15D213AA4D7A795));
    cr_assert_eq(fingerprint_of("\"null\""), UINT64_C(0x63DD24E7CC258F8A));
    cr_assert_eq(fingerprint_of("\"int\""), UINT64_C(0x7275D51A3F395C8F));
}

/* Worked out once by another program from the canonical form. */
Test(fingerprint, of_a_topic_is_taken_from_its_canonical_form)
{
    cr_assert_eq(ds_schema_courier_locations.fingerprint, UINT64_C(0x919F23965CE1439A));
}

Test(schema, is_found_by_topic)
{
    size_t count = 0;
    for (const struct ds_schema *const *s = ds_schemas(); *s != NULL; s++, count++)
        cr_assert_eq(ds_schema_of_topic(ds_str((*s)->topic)), *s);
    cr_assert_eq(count, 12);
    cr_assert_null(ds_schema_of_topic(DS_STR("order.eventz")));
}

static struct ds_order_command *cancel(struct kit *kit)
{
    struct ds_order_command *command = (void *)kit->value;
    memset(command, 0, sizeof(*command));
    command->body.kind = DS_ORDER_COMMAND_CANCEL_ORDER;
    command->body.as.cancel_order.order_id = DS_STR("s.1");
    return command;
}

static void refused(struct kit *kit, enum ds_error_code code, const char *says)
{
    size_t before = kit->bytes.len;
    ds_error_clear(&kit->error);
    cr_assert(!ds_schema_encode(&ds_schema_order_commands, kit->value, &kit->bytes, &kit->error));
    cr_assert_eq(kit->error.code, code, "%s", kit->error.message);
    cr_assert_not_null(strstr(kit->error.message, says), "%s", kit->error.message);
    cr_assert_eq(kit->bytes.len, before, "a refused value left bytes behind");
}

Test(encode, refuses_what_nobody_could_read)
{
    struct kit *kit = kit_new();
    cr_assert(ds_buf_append_text(&kit->bytes, "before", NULL));
    struct ds_order_command *command = cancel(kit);
    command->body.kind = ds_schema_order_commands.body_kinds;
    refused(kit, DS_ERR_INVALID, "the kind of order_command_body");
    command->body.kind = -1;
    refused(kit, DS_ERR_INVALID, "the kind of order_command_body");
    command = cancel(kit);
    command->head.actor.kind = (enum ds_actor_kind)DS_ACTOR_KIND_COUNT;
    refused(kit, DS_ERR_INVALID, "Actor.kind");
    command = cancel(kit);
    command->head.correlation_id = DS_STR("12345678\xff");
    refused(kit, DS_ERR_INVALID, "CommandHead.correlation_id: not UTF-8");
    command->head.correlation_id = DS_STR("\xc3");
    refused(kit, DS_ERR_INVALID, "not UTF-8");
    kit_destroy(kit);
}

Test(encode, refuses_a_record_beyond_the_maximum)
{
    static char text[DS_MAX_RECORD_BYTES];
    struct kit *kit = kit_new();
    struct ds_order_command *command = cancel(kit);
    memset(text, 'x', sizeof(text));
    command->body.as.cancel_order.order_id = (ds_str_t){text, sizeof(text)};
    refused(kit, DS_ERR_LIMIT, "maximum");
    command->body.as.cancel_order.order_id.len = UINT32_MAX;
    refused(kit, DS_ERR_LIMIT, "a record of more than");
    command = cancel(kit);
    command->body.kind = DS_ORDER_COMMAND_CANCEL_LINES;
    command->body.as.cancel_lines.order_id = DS_STR("s.1");
    command->body.as.cancel_lines.has_note = false;
    command->body.as.cancel_lines.lines = (struct ds_array_of_line_quantity){NULL, SIZE_MAX};
    refused(kit, DS_ERR_LIMIT, "a record of more than");
    kit_destroy(kit);
}

Test(encode, fits_a_buffer_of_exactly_its_size)
{
    struct kit *kit = kit_new();
    struct ds_order_command *command = cancel(kit);
    cr_assert(ds_schema_encode(&ds_schema_order_commands, command, &kit->bytes, &kit->error));
    ds_buf_t tight;
    ds_buf_init(&tight, kit->bytes.len);
    cr_assert(ds_schema_encode(&ds_schema_order_commands, command, &tight, &kit->error), "%s",
              kit->error.message);
    cr_assert_eq(tight.len, kit->bytes.len);
    ds_buf_cleanup(&tight);
    ds_buf_init(&tight, kit->bytes.len - 1);
    cr_assert(!ds_schema_encode(&ds_schema_order_commands, command, &tight, &kit->error));
    cr_assert_eq(kit->error.code, DS_ERR_LIMIT);
    ds_buf_cleanup(&tight);
    kit_destroy(kit);
}

/* The buffer takes exactly the bytes; so the bytes, or what the encoder reserves for them, are a
 * block of their own, and AddressSanitizer sees a bound that is too small. */
static void encode_tightly(struct kit *kit, const struct ds_test_type *type, int32_t kind)
{
    struct ds_fill fill = {(uint64_t)kind, kit->arena, true};
    ds_buf_t tight;
    kit_clear(kit);
    type->fill(&fill, kit->value, kind);
    cr_assert(ds_schema_encode(type->schema, kit->value, &kit->bytes, &kit->error));
    ds_buf_init(&tight, kit->bytes.len);
    cr_assert(ds_schema_encode(type->schema, kit->value, &tight, &kit->error), "%s",
              kit->error.message);
    cr_assert(kit_decode(kit, type->schema, tight.data, tight.len, NULL), "%s", kit->error.message);
    cr_assert(type->equal(kit->value, kit->back));
    ds_buf_cleanup(&tight);
}

Test(encode, no_value_is_longer_than_its_bound)
{
    struct kit *kit = kit_new();
    for (const struct ds_test_type *type = ds_schema_list_support; type->schema != NULL; type++) {
        for (int32_t kind = 0; kind < kit_kinds(type->schema); kind++)
            encode_tightly(kit, type, kind);
    }
    for (const struct ds_test_type *type = evolution_list_support; type->schema != NULL; type++)
        encode_tightly(kit, type, 0);
    kit_destroy(kit);
}

struct frame {
    const char *bytes;
    size_t len;
    enum ds_error_code code;
    const char *says;
};

Test(frame, headers_we_cannot_follow_get_a_clear_reason)
{
    static const struct frame frames[] = {
        {"", 0, DS_ERR_TRUNCATED, "no value"},
        {"\x00\x00\x00\x01\x02rest", 9, DS_ERR_UNKNOWN, "registry id 258: no registry configured"},
        {"\x00\x00\x00", 3, DS_ERR_TRUNCATED, "registry header cut off"},
        {"\x01"
         "0123456789abcdefrest",
         21, DS_ERR_UNKNOWN, "registry GUID 30313233343536373839616263646566"},
        {"\x01"
         "0123",
         5, DS_ERR_TRUNCATED, "registry header cut off"},
        {"{\"json\":1}", 10, DS_ERR_INVALID, "first byte 7b"},
        {"\xc3\x02\x00\x00\x00\x00\x00\x00\x00\x00", 10, DS_ERR_INVALID, "first byte c3"},
        {"\xc3", 1, DS_ERR_TRUNCATED, "cut off after 1"},
        {"\xc3\x01\x01\x00\x00\x00\x00\x00\x00\x80", 10, DS_ERR_UNKNOWN,
         "unknown schema fingerprint 8000000000000001"},
    };
    struct kit *kit = kit_new();
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        const struct frame *f = &frames[i];
        bool head_ok = true;
        kit_clear(kit);
        cr_assert(!kit_decode(kit, &ds_schema_order_events, f->bytes, f->len, &head_ok));
        cr_expect(!head_ok);
        cr_expect_eq(kit->error.code, f->code, "%s", kit->error.message);
        cr_expect_not_null(strstr(kit->error.message, f->says), "%s", kit->error.message);
    }
    kit_destroy(kit);
}

Test(accessors, body_kind_and_wire_name)
{
    struct kit *kit = kit_new();
    for (const struct ds_test_type *type = ds_schema_list_support; type->schema != NULL; type++) {
        for (int32_t kind = 0; kind < kit_kinds(type->schema); kind++) {
            kit_clear(kit);
            kit_fill(kit, type, kind, 1);
            bool plain = type->schema->kind == DS_SCHEMA_PLAIN;
            cr_assert_eq(ds_schema_body_kind(type->schema, kit->value), plain ? -1 : kind);
            cr_assert_str_eq(ds_schema_ce_type(type->schema, kit->value),
                             plain ? "" : type->schema->ce_types[kind]);
        }
    }
    kit_destroy(kit);
}

static void aggregate_is(const struct ds_schema *schema, const void *value, const char *order,
                         const char *aggregate)
{
    cr_expect(ds_str_eq(schema->order_id(value), ds_str(order)));
    cr_expect(ds_str_eq(schema->aggregate(value), ds_str(aggregate)));
}

Test(accessors, aggregate_is_the_first_id_the_body_has)
{
    struct kit *kit = kit_new();
    struct ds_delivery_command *delivery = (void *)kit->value;
    memset(delivery, 0, sizeof(*delivery));
    delivery->body.kind = DS_DELIVERY_COMMAND_GIVE_BACK;
    delivery->body.as.give_back.order_id = DS_STR("o");
    delivery->body.as.give_back.courier_id = DS_STR("c");
    aggregate_is(&ds_schema_delivery_commands, delivery, "o", "o");
    delivery->body.kind = DS_DELIVERY_COMMAND_GO_OFFLINE;
    delivery->body.as.go_offline.courier_id = DS_STR("c2");
    aggregate_is(&ds_schema_delivery_commands, delivery, "", "c2");

    struct ds_catalog_event *catalog = (void *)kit->value;
    memset(catalog, 0, sizeof(*catalog));
    catalog->body.kind = DS_CATALOG_EVENT_STORE_OPENED;
    catalog->body.as.store_opened.store.store_id = DS_STR("s");
    aggregate_is(&ds_schema_catalog_events, catalog, "", "s");
    catalog->body.kind = DS_CATALOG_EVENT_COMMAND_REJECTED;
    catalog->body.as.command_rejected.target = DS_STR("t");
    aggregate_is(&ds_schema_catalog_events, catalog, "", "t");
    catalog->body.kind = DS_CATALOG_EVENT_CLAIM;
    aggregate_is(&ds_schema_catalog_events, catalog, "", "");
    kit_destroy(kit);
}

Test(enums, have_texts_and_are_parsed)
{
    enum ds_cancel_reason reason = DS_CANCEL_REASON_LOST;
    cr_assert_str_eq(ds_cancel_reason_text(DS_CANCEL_REASON_OUT_OF_STOCK), "OUT_OF_STOCK");
    cr_assert_str_eq(ds_cancel_reason_text((enum ds_cancel_reason)DS_CANCEL_REASON_COUNT), "");
    cr_assert(ds_cancel_reason_parse(DS_STR("BY_STAFF"), &reason));
    cr_assert_eq(reason, DS_CANCEL_REASON_BY_STAFF);
    cr_assert(!ds_cancel_reason_parse(DS_STR("BY_STAF"), &reason));
    cr_assert_eq(reason, DS_CANCEL_REASON_BY_STAFF);
}

Test(json, is_one_line_with_times_symbols_and_wire_names)
{
    struct kit *kit = kit_new();
    struct ds_order_command *command = cancel(kit);
    command->head.command_id = DS_STR("id");
    command->head.actor.kind = DS_ACTOR_KIND_STAFF;
    command->head.sent_at = INT64_C(1763710233123456);
    command->body.as.cancel_order.has_note = true;
    command->body.as.cancel_order.note = DS_STR("a \"b\"\n");
    cr_assert(ds_schema_print_json(&ds_schema_order_commands, command, &kit->json, &kit->error));
    cr_assert(
        ds_str_eq(
            ds_buf_str(&kit->json),
            DS_STR(
                "{\"head\":{\"command_id\":\"id\",\"body_hash\":\"\",\"correlation_id\":\"\","
                "\"actor\":{\"kind\":\"STAFF\",\"id\":\"\"},\"traceparent\":null,"
                "\"sent_at\":\"2025-11-21T07:30:33.123456Z\"},"
                "\"body\":{\"order.cancel\":{\"order_id\":\"s.1\",\"note\":\"a \\\"b\\\"\\n\"}}}")),
        "%.*s", DS_STR_ARG(ds_buf_str(&kit->json)));
    command->body.kind = 9;
    ds_buf_clear(&kit->json);
    cr_assert(!ds_schema_print_json(&ds_schema_order_commands, command, &kit->json, &kit->error));
    cr_assert_eq(kit->json.len, 0);
    kit_destroy(kit);
}

Test(json, bytes_are_base_64)
{
    struct kit *kit = kit_new();
    struct ds_order_command *command = (void *)kit->value;
    static const uint8_t data[] = {0xfb, 0xff, 0xfe, 0x00};
    static const char *const wanted[] = {"\"\"", "\"+w==\"", "\"+/8=\"", "\"+//+\"",
                                         "\"+//+AA==\""};
    memset(command, 0, sizeof(*command));
    command->body.kind = DS_ORDER_COMMAND_PLACE_ORDER;
    struct ds_place_order *place = &command->body.as.place_order;
    place->personal.kind = DS_UNION_PERSONAL_DATA_SEALED_DATA_SEALED_DATA;
    for (uint32_t len = 0; len <= sizeof(data); len++) {
        const char *text = NULL;
        place->personal.as.sealed_data.data = (ds_bytes_t){data, len};
        ds_buf_clear(&kit->json);
        cr_assert(
            ds_schema_print_json(&ds_schema_order_commands, command, &kit->json, &kit->error));
        cr_assert(ds_buf_cstr(&kit->json, &text, &kit->error));
        cr_assert_not_null(strstr(text, wanted[len]), "%s", text);
    }
    kit_destroy(kit);
}
