#include "base/id.h"

#include <criterion/criterion.h>
#include <string.h>

static int64_t fixed_now(const ds_clock_t *clock)
{
    return *(const int64_t *)clock->state;
}

static bool fill_ff(const ds_random_t *random, void *to, size_t bytes, ds_error_t *error)
{
    (void)random;
    (void)error;
    memset(to, 0xFF, bytes);
    return true;
}

static bool fill_fails(const ds_random_t *random, void *to, size_t bytes, ds_error_t *error)
{
    (void)random;
    (void)to;
    (void)bytes;
    return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_IO, "no randomness");
}

Test(id, bytes_become_26_characters)
{
    ds_id_t id;
    uint8_t bytes[16] = {0};
    ds_id_from_bytes(bytes, &id);
    cr_assert_str_eq(id.text, "00000000000000000000000000");
    bytes[15] = 1;
    ds_id_from_bytes(bytes, &id);
    cr_assert_str_eq(id.text, "00000000000000000000000001");
    memset(bytes, 0xFF, sizeof bytes);
    ds_id_from_bytes(bytes, &id);
    cr_assert_str_eq(id.text, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    for (uint8_t i = 0; i < 16; i++)
        bytes[i] = (uint8_t)(i * 17);
    ds_id_from_bytes(bytes, &id);
    cr_assert_str_eq(id.text, "0024H36H2NCSVRH6DAQF6DVVQZ");
}

Test(id, fresh_id_has_the_layout_of_a_ulid)
{
    int64_t now_us = INT64_C(1469918176385) * 1000 + 999;
    ds_clock_t clock = {fixed_now, fixed_now, &now_us};
    ds_random_t random = {fill_ff, NULL};
    ds_id_t id;
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_id_new(&clock, &random, &id, &error), "%s", error.message);
    cr_assert_str_eq(id.text, "01ARYZ6S41ZZZZZZZZZZZZZZZZ");
}

Test(id, clock_outside_of_48_bits_is_an_error)
{
    int64_t now_us = (INT64_C(1) << 48) * 1000;
    ds_clock_t clock = {fixed_now, fixed_now, &now_us};
    ds_id_t id;
    ds_error_t error = DS_ERROR_INIT;
    cr_assert_not(ds_id_new(&clock, ds_system_random(), &id, &error));
    cr_assert_eq(error.code, DS_ERR_INVALID);
    cr_assert_str_empty(id.text);
    now_us -= 1;
    cr_assert(ds_id_new(&clock, ds_system_random(), &id, NULL));
    now_us = -1000;
    cr_assert_not(ds_id_new(&clock, ds_system_random(), &id, NULL));
}

Test(id, failing_randomness_gives_no_id)
{
    ds_random_t random = {fill_fails, NULL};
    ds_id_t id;
    ds_error_t error = DS_ERROR_INIT;
    cr_assert_not(ds_id_new(ds_system_clock(), &random, &id, &error));
    cr_assert_eq(error.code, DS_ERR_IO);
    cr_assert_str_empty(id.text);
}

Test(id, fresh_ids_differ_and_are_valid)
{
    ds_id_t last = {""};
    for (int i = 0; i < 1000; i++) {
        ds_id_t id;
        cr_assert(ds_id_new(ds_system_clock(), ds_system_random(), &id, NULL));
        cr_assert(ds_id_valid(ds_str(id.text)), "%s", id.text);
        cr_assert_str_neq(id.text, last.text);
        last = id;
    }
}

Test(id, derived_id_depends_on_every_part_and_its_limits)
{
    ds_bytes_t one[] = {{(const uint8_t *)"ab", 2}, {(const uint8_t *)"c", 1}};
    ds_bytes_t two[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"bc", 2}};
    ds_id_t a, again, b;
    cr_assert(ds_id_derive(one, 2, &a, NULL));
    cr_assert(ds_id_derive(one, 2, &again, NULL));
    cr_assert(ds_id_derive(two, 2, &b, NULL));
    cr_assert_str_eq(a.text, again.text);
    cr_assert_str_neq(a.text, b.text);
    cr_assert(ds_id_valid(ds_str(a.text)));
}

Test(id, only_canonical_text_is_an_id)
{
    cr_assert(ds_id_valid(DS_STR("01ARYZ6S41TSV4RRFFQ69G5FAV")));
    cr_assert(ds_id_valid(DS_STR("7ZZZZZZZZZZZZZZZZZZZZZZZZZ")));
    cr_assert_not(ds_id_valid(DS_STR("8ZZZZZZZZZZZZZZZZZZZZZZZZZ")));
    cr_assert_not(ds_id_valid(DS_STR("01ARYZ6S41TSV4RRFFQ69G5FA")));
    cr_assert_not(ds_id_valid(DS_STR("01ARYZ6S41TSV4RRFFQ69G5FAVV")));
    cr_assert_not(ds_id_valid(DS_STR("01ARYZ6S41TSV4RRFFQ69G5FAv")));
    cr_assert_not(ds_id_valid((ds_str_t){NULL, 0}));
    static const char outside[] = "ILOU@[`-_ \0\x80";
    for (size_t i = 0; i < sizeof outside; i++) {
        char text[] = "01ARYZ6S41TSV4RRFFQ69G5FAV";
        text[7] = outside[i];
        cr_assert_not(ds_id_valid((ds_str_t){text, 26}), "byte %d", outside[i]);
    }
}

Test(id, store_is_what_stands_before_the_first_dot)
{
    cr_assert(ds_str_eq(ds_id_store(DS_STR("berlin-1.01K9")), DS_STR("berlin-1")));
    cr_assert(ds_str_eq(ds_id_store(DS_STR("berlin-1.sku.3")), DS_STR("berlin-1")));
}

Test(id, store_ids_are_short_lower_case_words)
{
    cr_assert(ds_store_id_valid(DS_STR("berlin-1")));
    cr_assert(ds_store_id_valid(DS_STR("abcdefghijklmnopqrstuvwxyz012345")));
    cr_assert_not(ds_store_id_valid(DS_STR("abcdefghijklmnopqrstuvwxyz0123456")));
    cr_assert_not(ds_store_id_valid(DS_STR("")));
    cr_assert_not(ds_store_id_valid(DS_STR("Berlin")));
    cr_assert_not(ds_store_id_valid(DS_STR("berlin.1")));
    cr_assert_not(ds_store_id_valid(DS_STR("berlin_1")));
    cr_assert_not(ds_store_id_valid((ds_str_t){"a\0b", 3}));
}
