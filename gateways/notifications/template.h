/* gateways/notifications/template.h - a text with places to be filled: {{name}}, {{name|instead}}.
 *
 * `instead` stands where the value is empty. There is nothing else: no conditions, no loops, no
 * code. What a value may do in the text is a matter of the format:
 *
 *   SUBJECT  one line; control characters of a value become spaces
 *   TEXT     lines that end with LF; control characters of a value become spaces: a value never
 *            begins a line
 *   JSON     values are escaped as the inside of a JSON string; the whole was parsed once when the
 *            template was read, so it is JSON whatever the values are
 *
 * A template is constant once it is parsed: any thread may fill it. */
#ifndef DS_GATEWAYS_NOTIFICATIONS_TEMPLATE_H
#define DS_GATEWAYS_NOTIFICATIONS_TEMPLATE_H

#include "base/buf.h"

enum ds_template_format { DS_FORMAT_SUBJECT, DS_FORMAT_TEXT, DS_FORMAT_JSON };

typedef struct ds_template ds_template_t;

/** @brief Parse.
 *  @param text   copied; at most DS_MAX_TEMPLATE_BYTES.
 *  @param file   how messages call it.
 *  @param names  what may stand in braces; ends with NULL; borrowed for the call.
 *  @param error  INVALID: "FILE:LINE: what is wrong". MEMORY. */
DS_MUST_CHECK bool ds_template_parse(ds_str_t text, const char *file,
                                     enum ds_template_format format, const char *const *names,
                                     ds_template_t **template_out, ds_error_t *error);
/** @brief NULL is fine. */
void ds_template_destroy(ds_template_t *template);
/** @brief Append the filled text. @param values  by the index of `names`. LIMIT, MEMORY. */
DS_MUST_CHECK bool ds_template_fill(const ds_template_t *template, const ds_str_t *values,
                                    ds_buf_t *out, ds_error_t *error);

#endif
