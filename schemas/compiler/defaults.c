/* schemas/compiler/defaults.c - whether a default is a value of its type. */
#include "model.h"

#include <string.h>

static bool refuse_default(const char *path, const struct type *type, ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID, "%s is no %s", path,
                        type_label(type));
}

/* Bytes are written as a text whose code points 0-255 are the bytes. */
static bool is_bytes(const json_t *value, size_t wanted)
{
    size_t count = 0;
    const char *text = json_string_value(value);
    if (text == NULL)
        return false;
    size_t len = json_string_length(value);
    for (size_t i = 0; i < len; count++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80 && c != 0xC2 && c != 0xC3)
            return false;
        i += c >= 0x80 ? 2 : 1;
    }
    return wanted == 0 || count == wanted;
}

static bool is_symbol(const struct type *type, const json_t *value)
{
    const char *text = json_string_value(value);
    for (size_t i = 0; text != NULL && i < type->symbols.count; i++) {
        if (strcmp(type->symbols.items[i], text) == 0)
            return true;
    }
    return false;
}

static bool check_record(const struct type *type, const json_t *value, const char *path,
                         ds_error_t *error)
{
    if (!json_is_object(value))
        return refuse_default(path, type, error);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        const json_t *member = json_object_get(value, field->name);
        if (member == NULL && field->fallback != NULL)
            continue;
        if (member == NULL)
            return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID, "%s lacks %s", path,
                                field->name);
        if (!check_default(field->type, member, path, error))
            return false;
    }
    return true;
}

bool check_default(const struct type *type, const json_t *value, const char *path,
                   ds_error_t *error)
{
    bool ok = false;
    switch (type->kind) {
    case T_NULL:
        ok = json_is_null(value);
        break;
    case T_BOOLEAN:
        ok = json_is_boolean(value);
        break;
    case T_INT:
        ok = json_is_integer(value) && json_integer_value(value) >= INT32_MIN &&
             json_integer_value(value) <= INT32_MAX;
        break;
    case T_LONG:
        ok = json_is_integer(value);
        break;
    case T_FLOAT:
    case T_DOUBLE:
        ok = json_is_number(value);
        break;
    case T_STRING:
        ok = json_is_string(value);
        break;
    case T_BYTES:
        ok = is_bytes(value, 0);
        break;
    case T_FIXED:
        ok = is_bytes(value, type->fixed_bytes);
        break;
    case T_ENUM:
        ok = is_symbol(type, value);
        break;
    case T_ARRAY:
        ok = json_is_array(value);
        for (size_t i = 0; ok && i < json_array_size(value); i++) {
            if (!check_default(type->items, json_array_get(value, i), path, error))
                return false;
        }
        break;
    case T_RECORD:
        return check_record(type, value, path, error);
    case T_UNION:
        return check_default(type->branches[0], value, path, error);
    }
    return ok || refuse_default(path, type, error);
}
