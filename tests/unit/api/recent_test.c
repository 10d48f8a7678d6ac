#include "api/recent.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct ds_recent_command command(int n)
{
    struct ds_recent_command made = {.place = {.offset = n}};
    (void)snprintf(made.id.text, sizeof made.id.text, "%026d", n);
    return made;
}

Test(recent, the_oldest_is_forgotten)
{
    ds_recent_t *recent = ds_recent_new(4);
    struct ds_recent_command found;
    for (int n = 0; n < 100; n++) {
        struct ds_recent_command made = command(n);
        ds_recent_put(recent, &made);
    }
    for (int n = 0; n < 100; n++)
        cr_assert_eq(ds_recent_get(recent, ds_str(command(n).id.text), &found), n >= 96, "%d", n);
    ds_recent_destroy(recent);
}

Test(recent, the_first_place_of_an_id_counts)
{
    ds_recent_t *recent = ds_recent_new(4);
    struct ds_recent_command made = command(1);
    struct ds_recent_command found;
    ds_recent_put(recent, &made);
    made.place.offset = 99;
    ds_recent_put(recent, &made);
    cr_assert(ds_recent_get(recent, ds_str(made.id.text), &found));
    cr_assert_eq(found.place.offset, 1);
    ds_recent_destroy(recent);
}

Test(recent, a_place_is_known_for_as_long_as_its_command)
{
    ds_recent_t *recent = ds_recent_new(4);
    for (int n = 0; n < 10; n++) {
        struct ds_recent_command made = command(n);
        ds_recent_put(recent, &made);
    }
    for (int n = 0; n < 12; n++) {
        struct ds_token place = command(n).place;
        cr_assert_eq(ds_recent_at(recent, &place), n >= 6 && n < 10, "%d", n);
        place.partition = 1;
        cr_assert_not(ds_recent_at(recent, &place));
    }
    ds_recent_destroy(recent);
}
