/* schemas/compiler/gen_encode.c - bound_x(): how many bytes a value takes at most; put_x(): writing
 * it. */
#include "gen.h"

/* Bytes of the varint of a number in [0, count). */
static unsigned index_bytes(size_t count)
{
    return count <= 64 ? 1 : count <= 8192 ? 2 : 5;
}

/* The part of a bound that does not depend on the value. */
static size_t fixed_bound(const struct type *type)
{
    switch (type->kind) {
    case T_NULL:
        return 0;
    case T_BOOLEAN:
        return 1;
    case T_INT:
    case T_STRING:
    case T_BYTES:
        return 5;
    case T_LONG:
        return 10;
    case T_FLOAT:
        return 4;
    case T_DOUBLE:
        return 8;
    case T_FIXED:
        return type->fixed_bytes;
    case T_ENUM:
        return index_bytes(type->symbols.count);
    case T_ARRAY:
    case T_RECORD:
    case T_UNION:
        return 0;
    }
    return 0;
}

static bool is_scalar(const struct type *type)
{
    return type->kind != T_ARRAY && type->kind != T_RECORD && type->kind != T_UNION;
}

/* "+ what `lv` takes" as an expression. */
static void bound_value(struct gen *gen, const struct type *type, const char *lv)
{
    if (is_scalar(type))
        emit(gen, "%zu", fixed_bound(type));
    if (type->kind == T_STRING || type->kind == T_BYTES)
        emit(gen, " + (uint64_t)%s.len", lv);
    if (!is_scalar(type))
        emit(gen, "bound_%s(&%s)", type->c_name, lv);
}

static void bound_record(struct gen *gen, const struct type *type)
{
    emit(gen, "    return 0");
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        struct type *value = field->type;
        bool optional = type_is_optional(field->type, &value, NULL);
        const char *lv = model_text(gen->model, "v->%s", field->name);
        emit(gen, optional ? " +\n           1 + (v->has_%s ? " : " +\n           ", field->name);
        bound_value(gen, value, lv);
        emit(gen, "%s", optional ? " : 0)" : "");
    }
    emit(gen, ";\n");
}

static void bound_array(struct gen *gen, const struct type *type)
{
    emit(gen, "    if (v->count > DS_MAX_RECORD_BYTES)\n        return DS_AVRO_TOO_LARGE;\n");
    if (is_scalar(type->items) && type->items->kind != T_STRING && type->items->kind != T_BYTES) {
        emit(gen, "    return 11 + (uint64_t)v->count * %zu;\n", fixed_bound(type->items));
        return;
    }
    emit(gen, "    uint64_t sum = 11;\n    for (size_t i = 0; i < v->count; i++)\n        sum += ");
    bound_value(gen, type->items, "v->items[i]");
    emit(gen, ";\n    return sum;\n");
}

static void bound_union(struct gen *gen, const struct type *type)
{
    unsigned index = index_bytes(type->branch_count);
    emit(gen, "    switch (v->kind) {\n");
    for (size_t i = 0; i < type->branch_count; i++) {
        const struct type *branch = type->branches[i];
        emit(gen, "    case %zu:\n        return %u", i, index);
        if (branch->kind != T_NULL) {
            emit(gen, " + ");
            bound_value(gen, branch, model_text(gen->model, "v->as.%s", branch_member(branch)));
        }
        emit(gen, ";\n");
    }
    emit(gen, "    default:\n        return %u;\n    }\n", index);
}

static void put_value(struct gen *gen, const struct type *type, const char *lv, const char *field,
                      const char *indent)
{
    switch (type->kind) {
    case T_NULL:
        break;
    case T_BOOLEAN:
        emit(gen, "%sp = ds_avro_put_bool(p, %s);\n", indent, lv);
        break;
    case T_INT:
    case T_LONG:
        emit(gen, "%sp = ds_avro_put_long(p, %s);\n", indent, lv);
        break;
    case T_FLOAT:
    case T_DOUBLE:
        emit(gen, "%sp = ds_avro_put_raw(p, &%s, sizeof(%s));\n", indent, lv, lv);
        break;
    case T_STRING:
        emit(gen, "%sp = ds_avro_put_string(w, p, %s, \"%s\");\n", indent, lv, field);
        break;
    case T_BYTES:
        emit(gen, "%sp = ds_avro_put_bytes(p, %s);\n", indent, lv);
        break;
    case T_FIXED:
        emit(gen, "%sp = ds_avro_put_raw(p, %s.bytes, %zu);\n", indent, lv, type->fixed_bytes);
        break;
    case T_ENUM:
        emit(gen, "%sp = ds_avro_put_index(w, p, (int64_t)%s, %zu, \"%s\");\n", indent, lv,
             type->symbols.count, field);
        break;
    case T_ARRAY:
    case T_RECORD:
    case T_UNION:
        emit(gen, "%sp = put_%s(w, p, &%s);\n", indent, type->c_name, lv);
        break;
    }
}

