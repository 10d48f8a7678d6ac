/* schemas/compiler/parse.c - a .avsc file becomes part of the model; what is wrong is named by file
 * and JSON path. */
#include "model.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    struct model *model;
    const char *file;
    /* Named types this file has defined so far: in one file a name may be defined once only. */
    struct type *defined[MODEL_MAX_TYPES];
    size_t defined_count;
    char path[512]; /* "$.fields[1].type" */
    size_t depth;
    ds_error_t *error;
};

static struct type *parse_type(struct parser *p, json_t *json, const char *space);

static bool DS_PRINTF(2, 3) refuse(struct parser *p, const char *format, ...)
{
    char text[160];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return ds_error_set(p->error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID, "%s: %s: %s", p->file, p->path,
                        text);
}

static size_t DS_PRINTF(2, 3) enter(struct parser *p, const char *format, ...)
{
    size_t len = strlen(p->path);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->path + len, sizeof(p->path) - len, format, args);
    va_end(args);
    return len;
}

static void leave(struct parser *p, size_t len)
{
    p->path[len] = '\0';
}

static bool no_memory(struct parser *p)
{
    return ds_error_set(p->error, DS_DOMAIN_SCHEMA, DS_ERR_MEMORY, "%s: out of memory", p->file);
}

static struct type *new_type(struct parser *p, enum type_kind kind)
{
    struct type *type = ds_arena_alloc(p->model->arena, sizeof(*type), p->error);
    if (type != NULL) {
        type->kind = kind;
        type->file = p->file;
    }
    return type;
}

/* Avro names are ASCII: a letter or '_', then letters, digits, '_'. */
static bool is_name(const char *text)
{
    if (text == NULL || text[0] == '\0' || (text[0] >= '0' && text[0] <= '9'))
        return false;
    for (const char *c = text; *c != '\0'; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';
        if (!letter && !(*c >= '0' && *c <= '9'))
            return false;
    }
    return true;
}

static bool is_full_name(const char *text)
{
    char part[128];
    while (text != NULL) {
        const char *dot = strchr(text, '.');
        size_t len = dot == NULL ? strlen(text) : (size_t)(dot - text);
        if (len >= sizeof(part))
            return false;
        memcpy(part, text, len);
        part[len] = '\0';
        if (!is_name(part))
            return false;
        text = dot == NULL ? NULL : dot + 1;
    }
    return true;
}

static const char *full_name(struct parser *p, const char *name, const char *space)
{
    if (strchr(name, '.') != NULL || space == NULL || space[0] == '\0')
        return name;
    const char *full = model_text(p->model, "%s.%s", space, name);
    if (full == NULL)
        (void)no_memory(p);
    return full;
}

static const char *last_part(const char *full)
{
    const char *dot = strrchr(full, '.');
    return dot == NULL ? full : dot + 1;
}

/* OrderCreated -> order_created; SKUItem -> sku_item. */
static const char *snake_case(struct parser *p, const char *name, bool upper)
{
    char text[200];
    size_t len = 0;
    for (size_t i = 0; name[i] != '\0' && len + 2 < sizeof(text); i++) {
        bool big = name[i] >= 'A' && name[i] <= 'Z';
        bool before_small = name[i + 1] >= 'a' && name[i + 1] <= 'z';
        bool after_small =
            i > 0 && !(name[i - 1] >= 'A' && name[i - 1] <= 'Z') && name[i - 1] != '_';
        if (big && i > 0 && (after_small || (before_small && name[i - 1] != '_')))
            text[len++] = '_';
        char c = name[i];
        if (upper && c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (!upper && big)
            c = (char)(c - 'A' + 'a');
        text[len++] = c;
    }
    text[len] = '\0';
    const char *copy = model_text(p->model, "%s", text);
    if (copy == NULL)
        (void)no_memory(p);
    return copy;
}

static bool text_of(struct parser *p, json_t *json, const char *key, bool needed,
                    const char **text_out)
{
    json_t *value = json_object_get(json, key);
    *text_out = NULL;
    if (value == NULL)
        return !needed || refuse(p, "\"%s\" is missing", key);
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return refuse(p, "\"%s\" must be a text", key);
    *text_out = json_string_value(value);
    return true;
}

static bool parse_names(struct parser *p, json_t *json, const char *key, const char *space,
                        struct names *out)
{
    json_t *list = json_object_get(json, key);
    if (list == NULL)
        return true;
    if (!json_is_array(list))
        return refuse(p, "\"%s\" must be an array", key);
    size_t count = json_array_size(list);
    out->items = ds_arena_calloc(p->model->arena, count, sizeof(char *), p->error);
    if (out->items == NULL && count > 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL || !(space == NULL ? is_name(text) : is_full_name(text)))
            return refuse(p, "%s[%zu] is not a name", key, i);
        out->items[i] = space == NULL ? text : full_name(p, text, space);
        if (out->items[i] == NULL)
            return false;
        for (size_t k = 0; k < i; k++) {
            if (strcmp(out->items[k], out->items[i]) == 0)
                return refuse(p, "%s: %s stands there twice", key, text);
        }
    }
    out->count = count;
    return true;
}

