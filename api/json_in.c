#include "api/json_in.h"

#include "base/money.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

static bool check_shape(const json_t *json, int depth, const char **why_out)
{
    if (depth > DS_JSON_MAX_DEPTH) {
        *why_out = "nested too deeply";
        return false;
    }
    if (json_is_object(json)) {
        if (json_object_size(json) > DS_JSON_MAX_KEYS) {
            *why_out = "an object has too many keys";
            return false;
        }
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)json, key, value)
        {
            if (!check_shape(value, depth + 1, why_out))
                return false;
        }
    }
    size_t i;
    json_t *item;
    json_array_foreach(json, i, item)
    {
        if (!check_shape(item, depth + 1, why_out))
            return false;
    }
    return true;
}

bool ds_json_parse(ds_str_t body, json_t **json_out, char *why_buffer, size_t why_bytes)
{
    json_error_t wrong;
    const char *why = NULL;
    json_t *json =
        json_loadb(body.data == NULL ? "" : body.data, body.len, JSON_REJECT_DUPLICATES, &wrong);
    *json_out = NULL;
    if (json == NULL) {
        /* The text of the error may quote the body: only the place is told. */
        (void)snprintf(why_buffer, why_bytes, "not valid JSON at line %d, column %d", wrong.line,
                       wrong.column);
        return false;
    }
    if (!json_is_object(json))
        why = "the body must be a JSON object";
    else if (check_shape(json, 1, &why))
        why = NULL;
    if (why != NULL) {
        (void)snprintf(why_buffer, why_bytes, "%s", why);
        json_decref(json);
        return false;
    }
    *json_out = json;
    return true;
}

static bool luhn(const char *digits, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned digit = (unsigned)(digits[count - 1 - i] - '0');
        if (i % 2 == 1)
            digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
        sum += digit;
    }
    return sum % 10 == 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum { CARD_MIN = 13, CARD_MAX = 19 };

/* Digits in groups, from the start of a group on, until they end or are too many for a card. */
struct digits {
    char text[CARD_MAX + 1];
    size_t count;
    size_t groups[CARD_MAX + 1]; /* digits of each */
    size_t group_count;
    bool loose; /* with more between two groups than one blank or dash */
};

/* What stands between two groups: a blank or a dash; or a dot, a blank that does not break, two of
 * them. @return its bytes; 0: the run ends. */
static size_t between_groups(ds_str_t text, size_t at, bool *loose)
{
    size_t from = at;
    for (int i = 0; i < 2 && at < text.len && !is_digit(text.data[at]); i++) {
        bool nbsp = at + 1 < text.len && memcmp(text.data + at, "\xc2\xa0", 2) == 0;
        if (!nbsp && strchr(" -.", text.data[at]) == NULL)
            return 0;
        *loose = *loose || nbsp || i > 0 || text.data[at] == '.';
        at += nbsp ? 2 : 1;
    }
    return at < text.len && is_digit(text.data[at]) ? at - from : 0;
}

static void take_digits(ds_str_t text, size_t at, struct digits *out)
{
    *out = (struct digits){.group_count = 1};
    while (at < text.len && out->count <= CARD_MAX) {
        if (is_digit(text.data[at])) {
            out->text[out->count++] = text.data[at++];
            out->groups[out->group_count - 1]++;
            continue;
        }
        size_t gap = text.data[at] == '\0' ? 0 : between_groups(text, at, &out->loose);
        if (gap == 0)
            return;
        at += gap;
        out->group_count++;
    }
}

static bool is_card(const struct digits *digits, size_t count)
{
    return count >= CARD_MIN && count <= CARD_MAX && luhn(digits->text, count);
}

/* As printed on cards: 4-4-4-x, or 4-6-x. @return its digits; 0: not so. */
static size_t printed_digits(const struct digits *digits)
{
    const size_t *groups = digits->groups;
    if (digits->group_count >= 4 && groups[0] == 4 && groups[1] == 4 && groups[2] == 4)
        return 12 + groups[3];
    if (digits->group_count >= 3 && groups[0] == 4 && groups[1] == 6)
        return 10 + groups[2];
    return 0;
}

/* @param first whether the group begins the run. An expiry or a house number may stand beside the
 * number, so whole groups are looked at, not the run alone. */
static bool begins_card(ds_str_t text, size_t at, bool first)
{
    struct digits digits;
    take_digits(text, at, &digits);
    /* A telephone number with its country code (at most 15 digits) is none. */
    bool phone = first && at > 0 && text.data[at - 1] == '+' && digits.count <= 15;
    if (phone || digits.text[0] < '2' || digits.text[0] > '6')
        return false;
    return is_card(&digits, digits.groups[0]) || is_card(&digits, printed_digits(&digits)) ||
           (first && !digits.loose && is_card(&digits, digits.count));
}

