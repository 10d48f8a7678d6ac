#include "base/option_value.h"

#include <inttypes.h>
#include <stdio.h>

static const struct unit {
    const char *name;
    int64_t us;
} UNITS[] = {
    {"us", 1},
    {"ms", 1000},
    {"s", 1000000},
    {"m", INT64_C(60) * 1000000},
    {"h", INT64_C(3600) * 1000000},
    {"d", INT64_C(86400) * 1000000},
};
#define UNIT_COUNT (sizeof UNITS / sizeof *UNITS)

bool ds_duration_parse(const char *text, int64_t *us_out)
{
    *us_out = 0;
    ds_str_t number = {text, (uint32_t)strspn(text, "0123456789")};
    int64_t count, us;
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (strcmp(text + number.len, UNITS[i].name) != 0)
            continue;
        if (!ds_str_to_i64(number, &count) || __builtin_mul_overflow(count, UNITS[i].us, &us))
            return false;
        *us_out = us;
        return true;
    }
    return false;
}

void ds_duration_text(int64_t us, char text_out[DS_DURATION_TEXT_BYTES])
{
    size_t i = UNIT_COUNT - 1;
    while (us % UNITS[i].us != 0) /* ends at the first unit, 1 us */
        i--;
    (void)snprintf(text_out, DS_DURATION_TEXT_BYTES, "%" PRId64 "%s", us / UNITS[i].us,
                   us == 0 ? "s" : UNITS[i].name);
}

bool ds_bool_parse(const char *text, bool *value_out)
{
    *value_out = strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
    return *value_out || strcmp(text, "0") == 0 || strcmp(text, "false") == 0;
}

const char *ds_option_type_text(enum ds_option_type type)
{
    switch (type) {
    case DS_OPT_TEXT:
        return "TEXT";
    case DS_OPT_INT:
        return "INT";
    case DS_OPT_BOOL:
        return "BOOL";
    case DS_OPT_DURATION:
        return "DURATION";
    }
    return "?";
}

bool ds_option_has_range(const struct ds_option *option)
{
    return (option->type == DS_OPT_INT || option->type == DS_OPT_DURATION) &&
           (option->min != 0 || option->max != 0);
}

static void bound_text(const struct ds_option *option, int64_t bound,
                       char text_out[DS_DURATION_TEXT_BYTES])
{
    if (option->type == DS_OPT_DURATION)
        ds_duration_text(bound, text_out);
    else
        (void)snprintf(text_out, DS_DURATION_TEXT_BYTES, "%" PRId64, bound);
}

bool ds_option_range_text(const struct ds_option *option, char text_out[DS_OPTION_RANGE_BYTES])
{
    text_out[0] = '\0';
    if (!ds_option_has_range(option))
        return false;
    char least[DS_DURATION_TEXT_BYTES], most[DS_DURATION_TEXT_BYTES];
    bound_text(option, option->min, least);
    bound_text(option, option->max, most);
    (void)snprintf(text_out, DS_OPTION_RANGE_BYTES, "%s to %s", least, most);
    return true;
}
