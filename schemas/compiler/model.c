/* schemas/compiler/model.c - the model's life and what can be asked of a type. */
#include "model.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_MAX_BYTES (64 * 1024 * 1024)
#define MODEL_MAX_LEAST ((size_t)1 << 40) /* more than any record */

struct model *model_new(void)
{
    struct model *model = calloc(1, sizeof(*model));
    if (model == NULL)
        return NULL;
    model->arena = ds_arena_new(64 * 1024, MODEL_MAX_BYTES);
    if (model->arena == NULL) {
        free(model);
        return NULL;
    }
    return model;
}

void model_destroy(struct model *model)
{
    if (model == NULL)
        return;
    for (size_t i = 0; i < model->document_count; i++)
        json_decref(model->documents[i]);
    ds_arena_destroy(model->arena);
    free(model);
}

struct type *model_find(const struct model *model, const char *full)
{
    for (size_t i = 0; i < model->named_count; i++) {
        if (strcmp(model->named[i]->full, full) == 0)
            return model->named[i];
    }
    return NULL;
}

const char *model_text(struct model *model, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(text))
        return NULL;
    char *copy = ds_arena_alloc(model->arena, (size_t)len + 1, NULL);
    if (copy != NULL)
        memcpy(copy, text, (size_t)len + 1);
    return copy;
}

bool type_is_optional(const struct type *type, struct type **value_out, size_t *null_index_out)
{
    if (type->kind != T_UNION || type->branch_count != 2)
        return false;
    for (size_t i = 0; i < 2; i++) {
        if (type->branches[i]->kind == T_NULL) {
            if (value_out != NULL)
                *value_out = type->branches[1 - i];
            if (null_index_out != NULL)
                *null_index_out = i;
            return true;
        }
    }
    return false;
}

bool type_is_named(const struct type *type)
{
    return type->kind == T_RECORD || type->kind == T_ENUM || type->kind == T_FIXED;
}

bool is_state(const struct type *top)
{
    static const char suffix[] = ".state";
    size_t len = strlen(top->topic);
    return len >= sizeof(suffix) - 1 &&
           strcmp(top->topic + len - (sizeof(suffix) - 1), suffix) == 0;
}

const char *type_label(const struct type *type)
{
    static const char *const labels[] = {"null",   "boolean", "int",   "long",  "float",
                                         "double", "string",  "bytes", "fixed", "enum",
                                         "array",  "record",  "union"};
    return type_is_named(type) ? type->full : labels[type->kind];
}

size_t type_least_bytes(const struct type *type)
{
    size_t sum = 0;
    switch (type->kind) {
    case T_NULL:
        return 0;
    case T_BOOLEAN:
    case T_INT:
    case T_LONG:
    case T_STRING:
    case T_BYTES:
    case T_ENUM:
    case T_ARRAY:
        return 1;
    case T_FLOAT:
        return 4;
    case T_DOUBLE:
        return 8;
    case T_FIXED:
        return type->fixed_bytes;
    case T_RECORD:
        for (size_t i = 0; i < type->field_count; i++)
            sum += type->fields[i].type->least_bytes;
        return sum < MODEL_MAX_LEAST ? sum : MODEL_MAX_LEAST;
    case T_UNION:
        sum = SIZE_MAX - 1;
        for (size_t i = 0; i < type->branch_count; i++) {
            size_t branch = type->branches[i]->least_bytes;
            sum = branch < sum ? branch : sum;
        }
        return 1 + sum;
    }
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return (a == NULL || b == NULL) ? a == b : strcmp(a, b) == 0;
}

static bool same_names(const struct names *a, const struct names *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    }
    return true;
}

static bool same_use(const struct type *a, const struct type *b)
{
    if (type_is_named(a) && type_is_named(b))
        return strcmp(a->full, b->full) == 0;
    return type_same(a, b);
}

static bool same_fields(const struct type *a, const struct type *b)
{
    if (a->field_count != b->field_count)
        return false;
    for (size_t i = 0; i < a->field_count; i++) {
        const struct field *x = &a->fields[i];
        const struct field *y = &b->fields[i];
        bool defaults = (x->fallback == NULL) == (y->fallback == NULL) &&
                        (x->fallback == NULL || json_equal(x->fallback, y->fallback));
        if (!defaults || strcmp(x->name, y->name) != 0 || !same_names(&x->aliases, &y->aliases) ||
            !same_use(x->type, y->type))
            return false;
    }
    return true;
}

bool type_same(const struct type *a, const struct type *b)
{
    if (a->kind != b->kind || a->time != b->time || a->fixed_bytes != b->fixed_bytes ||
        a->branch_count != b->branch_count)
        return false;
    if (!same_text(a->full, b->full) || !same_text(a->ce_type, b->ce_type) ||
        !same_text(a->topic, b->topic) || !same_text(a->symbol_default, b->symbol_default))
        return false;
    if (!same_names(&a->aliases, &b->aliases) || !same_names(&a->symbols, &b->symbols) ||
        !same_fields(a, b))
        return false;
    for (size_t i = 0; i < a->branch_count; i++) {
        if (!same_use(a->branches[i], b->branches[i]))
            return false;
    }
    return a->kind != T_ARRAY || same_use(a->items, b->items);
}
