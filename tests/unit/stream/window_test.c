/* The command ids of the last 24 hours. */
#include "base/crypto.h"
#include "base/id.h"
#include "stream/window.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct ds_window window;
static ds_error_t error = DS_ERROR_INIT;

static void set_up(void)
{
    ds_window_init(&window, 100000);
}

static void tear_down(void)
{
    ds_window_cleanup(&window);
    ds_window_cleanup(&window); /* twice is safe */
}

TestSuite(window, .init = set_up, .fini = tear_down);

static const char *id_of(int i)
{
    static char text[32];

    (void)snprintf(text, sizeof(text), "0%025d", i);
    return text;
}

static void add(int i, int64_t appended_us)
{
    cr_assert(ds_window_add(&window, ds_str(id_of(i)), DS_STR("h"), appended_us, i, &error));
}

Test(window, finds_what_was_added_and_nothing_else)
{
    for (int i = 0; i < 5000; i++)
        add(i, i);
    for (int i = 0; i < 5000; i++) {
        const struct ds_window_entry *entry = ds_window_find(&window, ds_str(id_of(i)));

        cr_assert_not_null(entry);
        cr_assert_eq(entry->first_offset, i);
    }
    cr_assert_null(ds_window_find(&window, ds_str(id_of(5000))));
    cr_assert_null(ds_window_find(&window, DS_STR("")));
}

Test(window, lets_ids_go_by_the_time_of_events)
{
    for (int i = 0; i < 3000; i++)
        add(i, i);
    ds_window_expire(&window, DS_WINDOW_US + 1000);
    cr_assert_eq(window.count, 2000);
    cr_assert_null(ds_window_find(&window, ds_str(id_of(999))));
    cr_assert_not_null(ds_window_find(&window, ds_str(id_of(1000))));
    ds_window_expire(&window, 10 * DS_WINDOW_US);
    cr_assert_eq(window.count, 0);
    cr_assert_null(ds_window_find(&window, ds_str(id_of(1000))));
}

Test(window, keeps_finding_while_old_ids_leave_and_new_ones_come)
{
    for (int i = 0; i < 20000; i++) {
        add(i, i);
        ds_window_expire(&window, DS_WINDOW_US + i - 1500);
        if (i > 2000) {
            cr_assert_not_null(ds_window_find(&window, ds_str(id_of(i - 1500))));
            cr_assert_null(ds_window_find(&window, ds_str(id_of(i - 1501))));
        }
    }
    cr_assert_eq(window.count, 1501);
    cr_assert_leq(window.capacity, 2048);
}

Test(window, first_one_stays_as_it_was)
{
    add(1, 10);
    cr_assert(ds_window_add(&window, ds_str(id_of(1)), DS_STR("other"), 20, 99, &error));
    cr_assert_eq(window.count, 1);
    cr_assert_eq(ds_window_find(&window, ds_str(id_of(1)))->first_offset, 1);
    cr_assert(ds_window_same_body(ds_window_find(&window, ds_str(id_of(1))), DS_STR("h")));
    cr_assert(!ds_window_same_body(ds_window_find(&window, ds_str(id_of(1))), DS_STR("other")));
}

Test(window, at_its_maximum_the_oldest_leaves)
{
    window.max = 100;
    for (int i = 0; i < 150; i++)
        add(i, i);
    cr_assert_eq(window.count, 100);
    cr_assert_eq(window.dropped, 50);
    cr_assert_null(ds_window_find(&window, ds_str(id_of(49))));
    cr_assert_not_null(ds_window_find(&window, ds_str(id_of(50))));
}

Test(window, takes_ids_of_any_form)
{
    static const char *const ids[] = {"",
                                      "x",
                                      "01ARZ3NDEKTSV4RRFFQ69G5FAV",
                                      "01ARZ3NDEKTSV4RRFFQ69G5FAW",
                                      "81ARZ3NDEKTSV4RRFFQ69G5FAV",
                                      "01arz3ndektsv4rrffq69g5fav",
                                      "an id that is far too long to be one of ours"};

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        cr_assert(ds_window_add(&window, ds_str(ids[i]), DS_STR(""), 1, (int64_t)i, &error));
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        cr_assert_eq(ds_window_find(&window, ds_str(ids[i]))->first_offset, (int64_t)i);
}

static int seen[6000];

