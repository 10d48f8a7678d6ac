/* schemas/compiler/gen_decode.c - get_x(): the bytes of a writer's type become the struct of the
 * reader's.
 *
 * Every pair (writer type, reader type) that a topic's record needs is one function, written before
 * those that call it. For the current version writer and reader are the same nodes. resolve_check()
 * has passed, so nothing here can be unreadable; what a value may still hold (an enum symbol
 * without a counterpart) is checked at run time. */
#include "gen_decode.h"

#include "resolve.h"

#include <string.h>

/* What a value is decoded into: a C lvalue, and for an optional field the member that says it is
 * there. */
struct slot {
    const struct type *type;
    const char *lv;
    const char *has;  /* NULL: not an optional field */
    const char *fail; /* the expression to return on failure */
};

struct pair {
    const struct type *writer;
    const struct type *reader;
    const char *function;
};

struct decoder {
    struct gen *gen;
    const char *prefix;
    struct pair pairs[MODEL_MAX_TYPES];
    size_t count;
    unsigned serial; /* makes local names differ */
};

static void get_value(struct decoder *d, const struct type *writer, const struct slot *slot);
static void skip_value(struct decoder *d, const struct type *writer, const char *fail);

static const char *function_of(struct decoder *d, const struct type *writer,
                               const struct type *reader)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct pair *pair = &d->pairs[i];
        bool same_reader =
            pair->reader == reader || (pair->reader->kind == reader->kind &&
                                       strcmp(pair->reader->c_name, reader->c_name) == 0);
        /* Two unnamed writer types may have one C name and still differ, but not when they are the
         * reader's own. */
        bool same_writer =
            pair->writer == writer || (pair->writer == pair->reader && writer == reader);
        if (same_reader && same_writer)
            return pair->function;
    }
    return NULL;
}

static void check_null(struct decoder *d, const char *fail)
{
    emit(d->gen, "    if (p == NULL)\n        return %s;\n", fail);
}

static void clear(struct decoder *d, const char *lv)
{
    emit(d->gen, "    memset(&%s, 0, sizeof(%s));\n", lv, lv);
}

static const char *scalar_name(enum type_kind kind)
{
    static const char *const names[] = {"",      "bool",   "int",    "long",
                                        "float", "double", "string", "bytes"};
    return names[kind];
}

static void get_promoted(struct decoder *d, const struct type *writer, const struct slot *slot)
{
    struct gen *gen = d->gen;
    unsigned n = d->serial++;
    if (writer->kind == T_BYTES || writer->kind == T_STRING) { /* the same bytes */
        emit(gen, "    p = ds_avro_get_%s(r, p, &%s);\n", scalar_name(slot->type->kind), slot->lv);
        check_null(d, slot->fail);
        return;
    }
    emit(gen, "    %s x%u = 0;\n    p = ds_avro_get_%s(r, p, &x%u);\n", c_type(gen->model, writer),
         n, scalar_name(writer->kind), n);
    check_null(d, slot->fail);
    emit(gen, "    %s = (%s)x%u;\n", slot->lv, c_type(gen->model, slot->type), n);
}

static bool same_symbols(const struct type *a, const struct type *b)
{
    if (a->symbols.count != b->symbols.count)
        return false;
    for (size_t i = 0; i < a->symbols.count; i++) {
        if (strcmp(a->symbols.items[i], b->symbols.items[i]) != 0)
            return false;
    }
    return true;
}

static void get_enum(struct decoder *d, const struct type *writer, const struct slot *slot)
{
    struct gen *gen = d->gen;
    unsigned n = d->serial++;
    emit(gen, "    int32_t e%u = 0;\n", n);
    emit(gen, "    p = ds_avro_get_index(r, p, %zu, \"no such symbol\", &e%u);\n",
         writer->symbols.count, n);
    check_null(d, slot->fail);
    if (!same_symbols(writer, slot->type)) {
        emit(gen, "    static const int32_t map%u[] = {", n);
        for (size_t i = 0; i < writer->symbols.count; i++)
            emit(gen, "%s%d", i == 0 ? "" : ", ",
                 resolve_symbol(slot->type, writer->symbols.items[i]));
        emit(gen, "};\n    e%u = map%u[e%u];\n", n, n, n);
    }
    emit(gen, "    %s = (enum ds_%s)e%u;\n", slot->lv, slot->type->c_name, n);
}