bool ds_text_has_card_number(ds_str_t text)
{
    bool first = true;
    for (size_t i = 0; i < text.len; i++) {
        bool loose = false;
        if (!is_digit(text.data[i]))
            continue;
        if (begins_card(text, i, first))
            return true;
        while (i < text.len && is_digit(text.data[i]))
            i++;
        size_t gap = i < text.len && text.data[i] != '\0' ? between_groups(text, i, &loose) : 0;
        first = gap == 0;
        i += gap > 0 ? gap - 1 : 0;
    }
    return false;
}

/* Ids are chosen by shops and may be bar codes, of which one in ten passes the Luhn check. */
static bool is_id_key(const char *key)
{
    size_t len = strlen(key);
    return len >= 2 && strcmp(key + len - 2, "Id") == 0;
}

bool ds_json_has_card_number(const json_t *json)
{
    if (json_is_string(json))
        return ds_text_has_card_number(
            (ds_str_t){json_string_value(json), (uint32_t)json_string_length(json)});
    if (json_is_integer(json)) {
        char text[32];
        (void)snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
        return ds_text_has_card_number(ds_str(text));
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)json, key, value)
    {
        if (!is_id_key(key) && ds_json_has_card_number(value))
            return true;
    }
    size_t i;
    json_array_foreach(json, i, value)
    {
        if (ds_json_has_card_number(value))
            return true;
    }
    return false;
}

void ds_fields_init(struct ds_fields *fields, const json_t *object, const char *path,
                    struct ds_problems *problems)
{
    *fields = (struct ds_fields){.object = object, .problems = problems};
    (void)snprintf(fields->path, sizeof fields->path, "%s", path);
}

static void path_of(const struct ds_fields *fields, const char *name,
                    char path_out[DS_FIELD_PATH_BYTES])
{
    (void)snprintf(path_out, DS_FIELD_PATH_BYTES, "%.60s%s%.32s", fields->path,
                   fields->path[0] == '\0' ? "" : ".", name);
}

void ds_fields_problem(const struct ds_fields *fields, const char *name, const char *code,
                       const char *message)
{
    char path[DS_FIELD_PATH_BYTES];
    path_of(fields, name, path);
    ds_problem(fields->problems, path, code, "%s", message);
}

static bool was_asked(const struct ds_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->asked_count; i++)
        if (strcmp(fields->asked[i], name) == 0)
            return true;
    return false;
}

void ds_fields_end(const struct ds_fields *fields)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)fields->object, key, value)
    {
        (void)value;
        if (was_asked(fields, key))
            continue;
        /* The name is the client's: shown as far as it can be shown. */
        char shown[33];
        ds_str_t cut = ds_utf8_cut(ds_str(key), 32);
        (void)ds_str_to_array(cut, shown, sizeof shown);
        ds_fields_problem(fields, shown, "unknown", "this field is not known here");
    }
}

static const json_t *take(struct ds_fields *fields, const char *name, bool required)
{
    if (!was_asked(fields, name) && fields->asked_count < DS_FIELDS_MAX)
        fields->asked[fields->asked_count++] = name;
    if (fields->object == NULL)
        return NULL;
    const json_t *value = json_object_get(fields->object, name);
    if (value != NULL && !json_is_null(value))
        return value;
    if (required)
        ds_fields_problem(fields, name, "required", "this field is required");
    return NULL;
}

bool ds_fields_has(struct ds_fields *fields, const char *name)
{
    return take(fields, name, false) != NULL;
}

static bool has_control(ds_str_t text)
{
    for (uint32_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c == 0x7f)
            return true;
        if (c == 0xc2 && i + 1 < text.len && (unsigned char)text.data[i + 1] < 0xa0)
            return true; /* U+0080 to U+009F */
    }
    return false;
}

bool ds_field_text(struct ds_fields *fields, const char *name, bool required, size_t min_chars,
                   size_t max_chars, ds_str_t *value_out)
{
    const json_t *value = take(fields, name, required);
    char message[64];
    *value_out = (ds_str_t){0};
    if (value == NULL)
        return false;
    if (!json_is_string(value)) {
        ds_fields_problem(fields, name, "wrong_type", "must be a text");
        return false;
    }
    ds_str_t text = {json_string_value(value), (uint32_t)json_string_length(value)};
    size_t chars = ds_utf8_length(text);
    if (chars < min_chars || chars > max_chars) {
        (void)snprintf(message, sizeof message, "must have %zu to %zu characters", min_chars,
                       max_chars);
        ds_fields_problem(fields, name, chars < min_chars ? "too_short" : "too_long", message);
        return false;
    }
    if (has_control(text)) {
        ds_fields_problem(fields, name, "control_character", "must not hold control characters");
        return false;
    }
    *value_out = text;
    return true;
}

