/* base/timezone_rule.h - the rule of a time zone for the years beyond its table: the footer of a
 * TZif file, a POSIX TZ string. Pure, any thread. */
#ifndef DS_BASE_TIMEZONE_RULE_H
#define DS_BASE_TIMEZONE_RULE_H

#include "base/str.h"

/** When a year's change is. */
struct ds_timezone_change {
    enum { DS_CHANGE_MONTH, DS_CHANGE_JULIAN, DS_CHANGE_DAY } form;
    int32_t month;  /* M: 1-12 */
    int32_t week;   /* M: 1-5, 5 the last */
    int32_t day;    /* M: 0 Sunday to 6; J: 1-365 without a leap day; else 0-365 */
    int32_t time_s; /* of that day, by the clock before the change */
};

struct ds_timezone_rule {
    int32_t standard_s; /* to add to UTC */
    bool has_summer;
    int32_t summer_s;
    struct ds_timezone_change begins; /* summer does */
    struct ds_timezone_change ends;
};

/** @brief false: not such a string. */
bool ds_timezone_rule_parse(ds_str_t text, struct ds_timezone_rule *rule_out);
/** @brief Seconds to add to UTC at a time. */
int32_t ds_timezone_rule_offset_s(const struct ds_timezone_rule *rule, int64_t at_s);

#endif
