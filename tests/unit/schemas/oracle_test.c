/* avro-c as the oracle: random records of every type go through both, and both must agree on bytes
 * and values. */
#include "base/clock.h"
#include "kit.h"
#include "schemas/avro.h"

#include <avro.h>
#include <criterion/criterion.h>
#include <jansson.h>

#define ROUNDS 12

static void compare(avro_value_t *value, const json_t *json, struct kit *kit);

static void compare_text(const json_t *json, const char *text, size_t len)
{
    cr_assert(json_is_string(json));
    cr_assert(ds_str_eq((ds_str_t){json_string_value(json), (uint32_t)json_string_length(json)},
                        (ds_str_t){text, (uint32_t)len}),
              "\"%s\" is not \"%.*s\"", json_string_value(json), (int)len, text);
}

static void compare_bytes(avro_value_t *value, const json_t *json, struct kit *kit)
{
    const void *data = NULL;
    size_t len = 0;
    avro_value_get_bytes(value, &data, &len);
    ds_buf_clear(&kit->again);
    cr_assert(ds_json_bytes((ds_bytes_t){data, (uint32_t)len}, &kit->again, &kit->error));
    compare_text(json, (const char *)kit->again.data + 1, kit->again.len - 2);
}

static void compare_long(avro_value_t *value, const json_t *json)
{
    int64_t number = 0;
    avro_value_get_long(value, &number);
    if (json_is_string(json)) { /* a time */
        char text[DS_TIME_TEXT_BYTES];
        ds_time_to_text(number, text);
        compare_text(json, text, strlen(text));
        return;
    }
    cr_assert(json_is_integer(json) && json_integer_value(json) == number);
}

static void compare_enum(avro_value_t *value, const json_t *json)
{
    int symbol = 0;
    avro_value_get_enum(value, &symbol);
    const char *text = avro_schema_enum_get(avro_value_get_schema(value), symbol);
    compare_text(json, text, strlen(text));
}

static void compare_children(avro_value_t *value, const json_t *json, bool array, struct kit *kit)
{
    size_t count = 0;
    avro_value_get_size(value, &count);
    cr_assert_eq(array ? json_array_size(json) : json_object_size(json), count);
    for (size_t i = 0; i < count; i++) {
        avro_value_t child;
        const char *name = NULL;
        avro_value_get_by_index(value, i, &child, &name);
        compare(&child, array ? json_array_get(json, i) : json_object_get(json, name), kit);
    }
}

static void compare_union(avro_value_t *value, const json_t *json, struct kit *kit)
{
    avro_value_t branch;
    avro_value_get_current_branch(value, &branch);
    const json_t *inner = json;
    bool two = avro_schema_union_size(avro_value_get_schema(value)) == 2;
    bool with_null =
        avro_typeof(avro_schema_union_branch(avro_value_get_schema(value), 0)) == AVRO_NULL;
    if (avro_value_get_type(&branch) != AVRO_NULL && !(two && with_null))
        inner = json_object_iter_value(json_object_iter((json_t *)(uintptr_t)json));
    compare(&branch, inner, kit);
}

static void compare(avro_value_t *value, const json_t *json, struct kit *kit)
{
    const char *text = NULL;
    size_t len = 0;
    int flag = 0;
    int32_t number = 0;
    switch (avro_value_get_type(value)) {
    case AVRO_NULL:
        cr_assert(json_is_null(json));
        break;
    case AVRO_BOOLEAN:
        avro_value_get_boolean(value, &flag);
        cr_assert(json_is_boolean(json) && json_is_true(json) == (flag != 0));
        break;
    case AVRO_INT32:
        avro_value_get_int(value, &number);
        cr_assert(json_is_integer(json) && json_integer_value(json) == number);
        break;
    case AVRO_INT64:
        compare_long(value, json);
        break;
    case AVRO_STRING:
        avro_value_get_string(value, &text, &len);
        compare_text(json, text, len - 1); /* avro-c counts the NUL */
        break;
    case AVRO_BYTES:
        compare_bytes(value, json, kit);
        break;
    case AVRO_ENUM:
        compare_enum(value, json);
        break;
    case AVRO_ARRAY:
        compare_children(value, json, true, kit);
        break;
    case AVRO_RECORD:
        compare_children(value, json, false, kit);
        break;
    case AVRO_UNION:
        compare_union(value, json, kit);
        break;
    default:
        cr_assert_fail("a type our schemas do not use");
    }
}

/* ---- a random avro-c value, made without any code of ours ---- */

static void randomise(avro_value_t *value, struct ds_fill *f)
{
    avro_value_t child;
    size_t count = 0;
    ds_str_t text;
    ds_bytes_t bytes;
    switch (avro_value_get_type(value)) {
    case AVRO_NULL:
        avro_value_set_null(value);
        break;
    case AVRO_BOOLEAN:
        avro_value_set_boolean(value, ds_fill_bool(f));
        break;
    case AVRO_INT32:
        avro_value_set_int(value, ds_fill_int(f));
        break;
    case AVRO_INT64:
        avro_value_set_long(value, ds_fill_time(f));
        break;
    case AVRO_STRING:
        text = ds_fill_string(f);
        ds_str_t copy;
        cr_assert(ds_arena_dup(f->arena, text, &copy, NULL)); /* with the NUL avro-c wants */
        avro_value_set_string_len(value, copy.data, copy.len + 1);
        break;
    case AVRO_BYTES:
        bytes = ds_fill_bytes(f);
        avro_value_set_bytes(value, (void *)(uintptr_t)bytes.data, bytes.len);
        break;
    case AVRO_ENUM:
        avro_value_set_enum(value,
                            (int)ds_fill_below(f, (uint64_t)avro_schema_enum_number_of_symbols(
                                                      avro_value_get_schema(value))));
        break;
    case AVRO_ARRAY:
        for (uint64_t left = ds_fill_below(f, 4); left > 0; left--) {
            avro_value_append(value, &child, NULL);
            randomise(&child, f);
        }
        break;
    case AVRO_RECORD:
        avro_value_get_size(value, &count);
        for (size_t i = 0; i < count; i++) {
            avro_value_get_by_index(value, i, &child, NULL);
            randomise(&child, f);
        }
        break;
    case AVRO_UNION:
        avro_value_set_branch(
            value, (int)ds_fill_below(f, avro_schema_union_size(avro_value_get_schema(value))),
            &child);
        randomise(&child, f);
        break;
    default:
        cr_assert_fail("a type our schemas do not use");
    }
}

