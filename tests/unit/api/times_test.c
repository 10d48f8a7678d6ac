#include "api/queries.h"

#include <criterion/criterion.h>

Test(times, rfc_3339_is_read)
{
    int64_t us;
    char text[DS_TIME_TEXT_BYTES];
    cr_assert(ds_time_parse(DS_STR("2026-11-21T07:30:33.123456Z"), &us));
    ds_time_to_text(us, text);
    cr_assert_str_eq(text, "2026-11-21T07:30:33.123456Z");
    cr_assert(ds_time_parse(DS_STR("2024-02-29T23:59:59+02:00"), &us));
    ds_time_to_text(us, text);
    cr_assert_str_eq(text, "2024-02-29T21:59:59.000000Z");
    /* A '+' of the query that was not escaped arrives as a blank. */
    cr_assert(ds_time_parse(DS_STR("2024-02-29T23:59:59 02:00"), &us));
    ds_time_to_text(us, text);
    cr_assert_str_eq(text, "2024-02-29T21:59:59.000000Z");
    cr_assert(ds_time_parse(DS_STR("1970-01-01t00:00:00.5z"), &us));
    cr_assert_eq(us, 500000);
}

Test(times, anything_else_is_refused)
{
    static const char *const wrong[] = {
        "",
        "2026-11-21",
        "2026-11-21T07:30:33",
        "2026-02-30T07:30:33Z",
        "2026-13-01T07:30:33Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T07:30:33.Z",
        "2026-11-21T07:30:33Zx",
        "2026-11-21T07:30:33+2:00",
        "2026-11-21 07:30:33Z",
    };
    int64_t us;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_not(ds_time_parse(ds_str(wrong[i]), &us), "%s", wrong[i]);
}
