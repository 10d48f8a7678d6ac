/* Frames with registry ids, and what is kept of the ids: without a registry that could be asked. */
#include "base/runtime.h"
#include "kit.h"
#include "schemas/ids.h"

#include <criterion/criterion.h>

static int64_t now_us = DS_US_PER_S;
static struct ds_runtime runtime;
static ds_framing_t *framing;
static uint64_t fingerprint;

static int64_t read_now(const ds_clock_t *clock)
{
    (void)clock;
    return now_us;
}

static const ds_clock_t hand_clock = {read_now, read_now, NULL};

static void set_up(void)
{
    const struct ds_registry_config nobody = {NULL, 0};
    ds_error_t error = DS_ERROR_INIT;
    runtime = (struct ds_runtime){.log = ds_log_root("test", DS_LOG_ERROR),
                                  .metrics = ds_metrics_new(),
                                  .clock = &hand_clock,
                                  .random = ds_system_random()};
    cr_assert(ds_framing_new(&runtime, &nobody, &framing, &error), "%s", error.message);
}

static void tear_down(void)
{
    ds_framing_destroy(framing);
    ds_metrics_destroy(runtime.metrics);
}

TestSuite(framing, .init = set_up, .fini = tear_down, .timeout = 60);

static bool decode(struct kit *kit, const struct ds_schema *schema, ds_bytes_t message)
{
    ds_error_clear(&kit->error);
    ds_arena_reset(kit->decoded);
    return ds_framing_decode(framing, schema, message, kit->decoded, kit->back, NULL, &kit->error);
}

Test(framing, every_type_goes_there_and_back_with_an_id)
{
    struct kit *kit = kit_new();
    uint32_t id = 0x01020300;
    for (const struct ds_test_type *type = ds_schema_list_support; type->schema != NULL; type++) {
        if (type->schema->kind == DS_SCHEMA_STATE) /* of no topic */
            continue;
        ds_ids_learn_own(framing, type->schema, ++id);
        for (int32_t kind = 0; kind < kit_kinds(type->schema); kind++) {
            kit_clear(kit);
            kit_fill(kit, type, kind, 1);
            cr_assert(
                ds_framing_encode(framing, type->schema, kit->value, &kit->bytes, &kit->error));
            cr_assert_eq(memcmp(kit->bytes.data, "\x00\x01\x02\x03", 4), 0);
            cr_assert_eq(kit->bytes.data[4], id & 0xFF);
            cr_assert(decode(kit, type->schema, ds_buf_bytes(&kit->bytes)), "%s",
                      kit->error.message);
            ds_buf_clear(&kit->again);
            cr_assert(
                ds_framing_encode(framing, type->schema, kit->back, &kit->again, &kit->error));
            cr_assert_eq(kit->again.len, kit->bytes.len);
            cr_assert_eq(memcmp(kit->again.data, kit->bytes.data, kit->bytes.len), 0);
        }
    }
    kit_destroy(kit);
}

Test(framing, both_frames_are_read_with_a_registry)
{
    struct kit *kit = kit_new();
    const struct ds_test_type *type = &ds_schema_list_support[0];
    kit_fill(kit, type, 0, 1);
    cr_assert(ds_schema_encode(type->schema, kit->value, &kit->bytes, &kit->error));
    cr_assert(decode(kit, type->schema, ds_buf_bytes(&kit->bytes)), "%s", kit->error.message);
    kit_destroy(kit);
}

Test(framing, the_place_of_a_failure_counts_the_frame)
{
    struct kit *kit = kit_new();
    ds_ids_learn(framing, 5, ds_schema_courier_locations.fingerprint);
    cr_assert(!decode(kit, &ds_schema_courier_locations,
                      (ds_bytes_t){(const uint8_t *)"\x00\x00\x00\x00\x05\x02", 6}));
    cr_expect_not_null(strstr(kit->error.message, "at byte 5"), "%s", kit->error.message);
    kit_destroy(kit);
}

Test(framing, no_registry_gives_zero_or_what_does_not_fit_an_int)
{
    cr_assert_eq(ds_ids_find(framing, 0, &fingerprint), DS_IDS_ABSENT);
    cr_assert_eq(ds_ids_find(framing, UINT32_C(0x80000000), &fingerprint), DS_IDS_ABSENT);
    cr_assert_eq(ds_ids_find(framing, INT32_MAX, &fingerprint), DS_IDS_WANTED);
}

Test(ids, what_is_known_is_kept_whatever_else_is_learned, .init = set_up, .fini = tear_down)
{
    const uint64_t ours = ds_schema_order_events.fingerprint;
    uint32_t own = 0;
    for (uint32_t id = 1; id <= 2000; id++)
        ds_ids_learn(framing, id, ours);
    for (uint32_t id = 1; id <= DS_IDS_KNOWN_MAX; id++) {
        cr_assert_eq(ds_ids_find(framing, id, &fingerprint), DS_IDS_KNOWN);
        cr_assert_eq(fingerprint, ours);
    }
    cr_assert_eq(ds_ids_find(framing, 2000, &fingerprint), DS_IDS_FOREIGN);
    ds_ids_learn_own(framing, &ds_schema_order_events, 3000);
    cr_assert(ds_ids_own(framing, &ds_schema_order_events, &own));
    cr_assert_eq(own, 3000);
}

Test(ids, an_id_never_changes_its_meaning, .init = set_up, .fini = tear_down)
{
    ds_ids_learn(framing, 1, ds_schema_order_events.fingerprint);
    ds_ids_learn(framing, 1, ds_schema_order_commands.fingerprint);
    cr_assert_eq(ds_ids_find(framing, 1, &fingerprint), DS_IDS_KNOWN);
    cr_assert_eq(fingerprint, ds_schema_order_events.fingerprint);
}

Test(ids, a_fingerprint_nobody_here_knows_is_not_kept, .init = set_up, .fini = tear_down)
{
    ds_ids_learn(framing, 1, 12345);
    cr_assert_eq(ds_ids_find(framing, 1, &fingerprint), DS_IDS_FOREIGN);
    now_us += DS_IDS_ABSENT_US;
    cr_assert_eq(ds_ids_find(framing, 1, &fingerprint), DS_IDS_WANTED);
}

Test(ids, the_list_of_questions_is_bounded_and_forgets_answers_first, .init = set_up,
     .fini = tear_down)
{
    cr_assert_eq(ds_ids_find(framing, 1, &fingerprint), DS_IDS_WANTED);
    now_us++;
    ds_ids_learn_absent(framing, 2, DS_IDS_ABSENT);
    for (uint32_t id = 3; id <= DS_IDS_ASKED_MAX; id++)
        cr_assert_eq(ds_ids_find(framing, id, &fingerprint), DS_IDS_WANTED);
    cr_assert_eq(ds_ids_find(framing, 2, &fingerprint), DS_IDS_ABSENT);
    cr_assert_eq(ds_ids_find(framing, 1000, &fingerprint), DS_IDS_WANTED); /* in place of 2 */
    cr_assert_eq(framing->asked[0].id, 1);
    cr_assert_eq(framing->asked[1].id, 1000);
    for (uint32_t id = 2000; id < 5000; id++)
        cr_assert_eq(ds_ids_find(framing, id, &fingerprint), DS_IDS_WANTED);
}