static bool parse_field(struct parser *p, struct type *record, size_t index, json_t *json,
                        const char *space)
{
    struct field *field = &record->fields[index];
    if (!json_is_object(json))
        return refuse(p, "a field must be an object");
    if (!text_of(p, json, "name", true, &field->name))
        return false;
    if (!is_name(field->name))
        return refuse(p, "\"%s\" is not a name", field->name);
    for (size_t i = 0; i < index; i++) {
        if (strcmp(record->fields[i].name, field->name) == 0)
            return refuse(p, "field %s stands there twice", field->name);
    }
    if (!parse_names(p, json, "aliases", NULL, &field->aliases))
        return false;
    json_t *type = json_object_get(json, "type");
    if (type == NULL)
        return refuse(p, "field %s has no type", field->name);
    size_t mark = enter(p, ".type");
    field->type = parse_type(p, type, space);
    if (field->type == NULL)
        return false;
    if (field->type->kind == T_NULL)
        return refuse(p, "a field of type null says nothing");
    leave(p, mark);
    field->fallback = json_object_get(json, "default");
    if (field->fallback == NULL)
        return true;
    char where[700];
    (void)snprintf(where, sizeof(where), "%s: %s.default", p->file, p->path);
    return check_default(field->type, field->fallback, where, p->error);
}

static bool parse_fields(struct parser *p, struct type *record, json_t *json, const char *space)
{
    json_t *fields = json_object_get(json, "fields");
    if (!json_is_array(fields))
        return refuse(p, "record %s has no array \"fields\"", record->full);
    size_t count = json_array_size(fields);
    if (count == 0)
        return refuse(p, "record %s has no fields", record->full);
    record->fields = ds_arena_calloc(p->model->arena, count, sizeof(*record->fields), p->error);
    if (record->fields == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t mark = enter(p, ".fields[%zu]", i);
        if (!parse_field(p, record, i, json_array_get(fields, i), space))
            return false;
        leave(p, mark);
        record->field_count = i + 1;
    }
    return true;
}

static bool parse_enum(struct parser *p, struct type *type, json_t *json)
{
    if (!parse_names(p, json, "symbols", NULL, &type->symbols) ||
        !text_of(p, json, "default", false, &type->symbol_default))
        return false;
    if (type->symbols.count == 0)
        return refuse(p, "enum %s has no symbols", type->full);
    bool found = type->symbol_default == NULL;
    for (size_t i = 0; i < type->symbols.count && !found; i++)
        found = strcmp(type->symbols.items[i], type->symbol_default) == 0;
    return found || refuse(p, "enum %s: its default %s is no symbol of it", type->full,
                           type->symbol_default);
}

static bool parse_fixed(struct parser *p, struct type *type, json_t *json)
{
    json_t *size = json_object_get(json, "size");
    if (!json_is_integer(size) || json_integer_value(size) < 1 || json_integer_value(size) > 1024)
        return refuse(p, "fixed %s: \"size\" must be 1 to 1024", type->full);
    type->fixed_bytes = (size_t)json_integer_value(size);
    return true;
}

/* The names of a named type; registers it as being defined. */
static bool open_named(struct parser *p, struct type *type, json_t *json, const char *outer_space,
                       const char **space_out)
{
    const char *name = NULL;
    const char *space = NULL;
    if (!text_of(p, json, "name", true, &name) || !text_of(p, json, "namespace", false, &space))
        return false;
    if (!is_full_name(name))
        return refuse(p, "\"%s\" is not a name", name);
    type->full = full_name(p, name, space == NULL ? outer_space : space);
    if (type->full == NULL)
        return false;
    const char *last = last_part(type->full);
    *space_out = last == type->full
                     ? ""
                     : model_text(p->model, "%.*s", (int)(last - type->full - 1), type->full);
    type->name = last;
    type->snake = snake_case(p, last, false);
    type->upper = snake_case(p, last, true);
    if (*space_out == NULL || type->snake == NULL || type->upper == NULL)
        return no_memory(p);
    for (size_t i = 0; i < p->defined_count; i++) {
        if (strcmp(p->defined[i]->full, type->full) == 0)
            return refuse(p, "%s is defined twice in this file", type->full);
    }
    if (p->defined_count == MODEL_MAX_TYPES)
        return refuse(p, "more than %d types", MODEL_MAX_TYPES);
    type->open = true;
    p->defined[p->defined_count++] = type;
    return text_of(p, json, "doc", false, &type->doc) &&
           text_of(p, json, "ceType", false, &type->ce_type) &&
           text_of(p, json, "topic", false, &type->topic) &&
           parse_names(p, json, "aliases", *space_out, &type->aliases);
}

