/* api/json_in.h - JSON bodies: parsed with limits, read field by field, unknown fields refused.
 *
 * A reader (struct ds_fields) stands on one JSON object and remembers which fields were asked for;
 * ds_fields_end reports the others. Every wrong field becomes a problem with its path
 * ("lines[0].quantity"). Texts that are handed out point into the JSON tree. Threads: one body, one
 * thread. */
#ifndef DS_API_JSON_IN_H
#define DS_API_JSON_IN_H

#include "api/problems.h"

#define DS_JSON_MAX_DEPTH   16
#define DS_JSON_MAX_KEYS    64
#define DS_FIELD_PATH_BYTES 96
#define DS_FIELDS_MAX       24

struct ds_fields {
    const json_t *object; /* borrowed; NULL: every field is absent and nothing is reported */
    struct ds_problems *problems;
    char path[DS_FIELD_PATH_BYTES]; /* "" at the top */
    const char *asked[DS_FIELDS_MAX];
    size_t asked_count;
};

/** @brief Parse one JSON object. @param json_out owned by the caller; NULL on failure. @param
 * why_out a literal or a text in `why_buffer`. Refused: not an object, repeated keys, deeper than
 * 16, more than 64 keys in an object. */
DS_MUST_CHECK bool ds_json_parse(ds_str_t body, json_t **json_out, char *why_buffer,
                                 size_t why_bytes);
/** @brief True when a text in the tree looks like a card number (ids apart). */
bool ds_json_has_card_number(const json_t *json);
/** @brief 13 to 19 digits, single spaces or dashes between them, that begin with 2-6 and pass the
 * Luhn check. */
bool ds_text_has_card_number(ds_str_t text);

void ds_fields_init(struct ds_fields *fields, const json_t *object, const char *path,
                    struct ds_problems *problems);
/** @brief Report every field that was not asked for. */
void ds_fields_end(const struct ds_fields *fields);
/** @brief Note a problem at a field of this object. */
void ds_fields_problem(const struct ds_fields *fields, const char *name, const char *code,
                       const char *message);
bool ds_fields_has(struct ds_fields *fields, const char *name);

/* Each returns true when the field is there and right; absent and not required, or null, is false
 * without a problem. Lengths are in characters. */
bool ds_field_text(struct ds_fields *fields, const char *name, bool required, size_t min_chars,
                   size_t max_chars, ds_str_t *value_out);
bool ds_field_int(struct ds_fields *fields, const char *name, bool required, int64_t min,
                  int64_t max, int64_t *value_out);
bool ds_field_number(struct ds_fields *fields, const char *name, bool required, double min,
                     double max, double *value_out);
bool ds_field_bool(struct ds_fields *fields, const char *name, bool required, bool *value_out);
bool ds_field_object(struct ds_fields *fields, const char *name, bool required,
                     struct ds_fields *child_out);
bool ds_field_array(struct ds_fields *fields, const char *name, bool required, size_t min_items,
                    size_t max_items, const json_t **array_out);
/** @brief The i-th item of an array as an object; a problem when it is none. */
bool ds_field_item(const struct ds_fields *fields, const char *name, const json_t *array, size_t i,
                   struct ds_fields *child_out);

/** @brief {"amount": 2999, "currency": "EUR"}. */
bool ds_field_money(struct ds_fields *fields, const char *name, bool required, int64_t min,
                    int64_t *amount_minor_out, ds_str_t *currency_out);
/** @brief {"lat": 52.5, "lng": 13.4}, in millionths of a degree. */
bool ds_field_place(struct ds_fields *fields, const char *name, bool required, int32_t *lat_e6_out,
                    int32_t *lng_e6_out);

#endif
