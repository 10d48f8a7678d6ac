/* schemas/compiler/resolve.h - whether, and how, data of one schema is read as another (Avro 1.11,
 * "Schema Resolution").
 *
 * Writer: the schema a record was written with. Reader: today's. Stricter than Avro in one point:
 * every branch of a writer's union must be readable, not only the one that happens to stand in a
 * record. */
#ifndef DS_SCHEMAS_COMPILER_RESOLVE_H
#define DS_SCHEMAS_COMPILER_RESOLVE_H

#include "model.h"

#define RESOLVE_MAX_PROBLEMS 16

/** What stands in the way, each with its place. */
struct resolve_problems {
    char texts[RESOLVE_MAX_PROBLEMS][256];
    size_t count; /* may be more than there are texts */
};

/** @brief Find all of them; found->count must be set before (problems are added). */
void resolve_compare(const struct type *writer, const struct type *reader, const char *path,
                     struct resolve_problems *found);
/** @brief The first of them as an error: DS_ERR_INVALID: the message says which part of `reader`
 * cannot be read, and why. */
DS_MUST_CHECK bool resolve_check(const struct type *writer, const struct type *reader,
                                 const char *path, ds_error_t *error);
/** @brief The field of the writer's record a reader's field comes from: its name, else an alias;
 * NULL: the default. */
const struct field *resolve_field(const struct type *writer, const struct field *reader_field);
/** @brief The branch of a reader's union a writer's type (no union) is read into; -1: none. */
int resolve_branch(const struct type *writer, const struct type *reader_union);
/** @brief The reader's symbol for a writer's symbol; the reader's default; -1: none. */
int resolve_symbol(const struct type *reader, const char *symbol);

#endif