/* Another file may have defined it before: then both must say the same, and the first node is kept.
 */
static struct type *close_named(struct parser *p, struct type *type)
{
    struct model *model = p->model;
    type->open = false;
    struct type *known = model_find(model, type->full);
    if (known == NULL) {
        if (model->named_count == MODEL_MAX_TYPES) {
            (void)refuse(p, "more than %d types", MODEL_MAX_TYPES);
            return NULL;
        }
        model->named[model->named_count++] = type;
        return type;
    }
    if (!type_same(known, type)) {
        (void)refuse(p, "%s differs from its definition in %s", type->full, known->file);
        return NULL;
    }
    for (size_t i = 0; i < p->defined_count; i++) {
        if (p->defined[i] == type)
            p->defined[i] = known;
    }
    return known;
}

static struct type *parse_named(struct parser *p, enum type_kind kind, json_t *json,
                                const char *outer_space)
{
    const char *space = NULL;
    struct type *type = new_type(p, kind);
    if (type == NULL || !open_named(p, type, json, outer_space, &space))
        return NULL;
    bool ok = false;
    if (kind == T_RECORD)
        ok = parse_fields(p, type, json, space);
    else if (kind == T_ENUM)
        ok = parse_enum(p, type, json);
    else
        ok = parse_fixed(p, type, json);
    return ok ? close_named(p, type) : NULL;
}

static struct type *parse_array(struct parser *p, json_t *json, const char *space)
{
    struct type *type = new_type(p, T_ARRAY);
    json_t *items = json_object_get(json, "items");
    if (items == NULL) {
        (void)refuse(p, "an array needs \"items\"");
        return NULL;
    }
    size_t mark = enter(p, ".items");
    if (type == NULL || (type->items = parse_type(p, items, space)) == NULL)
        return NULL;
    /* A million items of no bytes fit into three bytes of message: no decoder could bound them. */
    if (type_least_bytes(type->items) == 0) {
        (void)refuse(p, "array items of zero bytes are not allowed");
        return NULL;
    }
    leave(p, mark);
    return type;
}

static bool check_branches(struct parser *p, const struct type *type)
{
    for (size_t i = 0; i < type->branch_count; i++) {
        const struct type *a = type->branches[i];
        if (a->kind == T_UNION)
            return refuse(p, "a union directly in a union");
        for (size_t k = 0; k < i; k++) {
            const struct type *b = type->branches[k];
            bool same = a->kind == b->kind && (!type_is_named(a) || strcmp(a->full, b->full) == 0);
            if (same)
                return refuse(p, "two branches %s", type_label(a));
        }
    }
    return true;
}

static struct type *parse_union(struct parser *p, json_t *json, const char *space)
{
    size_t count = json_array_size(json);
    struct type *type = new_type(p, T_UNION);
    if (count < 2) {
        (void)refuse(p, "a union needs two branches or more");
        return NULL;
    }
    if (type == NULL)
        return NULL;
    type->branches = ds_arena_calloc(p->model->arena, count, sizeof(struct type *), p->error);
    if (type->branches == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t mark = enter(p, "[%zu]", i);
        type->branches[i] = parse_type(p, json_array_get(json, i), space);
        if (type->branches[i] == NULL)
            return NULL;
        leave(p, mark);
    }
    type->branch_count = count;
    return check_branches(p, type) ? type : NULL;
}

static bool primitive_of(const char *name, enum type_kind *kind_out)
{
    static const char *const names[] = {"null",  "boolean", "int",    "long",
                                        "float", "double",  "string", "bytes"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0) {
            *kind_out = (enum type_kind)i;
            return true;
        }
    }
    return false;
}

static struct type *parse_reference(struct parser *p, const char *name, const char *space)
{
    enum type_kind kind = T_NULL;
    if (primitive_of(name, &kind))
        return new_type(p, kind);
    const char *full = full_name(p, name, space);
    if (full == NULL)
        return NULL;
    for (size_t i = 0; i < p->defined_count; i++) {
        if (strcmp(p->defined[i]->full, full) != 0)
            continue;
        if (p->defined[i]->open) {
            (void)refuse(p, "%s contains itself: recursion is not allowed", full);
            return NULL;
        }
        return p->defined[i];
    }
    (void)refuse(p, "type %s is not known here", full);
    return NULL;
}

