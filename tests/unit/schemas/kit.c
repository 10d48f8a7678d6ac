#include "kit.h"

#include <stdlib.h>

struct kit *kit_new(void)
{
    struct kit *kit = NULL;
    if (posix_memalign((void **)&kit, 16, sizeof(*kit)) != 0)
        abort();
    memset(kit, 0, sizeof(*kit));
    kit->arena = ds_arena_new(4096, 64 * 1024 * 1024);
    kit->decoded = ds_arena_new(4096, DS_MAX_DECODE_BYTES);
    ds_buf_init(&kit->bytes, 4 * 1024 * 1024);
    ds_buf_init(&kit->again, 4 * 1024 * 1024);
    ds_buf_init(&kit->json, 16 * 1024 * 1024);
    if (kit->arena == NULL || kit->decoded == NULL)
        abort();
    return kit;
}

void kit_destroy(struct kit *kit)
{
    ds_arena_destroy(kit->arena);
    ds_arena_destroy(kit->decoded);
    ds_buf_cleanup(&kit->bytes);
    ds_buf_cleanup(&kit->again);
    ds_buf_cleanup(&kit->json);
    free(kit);
}

void kit_clear(struct kit *kit)
{
    ds_arena_reset(kit->arena);
    ds_arena_reset(kit->decoded);
    ds_buf_clear(&kit->bytes);
    ds_buf_clear(&kit->again);
    ds_buf_clear(&kit->json);
    ds_error_clear(&kit->error);
}

void kit_fill(struct kit *kit, const struct ds_test_type *type, int32_t kind, uint64_t seed)
{
    struct ds_fill fill = {seed, kit->arena, false};
    if (type->schema->struct_bytes > sizeof(kit->value))
        abort();
    /* Whatever stands in padding and unselected branches must not matter. */
    memset(kit->value, 0xA5, sizeof(kit->value));
    memset(kit->back, 0x5A, sizeof(kit->back));
    type->fill(&fill, kit->value, kind);
}

uint64_t kit_seed(const struct ds_schema *schema, const char *ce_type)
{
    return ds_str_hash(ds_str(ce_type), ds_str_hash(ds_str(schema->topic), 0));
}

int32_t kit_kinds(const struct ds_schema *schema)
{
    return schema->kind == DS_SCHEMA_PLAIN ? 1 : schema->body_kinds;
}

const char *kit_ce_type(const struct ds_schema *schema, int32_t kind)
{
    return schema->kind == DS_SCHEMA_PLAIN ? "record" : schema->ce_types[kind];
}

const struct ds_test_type *kit_type(const struct ds_schema *schema)
{
    const struct ds_test_type *type = ds_schema_list_support;
    while (type->schema != schema)
        type++;
    return type;
}

bool kit_decode(struct kit *kit, const struct ds_schema *schema, const void *data, size_t len,
                bool *head_ok_out)
{
    /* malloc, not the arena: AddressSanitizer guards its ends. */
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    if (copy == NULL)
        abort();
    memcpy(copy, data, len);
    bool ok = ds_schema_decode(schema, (ds_bytes_t){copy, (uint32_t)len}, kit->decoded, kit->back,
                               head_ok_out, &kit->error);
    if (ok) {
        /* The value points into the message: decode again from one that stays. */
        uint8_t *stays = ds_arena_alloc(kit->arena, len, NULL);
        if (stays == NULL)
            abort();
        memcpy(stays, data, len);
        ds_arena_reset(kit->decoded);
        ok = ds_schema_decode(schema, (ds_bytes_t){stays, (uint32_t)len}, kit->decoded, kit->back,
                              head_ok_out, &kit->error);
    }
    free(copy);
    return ok;
}

void kit_frame(ds_buf_t *buf, const struct ds_schema *schema)
{
    uint8_t frame[10] = {0xC3, 0x01};
    for (unsigned i = 0; i < 8; i++)
        frame[2 + i] = (uint8_t)(schema->fingerprint >> (8 * i));
    ds_buf_clear(buf);
    if (!ds_buf_append(buf, frame, sizeof(frame), NULL))
        abort();
}
