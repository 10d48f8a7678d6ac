/* schemas/compiler/canon.c - Parsing Canonical Form (Avro 1.11 specification): what the fingerprint
 * is of. */
#include "canon.h"

#include "schemas/crc64.h"

#include <string.h>

struct canon {
    ds_buf_t *out;
    const struct type *written[MODEL_MAX_TYPES];
    size_t count;
    ds_error_t *error;
};

static bool write_type(struct canon *c, const struct type *type);

static bool quoted(struct canon *c, const char *text)
{
    return ds_buf_append_char(c->out, '"', c->error) &&
           ds_buf_append_text(c->out, text, c->error) && ds_buf_append_char(c->out, '"', c->error);
}

static bool plain(struct canon *c, const char *text)
{
    return ds_buf_append_text(c->out, text, c->error);
}

static bool write_fields(struct canon *c, const struct type *type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (!plain(c, i == 0 ? "{\"name\":" : ",{\"name\":") || !quoted(c, type->fields[i].name) ||
            !plain(c, ",\"type\":") || !write_type(c, type->fields[i].type) || !plain(c, "}"))
            return false;
    }
    return true;
}

static bool write_symbols(struct canon *c, const struct type *type)
{
    for (size_t i = 0; i < type->symbols.count; i++) {
        if ((i > 0 && !plain(c, ",")) || !quoted(c, type->symbols.items[i]))
            return false;
    }
    return true;
}

static bool write_named(struct canon *c, const struct type *type)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->written[i] == type)
            return quoted(c, type->full);
    }
    c->written[c->count++] = type;
    if (!plain(c, "{\"name\":") || !quoted(c, type->full))
        return false;
    if (type->kind == T_RECORD)
        return plain(c, ",\"type\":\"record\",\"fields\":[") && write_fields(c, type) &&
               plain(c, "]}");
    if (type->kind == T_ENUM)
        return plain(c, ",\"type\":\"enum\",\"symbols\":[") && write_symbols(c, type) &&
               plain(c, "]}");
    return ds_buf_printf(c->out, c->error, ",\"type\":\"fixed\",\"size\":%zu}", type->fixed_bytes);
}

static bool write_type(struct canon *c, const struct type *type)
{
    if (type_is_named(type))
        return write_named(c, type);
    if (type->kind == T_ARRAY)
        return plain(c, "{\"type\":\"array\",\"items\":") && write_type(c, type->items) &&
               plain(c, "}");
    if (type->kind != T_UNION)
        return quoted(c, type_label(type));
    for (size_t i = 0; i < type->branch_count; i++) {
        if (!plain(c, i == 0 ? "[" : ",") || !write_type(c, type->branches[i]))
            return false;
    }
    return plain(c, "]");
}

bool canon_write(const struct type *type, ds_buf_t *out, ds_error_t *error)
{
    struct canon c = {.out = out, .count = 0, .error = error};
    return write_type(&c, type);
}

bool canon_fingerprint(const struct type *type, uint64_t *fingerprint_out, ds_error_t *error)
{
    ds_buf_t text;
    ds_buf_init(&text, MODEL_MAX_FILE_BYTES);
    bool ok = canon_write(type, &text, error);
    *fingerprint_out = ok ? ds_crc64_avro(ds_buf_bytes(&text)) : 0;
    ds_buf_cleanup(&text);
    return ok;
}