static struct type *parse_object(struct parser *p, json_t *json, const char *space)
{
    const char *name = NULL;
    const char *logical = NULL;
    if (!text_of(p, json, "type", true, &name) || !text_of(p, json, "logicalType", false, &logical))
        return NULL;
    if (strcmp(name, "record") == 0)
        return parse_named(p, T_RECORD, json, space);
    if (strcmp(name, "enum") == 0)
        return parse_named(p, T_ENUM, json, space);
    if (strcmp(name, "fixed") == 0)
        return parse_named(p, T_FIXED, json, space);
    if (strcmp(name, "array") == 0)
        return parse_array(p, json, space);
    if (strcmp(name, "map") == 0) {
        (void)refuse(p, "maps are not supported; use an array of records");
        return NULL;
    }
    struct type *type = parse_reference(p, name, space);
    if (type == NULL || logical == NULL)
        return type;
    if (strcmp(logical, "timestamp-micros") != 0 || type->kind != T_LONG) {
        (void)refuse(p, "logicalType %s of %s is not supported", logical, name);
        return NULL;
    }
    type->time = true;
    return type;
}

static struct type *parse_type(struct parser *p, json_t *json, const char *space)
{
    struct type *type = NULL;
    if (p->depth == MODEL_MAX_DEPTH) {
        (void)refuse(p, "nested deeper than %d", MODEL_MAX_DEPTH);
        return NULL;
    }
    p->depth++;
    if (json_is_string(json))
        type = parse_reference(p, json_string_value(json), space);
    else if (json_is_array(json))
        type = parse_union(p, json, space);
    else if (json_is_object(json))
        type = parse_object(p, json, space);
    else
        (void)refuse(p, "a type must be a text, an object or an array");
    p->depth--;
    if (type == NULL && !ds_error_is_set(p->error))
        (void)no_memory(p);
    if (type != NULL)
        type->least_bytes = type_least_bytes(type);
    return type;
}

static bool read_file(struct model *model, const char *path, struct schema_file *file,
                      ds_error_t *error)
{
    bool ok = false;
    char *text = NULL;
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_IO, "%s: cannot be opened", path);
    long size = -1;
    if (fseek(in, 0, SEEK_END) == 0)
        size = ftell(in);
    if (size < 0 || size > MODEL_MAX_FILE_BYTES || fseek(in, 0, SEEK_SET) != 0) {
        ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_LIMIT, "%s: no file of up to %d bytes", path,
                     MODEL_MAX_FILE_BYTES);
        goto out;
    }
    text = ds_arena_alloc(model->arena, (size_t)size + 1, error);
    if (text == NULL)
        goto out;
    if (fread(text, 1, (size_t)size, in) != (size_t)size) {
        ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_IO, "%s: cannot be read", path);
        goto out;
    }
    file->path = path;
    file->text = text;
    file->text_bytes = (size_t)size;
    ok = true;
out:
    (void)fclose(in);
    return ok;
}

static struct type *parse_text(struct model *model, struct schema_file *file, ds_error_t *error)
{
    struct type *top = NULL;
    json_error_t where;
    json_t *json = json_loadb(file->text, file->text_bytes, JSON_REJECT_DUPLICATES, &where);
    if (json == NULL) {
        ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID, "%s:%d:%d: %s", file->path,
                     where.line, where.column, where.text);
        return NULL;
    }
    model->documents[model->document_count++] = json;
    struct parser *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_MEMORY, "%s: out of memory", file->path);
        return NULL;
    }
    p->model = model;
    p->file = file->path;
    p->error = error;
    (void)enter(p, "$");
    top = parse_type(p, json, "");
    free(p);
    return top;
}

static struct schema_file *next_file(struct model *model, const char *path, ds_error_t *error)
{
    if (model->document_count < MODEL_MAX_FILES)
        return &model->files[model->file_count];
    ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_LIMIT, "%s: more than %d files", path,
                 MODEL_MAX_FILES);
    return NULL;
}

bool model_add_text(struct model *model, const char *name, ds_str_t text,
                    struct schema_file **file_out, ds_error_t *error)
{
    *file_out = NULL;
    struct schema_file *file = next_file(model, name, error);
    if (file == NULL)
        return false;
    *file = (struct schema_file){.path = name, .text = text.data, .text_bytes = text.len};
    file->top = parse_text(model, file, error);
    if (file->top == NULL)
        return false;
    model->file_count++;
    *file_out = file;
    return true;
}

bool model_add_file(struct model *model, const char *path, struct schema_file **file_out,
                    ds_error_t *error)
{
    struct schema_file read = {0};
    struct schema_file *file = NULL;

    *file_out = NULL;
    if (!read_file(model, path, &read, error) ||
        !model_add_text(model, path, (ds_str_t){read.text, (uint32_t)read.text_bytes}, &file,
                        error))
        return false;
    if (file->top->kind != T_RECORD || file->top->topic == NULL)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID,
                            "%s: $: the top must be a record with a \"topic\"", path);
    *file_out = file;
    return true;
}
