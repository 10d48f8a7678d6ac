/* schemas/compiler/gen_json.c - json_x(): a value as one line of JSON. */
#include "gen.h"

static void print_value(struct gen *gen, const struct type *type, const char *lv)
{
    switch (type->kind) {
    case T_NULL:
        emit(gen, "ds_buf_append_text(out, \"null\", error)");
        break;
    case T_BOOLEAN:
        emit(gen, "ds_json_bool(%s, out, error)", lv);
        break;
    case T_INT:
    case T_LONG:
        emit(gen, "ds_json_%s(%s, out, error)", type->time ? "time" : "long", lv);
        break;
    case T_FLOAT:
    case T_DOUBLE:
        emit(gen, "ds_json_double((double)%s, out, error)", lv);
        break;
    case T_STRING:
        emit(gen, "ds_buf_append_json(out, %s, error)", lv);
        break;
    case T_BYTES:
        emit(gen, "ds_json_bytes(%s, out, error)", lv);
        break;
    case T_FIXED:
        emit(gen, "ds_json_bytes((ds_bytes_t){%s.bytes, %zu}, out, error)", lv, type->fixed_bytes);
        break;
    case T_ENUM:
        emit(gen, "ds_json_symbol(ds_%s_text(%s), out, error)", type->c_name, lv);
        break;
    case T_ARRAY:
    case T_RECORD:
    case T_UNION:
        emit(gen, "json_%s(&%s, out, error)", type->c_name, lv);
        break;
    }
}

static void print_record(struct gen *gen, const struct type *type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        struct type *value = field->type;
        bool optional = type_is_optional(field->type, &value, NULL);
        emit(gen, "    if (!ds_buf_append_text(out, \"%s\\\"%s\\\":\", error) ||\n        !(",
             i == 0 ? "{" : ",", field->name);
        if (optional)
            emit(gen, "!v->has_%s ? ds_buf_append_text(out, \"null\", error) : ", field->name);
        print_value(gen, value, model_text(gen->model, "v->%s", field->name));
        emit(gen, "))\n        return false;\n");
    }
    emit(gen, "    return ds_buf_append_char(out, '}', error);\n");
}

static void print_array(struct gen *gen, const struct type *type)
{
    emit(gen, "    if (!ds_buf_append_char(out, '[', error))\n        return false;\n");
    emit(gen, "    for (size_t i = 0; i < v->count; i++) {\n        if ((i > 0 && "
              "!ds_buf_append_char(out, ',', error)) ||\n            !");
    print_value(gen, type->items, "v->items[i]");
    emit(gen,
         ")\n            return false;\n    }\n    return ds_buf_append_char(out, ']', error);\n");
}

static void print_union(struct gen *gen, const struct type *type)
{
    emit(gen, "    switch (v->kind) {\n");
    for (size_t i = 0; i < type->branch_count; i++) {
        const struct type *branch = type->branches[i];
        emit(gen, "    case %zu:\n        return ", i);
        if (branch->kind == T_NULL) {
            emit(gen, "ds_buf_append_text(out, \"null\", error);\n");
            continue;
        }
        const char *tag = branch->ce_type != NULL ? branch->ce_type
                          : type_is_named(branch) ? branch->snake
                                                  : type_label(branch);
        emit(gen, "ds_buf_append_text(out, \"{\\\"%s\\\":\", error) &&\n               ", tag);
        print_value(gen, branch, model_text(gen->model, "v->as.%s", branch_member(branch)));
        emit(gen, " &&\n               ds_buf_append_char(out, '}', error);\n");
    }
    emit(gen, "    default:\n        return ds_json_bad_kind(\"%s\", v->kind, error);\n    }\n",
         type->c_name);
}

void gen_printer(struct gen *gen, const struct type *type)
{
    if (type->kind != T_ARRAY && type->kind != T_RECORD && type->kind != T_UNION)
        return;
    emit(gen, "\nstatic bool json_%s(const struct ds_%s *v, ds_buf_t *out, ds_error_t *error)\n{\n",
         type->c_name, type->c_name);
    if (type->kind == T_RECORD)
        print_record(gen, type);
    else if (type->kind == T_ARRAY)
        print_array(gen, type);
    else
        print_union(gen, type);
    emit(gen, "}\n");
}

void gen_printer_top(struct gen *gen, const struct type *top)
{
    emit(gen,
         "\nstatic bool print_%s(const void *value, ds_buf_t *out, ds_error_t *error)\n{\n"
         "    size_t before = out->len;\n    if (json_%s(value, out, error))\n        return "
         "true;\n    out->len = before;\n    return false;\n}\n",
         topic_c_name(gen, top), top->c_name);
}