static void get_union(struct decoder *d, const struct type *writer, const struct slot *slot)
{
    struct gen *gen = d->gen;
    unsigned n = d->serial++;
    emit(gen, "    int32_t k%u = 0;\n", n);
    emit(gen, "    p = ds_avro_get_index(r, p, %zu, \"no such union branch\", &k%u);\n",
         writer->branch_count, n);
    check_null(d, slot->fail);
    emit(gen, "    switch (k%u) {\n", n);
    for (size_t i = 0; i < writer->branch_count; i++) {
        emit(gen, "    case %zu: {\n", i);
        get_value(d, writer->branches[i], slot);
        emit(gen, "    break;\n    }\n");
    }
    emit(gen, "    default:\n        break;\n    }\n");
}

static void get_optional(struct decoder *d, const struct type *writer, const struct slot *slot)
{
    struct type *value = NULL;
    if (!type_is_optional(slot->type, &value, NULL))
        return;
    if (writer->kind == T_NULL) {
        emit(d->gen, "    %s = false;\n", slot->has);
        clear(d, slot->lv);
        return;
    }
    emit(d->gen, "    %s = true;\n", slot->has);
    struct slot inner = {value, slot->lv, NULL, slot->fail};
    get_value(d, writer, &inner);
}

static void get_branch(struct decoder *d, const struct type *writer, const struct slot *slot)
{
    struct model *model = d->gen->model;
    int index = resolve_branch(writer, slot->type);
    const struct type *branch = slot->type->branches[index];
    emit(d->gen, "    %s.kind = %d;\n", slot->lv, index);
    if (branch->kind == T_NULL)
        return;
    const char *name = type_is_named(branch) ? branch->name : type_label(branch);
    const char *fail = model_text(model, "(ds_avro_at(r, \"%s\"), %s)", name, slot->fail);
    struct slot inner = {branch, model_text(model, "%s.as.%s", slot->lv, branch_member(branch)),
                         NULL, fail};
    get_value(d, writer, &inner);
}

static void get_value(struct decoder *d, const struct type *writer, const struct slot *slot)
{
    struct gen *gen = d->gen;
    const char *function = NULL;
    if (slot->has == NULL && slot->type->kind >= T_ARRAY)
        function = function_of(d, writer, slot->type);
    if (function != NULL) {
        emit(gen, "    p = %s(r, p, &%s);\n", function, slot->lv);
        check_null(d, slot->fail);
    } else if (writer->kind == T_UNION) {
        get_union(d, writer, slot);
    } else if (slot->has != NULL) {
        get_optional(d, writer, slot);
    } else if (slot->type->kind == T_UNION) {
        get_branch(d, writer, slot);
    } else if (writer->kind == T_ENUM) {
        get_enum(d, writer, slot);
    } else if (writer->kind == T_FIXED) {
        emit(gen, "    p = ds_avro_get_raw(r, p, %s.bytes, %zu);\n", slot->lv, writer->fixed_bytes);
        check_null(d, slot->fail);
    } else if (writer->kind != slot->type->kind) {
        get_promoted(d, writer, slot);
    } else {
        emit(gen, "    p = ds_avro_get_%s(r, p, &%s);\n", scalar_name(writer->kind), slot->lv);
        check_null(d, slot->fail);
    }
}

/* ---- what today's struct has no place for ---- */

static void skip_array(struct decoder *d, const struct type *writer, const char *fail)
{
    struct gen *gen = d->gen;
    unsigned n = d->serial++;
    emit(gen, "    for (;;) {\n    size_t n%u = 0;\n    const uint8_t *end%u = NULL;\n", n, n);
    emit(gen, "    p = ds_avro_get_block(r, p, %zu, &n%u, &end%u);\n",
         type_least_bytes(writer->items), n, n);
    check_null(d, fail);
    emit(gen, "    if (n%u == 0)\n        break;\n", n);
    emit(gen, "    for (size_t i%u = 0; i%u < n%u; i%u++) {\n", n, n, n, n);
    skip_value(d, writer->items, fail);
    emit(gen, "    }\n    if (end%u != NULL && p != end%u) {\n", n, n);
    emit(gen, "        p = ds_avro_fail(r, p, DS_ERR_INVALID, \"array block of another size\");\n");
    emit(gen, "        return %s;\n    }\n    }\n", fail);
}

