/* schemas/compiler/gen_support.c - for tests: fill a value of any type from a random stream,
 * compare two by value. */
#include "gen.h"

static void fill_value(struct gen *gen, const struct type *type, const char *lv, const char *indent)
{
    static const char *const names[] = {"",      "bool",   "int",    "long",
                                        "float", "double", "string", "bytes"};
    if (type->kind == T_NULL)
        return;
    if (type->kind <= T_BYTES)
        emit(gen, "%s%s = ds_fill_%s(f);\n", indent, lv, type->time ? "time" : names[type->kind]);
    else if (type->kind == T_FIXED)
        emit(gen, "%sds_fill_raw(f, %s.bytes, %zu);\n", indent, lv, type->fixed_bytes);
    else if (type->kind == T_ENUM)
        emit(gen, "%s%s = (enum ds_%s)ds_fill_below(f, %zu);\n", indent, lv, type->c_name,
             type->symbols.count);
    else
        emit(gen, "%sfill_%s(f, &%s);\n", indent, type->c_name, lv);
}

static void fill_record(struct gen *gen, const struct type *type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        struct type *value = field->type;
        bool optional = type_is_optional(field->type, &value, NULL);
        const char *lv = model_text(gen->model, "v->%s", field->name);
        if (optional)
            emit(gen,
                 "    v->has_%s = ds_fill_bool(f);\n    memset(&%s, 0, sizeof(%s));\n    if "
                 "(v->has_%s) {\n",
                 field->name, lv, lv, field->name);
        fill_value(gen, value, lv, optional ? "        " : "    ");
        if (optional)
            emit(gen, "    }\n");
    }
}

static void fill_union(struct gen *gen, const struct type *type)
{
    emit(gen, "    v->kind = kind;\n    switch (kind) {\n");
    for (size_t i = 0; i < type->branch_count; i++) {
        const struct type *branch = type->branches[i];
        emit(gen, "    case %zu:\n", i);
        fill_value(gen, branch, model_text(gen->model, "v->as.%s", branch_member(branch)),
                   "        ");
        emit(gen, "        break;\n");
    }
    emit(gen, "    default:\n        break;\n    }\n");
}

static void gen_fill(struct gen *gen, const struct type *type)
{
    const char *name = type->c_name;
    if (type->kind == T_UNION) {
        emit(gen,
             "\nstatic void fill_kind_%s(struct ds_fill *f, struct ds_%s *v, int32_t kind)\n"
             "{\n    (void)f;\n",
             name, name);
        fill_union(gen, type);
        emit(gen, "}\n");
    }
    emit(gen, "\nstatic void fill_%s(struct ds_fill *f, struct ds_%s *v)\n{\n", name, name);
    if (type->kind == T_UNION)
        emit(gen, "    fill_kind_%s(f, v, (int32_t)ds_fill_below(f, %zu));\n", name,
             type->branch_count);
    if (type->kind == T_RECORD)
        fill_record(gen, type);
    if (type->kind == T_ARRAY) {
        emit(gen, "    v->count = ds_fill_below(f, 4);\n    v->items = ds_fill_items(f, v->count, "
                  "sizeof(*v->items));\n    for (size_t i = 0; i < v->count; i++) {\n");
        fill_value(gen, type->items, "v->items[i]", "        ");
        emit(gen, "    }\n");
    }
    emit(gen, "}\n");
}

static void equal_value(struct gen *gen, const struct type *type, const char *a, const char *b)
{
    switch (type->kind) {
    case T_NULL:
        emit(gen, "true");
        break;
    case T_BOOLEAN:
    case T_INT:
    case T_LONG:
    case T_ENUM:
        emit(gen, "%s == %s", a, b);
        break;
    case T_FLOAT:
    case T_DOUBLE:
        emit(gen, "memcmp(&%s, &%s, sizeof(%s)) == 0", a, b, a);
        break;
    case T_STRING:
        emit(gen, "ds_str_eq(%s, %s)", a, b);
        break;
    case T_BYTES:
        emit(gen, "(%s.len == %s.len && (%s.len == 0 || memcmp(%s.data, %s.data, %s.len) == 0))", a,
             b, a, a, b, a);
        break;
    case T_FIXED:
        emit(gen, "memcmp(%s.bytes, %s.bytes, %zu) == 0", a, b, type->fixed_bytes);
        break;
    case T_ARRAY:
    case T_RECORD:
    case T_UNION:
        emit(gen, "equal_%s(&%s, &%s)", type->c_name, a, b);
        break;
    }
}