bool ds_field_int(struct ds_fields *fields, const char *name, bool required, int64_t min,
                  int64_t max, int64_t *value_out)
{
    const json_t *value = take(fields, name, required);
    char message[80];
    *value_out = 0;
    if (value == NULL)
        return false;
    if (!json_is_integer(value)) {
        ds_fields_problem(fields, name, "wrong_type", "must be an integer");
        return false;
    }
    if (json_integer_value(value) < min || json_integer_value(value) > max) {
        (void)snprintf(message, sizeof message, "must be from %lld to %lld", (long long)min,
                       (long long)max);
        ds_fields_problem(fields, name, "out_of_range", message);
        return false;
    }
    *value_out = json_integer_value(value);
    return true;
}

bool ds_field_number(struct ds_fields *fields, const char *name, bool required, double min,
                     double max, double *value_out)
{
    const json_t *value = take(fields, name, required);
    char message[80];
    *value_out = 0;
    if (value == NULL)
        return false;
    if (!json_is_number(value)) {
        ds_fields_problem(fields, name, "wrong_type", "must be a number");
        return false;
    }
    double number = json_number_value(value);
    if (!(number >= min && number <= max)) {
        (void)snprintf(message, sizeof message, "must be from %g to %g", min, max);
        ds_fields_problem(fields, name, "out_of_range", message);
        return false;
    }
    *value_out = number;
    return true;
}

bool ds_field_bool(struct ds_fields *fields, const char *name, bool required, bool *value_out)
{
    const json_t *value = take(fields, name, required);
    *value_out = false;
    if (value == NULL)
        return false;
    if (!json_is_boolean(value)) {
        ds_fields_problem(fields, name, "wrong_type", "must be true or false");
        return false;
    }
    *value_out = json_is_true(value);
    return true;
}

bool ds_field_object(struct ds_fields *fields, const char *name, bool required,
                     struct ds_fields *child_out)
{
    const json_t *value = take(fields, name, required);
    char path[DS_FIELD_PATH_BYTES];
    path_of(fields, name, path);
    ds_fields_init(child_out, NULL, path, fields->problems);
    if (value == NULL)
        return false;
    if (!json_is_object(value)) {
        ds_fields_problem(fields, name, "wrong_type", "must be an object");
        return false;
    }
    child_out->object = value;
    return true;
}

bool ds_field_array(struct ds_fields *fields, const char *name, bool required, size_t min_items,
                    size_t max_items, const json_t **array_out)
{
    const json_t *value = take(fields, name, required);
    char message[64];
    *array_out = NULL;
    if (value == NULL)
        return false;
    if (!json_is_array(value)) {
        ds_fields_problem(fields, name, "wrong_type", "must be a list");
        return false;
    }
    size_t count = json_array_size(value);
    if (count < min_items || count > max_items) {
        (void)snprintf(message, sizeof message, "must have %zu to %zu items", min_items, max_items);
        ds_fields_problem(fields, name, count < min_items ? "too_few" : "too_many", message);
        return false;
    }
    *array_out = value;
    return true;
}

bool ds_field_item(const struct ds_fields *fields, const char *name, const json_t *array, size_t i,
                   struct ds_fields *child_out)
{
    char path[DS_FIELD_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%.40s%s%.24s[%zu]", fields->path,
                   fields->path[0] == '\0' ? "" : ".", name, i);
    const json_t *item = json_array_get(array, i);
    ds_fields_init(child_out, NULL, path, fields->problems);
    if (!json_is_object(item)) {
        ds_problem(fields->problems, path, "wrong_type", "must be an object");
        return false;
    }
    child_out->object = item;
    return true;
}

bool ds_field_money(struct ds_fields *fields, const char *name, bool required, int64_t min,
                    int64_t *amount_minor_out, ds_str_t *currency_out)
{
    struct ds_fields money;
    *amount_minor_out = 0;
    *currency_out = (ds_str_t){0};
    if (!ds_field_object(fields, name, required, &money))
        return false;
    bool amount_ok =
        ds_field_int(&money, "amount", true, min, INT64_C(1000000000000), amount_minor_out);
    bool currency_ok = ds_field_text(&money, "currency", true, 3, 3, currency_out);
    if (currency_ok && !ds_currency_valid(*currency_out)) {
        ds_fields_problem(&money, "currency", "invalid", "must be an ISO 4217 code such as EUR");
        currency_ok = false;
    }
    ds_fields_end(&money);
    return amount_ok && currency_ok;
}

bool ds_field_place(struct ds_fields *fields, const char *name, bool required, int32_t *lat_e6_out,
                    int32_t *lng_e6_out)
{
    struct ds_fields place;
    double lat;
    double lng;
    *lat_e6_out = *lng_e6_out = 0;
    if (!ds_field_object(fields, name, required, &place))
        return false;
    bool lat_ok = ds_field_number(&place, "lat", true, -90, 90, &lat);
    bool lng_ok = ds_field_number(&place, "lng", true, -180, 180, &lng);
    ds_fields_end(&place);
    if (!lat_ok || !lng_ok)
        return false;
    *lat_e6_out = (int32_t)lround(lat * 1e6);
    *lng_e6_out = (int32_t)lround(lng * 1e6);
    return true;
}
