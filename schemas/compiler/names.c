#include "names.h"

#include <string.h>

struct namer {
    struct model *model;
    struct plan *plan;
    json_t *shapes; /* shape of a union -> how many fields have it */
    json_t *taken;  /* C name -> who has it */
    ds_error_t *error;
};

static const char *const primitive_names[] = {"null",  "boolean", "int",    "long",
                                              "float", "double",  "string", "bytes"};

const char *branch_member(const struct type *branch)
{
    static const char *const members[] = {"null_value",   "boolean_value", "int_value",
                                          "long_value",   "float_value",   "double_value",
                                          "string_value", "bytes_value"};
    if (type_is_named(branch))
        return branch->snake;
    return branch->kind == T_ARRAY ? "array_value" : members[branch->kind];
}

const char *branch_upper(const struct type *branch)
{
    static const char *const words[] = {"NULL",  "BOOLEAN", "INT",    "LONG",
                                        "FLOAT", "DOUBLE",  "STRING", "BYTES"};
    if (type_is_named(branch))
        return branch->upper;
    return branch->kind == T_ARRAY ? "ARRAY" : words[branch->kind];
}

const char *upper_case(struct model *model, const char *text)
{
    size_t len = strlen(text);
    char *upper = ds_arena_alloc(model->arena, len + 1, NULL);
    for (size_t i = 0; upper != NULL && i < len; i++)
        upper[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
    return upper;
}

const char *c_type(struct model *model, const struct type *type)
{
    static const char *const words[] = {"",      "bool",   "int32_t",  "int64_t",
                                        "float", "double", "ds_str_t", "ds_bytes_t"};
    if (type->kind <= T_BYTES)
        return words[type->kind];
    return model_text(model, "%s ds_%s", type->kind == T_ENUM ? "enum" : "struct", type->c_name);
}

static bool no_memory(struct namer *n)
{
    return ds_error_set(n->error, DS_DOMAIN_SCHEMA, DS_ERR_MEMORY, "names: out of memory");
}

/* What a type is called inside the name of another. */
static const char *part_name(struct namer *n, const struct type *type)
{
    if (type_is_named(type))
        return type->snake;
    if (type->kind == T_ARRAY)
        return model_text(n->model, "array_of_%s", part_name(n, type->items));
    if (type->kind != T_UNION)
        return type->time ? "time" : primitive_names[type->kind];
    const char *name = "union";
    for (size_t i = 0; i < type->branch_count && name != NULL; i++)
        name = model_text(n->model, "%s_%s", name, part_name(n, type->branches[i]));
    return name;
}

/* Names that must differ in C: tags, enumerators, functions. */
static bool take(struct namer *n, const char *c_name, const char *owner)
{
    if (c_name == NULL)
        return no_memory(n);
    const char *other = json_string_value(json_object_get(n->taken, c_name));
    if (other != NULL)
        return ds_error_set(n->error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID,
                            "%s and %s would both be %s in C", other, owner, c_name);
    return json_object_set_new(n->taken, c_name, json_string(owner)) == 0 || no_memory(n);
}

static bool is_c_word(const char *name)
{
    static const char *const words[] = {
        "auto",     "break",  "case",   "char",     "const",    "continue", "default",  "do",
        "double",   "else",   "enum",   "extern",   "float",    "for",      "goto",     "if",
        "inline",   "int",    "long",   "register", "restrict", "return",   "short",    "signed",
        "sizeof",   "static", "struct", "switch",   "typedef",  "union",    "unsigned", "void",
        "volatile", "while",  "bool",   "true",     "false",    "errno",    "unix",     "linux"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], name) == 0)
            return true;
    }
    return false;
}

static bool check_fields(struct namer *n, const struct type *record)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];
        if (is_c_word(field->name))
            return ds_error_set(n->error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID,
                                "%s: field %s of %s is a word of C", record->file, field->name,
                                record->full);
        if (!type_is_optional(field->type, NULL, NULL))
            continue;
        for (size_t k = 0; k < record->field_count; k++) {
            const char *other = record->fields[k].name;
            if (strncmp(other, "has_", 4) == 0 && strcmp(other + 4, field->name) == 0)
                return ds_error_set(n->error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID,
                                    "%s: %s of %s is also the member that says whether %s is there",
                                    record->file, other, record->full, field->name);
        }
    }
    return true;
}

/* First pass: how often does each union shape occur? Records count once, wherever they are used. */
static bool count_shapes(struct namer *n)
{
    for (size_t i = 0; i < n->model->named_count; i++) {
        const struct type *record = n->model->named[i];
        for (size_t k = 0; k < record->field_count; k++) {
            const struct type *type = record->fields[k].type;
            if (type->kind != T_UNION || type_is_optional(type, NULL, NULL))
                continue;
            const char *shape = part_name(n, type);
            if (shape == NULL)
                return no_memory(n);
            json_int_t before = json_integer_value(json_object_get(n->shapes, shape));
            if (json_object_set_new(n->shapes, shape, json_integer(before + 1)) != 0)
                return no_memory(n);
        }
    }
    return true;
}

