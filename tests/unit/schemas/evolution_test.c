/* Records of an older release are read by name into today's struct: schemas in evolution/. */
#include "evolution/generated.h"
#include "kit.h"
#include "schemas/avro.h"

#include <criterion/criterion.h>

/* What the older release would have written, by hand: evolution/released/test.evolution/v1.avsc. */
struct old {
    uint8_t bytes[512];
    uint8_t *p;
};

static void put_text(struct old *old, const char *text)
{
    struct ds_avro_writer w = {NULL, NULL};
    old->p = ds_avro_put_string(&w, old->p, ds_str(text), "test");
}

static void put_long(struct old *old, int64_t value)
{
    old->p = ds_avro_put_long(old->p, value);
}

static void put_removed_first(struct old *old)
{
    const double number = 1.25;
    const float small = 2.5f;
    put_long(old, 3);
    put_long(old, 0); /* null */
    put_long(old, 1); /* string */
    put_text(old, "gone");
    put_long(old, 2); /* Gone */
    old->p = ds_avro_put_raw(old->p, &number, sizeof(number));
    old->p = ds_avro_put_raw(old->p, "ab", 2);
    put_long(old, 1);
    put_text(old, "bytes");
    old->p = ds_avro_put_bool(old->p, true);
    old->p = ds_avro_put_raw(old->p, &small, sizeof(small));
    put_long(old, 0);
}

static void write_old(struct old *old, int64_t colour, int64_t branch, const char *raw)
{
    const struct ds_schema *schema = &ds_schema_test_evolution;
    uint64_t fingerprint = schema->versions[schema->version_count - 1].fingerprint;
    old->bytes[0] = 0xC3;
    old->bytes[1] = 0x01;
    for (unsigned i = 0; i < 8; i++)
        old->bytes[2 + i] = (uint8_t)(fingerprint >> (8 * i));
    old->p = old->bytes + 10;
    put_removed_first(old);
    put_text(old, "second");
    put_long(old, -5);
    put_text(old, "renamed");
    put_long(old, 6); /* pick */
    put_long(old, 2000000000);
    put_long(old, 7);
    put_text(old, "there");
    put_long(old, colour);
    put_long(old, 2); /* items */
    put_text(old, "i1");
    put_long(old, 11);
    put_text(old, "i2");
    put_long(old, 22);
    put_long(old, 0);
    put_long(old, branch);
    if (branch == 0)
        put_long(old, 99);
    else
        put_text(old, "y");
    put_long(old, 1); /* maybe */
    put_text(old, "m");
    put_long(old, 33);
    put_text(old, raw);
    put_text(old, "removed");
}

static const struct ds_sample *read_old(struct kit *kit, struct old *old)
{
    kit_clear(kit);
    memset(kit->back, 0x5A, sizeof(kit->back));
    cr_assert(kit_decode(kit, &ds_schema_test_evolution, old->bytes, (size_t)(old->p - old->bytes),
                         NULL),
              "%s", kit->error.message);
    return (const void *)kit->back;
}

Test(evolution, both_versions_are_known)
{
    cr_assert_eq(ds_schema_test_evolution.version_count, 2);
    cr_assert_eq(ds_schema_test_evolution.versions[0].fingerprint,
                 ds_schema_test_evolution.fingerprint);
    cr_assert_neq(ds_schema_test_evolution.versions[1].fingerprint,
                  ds_schema_test_evolution.fingerprint);
}

Test(evolution, fields_are_matched_by_name_and_alias_and_widened)
{
    struct kit *kit = kit_new();
    struct old old;
    write_old(&old, 2, 0, "raw");
    const struct ds_sample *s = read_old(kit, &old);
    cr_expect_eq(s->first, -5);
    cr_expect(ds_str_eq(s->second, DS_STR("second")));
    cr_expect(ds_str_eq(s->new_name, DS_STR("renamed")));
    cr_expect_eq(s->widened, 2000000000);
    cr_expect(s->pick.kind == 1 &&
              s->pick.as.int_value == 6); /* the same type before a wider one */
    cr_expect(s->to_double == 7.0);
    cr_expect(s->has_now_optional && ds_str_eq(s->now_optional, DS_STR("there")));
    cr_expect_eq(s->colour, DS_COLOUR_BLUE);
    cr_assert_eq(s->items.count, 2);
    cr_expect(ds_str_eq(s->items.items[1].id, DS_STR("i2")));
    cr_expect_eq(s->items.items[1].weight, 22);
    cr_expect_eq(s->items.items[1].pieces, 1);
    cr_expect(!s->items.items[1].has_note);
    cr_expect(s->has_maybe && s->maybe.weight == 33 && s->maybe.pieces == 1);
    cr_expect_eq(s->raw.len, 3);
    kit_destroy(kit);
}