static void skip_value(struct decoder *d, const struct type *writer, const char *fail)
{
    struct gen *gen = d->gen;
    unsigned n = d->serial++;
    switch (writer->kind) {
    case T_NULL:
        return;
    case T_RECORD:
        for (size_t i = 0; i < writer->field_count; i++)
            skip_value(d, writer->fields[i].type, fail);
        return;
    case T_ARRAY:
        skip_array(d, writer, fail);
        return;
    case T_UNION:
        emit(gen,
             "    int32_t k%u = 0;\n    p = ds_avro_get_index(r, p, %zu, \"no such union "
             "branch\", &k%u);\n",
             n, writer->branch_count, n);
        check_null(d, fail);
        emit(gen, "    switch (k%u) {\n", n);
        for (size_t i = 0; i < writer->branch_count; i++) {
            emit(gen, "    case %zu: {\n", i);
            skip_value(d, writer->branches[i], fail);
            emit(gen, "    break;\n    }\n");
        }
        emit(gen, "    default:\n        break;\n    }\n");
        return;
    case T_ENUM:
        emit(gen,
             "    int32_t s%u = 0;\n    p = ds_avro_get_index(r, p, %zu, \"no such symbol\", "
             "&s%u);\n",
             n, writer->symbols.count, n);
        break;
    case T_FIXED:
        emit(gen, "    uint8_t s%u[%zu];\n    p = ds_avro_get_raw(r, p, s%u, sizeof(s%u));\n", n,
             writer->fixed_bytes, n, n);
        break;
    case T_BOOLEAN:
    case T_INT:
    case T_LONG:
    case T_FLOAT:
    case T_DOUBLE:
    case T_STRING:
    case T_BYTES:
        emit(gen, "    %s s%u;\n    p = ds_avro_get_%s(r, p, &s%u);\n", c_type(gen->model, writer),
             n, scalar_name(writer->kind), n);
        break;
    }
    check_null(d, fail);
}

/* ---- defaults ---- */

static void emit_bytes(struct gen *gen, const char *text, size_t len)
{
    emit(gen, "(const uint8_t *)\"");
    size_t count = 0;
    for (size_t i = 0; i < len; count++) {
        unsigned byte = (unsigned char)text[i];
        if (byte >= 0x80) /* U+0080 to U+00FF: two bytes of UTF-8 */
            byte = (byte & 0x03) << 6 | ((unsigned char)text[i + 1] & 0x3F);
        i += (unsigned char)text[i] >= 0x80 ? 2 : 1;
        emit(gen, "\\%03o", byte);
    }
    emit(gen, "\", %zu", count);
}

static void default_value(struct decoder *d, const struct slot *slot, const json_t *json);

static void default_array(struct decoder *d, const struct slot *slot, const json_t *json)
{
    struct gen *gen = d->gen;
    size_t count = json_array_size(json);
    unsigned n = d->serial++;
    emit(gen, "    %s.items = NULL;\n    %s.count = %zu;\n", slot->lv, slot->lv, count);
    if (count == 0)
        return;
    emit(gen,
         "    size_t room%u = 0;\n    %s.items = ds_avro_grow(r, NULL, 0, %zu, "
         "sizeof(*%s.items), &room%u);\n",
         n, slot->lv, count, slot->lv, n);
    emit(gen, "    if (%s.items == NULL)\n        return %s;\n", slot->lv, slot->fail);
    for (size_t i = 0; i < count; i++) {
        struct slot item = {slot->type->items, model_text(gen->model, "%s.items[%zu]", slot->lv, i),
                            NULL, slot->fail};
        default_value(d, &item, json_array_get(json, i));
    }
}

static void default_fields(struct decoder *d, const struct slot *slot, const json_t *json)
{
    struct model *model = d->gen->model;
    for (size_t i = 0; i < slot->type->field_count; i++) {
        const struct field *field = &slot->type->fields[i];
        const json_t *member = json_object_get(json, field->name);
        struct slot inner = {field->type, model_text(model, "%s.%s", slot->lv, field->name), NULL,
                             slot->fail};
        if (type_is_optional(field->type, NULL, NULL))
            inner.has = model_text(model, "%s.has_%s", slot->lv, field->name);
        default_value(d, &inner, member == NULL ? field->fallback : member);
    }
}

