/* Rule F as a table, and against a model over random logs. */
#include "base/limits.h"
#include "stream/fence.h"

#include <criterion/criterion.h>

static struct ds_meta meta(int64_t epoch, int64_t seq, bool more)
{
    return (struct ds_meta){.epoch = epoch, .seq = seq, .more = more};
}

/* A fence at epoch 3, seq 7, next offset 100. */
static struct ds_fence at_3_7(void)
{
    struct ds_fence fence;

    ds_fence_init(&fence, (struct ds_log_place){99, 3, 7});
    return fence;
}

struct row {
    int64_t epoch;
    int64_t seq;
    bool is_claim;
    bool damage;
    enum ds_fence_verdict verdict;
};

Test(fence, judges_every_pair_of_state_and_record)
{
    static const struct row rows[] = {
        {3, 8, false, false, DS_FENCE_TAKE},
        {3, 7, false, false, DS_FENCE_SKIP_GAP},
        {3, 9, false, false, DS_FENCE_SKIP_GAP},
        {3, 0, false, false, DS_FENCE_SKIP_GAP},
        {2, 8, false, false, DS_FENCE_SKIP_OLD_EPOCH},
        {0, 8, false, false, DS_FENCE_SKIP_OLD_EPOCH},
        {4, 1, false, true, DS_FENCE_TAKE},
        {INT64_MAX, 1, false, true, DS_FENCE_TAKE},
        {4, 0, true, false, DS_FENCE_TAKE},
        {3, 0, true, false, DS_FENCE_SKIP_LOST_CLAIM},
        {2, 0, true, false, DS_FENCE_SKIP_LOST_CLAIM},
        {5, 0, true, true, DS_FENCE_TAKE},
        {INT64_MAX, 0, true, true, DS_FENCE_TAKE},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ds_fence fence = at_3_7();
        struct ds_meta m = meta(rows[i].epoch, rows[i].seq, false);
        enum ds_fence_verdict verdict;
        ds_error_t error = DS_ERROR_INIT;
        bool ok = ds_fence_judge(&fence, &m, rows[i].is_claim, 100, 10, &verdict, &error);

        cr_assert_eq(ok, !rows[i].damage, "row %zu", i);
        if (!ok) {
            cr_assert_eq(error.code, DS_ERR_DAMAGE);
            cr_assert_eq(fence.next_offset, 100);
            cr_assert_eq(fence.epoch, 3);
            continue;
        }
        cr_assert_eq(verdict, rows[i].verdict, "row %zu", i);
        cr_assert_eq(fence.next_offset, 101);
        if (verdict == DS_FENCE_TAKE) {
            cr_assert_eq(fence.epoch, rows[i].epoch);
            cr_assert_eq(fence.seq, rows[i].is_claim ? 0 : rows[i].seq);
        } else {
            cr_assert_eq(fence.epoch, 3);
            cr_assert_eq(fence.seq, 7);
        }
    }
}

Test(fence, offset_that_jumps_is_damage_and_one_that_goes_back_is_a_lost_place)
{
    struct ds_fence fence = at_3_7();
    struct ds_meta m = meta(3, 8, false);
    enum ds_fence_verdict verdict;
    ds_error_t error = DS_ERROR_INIT;

    cr_assert(!ds_fence_judge(&fence, &m, false, 101, 1, &verdict, &error));
    cr_assert_eq(error.code, DS_ERR_DAMAGE);
    ds_error_clear(&error);
    cr_assert(!ds_fence_judge(&fence, &m, false, 99, 1, &verdict, &error));
    cr_assert_eq(error.code, DS_ERR_ORDER);
    ds_error_clear(&error);
    cr_assert(!ds_fence_stranger(&fence, 101, &error));
    ds_error_clear(&error);
    cr_assert(ds_fence_stranger(&fence, 100, &error));
    cr_assert_eq(fence.next_offset, 101);
}

Test(fence, nothing_counts_before_the_first_claim)
{
    struct ds_fence fence;
    struct ds_meta m = meta(0, 1, false);
    enum ds_fence_verdict verdict;
    ds_error_t error = DS_ERROR_INIT;

    ds_fence_init(&fence, DS_PLACE_START);
    cr_assert(ds_fence_judge(&fence, &m, false, 0, 1, &verdict, &error));
    cr_assert_eq(verdict, DS_FENCE_SKIP_GAP);
}

static void feed(struct ds_fence *fence, struct ds_meta m, bool is_claim,
                 enum ds_fence_verdict wanted)
{
    enum ds_fence_verdict verdict;
    ds_error_t error = DS_ERROR_INIT;

    cr_assert(ds_fence_judge(fence, &m, is_claim, fence->next_offset, 1, &verdict, &error));
    cr_assert_eq(verdict, wanted);
}

