/* tests/unit/schemas/kit.h - what every schema test needs: an arena, buffers, aligned room for a
 * struct. */
#ifndef DS_TESTS_SCHEMAS_KIT_H
#define DS_TESTS_SCHEMAS_KIT_H

#include "base/limits.h"
#include "fill.h"

#define KIT_STRUCT_BYTES 4096

struct kit {
    ds_arena_t *arena;
    ds_arena_t *decoded; /* what a decoder allocates */
    ds_buf_t bytes;
    ds_buf_t again;
    ds_buf_t json;
    ds_error_t error;
    _Alignas(16) uint8_t value[KIT_STRUCT_BYTES];
    _Alignas(16) uint8_t back[KIT_STRUCT_BYTES];
};

struct kit *kit_new(void);
void kit_destroy(struct kit *kit);
/** Empty the buffers and arenas and clear the error, for the next case. */
void kit_clear(struct kit *kit);

/** Fill kit->value with the value a seed gives. */
void kit_fill(struct kit *kit, const struct ds_test_type *type, int32_t kind, uint64_t seed);
/** The seed of a golden file, from its name. */
uint64_t kit_seed(const struct ds_schema *schema, const char *ce_type);
/** How many kinds to walk: the body's, or one for PLAIN. */
int32_t kit_kinds(const struct ds_schema *schema);
/** The ce_type of a kind; the topic's last part for PLAIN. */
const char *kit_ce_type(const struct ds_schema *schema, int32_t kind);
const struct ds_test_type *kit_type(const struct ds_schema *schema);
/** Decode into kit->back from a copy of exactly the message's size, so that reading one byte too
 * far is seen. The copy lives in kit->arena. */
bool kit_decode(struct kit *kit, const struct ds_schema *schema, const void *data, size_t len,
                bool *head_ok_out);
/** Frame of a schema's current version, into an empty buffer. */
void kit_frame(ds_buf_t *buf, const struct ds_schema *schema);

#endif
