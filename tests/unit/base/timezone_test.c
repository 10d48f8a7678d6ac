/* Time zones, with the C library's localtime_r as the oracle, and opening a week's door. */
#include "base/timezone.h"
#include "base/timezone_rule.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* 1950 to 2110: before the tables, in them, and beyond them where the rule goes on. */
static void compare(const char *name)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_timezone_t *zone = ds_timezone_load(NULL, ds_str(name), &error);
    cr_assert_not_null(zone, "%s: %s", name, error.message);
    cr_assert_eq(setenv("TZ", name, 1), 0);
    tzset();
    for (int64_t at_s = INT64_C(-631152000); at_s < INT64_C(4417977600); at_s += 86400 * 3 + 1234) {
        time_t at = (time_t)at_s;
        struct tm tm;
        cr_assert_not_null(localtime_r(&at, &tm));
        struct ds_wall_time wall = ds_timezone_wall(zone, at_s * 1000000);
        if (ds_timezone_offset_s(zone, at_s) != tm.tm_gmtoff ||
            wall.day != (tm.tm_wday == 0 ? 7 : tm.tm_wday) ||
            wall.minute != tm.tm_hour * 60 + tm.tm_min) /* an assertion each takes a minute */
            cr_assert_fail("%s at %lld: %d, wanted %ld", name, (long long)at_s,
                           (int)ds_timezone_offset_s(zone, at_s), tm.tm_gmtoff);
    }
    ds_timezone_destroy(zone);
}

Test(timezone, offsets_are_those_of_the_c_library)
{
    static const char *const names[] = {"UTC",          "Europe/Berlin",    "America/New_York",
                                        "Asia/Kolkata", "Australia/Sydney", "Australia/Lord_Howe",
                                        "Asia/Tehran",  "America/St_Johns", "Etc/GMT+5"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        compare(names[i]);
}

Test(timezone, a_change_holds_from_its_second_on)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_timezone_t *zone = ds_timezone_load(NULL, DS_STR("Europe/Berlin"), &error);
    cr_assert_not_null(zone, "%s", error.message);
    cr_expect_eq(ds_timezone_offset_s(zone, 1774745999), 3600); /* 2026-03-29 00:59:59 UTC */
    cr_expect_eq(ds_timezone_offset_s(zone, 1774746000), 7200);
    cr_expect_eq(ds_timezone_offset_s(zone, 1792889999), 7200); /* 2026-10-25 00:59:59 UTC */
    cr_expect_eq(ds_timezone_offset_s(zone, 1792890000), 3600);
    ds_timezone_destroy(zone);
}

Test(timezone, what_is_no_zone_is_refused_and_read_nowhere)
{
    static const char *const names[] = {
        "",        "Mars/Base", "../../../etc/passwd", "/etc/passwd",
        "Europe/", "Europe",    "Europe//Berlin",      "zone.tab"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ds_error_t error = DS_ERROR_INIT;
        cr_expect_null(ds_timezone_load(NULL, ds_str(names[i]), &error), "%s", names[i]);
        cr_expect(ds_error_is_set(&error), "%s", names[i]);
    }
}

/* A version 2 file with one change, cut and spoilt at every byte: refused or read, never more. */
Test(timezone, a_damaged_file_is_refused)
{
    ds_error_t error = DS_ERROR_INIT;
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    static uint8_t bytes[65536];
    cr_assert_not_null(file);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = malloc(cut + 1);
        memcpy(copy, bytes, cut);
        if (ds_timezone_parse((ds_bytes_t){copy, (uint32_t)cut}, &error) != NULL)
            cr_assert_fail("%zu of %zu bytes are taken for a zone", cut, len);
        free(copy);
    }
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 0xff;
        ds_timezone_t *zone = ds_timezone_parse((ds_bytes_t){bytes, (uint32_t)len}, &error);
        if (zone != NULL)
            (void)ds_timezone_offset_s(zone, 4102444800);
        ds_timezone_destroy(zone);
        bytes[i] ^= 0xff;
    }
}

Test(timezone, rules_are_read_or_refused)
{
    struct ds_timezone_rule rule;
    cr_assert(ds_timezone_rule_parse(DS_STR("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"), &rule));
    cr_expect_eq(rule.standard_s, 37800);
    cr_expect_eq(rule.summer_s, 39600);
    cr_assert(ds_timezone_rule_parse(DS_STR("EST5EDT,J60/0,365/25"), &rule));
    cr_expect_eq(rule.begins.form, DS_CHANGE_JULIAN);
    cr_expect_eq(rule.ends.time_s, 25 * 3600);
    static const char *const wrong[] = {"",
                                        "X",
                                        "CET",
                                        "CET-1CEST",
                                        "CET-1CEST,M3.5.0",
                                        "CET-1CEST,M13.5.0,M10.5.0",
                                        "CET-1CEST,M3.6.0,M10.5.0",
                                        "CET-1CEST,M3.5.7,M10.5.0",
                                        "CET-1CEST,M3.5.0,M10.5.0 ",
                                        "<CET-1",
                                        "CET-999",
                                        "CET-1CEST,J0,J1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_expect_not(ds_timezone_rule_parse(ds_str(wrong[i]), &rule), "%s", wrong[i]);
}
