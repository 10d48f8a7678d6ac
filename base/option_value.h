/* base/option_value.h - reading and showing one value of an option; used by options.c and
 * options_help.c. */
#ifndef DS_BASE_OPTION_VALUE_H
#define DS_BASE_OPTION_VALUE_H

#include "base/options.h"

#define DS_DURATION_TEXT_BYTES 32
#define DS_OPTION_RANGE_BYTES  72

/** @brief "250ms", "5s", "15m", "3h", "2d" (and "us"); no sign, no fraction. @return false on
 * anything else. */
DS_MUST_CHECK bool ds_duration_parse(const char *text, int64_t *us_out);
/** @brief The same the other way, in the largest unit that leaves no rest. */
void ds_duration_text(int64_t us, char text_out[DS_DURATION_TEXT_BYTES]);
/** @brief "0", "1", "true" or "false". */
DS_MUST_CHECK bool ds_bool_parse(const char *text, bool *value_out);
/** @brief "TEXT", "INT", "BOOL", "DURATION". */
const char *ds_option_type_text(enum ds_option_type type);
/** @brief True when min and max mean something: numbers whose bounds are not both 0. */
bool ds_option_has_range(const struct ds_option *option);
/** @brief "1 to 65535", "100ms to 1m". @return false, and an empty text, for an option without a
 * range. */
bool ds_option_range_text(const struct ds_option *option, char text_out[DS_OPTION_RANGE_BYTES]);

#endif