Test(fence, decision_is_delivered_with_its_last_record)
{
    struct ds_fence fence = at_3_7();

    feed(&fence, meta(3, 8, true), false, DS_FENCE_TAKE);
    cr_assert(fence.pending);
    cr_assert_eq(fence.delivered.seq, 7);
    feed(&fence, meta(2, 9, false), false, DS_FENCE_SKIP_OLD_EPOCH); /* does not disturb it */
    cr_assert(fence.pending);
    feed(&fence, meta(3, 9, false), false, DS_FENCE_TAKE);
    cr_assert(!fence.pending);
    cr_assert_eq(fence.delivered.seq, 9);
    cr_assert_eq(fence.delivered.offset, 102);
}

Test(fence, valid_claim_tears_a_decision_and_a_lost_one_does_not)
{
    struct ds_fence fence = at_3_7();

    feed(&fence, meta(3, 8, true), false, DS_FENCE_TAKE);
    feed(&fence, meta(3, 0, false), true, DS_FENCE_SKIP_LOST_CLAIM);
    cr_assert(fence.pending);
    feed(&fence, meta(4, 0, false), true, DS_FENCE_TAKE);
    cr_assert(!fence.pending);
    cr_assert_eq(fence.before_epoch, 3);
    cr_assert_eq(fence.before_seq, 8); /* torn records are counted */
    cr_assert_eq(fence.delivered.seq, 0);
}

Test(fence, decision_without_end_is_damage)
{
    struct ds_fence fence = at_3_7();
    struct ds_meta m;
    enum ds_fence_verdict verdict;
    ds_error_t error = DS_ERROR_INIT;

    for (int i = 0; i < DS_MAX_DECISION_RECORDS; i++)
        feed(&fence, meta(3, 8 + i, true), false, DS_FENCE_TAKE);
    m = meta(3, 8 + DS_MAX_DECISION_RECORDS, false);
    cr_assert(!ds_fence_judge(&fence, &m, false, fence.next_offset, 1, &verdict, &error));
    cr_assert_eq(error.code, DS_ERR_DAMAGE);
    fence = at_3_7();
    ds_error_clear(&error);
    m = meta(3, 8, true);
    cr_assert(!ds_fence_judge(&fence, &m, false, 100, DS_MAX_DECISION_BYTES + 1, &verdict, &error));
    cr_assert_eq(error.code, DS_ERR_DAMAGE);
}

Test(fence, open_is_held_against_what_was_read_before_the_claim)
{
    struct ds_fence fence = at_3_7();
    struct ds_open open = {.claim_offset = 100, .previous_epoch = 3, .previous_seq = 7};
    ds_error_t error = DS_ERROR_INIT;

    cr_assert(ds_fence_check_open(&fence, &open, &error)); /* no Claim seen: cannot check */
    feed(&fence, meta(4, 0, false), true, DS_FENCE_TAKE);
    cr_assert(ds_fence_check_open(&fence, &open, &error));
    open.previous_seq = 8;
    cr_assert(!ds_fence_check_open(&fence, &open, &error));
    cr_assert_eq(error.code, DS_ERR_DAMAGE);
    ds_error_clear(&error);
    open = (struct ds_open){.claim_offset = 99, .previous_epoch = 3, .previous_seq = 7};
    cr_assert(!ds_fence_check_open(&fence, &open, &error));
}

/* ---- a model: the prefix each epoch's winner wrote ---- */

struct written {
    int64_t epoch;
    int64_t seq;
    bool claim;
};

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* What counts, said another way: walk the log with the definition and nothing kept but the list of
 * what counted. */
static bool counts(const struct written *log, const bool *counted, size_t i)
{
    int64_t epoch = 0;
    int64_t seq = 0;

    for (size_t j = 0; j < i; j++)
        if (counted[j]) {
            epoch = log[j].epoch;
            seq = log[j].claim ? 0 : log[j].seq;
        }
    return log[i].claim ? log[i].epoch == epoch + 1
                        : epoch > 0 && log[i].epoch == epoch && log[i].seq == seq + 1;
}

Test(fence, agrees_with_the_definition_on_random_logs)
{
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct written log[120];
        bool counted[120] = {false};
        uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15);
        struct ds_fence fence;
        int64_t newest = 0;

        ds_fence_init(&fence, DS_PLACE_START);
        for (size_t i = 0; i < 120; i++) {
            enum ds_fence_verdict verdict;
            ds_error_t error = DS_ERROR_INIT;
            struct ds_meta m;

            log[i].claim = next(&state) % 8 == 0;
            log[i].epoch = log[i].claim ? newest + (int64_t)(next(&state) % 3) - 1
                                        : newest - (int64_t)(next(&state) % 2);
            log[i].seq = next(&state) % 4 == 0 ? (int64_t)(next(&state) % 12) : fence.seq + 1;
            counted[i] = counts(log, counted, i);
            if (counted[i] && log[i].claim)
                newest = log[i].epoch;
            m = meta(log[i].epoch, log[i].claim ? 0 : log[i].seq, false);
            cr_assert(ds_fence_judge(&fence, &m, log[i].claim, (int64_t)i, 1, &verdict, &error),
                      "%s", error.message);
            cr_assert_eq(verdict == DS_FENCE_TAKE, counted[i], "seed %lu, record %zu",
                         (unsigned long)seed, i);
        }
    }
}
