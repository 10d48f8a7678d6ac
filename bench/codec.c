/* bench/codec.c - our generated codec against avro-c, on the same bytes of one order.created.
 *
 * avro-c is used as its users use it at its best: one generic value kept and reset, a memory reader
 * and writer. Its decode fills the value and reads nothing of it; ours checks UTF-8 besides. Rounds
 * alternate; the figures are medians over the rounds of nanoseconds an operation, one thread. */
#include "base/clock.h"
#include "base/limits.h"
#include "schemas/schema.h"

#include <avro.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS     21
#define OPERATIONS 20000
#define FRAME_BYTES                                                                                \
    10 /* single-object: C3 01 and the fingerprint; avro-c reads the body behind it */
#define OUTPUT_BYTES 65536

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench codec: %s\n", what);
    exit(EXIT_FAILURE);
}

static struct ds_order_event sample(struct ds_order_line lines[3])
{
    for (int32_t i = 0; i < 3; i++)
        lines[i] = (struct ds_order_line){.line = i + 1,
                                          .product_id = DS_STR("berlin-1.milk-1l"),
                                          .name = DS_STR("Whole milk"),
                                          .quantity = 2,
                                          .unit_price_minor = 129,
                                          .total_minor = 258,
                                          .catalog_offset = 41};
    struct ds_order_event event = {
        .meta = {.epoch = 3,
                 .seq = 81234,
                 .cause = {.kind = DS_META_CAUSE_INPUT_CAUSE,
                           .as.input_cause = {0, 456789, 0, 0, INT64_C(0x1234567812345678)}},
                 .event_id = DS_STR("order-3-0-456789-0"),
                 .at = INT64_C(1795246233123456)},
        .context = {.correlation_id = DS_STR("01K9ZV3Q4T8W2N6M5B7C1D0E9F"),
                    .actor = {DS_ACTOR_KIND_CUSTOMER, DS_STR("demo-customer")},
                    .has_command = true,
                    .command = {DS_STR("01K9ZV3Q4T8W2N6M5B7C1D0E9F"),
                                DS_STR("3ZV3Q4T8W2N6M5B7C1D0E9F01K"), INT64_C(1795246233120000)}},
        .body = {.kind = DS_ORDER_EVENT_ORDER_CREATED}};
    event.body.as.order_created = (struct ds_order_created){
        .order_id = DS_STR("berlin-1.01K9ZV3Q4T8W2N6M5B7C1D0E9F"),
        .store_id = DS_STR("berlin-1"),
        .customer_id = DS_STR("demo-customer"),
        .lines = {lines, 3},
        .currency = DS_STR("EUR"),
        .subtotal_minor = 774,
        .delivery_fee_minor = 290,
        .total_minor = 1064,
        .payment_method = DS_PAYMENT_METHOD_CARD,
        .has_payment_token = true,
        .payment_token = DS_STR("tok_ok"),
        .personal = {.kind = DS_UNION_PERSONAL_DATA_SEALED_DATA_PERSONAL_DATA,
                     .as.personal_data = {.street = DS_STR("1 Market Square"),
                                          .city = DS_STR("Berlin"),
                                          .has_zip_code = true,
                                          .zip_code = DS_STR("10115"),
                                          .has_country = true,
                                          .country = DS_STR("DE")}},
        .placed_at = INT64_C(1795246233120000),
        .reserve_by = INT64_C(1795246293120000)};
    return event;
}

struct peers {
    struct ds_order_event event;
    ds_buf_t bytes; /* framed, as ours writes it */
    ds_buf_t scratch;
    ds_arena_t *arena;
    struct ds_order_event decoded;
    avro_schema_t schema;
    avro_value_t value;
    avro_reader_t reader;
    avro_writer_t writer;
    char output[OUTPUT_BYTES];
};

static void prepare(struct peers *peers)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(&peers->bytes, DS_MAX_RECORD_BYTES);
    ds_buf_init(&peers->scratch, DS_MAX_RECORD_BYTES);
    peers->arena = ds_arena_new(65536, DS_MAX_DECODE_BYTES);
    if (peers->arena == NULL ||
        !ds_schema_encode(&ds_schema_order_events, &peers->event, &peers->bytes, &error))
        fail(error.message);
    const char *json = ds_schema_order_events.json;
    avro_schema_error_t ignored;
    if (avro_schema_from_json(json, (int32_t)strlen(json), &peers->schema, &ignored) != 0)
        fail(avro_strerror());
    avro_value_iface_t *iface = avro_generic_class_from_schema(peers->schema);
    if (iface == NULL || avro_generic_value_new(iface, &peers->value) != 0)
        fail(avro_strerror());
    avro_value_iface_decref(iface);
    peers->reader = avro_reader_memory((const char *)peers->bytes.data + FRAME_BYTES,
                                       (int64_t)peers->bytes.len - FRAME_BYTES);
    peers->writer = avro_writer_memory(peers->output, sizeof peers->output);
}

