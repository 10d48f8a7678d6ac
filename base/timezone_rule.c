#include "base/timezone_rule.h"

enum { HOUR_S = 3600, DAY_S = 86400 };

/* ---- reading */

static bool take(ds_str_t *text, char c)
{
    if (text->len == 0 || text->data[0] != c)
        return false;
    text->data++;
    text->len--;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_number(ds_str_t *text, int32_t max, int32_t *number_out)
{
    int32_t number = 0;
    if (text->len == 0 || !is_digit(text->data[0]))
        return false;
    while (text->len > 0 && is_digit(text->data[0])) {
        number = number * 10 + (text->data[0] - '0');
        if (number > max)
            return false;
        text->data++;
        text->len--;
    }
    *number_out = number;
    return true;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_time(ds_str_t *text, int32_t *seconds_out)
{
    int32_t hours;
    int32_t minutes = 0;
    int32_t seconds = 0;
    bool minus = take(text, '-');
    if (!minus)
        (void)take(text, '+');
    if (!take_number(text, 167, &hours))
        return false;
    if (take(text, ':') && !take_number(text, 59, &minutes))
        return false;
    if (take(text, ':') && !take_number(text, 59, &seconds))
        return false;
    *seconds_out = (minus ? -1 : 1) * (hours * HOUR_S + minutes * 60 + seconds);
    return true;
}

/* "CET" or "<+03>"; what it is called does not matter. */
static bool take_name(ds_str_t *text)
{
    const char *begin = text->data;
    if (take(text, '<')) {
        while (text->len > 0 && text->data[0] != '>') {
            text->data++;
            text->len--;
        }
        return take(text, '>');
    }
    while (text->len > 0 && ((text->data[0] >= 'A' && text->data[0] <= 'Z') ||
                             (text->data[0] >= 'a' && text->data[0] <= 'z'))) {
        text->data++;
        text->len--;
    }
    return text->data - begin >= 3;
}

static bool take_change(ds_str_t *text, struct ds_timezone_change *change)
{
    *change = (struct ds_timezone_change){.form = DS_CHANGE_DAY, .time_s = 2 * HOUR_S};
    if (take(text, 'M')) {
        change->form = DS_CHANGE_MONTH;
        if (!take_number(text, 12, &change->month) || change->month < 1 || !take(text, '.') ||
            !take_number(text, 5, &change->week) || change->week < 1 || !take(text, '.') ||
            !take_number(text, 6, &change->day))
            return false;
    } else if (take(text, 'J')) {
        change->form = DS_CHANGE_JULIAN;
        if (!take_number(text, 365, &change->day) || change->day < 1)
            return false;
    } else if (!take_number(text, 365, &change->day)) {
        return false;
    }
    return !take(text, '/') || take_time(text, &change->time_s);
}

bool ds_timezone_rule_parse(ds_str_t text, struct ds_timezone_rule *rule_out)
{
    int32_t west_s;
    *rule_out = (struct ds_timezone_rule){0};
    if (!take_name(&text) || !take_time(&text, &west_s))
        return false;
    rule_out->standard_s = -west_s; /* POSIX counts to the west */
    if (text.len == 0)
        return true;
    rule_out->has_summer = true;
    rule_out->summer_s = rule_out->standard_s + HOUR_S;
    if (!take_name(&text))
        return false;
    if (text.len > 0 && text.data[0] != ',') {
        if (!take_time(&text, &west_s))
            return false;
        rule_out->summer_s = -west_s;
    }
    return take(&text, ',') && take_change(&text, &rule_out->begins) && take(&text, ',') &&
           take_change(&text, &rule_out->ends) && text.len == 0;
}

/* ---- the calendar */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the first of January. */
static int64_t days_to_year(int64_t year)
{
    int64_t before = year - 1;
    return 365 * (year - 1970) + (before / 4 - 1969 / 4) - (before / 100 - 1969 / 100) +
           (before / 400 - 1969 / 400);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

static int64_t year_of(int64_t at_s)
{
    int64_t days = floor_div(at_s, DAY_S);
    int64_t year = 1970 + floor_div(days, 366); /* never too late */
    while (days_to_year(year + 1) <= days)
        year++;
    return year;
}

static int32_t days_before_month(int64_t year, int32_t month)
{
    static const int32_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    return before[month - 1] + (month > 2 && is_leap(year) ? 1 : 0);
}

/* 0 Sunday to 6; 1970-01-01 was a Thursday. */
static int32_t weekday(int64_t days)
{
    return (int32_t)(((days + 4) % 7 + 7) % 7);
}

/* The day of a change, in days from 1970-01-01. */
static int64_t change_day(const struct ds_timezone_change *change, int64_t year)
{
    int64_t january = days_to_year(year);
    switch (change->form) {
    case DS_CHANGE_JULIAN:
        return january + change->day - 1 + (is_leap(year) && change->day > 59 ? 1 : 0);
    case DS_CHANGE_DAY:
        return january + change->day;
    case DS_CHANGE_MONTH:
        break;
    }
    int64_t first = january + days_before_month(year, change->month);
    int32_t length =
        days_before_month(year, change->month + 1) - days_before_month(year, change->month);
    int64_t day = first + (change->day - weekday(first) + 7) % 7 + 7 * (change->week - 1);
    return day < first + length ? day : day - 7;
}

static int64_t change_at_s(const struct ds_timezone_change *change, int64_t year, int32_t before_s)
{
    return change_day(change, year) * DAY_S + change->time_s - before_s;
}

int32_t ds_timezone_rule_offset_s(const struct ds_timezone_rule *rule, int64_t at_s)
{
    if (!rule->has_summer)
        return rule->standard_s;
    int64_t year = year_of(at_s + rule->standard_s);
    int64_t begins = change_at_s(&rule->begins, year, rule->standard_s);
    int64_t ends = change_at_s(&rule->ends, year, rule->summer_s);
    bool summer = begins < ends ? at_s >= begins && at_s < ends : at_s < ends || at_s >= begins;
    return summer ? rule->summer_s : rule->standard_s;
}