static void put_record(struct gen *gen, const struct type *type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        struct type *value = field->type;
        size_t null_index = 0;
        bool optional = type_is_optional(field->type, &value, &null_index);
        const char *lv = model_text(gen->model, "v->%s", field->name);
        const char *name = model_text(gen->model, "%s.%s", type->name, field->name);
        if (optional) {
            emit(gen, "    p = ds_avro_put_long(p, v->has_%s ? %zu : %zu);\n", field->name,
                 1 - null_index, null_index);
            emit(gen, "    if (v->has_%s) {\n", field->name);
            put_value(gen, value, lv, name, "        ");
            emit(gen, "    }\n");
        } else {
            put_value(gen, value, lv, name, "    ");
        }
    }
    emit(gen, "    return p;\n");
}

static void put_array(struct gen *gen, const struct type *type)
{
    emit(gen, "    if (v->count > 0) {\n        p = ds_avro_put_long(p, (int64_t)v->count);\n");
    emit(gen, "        for (size_t i = 0; i < v->count; i++) {\n");
    put_value(gen, type->items, "v->items[i]", "an array item", "            ");
    emit(gen, "        }\n    }\n    return ds_avro_put_long(p, 0);\n");
}

static void put_union(struct gen *gen, const struct type *type)
{
    emit(gen, "    p = ds_avro_put_index(w, p, v->kind, %zu, \"the kind of %s\");\n",
         type->branch_count, type->c_name);
    emit(gen, "    switch (v->kind) {\n");
    for (size_t i = 0; i < type->branch_count; i++) {
        const struct type *branch = type->branches[i];
        if (branch->kind == T_NULL)
            continue;
        emit(gen, "    case %zu:\n", i);
        put_value(gen, branch, model_text(gen->model, "v->as.%s", branch_member(branch)),
                  type->c_name, "        ");
        emit(gen, "        break;\n");
    }
    emit(gen, "    default:\n        break;\n    }\n    return p;\n");
}

void gen_encoder(struct gen *gen, const struct type *type)
{
    if (is_scalar(type))
        return;
    emit(gen, "\nstatic uint64_t bound_%s(const struct ds_%s *v)\n{\n", type->c_name, type->c_name);
    emit(gen, "    (void)v;\n");
    if (type->kind == T_RECORD)
        bound_record(gen, type);
    else if (type->kind == T_ARRAY)
        bound_array(gen, type);
    else
        bound_union(gen, type);
    emit(gen,
         "}\n\nstatic uint8_t *put_%s(struct ds_avro_writer *w, uint8_t *p, const struct "
         "ds_%s *v)\n{\n    (void)w;\n",
         type->c_name, type->c_name);
    if (type->kind == T_RECORD)
        put_record(gen, type);
    else if (type->kind == T_ARRAY)
        put_array(gen, type);
    else
        put_union(gen, type);
    emit(gen, "}\n");
}

void gen_encoder_top(struct gen *gen, const struct type *top)
{
    const char *topic = topic_c_name(gen, top);
    emit(gen, "\nstatic uint64_t bound_any(const void *value)\n{\n    return bound_%s(value);\n}\n",
         top->c_name);
    emit(gen,
         "\nstatic uint8_t *put_any(struct ds_avro_writer *w, uint8_t *p, const void *value)\n"
         "{\n    return put_%s(w, p, value);\n}\n",
         top->c_name);
    emit(gen,
         "\nstatic bool encode_%s(ds_bytes_t frame, const void *value, ds_buf_t *out, "
         "ds_error_t *error)\n{\n",
         topic);
    emit(gen, "    static const struct ds_avro_encoder encoder = {\"%s\", bound_any, put_any};\n",
         top->topic);
    emit(gen, "    return ds_avro_encode(&encoder, frame, value, out, error);\n}\n");
}