Test(evolution, union_branches_are_matched_by_name_and_alias)
{
    struct kit *kit = kit_new();
    struct old old;
    write_old(&old, 0, 0, "");
    const struct ds_sample *s = read_old(kit, &old);
    cr_assert_eq(s->body.kind, DS_SAMPLE_ONE);
    cr_expect_eq(s->body.as.one.x, 99);
    cr_expect(ds_str_eq(s->body.as.one.w, DS_STR("w \"?\xc3\xa9")));
    write_old(&old, 0, 1, "");
    s = read_old(kit, &old);
    cr_assert_eq(s->body.kind, DS_SAMPLE_SECOND);
    cr_expect(ds_str_eq(s->body.as.second.y, DS_STR("y")));
    kit_destroy(kit);
}

Test(evolution, a_symbol_that_is_gone_becomes_the_default_of_the_enum)
{
    struct kit *kit = kit_new();
    struct old old;
    write_old(&old, 1, 0, "");
    cr_expect_eq(read_old(kit, &old)->colour, DS_COLOUR_OTHER);
    write_old(&old, 0, 0, "");
    cr_expect_eq(read_old(kit, &old)->colour, DS_COLOUR_RED);
    kit_destroy(kit);
}

Test(evolution, new_fields_take_their_defaults)
{
    struct kit *kit = kit_new();
    struct old old;
    write_old(&old, 0, 0, "");
    const struct ds_sample *s = read_old(kit, &old);
    cr_expect(s->d_boolean);
    cr_expect_eq(s->d_int, INT32_MIN);
    cr_expect_eq(s->d_long, INT64_MIN);
    cr_expect(s->d_float == 1.5f);
    cr_expect(s->d_double == 3.0);
    cr_expect(ds_str_eq(s->d_string, DS_STR("text\n\xe2\x82\xac")));
    cr_expect(s->d_bytes.len == 3 && memcmp(s->d_bytes.data, "\x01\xff\x41", 3) == 0);
    cr_expect(memcmp(s->d_fixed.bytes,
                     "a\x80"
                     "b",
                     3) == 0);
    cr_expect_eq(s->d_enum, DS_COLOUR_RED);
    cr_expect_eq(s->d_empty.count, 0);
    cr_assert_eq(s->d_array.count, 2);
    cr_expect(s->d_array.items[0].weight == 5 && s->d_array.items[0].pieces == 1);
    cr_expect(s->d_array.items[1].pieces == 2 && ds_str_eq(s->d_array.items[1].id, DS_STR("q")));
    cr_expect(s->d_record.weight == 9 && !s->d_record.has_note);
    cr_expect(!s->has_d_null && s->d_null == 0);
    cr_expect(s->has_d_value && s->d_value == 12);
    cr_expect(s->d_union.kind == 0 && s->d_union.as.int_value == 4);
    cr_expect_eq(s->d_time, 1000000);
    kit_destroy(kit);
}

Test(evolution, removed_fields_are_checked_all_the_same)
{
    struct kit *kit = kit_new();
    struct old old;
    write_old(&old, 0, 0, "raw");
    size_t whole = (size_t)(old.p - old.bytes);
    for (size_t len = 0; len < whole; len++) {
        kit_clear(kit);
        cr_assert(!kit_decode(kit, &ds_schema_test_evolution, old.bytes, len, NULL));
    }
    kit_clear(kit);
    old.bytes[10] = 0x7e; /* 63 items in removed_first */
    cr_assert(!kit_decode(kit, &ds_schema_test_evolution, old.bytes, whole, NULL));
    cr_assert_not_null(strstr(kit->error.message, "removed_first at byte"), "%s",
                       kit->error.message);
    kit_destroy(kit);
}

Test(evolution, every_avro_type_survives_the_round_trip)
{
    struct kit *kit = kit_new();
    for (uint64_t seed = 0; seed < 400; seed++) {
        const struct ds_test_type *type = &evolution_list_support[seed % 2];
        kit_clear(kit);
        kit_fill(kit, type, 0, seed);
        cr_assert(ds_schema_encode(type->schema, kit->value, &kit->bytes, &kit->error), "%s",
                  kit->error.message);
        cr_assert(kit_decode(kit, type->schema, kit->bytes.data, kit->bytes.len, NULL), "%s",
                  kit->error.message);
        cr_assert(type->equal(kit->value, kit->back));
        cr_assert(ds_schema_print_json(type->schema, kit->back, &kit->json, &kit->error));
    }
    kit_destroy(kit);
}