static void default_union(struct decoder *d, const struct slot *slot, const json_t *json)
{
    struct model *model = d->gen->model;
    const struct type *first = slot->type->branches[0];
    struct slot inner = {first, slot->lv, NULL, slot->fail};
    if (slot->has == NULL) {
        emit(d->gen, "    %s.kind = 0;\n", slot->lv);
        inner.lv = model_text(model, "%s.as.%s", slot->lv, branch_member(first));
        if (first->kind != T_NULL)
            default_value(d, &inner, json);
        return;
    }
    emit(d->gen, "    %s = %s;\n", slot->has, first->kind == T_NULL ? "false" : "true");
    if (first->kind == T_NULL)
        clear(d, slot->lv);
    else
        default_value(d, &inner, json);
}

static void default_value(struct decoder *d, const struct slot *slot, const json_t *json)
{
    struct gen *gen = d->gen;
    const char *lv = slot->lv;
    switch (slot->type->kind) {
    case T_NULL:
        break;
    case T_BOOLEAN:
        emit(gen, "    %s = %s;\n", lv, json_is_true(json) ? "true" : "false");
        break;
    case T_INT:
    case T_LONG:
        /* INT64_MIN has no literal of its own */
        emit(gen, "    %s = (%s)%lldLL%s;\n", lv, c_type(gen->model, slot->type),
             (long long)json_integer_value(json) + (json_integer_value(json) == INT64_MIN),
             json_integer_value(json) == INT64_MIN ? " - 1" : "");
        break;
    case T_FLOAT:
    case T_DOUBLE:
        emit(gen, "    %s = (%s)%.17g;\n", lv, c_type(gen->model, slot->type),
             json_number_value(json));
        break;
    case T_STRING:
        emit(gen, "    %s = (ds_str_t){", lv);
        emit_literal(gen, json_string_value(json), json_string_length(json));
        emit(gen, ", %zu};\n", json_string_length(json));
        break;
    case T_BYTES:
        emit(gen, "    %s = (ds_bytes_t){", lv);
        emit_bytes(gen, json_string_value(json), json_string_length(json));
        emit(gen, "};\n");
        break;
    case T_FIXED:
        emit(gen, "    memcpy(%s.bytes, ", lv);
        emit_bytes(gen, json_string_value(json), json_string_length(json));
        emit(gen, ");\n");
        break;
    case T_ENUM:
        emit(gen, "    %s = (enum ds_%s)%d;\n", lv, slot->type->c_name,
             resolve_symbol(slot->type, json_string_value(json)));
        break;
    case T_ARRAY:
        default_array(d, slot, json);
        break;
    case T_RECORD:
        default_fields(d, slot, json);
        break;
    case T_UNION:
        default_union(d, slot, json);
        break;
    }
}

/* ---- one function a pair ---- */

static const struct field *reader_of(const struct type *writer, const struct type *reader,
                                     const struct field *field)
{
    for (size_t i = 0; i < reader->field_count; i++) {
        if (resolve_field(writer, &reader->fields[i]) == field)
            return &reader->fields[i];
    }
    return NULL;
}

static struct slot field_slot(struct decoder *d, const struct field *field)
{
    struct model *model = d->gen->model;
    struct slot slot = {field->type, model_text(model, "out->%s", field->name), NULL,
                        model_text(model, "ds_avro_at(r, \"%s\")", field->name)};
    if (type_is_optional(field->type, NULL, NULL))
        slot.has = model_text(model, "out->has_%s", field->name);
    return slot;
}

static void record_function(struct decoder *d, const struct type *writer, const struct type *reader)
{
    struct gen *gen = d->gen;
    for (size_t i = 0; i < writer->field_count; i++) {
        const struct field *from = &writer->fields[i];
        const struct field *field = reader_of(writer, reader, from);
        emit(gen, "    { /* %s */\n", from->name);
        if (field == NULL) {
            skip_value(d, from->type, model_text(gen->model, "ds_avro_at(r, \"%s\")", from->name));
        } else {
            struct slot slot = field_slot(d, field);
            get_value(d, from->type, &slot);
        }
        emit(gen, "    }\n");
        if (field != NULL && reader->topic != NULL && strcmp(field->name, "meta") == 0)
            emit(gen, "    r->head_ok = true;\n");
    }
    for (size_t i = 0; i < reader->field_count; i++) {
        const struct field *field = &reader->fields[i];
        if (resolve_field(writer, field) != NULL)
            continue;
        struct slot slot = field_slot(d, field);
        default_value(d, &slot, field->fallback);
    }
    emit(gen, "    return p;\n");
}

