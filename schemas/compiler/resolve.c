#include "resolve.h"

#include <stdarg.h>
#include <string.h>

const struct field *resolve_field(const struct type *writer, const struct field *reader_field)
{
    for (size_t i = 0; i < writer->field_count; i++) {
        if (strcmp(writer->fields[i].name, reader_field->name) == 0)
            return &writer->fields[i];
    }
    for (size_t k = 0; k < reader_field->aliases.count; k++) {
        for (size_t i = 0; i < writer->field_count; i++) {
            if (strcmp(writer->fields[i].name, reader_field->aliases.items[k]) == 0)
                return &writer->fields[i];
        }
    }
    return NULL;
}

static bool has_full_name(const struct type *reader, const struct type *writer)
{
    if (strcmp(reader->full, writer->full) == 0)
        return true;
    for (size_t i = 0; i < reader->aliases.count; i++) {
        if (strcmp(reader->aliases.items[i], writer->full) == 0)
            return true;
    }
    return false;
}

static bool promotes(enum type_kind writer, enum type_kind reader)
{
    switch (writer) {
    case T_INT:
        return reader == T_LONG || reader == T_FLOAT || reader == T_DOUBLE;
    case T_LONG:
        return reader == T_FLOAT || reader == T_DOUBLE;
    case T_FLOAT:
        return reader == T_DOUBLE;
    case T_STRING:
        return reader == T_BYTES;
    case T_BYTES:
        return reader == T_STRING;
    case T_NULL:
    case T_BOOLEAN:
    case T_DOUBLE:
    case T_FIXED:
    case T_ENUM:
    case T_ARRAY:
    case T_RECORD:
    case T_UNION:
        return false;
    }
    return false;
}

/* The same kind and, for named types, the same name: 3 by full name or alias, 2 by last part; 1: by
 * promotion. */
static int likeness(const struct type *writer, const struct type *reader)
{
    if (writer->kind != reader->kind)
        return promotes(writer->kind, reader->kind) ? 1 : 0;
    if (!type_is_named(writer) || has_full_name(reader, writer))
        return 3;
    return strcmp(writer->name, reader->name) == 0 ? 2 : 0;
}

int resolve_branch(const struct type *writer, const struct type *reader_union)
{
    int best = 0;
    int found = -1;
    for (size_t i = 0; i < reader_union->branch_count; i++) {
        int like = likeness(writer, reader_union->branches[i]);
        if (like > best) {
            best = like;
            found = (int)i;
        }
    }
    return found;
}

int resolve_symbol(const struct type *reader, const char *symbol)
{
    for (size_t i = 0; i < reader->symbols.count; i++) {
        if (strcmp(reader->symbols.items[i], symbol) == 0)
            return (int)i;
    }
    return reader->symbol_default == NULL ? -1 : resolve_symbol(reader, reader->symbol_default);
}

/* Notes one and goes on, so that all are found. */
static void DS_PRINTF(2, 3) note(struct resolve_problems *found, const char *format, ...)
{
    va_list args;
    found->count++;
    if (found->count > RESOLVE_MAX_PROBLEMS)
        return;
    va_start(args, format);
    (void)vsnprintf(found->texts[found->count - 1], sizeof(found->texts[0]), format, args);
    va_end(args);
}

static void compare_records(const struct type *writer, const struct type *reader, const char *path,
                            struct resolve_problems *found)
{
    for (size_t i = 0; i < reader->field_count; i++) {
        const struct field *field = &reader->fields[i];
        const struct field *from = resolve_field(writer, field);
        char where[200];
        (void)snprintf(where, sizeof(where), "%s.%s", path, field->name);
        if (from == NULL && field->fallback == NULL)
            note(found, "%s is new and has no default", where);
        else if (from != NULL)
            resolve_compare(from->type, field->type, where, found);
    }
}

static void compare_enums(const struct type *writer, const struct type *reader, const char *path,
                          struct resolve_problems *found)
{
    for (size_t i = 0; i < writer->symbols.count; i++) {
        if (resolve_symbol(reader, writer->symbols.items[i]) < 0)
            note(found, "%s: symbol %s is gone and %s has no default", path,
                 writer->symbols.items[i], reader->full);
    }
}

static void compare_to_union(const struct type *writer, const struct type *reader, const char *path,
                             struct resolve_problems *found)
{
    int branch = resolve_branch(writer, reader);
    if (branch < 0)
        note(found, "%s: no branch of the union reads %s", path, type_label(writer));
    else
        resolve_compare(writer, reader->branches[branch], path, found);
}

void resolve_compare(const struct type *writer, const struct type *reader, const char *path,
                     struct resolve_problems *found)
{
    if (writer->kind == T_UNION) {
        for (size_t i = 0; i < writer->branch_count; i++)
            resolve_compare(writer->branches[i], reader, path, found);
    } else if (reader->kind == T_UNION) {
        compare_to_union(writer, reader, path, found);
    } else if (likeness(writer, reader) == 0 || writer->fixed_bytes != reader->fixed_bytes) {
        note(found, "%s: %s cannot be read as %s", path, type_label(writer), type_label(reader));
    } else if (writer->kind == T_RECORD) {
        compare_records(writer, reader, path, found);
    } else if (writer->kind == T_ENUM) {
        compare_enums(writer, reader, path, found);
    } else if (writer->kind == T_ARRAY) {
        resolve_compare(writer->items, reader->items, path, found);
    }
}

bool resolve_check(const struct type *writer, const struct type *reader, const char *path,
                   ds_error_t *error)
{
    struct resolve_problems found = {.count = 0};
    resolve_compare(writer, reader, path, &found);
    if (found.count == 0)
        return true;
    return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID, "%s", found.texts[0]);
}