struct oracle {
    avro_schema_t schema;
    avro_value_iface_t *iface;
    avro_value_t value;
};

static void oracle_open(struct oracle *o, const struct ds_schema *schema)
{
    cr_assert_eq(avro_schema_from_json_length(schema->json, strlen(schema->json), &o->schema), 0);
    o->iface = avro_generic_class_from_schema(o->schema);
    cr_assert_eq(avro_generic_value_new(o->iface, &o->value), 0);
}

static void oracle_close(struct oracle *o)
{
    avro_value_decref(&o->value);
    avro_value_iface_decref(o->iface);
    avro_schema_decref(o->schema);
}

static size_t oracle_write(struct oracle *o, uint8_t *to, size_t room)
{
    avro_writer_t writer = avro_writer_memory((char *)to, (int64_t)room);
    cr_assert_eq(avro_value_write(writer, &o->value), 0, "%s", avro_strerror());
    size_t len = (size_t)avro_writer_tell(writer);
    avro_writer_free(writer);
    return len;
}

static json_t *print(struct kit *kit, const struct ds_schema *schema, const void *value)
{
    json_error_t where;
    ds_buf_clear(&kit->json);
    cr_assert(ds_schema_print_json(schema, value, &kit->json, &kit->error), "%s",
              kit->error.message);
    json_t *json =
        json_loadb((char *)kit->json.data, kit->json.len, JSON_REJECT_DUPLICATES, &where);
    cr_assert_not_null(json, "%s: %s", schema->topic, where.text);
    return json;
}

static void ours_to_avro(struct kit *kit, const struct ds_test_type *type, struct oracle *o,
                         int32_t kind, uint64_t seed)
{
    static uint8_t again[64 * 1024];
    const struct ds_schema *schema = type->schema;
    kit_clear(kit);
    kit_fill(kit, type, kind, seed);
    cr_assert(ds_schema_encode(schema, kit->value, &kit->bytes, &kit->error), "%s",
              kit->error.message);
    avro_reader_t reader =
        avro_reader_memory((char *)kit->bytes.data + 10, (int64_t)kit->bytes.len - 10);
    avro_value_reset(&o->value);
    cr_assert_eq(avro_value_read(reader, &o->value), 0, "%s: %s", schema->topic, avro_strerror());
    avro_reader_free(reader);
    size_t len = oracle_write(o, again, sizeof(again));
    cr_assert_eq(len, kit->bytes.len - 10);
    cr_assert_eq(memcmp(again, kit->bytes.data + 10, len), 0);
    json_t *json = print(kit, schema, kit->value);
    compare(&o->value, json, kit);
    json_decref(json);
    cr_assert(kit_decode(kit, schema, kit->bytes.data, kit->bytes.len, NULL), "%s",
              kit->error.message);
    cr_assert(type->equal(kit->value, kit->back));
}

static void avro_to_ours(struct kit *kit, const struct ds_test_type *type, struct oracle *o,
                         uint64_t seed)
{
    static uint8_t theirs[64 * 1024];
    const struct ds_schema *schema = type->schema;
    kit_clear(kit);
    struct ds_fill fill = {seed, kit->arena, false};
    avro_value_reset(&o->value);
    randomise(&o->value, &fill);
    size_t len = oracle_write(o, theirs, sizeof(theirs));
    kit_frame(&kit->bytes, schema);
    cr_assert(ds_buf_append(&kit->bytes, theirs, len, NULL));
    cr_assert(kit_decode(kit, schema, kit->bytes.data, kit->bytes.len, NULL), "%s",
              kit->error.message);
    json_t *json = print(kit, schema, kit->back);
    compare(&o->value, json, kit);
    json_decref(json);
    ds_buf_clear(&kit->again);
    cr_assert(ds_schema_encode(schema, kit->back, &kit->again, &kit->error));
    cr_assert(kit->again.len == kit->bytes.len &&
              memcmp(kit->again.data, kit->bytes.data, kit->bytes.len) == 0);
}

Test(oracle, avro_c_reads_what_we_write)
{
    struct kit *kit = kit_new();
    for (const struct ds_test_type *type = ds_schema_list_support; type->schema != NULL; type++) {
        struct oracle o;
        oracle_open(&o, type->schema);
        for (int32_t kind = 0; kind < kit_kinds(type->schema); kind++) {
            for (uint64_t round = 0; round < ROUNDS; round++)
                ours_to_avro(kit, type, &o, kind, round * 1000 + (uint64_t)kind);
        }
        oracle_close(&o);
    }
    kit_destroy(kit);
}

Test(oracle, we_read_what_avro_c_writes)
{
    struct kit *kit = kit_new();
    for (const struct ds_test_type *type = ds_schema_list_support; type->schema != NULL; type++) {
        struct oracle o;
        oracle_open(&o, type->schema);
        for (uint64_t round = 0; round < ROUNDS * (uint64_t)kit_kinds(type->schema); round++)
            avro_to_ours(kit, type, &o, round);
        oracle_close(&o);
    }
    kit_destroy(kit);
}
