/* tests/unit/schemas/fill.h - values of any generated type from a seed, for tests.
 *
 * The per-type functions are generated (support.c). The same seed gives the same value on every
 * machine: the golden files depend on it. Memory comes from the arena and lives as long. Running
 * out of it aborts the test. */
#ifndef DS_TESTS_SCHEMAS_FILL_H
#define DS_TESTS_SCHEMAS_FILL_H

#include "schemas/schema.h"

struct ds_fill {
    uint64_t state;
    ds_arena_t *arena;
    bool extreme; /* everything there, every number as long as it gets */
};

struct ds_test_type {
    const struct ds_schema *schema;
    /** Fill the topic's struct; the body is of the given kind (ignored for PLAIN). */
    void (*fill)(struct ds_fill *f, void *value, int32_t kind);
    /** By value: what an absent optional or an unselected branch holds does not count. */
    bool (*equal)(const void *a, const void *b);
};

/** Of all topics; ends with a NULL schema. */
extern const struct ds_test_type ds_schema_list_support[];
/** Of the schemas in evolution/. */
extern const struct ds_test_type evolution_list_support[];

uint64_t ds_fill_below(struct ds_fill *f, uint64_t bound);
bool ds_fill_bool(struct ds_fill *f);
int32_t ds_fill_int(struct ds_fill *f);
int64_t ds_fill_long(struct ds_fill *f);
int64_t ds_fill_time(struct ds_fill *f);
float ds_fill_float(struct ds_fill *f);
double ds_fill_double(struct ds_fill *f);
ds_str_t ds_fill_string(struct ds_fill *f);
ds_bytes_t ds_fill_bytes(struct ds_fill *f);
void ds_fill_raw(struct ds_fill *f, uint8_t *to, size_t bytes);
void *ds_fill_items(struct ds_fill *f, size_t count, size_t bytes);

#endif