static void see(void *context, const struct ds_window_entry *entry)
{
    int *last = context;

    cr_assert_gt(entry->first_offset, *last, "oldest first");
    *last = (int)entry->first_offset;
    seen[entry->first_offset]++;
}

/* Whatever comes and goes meanwhile, a watch shows what was there, once. */
Test(window, a_watch_shows_each_id_that_was_there)
{
    for (unsigned seed = 1; seed <= 100; seed++) {
        unsigned r = seed;
        int added = 0;
        int dropped = 0;
        int last = -1;

        memset(seen, 0, sizeof(seen));
        for (; added < 700; added++)
            add(added, added);
        ds_window_expire(&window, DS_WINDOW_US + 100);
        ds_window_watch(&window, see, &last);
        for (bool more = true; more; more = ds_window_watch_next(&window)) {
            r = r * 1664525 + 1013904223;
            for (unsigned i = 0; i < (r >> 16) % 5 && added < 6000; i++, added++)
                add(added, added);
            r = r * 1664525 + 1013904223;
            dropped += (int)((r >> 16) % 5);
            ds_window_expire(&window, DS_WINDOW_US + 100 + dropped);
        }
        for (int i = 0; i < 6000; i++)
            cr_assert_eq(seen[i], i >= 100 && i < 700);
        ds_window_clear(&window);
    }
}

Test(window, tells_ids_apart_by_every_digit)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    char id[] = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    for (int64_t i = 0; digits[i] != '\0'; i++) {
        id[25] = digits[i];
        cr_assert_null(ds_window_find(&window, ds_str(id)));
        cr_assert(ds_window_add(&window, ds_str(id), DS_STR(""), 1, i, &error));
        cr_assert_eq(ds_window_find(&window, ds_str(id))->first_offset, i);
    }
}

/* Snapshots hold these bytes. */
Test(window, keeps_the_128_bits_that_an_id_of_ours_says)
{
    for (unsigned round = 0; round < 64; round++) {
        uint8_t bytes[16];
        ds_id_t id;

        for (unsigned i = 0; i < 16; i++)
            bytes[i] = (uint8_t)((round + 1) * 37 * (i + 3) >> (i & 3));
        ds_id_from_bytes(bytes, &id);
        cr_assert(ds_window_add(&window, ds_str(id.text), DS_STR(""), round, round, &error));
        cr_assert_arr_eq(window.entries[round].id, bytes, 16);
    }
}

Test(window, hashes_what_only_looks_like_an_id_of_ours)
{
    static const char *const ids[] = {
        "80000000000000000000000000", /* 129 bits */
        "0000000000000000000000000U",
        "U0000000000000000000000000",
        "0000000000000a000000000000",
        "000000000000000000000000\xff"
        "0",
    };

    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        uint8_t digest[DS_SHA256_BYTES];
        ds_bytes_t text = {(const uint8_t *)ids[i], 26};

        cr_assert(ds_sha256(text, digest, &error));
        cr_assert(ds_window_add(&window, ds_str(ids[i]), DS_STR(""), 1, 1, &error));
        cr_assert_arr_eq(window.entries[i].id, digest, 16);
    }
}

/* The one slot of the index that is in use. */
static size_t only_slot(void)
{
    for (size_t i = 0; i < 2 * window.capacity; i++)
        if (window.slots[i] != 0)
            return i;
    return SIZE_MAX;
}

/* Ids that all belong near one place push each other far away from it. */
Test(window, finds_ids_that_stand_far_from_their_place)
{
    enum { CROWD = 120 };
    int crowd[CROWD];
    int count = 0;

    for (int i = 0; count < CROWD; i++) {
        add(i, 0);
        if (only_slot() < 8)
            crowd[count++] = i;
        ds_window_expire(&window, DS_WINDOW_US + 1);
        cr_assert_eq(window.count, 0);
    }
    for (int i = 0; i < CROWD; i++)
        add(crowd[i], i);
    for (int gone = 0; gone <= CROWD; gone++) {
        ds_window_expire(&window, DS_WINDOW_US + gone);
        cr_assert_eq(window.count, (size_t)(CROWD - gone));
        for (int i = 0; i < CROWD; i++)
            cr_assert_eq(ds_window_find(&window, ds_str(id_of(crowd[i]))) != NULL, i >= gone);
    }
    cr_assert_eq(only_slot(), SIZE_MAX);
}
