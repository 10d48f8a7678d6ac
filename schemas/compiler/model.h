/* schemas/compiler/model.h - what a .avsc file says, as a tree the generators walk.
 *
 * A model holds the named types of one or more files. A named type that stands in several files is
 * one node: the files must say the same of it. Released (older) files get a model of their own,
 * since they may say something else. Invariants after model_add_file(): no recursion; every array
 * item takes at least one byte on the wire; every default fits its type. Memory: nodes live in the
 * model's arena, texts in its JSON documents; both die with model_destroy(). */
#ifndef DS_SCHEMAS_COMPILER_MODEL_H
#define DS_SCHEMAS_COMPILER_MODEL_H

#include "base/buf.h"

#include <jansson.h>
#include <stdio.h>

enum type_kind {
    T_NULL,
    T_BOOLEAN,
    T_INT,
    T_LONG,
    T_FLOAT,
    T_DOUBLE,
    T_STRING,
    T_BYTES,
    T_FIXED,
    T_ENUM,
    T_ARRAY,
    T_RECORD,
    T_UNION,
};

struct type;

struct names {
    const char **items;
    size_t count;
};

struct field {
    const char *name;
    struct type *type;
    json_t *fallback; /* the "default"; NULL: none */
    struct names aliases;
};

struct type {
    enum type_kind kind;
    bool time;         /* a long of logicalType timestamp-micros */
    bool open;         /* being defined: naming it now would be recursion */
    const char *file;  /* of the first definition */
    const char *full;  /* "doorstep.order.OrderCreated"; named types only */
    const char *name;  /* its last part */
    const char *snake; /* "order_created" */
    const char *upper; /* "ORDER_CREATED" */
    const char *doc;   /* may be NULL */
    const char *ce_type;
    const char *topic;
    struct names aliases; /* full names */
    struct field *fields;
    size_t field_count;
    struct names symbols;
    const char *symbol_default;
    struct type *items;
    struct type **branches;
    size_t branch_count;
    size_t fixed_bytes;
    size_t least_bytes; /* on the wire; kept, for types that hold a type twice hold it 2^n times */
    /* Set by names_assign(). */
    const char *c_name;   /* without "ds_": "order_created", "array_of_order_line", "meta_cause" */
    const char *c_prefix; /* unions: of the enumerators, such as "DS_META_CAUSE" */
};

struct schema_file {
    const char *path;
    const char *text; /* as it stands */
    size_t text_bytes;
    struct type *top;
};

#define MODEL_MAX_TYPES      4096
#define MODEL_MAX_FILES      64
#define MODEL_MAX_DEPTH      64
#define MODEL_MAX_FILE_BYTES (4 * 1024 * 1024)

struct model {
    ds_arena_t *arena;
    struct type *named[MODEL_MAX_TYPES];
    size_t named_count;
    struct schema_file files[MODEL_MAX_FILES];
    size_t file_count;
    json_t *documents[MODEL_MAX_FILES];
    size_t document_count;
};

/** @brief NULL when memory is out. */
struct model *model_new(void);
void model_destroy(struct model *model);

/** @brief Read and check one file. DS_ERR_INVALID: the message names the file and the JSON path. */
DS_MUST_CHECK bool model_add_file(struct model *model, const char *path,
                                  struct schema_file **file_out, ds_error_t *error);

/** @brief The same of a text, which is borrowed for the model's life and needs no "topic": a
 * registry may have dropped it. @param name  for messages. */
DS_MUST_CHECK bool model_add_text(struct model *model, const char *name, ds_str_t text,
                                  struct schema_file **file_out, ds_error_t *error);

/** @brief Look a named type up by its full name. */
struct type *model_find(const struct model *model, const char *full);

/** @brief Formatted text in the model's arena; NULL when memory is out. */
const char *model_text(struct model *model, const char *format, ...) DS_PRINTF(2, 3);

/** @brief True for ["null", T] and [T, "null"]; gives T and the index of null. */
bool type_is_optional(const struct type *type, struct type **value_out, size_t *null_index_out);
bool type_is_named(const struct type *type);
/** @brief An image of an aggregate (decider/decider.h): kept in snapshots, no topic of its own. */
bool is_state(const struct type *top);
/** @brief "string", "doorstep.order.OrderLine", "array", "union": what the type is called in a
 * message. */
const char *type_label(const struct type *type);
/** @brief The least bytes a value takes on the wire, from those of the types it holds. */
size_t type_least_bytes(const struct type *type);
/** @brief Whether two definitions say the same (doc aside). Named types inside count by name: each
 * is compared where it is defined. */
bool type_same(const struct type *a, const struct type *b);

/** @brief Check that `value` is a default for the type (a union: for its first branch).
 *  @param path  where it stands, for the message. */
DS_MUST_CHECK bool check_default(const struct type *type, const json_t *value, const char *path,
                                 ds_error_t *error);

#endif