static void ours_encode(struct peers *peers)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_clear(&peers->scratch);
    if (!ds_schema_encode(&ds_schema_order_events, &peers->event, &peers->scratch, &error))
        fail(error.message);
}

static void ours_decode(struct peers *peers)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_arena_reset(peers->arena);
    if (!ds_schema_decode(&ds_schema_order_events, ds_buf_bytes(&peers->bytes), peers->arena,
                          &peers->decoded, NULL, &error))
        fail(error.message);
}

static void avro_encode(struct peers *peers)
{
    avro_writer_reset(peers->writer);
    if (avro_value_write(peers->writer, &peers->value) != 0)
        fail(avro_strerror());
}

static void avro_decode(struct peers *peers)
{
    avro_reader_memory_set_source(peers->reader, (const char *)peers->bytes.data + FRAME_BYTES,
                                  (int64_t)peers->bytes.len - FRAME_BYTES);
    avro_value_reset(&peers->value);
    if (avro_value_read(peers->reader, &peers->value) != 0)
        fail(avro_strerror());
}

static double time_round(struct peers *peers, void (*operation)(struct peers *))
{
    int64_t start = ds_monotonic_us(ds_system_clock());
    for (int i = 0; i < OPERATIONS; i++)
        operation(peers);
    return (double)(ds_monotonic_us(ds_system_clock()) - start) * 1000.0 / OPERATIONS;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, ascending);
    return values[ROUNDS / 2];
}

/* Both must mean the same before their times mean anything. */
static void check_agreement(struct peers *peers)
{
    avro_decode(peers);
    avro_encode(peers);
    ours_decode(peers);
    size_t body = peers->bytes.len - FRAME_BYTES;
    if ((size_t)avro_writer_tell(peers->writer) != body ||
        memcmp(peers->output, peers->bytes.data + FRAME_BYTES, body) != 0)
        fail("avro-c does not write the bytes it read");
}

int main(int argc, char **argv)
{
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    static struct peers peers;
    struct ds_order_line lines[3];
    peers.event = sample(lines);
    prepare(&peers);
    check_agreement(&peers);
    static void (*const operations[4])(struct peers *) = {ours_encode, avro_encode, ours_decode,
                                                          avro_decode};
    double ns[4][ROUNDS];
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < 4; i++)
            ns[i][round] = time_round(&peers, operations[i]);
    double m[4];
    for (int i = 0; i < 4; i++)
        m[i] = median(ns[i]);
    if (json)
        printf(
            "{\"bench\": \"codec\", \"record\": \"order.created, 3 lines\", \"bytes\": %zu, "
            "\"rounds\": %d, \"operations\": %d,\n \"encodeRatio\": %.1f, \"decodeRatio\": %.1f, "
            "\"target\": 5,\n \"encodeNs\": {\"ours\": %.0f, \"avroC\": %.0f}, "
            "\"decodeNs\": {\"ours\": %.0f, \"avroC\": %.0f}}\n",
            peers.bytes.len, ROUNDS, OPERATIONS, m[1] / m[0], m[3] / m[2], m[0], m[1], m[2], m[3]);
    else
        printf("codec: an order.created of %zu bytes, medians of %d rounds of %d\n"
               "  encode  %5.1f times as fast as avro-c   (%4.0f ns against %5.0f)\n"
               "  decode  %5.1f times as fast as avro-c   (%4.0f ns against %5.0f)\n",
               peers.bytes.len, ROUNDS, OPERATIONS, m[1] / m[0], m[0], m[1], m[3] / m[2], m[2],
               m[3]);
    avro_reader_free(peers.reader);
    avro_writer_free(peers.writer);
    avro_value_decref(&peers.value);
    avro_schema_decref(peers.schema);
    ds_arena_destroy(peers.arena);
    ds_buf_cleanup(&peers.bytes);
    ds_buf_cleanup(&peers.scratch);
    return m[1] / m[0] >= 5 && m[3] / m[2] >= 5 ? EXIT_SUCCESS : EXIT_FAILURE;
}