static void equal_record(struct gen *gen, const struct type *type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        struct type *value = field->type;
        const char *name = field->name;
        if (type_is_optional(field->type, &value, NULL))
            emit(gen,
                 "    if (a->has_%s != b->has_%s)\n        return false;\n    if (a->has_%s && "
                 "!(",
                 name, name, name);
        else
            emit(gen, "    if (!(");
        equal_value(gen, value, model_text(gen->model, "a->%s", name),
                    model_text(gen->model, "b->%s", name));
        emit(gen, "))\n        return false;\n");
    }
    emit(gen, "    return true;\n");
}

static void equal_union(struct gen *gen, const struct type *type)
{
    emit(gen, "    if (a->kind != b->kind)\n        return false;\n    switch (a->kind) {\n");
    for (size_t i = 0; i < type->branch_count; i++) {
        const char *member = branch_member(type->branches[i]);
        emit(gen, "    case %zu:\n        return ", i);
        equal_value(gen, type->branches[i], model_text(gen->model, "a->as.%s", member),
                    model_text(gen->model, "b->as.%s", member));
        emit(gen, ";\n");
    }
    emit(gen, "    default:\n        return false;\n    }\n");
}

static void gen_equal(struct gen *gen, const struct type *type)
{
    emit(gen, "\nstatic bool equal_%s(const struct ds_%s *a, const struct ds_%s *b)\n{\n",
         type->c_name, type->c_name, type->c_name);
    if (type->kind == T_RECORD)
        equal_record(gen, type);
    if (type->kind == T_UNION)
        equal_union(gen, type);
    if (type->kind == T_ARRAY) {
        emit(gen,
             "    if (a->count != b->count)\n        return false;\n    for (size_t i = 0; i < "
             "a->count; i++) {\n        if (!(");
        equal_value(gen, type->items, "a->items[i]", "b->items[i]");
        emit(gen, "))\n            return false;\n    }\n    return true;\n");
    }
    emit(gen, "}\n");
}

static void support_top(struct gen *gen, const struct type *top)
{
    const struct type *body = body_of(top);
    emit(gen,
         "\nstatic void fill_any_%s(struct ds_fill *f, void *value, int32_t kind)\n{\n    struct "
         "ds_%s *v = value;\n    (void)kind;\n    fill_%s(f, v);\n",
         top->c_name, top->c_name, top->c_name);
    if (body != NULL)
        emit(gen, "    fill_kind_%s(f, &v->body, kind);\n", body->c_name);
    emit(gen,
         "}\n\nstatic bool equal_any_%s(const void *a, const void *b)\n{\n    return "
         "equal_%s(a, b);\n}\n",
         top->c_name, top->c_name);
}

void gen_support(struct gen *gen)
{
    gen_open(gen, "support.c - test values.");
    emit(gen, "#include \"fill.h\"\n#include \"%s\"\n", gen->header);
    for (size_t i = 0; i < gen->plan->count; i++) {
        const struct type *type = gen->plan->types[i];
        if (type->kind != T_ARRAY && type->kind != T_RECORD && type->kind != T_UNION)
            continue;
        gen_fill(gen, type);
        gen_equal(gen, type);
    }
    for (size_t i = 0; i < gen->model->file_count; i++)
        support_top(gen, gen->model->files[i].top);
    emit(gen, "\nconst struct ds_test_type %s_support[] = {\n", gen->list_name);
    for (size_t i = 0; i < gen->model->file_count; i++) {
        const struct type *top = gen->model->files[i].top;
        emit(gen, "    {&ds_schema_%s, fill_any_%s, equal_any_%s},\n", topic_c_name(gen, top),
             top->c_name, top->c_name);
    }
    emit(gen, "    {NULL, NULL, NULL},\n};\n");
}
