/* When a store takes orders, and where it delivers. */
#include "api/opening.h"

#include <criterion/criterion.h>

static bool open_at(const struct ds_open_hours *hours, size_t count, int32_t day, int32_t minute)
{
    struct ds_open_hours copy[2];
    memcpy(copy, hours, count * sizeof *copy);
    const struct ds_array_of_open_hours all = {copy, count};
    return ds_hours_hold(&all, (struct ds_wall_time){day, minute});
}

Test(opening, hours_begin_with_their_minute_and_end_before_theirs)
{
    const struct ds_open_hours monday = {1, 8 * 60, 22 * 60};
    cr_expect_not(open_at(&monday, 1, 1, 8 * 60 - 1));
    cr_expect(open_at(&monday, 1, 1, 8 * 60));
    cr_expect(open_at(&monday, 1, 1, 22 * 60 - 1));
    cr_expect_not(open_at(&monday, 1, 1, 22 * 60));
    cr_expect_not(open_at(&monday, 1, 2, 12 * 60));
    cr_expect(open_at(&monday, 0, 2, 12 * 60), "without hours: always");
}

Test(opening, an_evening_reaches_into_the_next_day_and_the_next_week)
{
    const struct ds_open_hours weekend[] = {{5, 18 * 60, 26 * 60}, {7, 18 * 60, 42 * 60}};
    cr_expect(open_at(weekend, 2, 6, 2 * 60 - 1));
    cr_expect_not(open_at(weekend, 2, 6, 2 * 60));
    cr_expect(open_at(weekend, 2, 1, 0), "Sunday's evening on Monday");
    cr_expect(open_at(weekend, 2, 1, 18 * 60 - 1), "a whole day long");
    cr_expect_not(open_at(weekend, 2, 1, 18 * 60));
}

Test(opening, a_store_delivers_within_its_radius_or_polygon)
{
    struct ds_place corners[] = {{0, 0}, {0, 1000000}, {1000000, 1000000}, {1000000, 0}};
    struct ds_store_info store = {.has_place = true, .place = {52500000, 13400000}};
    const struct ds_place near = {52510000, 13400000}; /* 1112 m to the north */
    const struct ds_place middle = {500000, 500000};
    cr_expect(ds_store_delivers_to(&store, NULL), "without a zone: everywhere");
    store.delivery_radius_m = 1200;
    cr_expect(ds_store_delivers_to(&store, &near));
    cr_expect_not(ds_store_delivers_to(&store, &middle));
    cr_expect_not(ds_store_delivers_to(&store, NULL), "a zone needs a place");
    store.delivery_radius_m = 1100;
    cr_expect_not(ds_store_delivers_to(&store, &near));
    store.delivery_radius_m = 0;
    store.delivery_area.items = corners;
    store.delivery_area.count = 4;
    cr_expect(ds_store_delivers_to(&store, &middle));
    cr_expect(ds_store_delivers_to(&store, &corners[2]));
    cr_expect_not(ds_store_delivers_to(&store, &near));
    cr_expect_not(ds_store_delivers_to(&store, NULL));
}