/* Arrays and unions have no names of their own: those of one C name are the same type. */
static bool plan_has(const struct plan *plan, const struct type *type)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct type *other = plan->types[i];
        if (other == type)
            return true;
        if (!type_is_named(type) && other->kind == type->kind &&
            strcmp(other->c_name, type->c_name) == 0)
            return true;
    }
    return false;
}

static bool plan_add(struct namer *n, struct type *type, const char *owner)
{
    if (type->c_name == NULL)
        return no_memory(n);
    if (plan_has(n->plan, type))
        return true;
    if (n->plan->count == MODEL_MAX_TYPES)
        return ds_error_set(n->error, DS_DOMAIN_SCHEMA, DS_ERR_LIMIT, "more than %d types",
                            MODEL_MAX_TYPES);
    n->plan->types[n->plan->count++] = type;
    return take(n, model_text(n->model, "ds_%s", type->c_name), owner);
}

static bool plan_type(struct namer *n, struct type *type, const struct type *record,
                      const struct field *field);

static bool take_enumerators(struct namer *n, const struct type *type)
{
    for (size_t i = 0; i < type->symbols.count; i++) {
        const char *word = upper_case(n->model, type->symbols.items[i]);
        if (word == NULL ||
            !take(n, model_text(n->model, "DS_%s_%s", type->upper, word), type->full))
            return false;
    }
    return take(n, model_text(n->model, "DS_%s_COUNT", type->upper), type->full);
}

static bool take_kinds(struct namer *n, const struct type *type, const char *owner)
{
    for (size_t i = 0; i < type->branch_count; i++) {
        const char *word = branch_upper(type->branches[i]);
        if (!take(n, model_text(n->model, "%s_%s", type->c_prefix, word), owner))
            return false;
    }
    return true;
}

static bool name_union(struct namer *n, struct type *type, const struct type *record,
                       const struct field *field)
{
    struct model *model = n->model;
    const char *shape = part_name(n, type);
    if (shape == NULL)
        return no_memory(n);
    bool body = field != NULL && record->topic != NULL && strcmp(field->name, "body") == 0;
    bool shared = field == NULL || json_integer_value(json_object_get(n->shapes, shape)) > 1;
    if (body || !shared)
        type->c_name = model_text(model, "%s_%s", record->snake, field->name);
    else
        type->c_name = shape;
    const char *upper = type->c_name == NULL ? NULL : upper_case(model, type->c_name);
    if (upper == NULL)
        return no_memory(n);
    type->c_prefix = model_text(model, "DS_%s", body ? record->upper : upper);
    return type->c_prefix != NULL || no_memory(n);
}

static bool plan_union(struct namer *n, struct type *type, const struct type *record,
                       const struct field *field)
{
    for (size_t i = 0; i < type->branch_count; i++) {
        if (!plan_type(n, type->branches[i], NULL, NULL))
            return false;
    }
    if (!name_union(n, type, record, field))
        return false;
    if (plan_has(n->plan, type))
        return true;
    return plan_add(n, type, type->c_name) && take_kinds(n, type, type->c_name);
}

static bool plan_record(struct namer *n, struct type *record)
{
    record->c_name = record->snake;
    for (size_t i = 0; i < record->field_count; i++) {
        struct field *field = &record->fields[i];
        struct type *type = field->type;
        (void)type_is_optional(type, &type, NULL);
        if (!plan_type(n, type, record, field))
            return false;
    }
    return check_fields(n, record) && plan_add(n, record, record->full);
}

static bool plan_type(struct namer *n, struct type *type, const struct type *record,
                      const struct field *field)
{
    switch (type->kind) {
    case T_RECORD:
        return (type->c_name != NULL && plan_has(n->plan, type)) || plan_record(n, type);
    case T_ENUM:
        if (type->c_name != NULL)
            return true;
        type->c_name = type->snake;
        return plan_add(n, type, type->full) && take_enumerators(n, type);
    case T_FIXED:
        if (type->c_name != NULL)
            return true;
        type->c_name = type->snake;
        return plan_add(n, type, type->full);
    case T_ARRAY:
        if (!plan_type(n, type->items, NULL, NULL))
            return false;
        type->c_name = part_name(n, type);
        return plan_add(n, type, type->c_name);
    case T_UNION:
        return plan_union(n, type, record, field);
    case T_NULL:
    case T_BOOLEAN:
    case T_INT:
    case T_LONG:
    case T_FLOAT:
    case T_DOUBLE:
    case T_STRING:
    case T_BYTES:
        return true;
    }
    return false;
}

bool names_assign(struct model *model, struct plan *plan, ds_error_t *error)
{
    bool ok = false;
    struct namer n = {model, plan, json_object(), json_object(), error};
    if (n.shapes == NULL || n.taken == NULL) {
        (void)no_memory(&n);
        goto out;
    }
    if (!count_shapes(&n))
        goto out;
    for (size_t i = 0; i < model->file_count; i++) {
        if (!plan_type(&n, model->files[i].top, NULL, NULL))
            goto out;
    }
    ok = true;
out:
    json_decref(n.shapes);
    json_decref(n.taken);
    return ok;
}
