#include "target.h"

#include "base/limits.h"
#include "fill.h"

#include <avro.h>
#include <stdio.h>
#include <stdlib.h>

#define TOPICS_MAX     32
#define STRUCT_BYTES   4096
#define OUT_BYTES      (4 * 1024 * 1024)
#define ARENA_PER_BYTE 48
#define HEAP_MAX_BYTES DS_MAX_DECODE_BYTES

struct oracle {
    avro_schema_t schema;
    avro_value_iface_t *iface;
    avro_value_t value;
};

struct target {
    ds_arena_t *arena;
    ds_arena_t *arena_again;
    ds_buf_t message;
    ds_buf_t again;
    ds_buf_t json;
    size_t topics;
    struct oracle oracles[TOPICS_MAX];
    uint8_t *theirs;
    _Alignas(16) uint8_t value[STRUCT_BYTES];
    _Alignas(16) uint8_t back[STRUCT_BYTES];
};

static void demand(bool truth, const struct ds_schema *schema, const char *what)
{
    if (truth)
        return;
    (void)fprintf(stderr, "%s: %s\n", schema->topic, what);
    abort();
}

static bool oracle_open(struct oracle *o, const struct ds_schema *schema)
{
    if (avro_schema_from_json_length(schema->json, strlen(schema->json), &o->schema) != 0)
        return false;
    o->iface = avro_generic_class_from_schema(o->schema);
    return o->iface != NULL && avro_generic_value_new(o->iface, &o->value) == 0;
}

struct target *target_new(void)
{
    struct target *t = NULL;
    if (posix_memalign((void **)&t, 16, sizeof(*t)) != 0)
        return NULL;
    memset(t, 0, sizeof(*t));
    t->arena = ds_arena_new(4096, HEAP_MAX_BYTES);
    t->arena_again = ds_arena_new(4096, HEAP_MAX_BYTES);
    t->theirs = malloc(OUT_BYTES);
    ds_buf_init(&t->message, OUT_BYTES);
    ds_buf_init(&t->again, OUT_BYTES);
    ds_buf_init(&t->json, 4 * OUT_BYTES);
    bool ok = t->arena != NULL && t->arena_again != NULL && t->theirs != NULL;
    for (const struct ds_test_type *type = ds_schema_list_support;
         ok && type->schema != NULL && t->topics < TOPICS_MAX; type++, t->topics++)
        ok = type->schema->struct_bytes <= STRUCT_BYTES &&
             oracle_open(&t->oracles[t->topics], type->schema);
    if (ok)
        return t;
    target_destroy(t);
    return NULL;
}

void target_destroy(struct target *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->topics; i++) {
        avro_value_decref(&t->oracles[i].value);
        avro_value_iface_decref(t->oracles[i].iface);
        avro_schema_decref(t->oracles[i].schema);
    }
    ds_arena_destroy(t->arena);
    ds_arena_destroy(t->arena_again);
    ds_buf_cleanup(&t->message);
    ds_buf_cleanup(&t->again);
    ds_buf_cleanup(&t->json);
    free(t->theirs);
    free(t);
}

static bool build_message(struct target *t, const struct ds_schema *schema, const uint8_t *data,
                          size_t size)
{
    ds_buf_clear(&t->message);
    if (data[1] % 2 == 0) {
        uint8_t frame[10] = {0xC3, 0x01};
        for (unsigned i = 0; i < 8; i++)
            frame[2 + i] = (uint8_t)(schema->fingerprint >> (8 * i));
        if (!ds_buf_append(&t->message, frame, sizeof(frame), NULL))
            return false;
    }
    return ds_buf_append(&t->message, data + 2, size - 2, NULL);
}

/* avro-c reads the body and writes it again: the bytes must be ours. */
static void ask_oracle(struct target *t, struct oracle *o, const struct ds_schema *schema)
{
    avro_reader_t reader =
        avro_reader_memory((const char *)t->message.data + 10, (int64_t)t->message.len - 10);
    avro_value_reset(&o->value);
    demand(avro_value_read(reader, &o->value) == 0, schema, "avro-c refuses what we took");
    avro_reader_free(reader);
    avro_writer_t writer = avro_writer_memory((char *)t->theirs, OUT_BYTES);
    demand(avro_value_write(writer, &o->value) == 0, schema, "avro-c cannot write what we took");
    size_t len = (size_t)avro_writer_tell(writer);
    avro_writer_free(writer);
    demand(len == t->again.len - 10 && memcmp(t->theirs, t->again.data + 10, len) == 0, schema,
           "avro-c writes other bytes");
}

static void check_taken(struct target *t, const struct ds_test_type *type, struct oracle *o)
{
    const struct ds_schema *schema = type->schema;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_clear(&t->again);
    ds_buf_clear(&t->json);
    ds_arena_reset(t->arena_again);
    demand(ds_arena_used(t->arena) <= t->message.len * ARENA_PER_BYTE, schema, "too much memory");
    demand(ds_schema_encode(schema, t->value, &t->again, &error), schema,
           "cannot be written again");
    demand(t->again.len <= t->message.len, schema, "our form is the shortest");
    demand(ds_schema_decode(schema, ds_buf_bytes(&t->again), t->arena_again, t->back, NULL, &error),
           schema, "cannot be read again");
    demand(type->equal(t->value, t->back), schema, "reads differently");
    demand(ds_schema_print_json(schema, t->value, &t->json, &error), schema, "cannot be printed");
    ask_oracle(t, o, schema);
}

int target_run(struct target *t, const uint8_t *data, size_t size)
{
    ds_error_t error = DS_ERROR_INIT;
    if (size < 2 || size > 64 * 1024)
        return 0;
    size_t index = data[0] % t->topics;
    const struct ds_test_type *type = &ds_schema_list_support[index];
    if (!build_message(t, type->schema, data, size))
        return 0;
    /* A copy of exactly this size: AddressSanitizer sees one byte too far. */
    uint8_t *copy = malloc(t->message.len + 1);
    if (copy == NULL)
        return 0;
    uint8_t *start = copy + 1; /* and not aligned */
    if (t->message.len > 0)
        memcpy(start, t->message.data, t->message.len);
    ds_arena_reset(t->arena);
    bool taken = ds_schema_decode(type->schema, (ds_bytes_t){start, (uint32_t)t->message.len},
                                  t->arena, t->value, NULL, &error);
    if (taken)
        check_taken(t, type, &t->oracles[index]);
    else
        demand(ds_error_is_set(&error), type->schema, "refused without a word");
    free(copy);
    return taken ? 1 : 0;
}