static void array_function(struct decoder *d, const struct type *writer, const struct type *reader)
{
    struct gen *gen = d->gen;
    struct slot item = {reader->items, "out->items[out->count]", NULL,
                        "ds_avro_at_index(r, out->count)"};
    emit(gen, "    size_t room = 0;\n    out->items = NULL;\n    out->count = 0;\n    for (;;) {\n"
              "    size_t count = 0;\n    const uint8_t *end = NULL;\n");
    emit(gen,
         "    p = ds_avro_get_block(r, p, %zu, &count, &end);\n    if (p == NULL || count == "
         "0)\n        return p;\n",
         type_least_bytes(writer->items));
    emit(gen, "    out->items = ds_avro_grow(r, out->items, out->count, count, "
              "sizeof(*out->items), &room);\n    if (out->items == NULL)\n        return NULL;\n");
    emit(gen, "    for (size_t i = 0; i < count; i++) {\n");
    get_value(d, writer->items, &item);
    emit(gen, "    out->count++;\n    }\n    if (end != NULL && p != end)\n        return "
              "ds_avro_fail(r, p, DS_ERR_INVALID, \"array block of another size\");\n    }\n");
}

static void union_function(struct decoder *d, const struct type *writer, const struct type *reader)
{
    struct slot slot = {reader, "(*out)", NULL, "NULL"};
    if (writer->kind == T_UNION)
        get_union(d, writer, &slot);
    else
        get_branch(d, writer, &slot);
    emit(d->gen, "    return p;\n");
}

/* The functions a pair needs, each before its first use. `optional`: a field of two members. */
static void ensure(struct decoder *d, const struct type *writer, const struct type *reader,
                   bool optional)
{
    struct gen *gen = d->gen;
    if (writer->kind == T_UNION) {
        for (size_t i = 0; i < writer->branch_count; i++)
            ensure(d, writer->branches[i], reader, optional);
    } else if (reader->kind == T_UNION) {
        ensure(d, writer, reader->branches[resolve_branch(writer, reader)], false);
        return;
    }
    if (optional || reader->kind < T_ARRAY || function_of(d, writer, reader) != NULL)
        return;
    if (reader->kind == T_ARRAY && writer->kind == T_ARRAY)
        ensure(d, writer->items, reader->items, false);
    for (size_t i = 0;
         reader->kind == T_RECORD && writer->kind == T_RECORD && i < reader->field_count; i++) {
        const struct field *from = resolve_field(writer, &reader->fields[i]);
        const struct type *type = reader->fields[i].type;
        if (from != NULL)
            ensure(d, from->type, type, type_is_optional(type, NULL, NULL));
    }
    /* A writer's union read into something that is none: the branches have their functions, that is
     * enough. */
    if (reader->kind != T_UNION && writer->kind == T_UNION)
        return;
    if (d->count == MODEL_MAX_TYPES) {
        ds_error_set(gen->error, DS_DOMAIN_SCHEMA, DS_ERR_LIMIT, "too many types");
        return;
    }
    const char *name =
        writer == reader
            ? model_text(gen->model, "%sget_%s", d->prefix, reader->c_name)
            : model_text(gen->model, "%sget_%s_%zu", d->prefix, reader->c_name, d->count);
    emit(gen,
         "\nstatic const uint8_t *%s(struct ds_avro_reader *r, const uint8_t *p, struct ds_%s "
         "*out)\n{\n",
         name, reader->c_name);
    if (reader->kind == T_RECORD)
        record_function(d, writer, reader);
    else if (reader->kind == T_ARRAY)
        array_function(d, writer, reader);
    else
        union_function(d, writer, reader);
    emit(gen, "}\n");
    d->pairs[d->count++] = (struct pair){writer, reader, name};
}

void gen_decoder(struct gen *gen, const struct type *writer, const struct type *reader,
                 const char *version)
{
    struct decoder d = {.gen = gen, .count = 0, .serial = 0};
    d.prefix = writer == reader ? "" : model_text(gen->model, "%s_", version);
    ensure(&d, writer, reader, false);
    emit(gen,
         "\nstatic const uint8_t *decode_%s(struct ds_avro_reader *r, const uint8_t *p, void "
         "*value)\n{\n    return %s(r, p, value);\n}\n",
         version, function_of(&d, writer, reader));
}
