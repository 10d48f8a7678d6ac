/* Many threads that read and write with one framing while its own thread asks: for ThreadSanitizer,
 * under which Criterion does not run. Exit code 0: every value came through. */
#include "base/limits.h"
#include "fake_registry.h"
#include "schemas/framing.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 4
#define VALUES  200
#define WAIT_MS 10000

static ds_framing_t *framing;
static const struct ds_schema *const schema = &ds_schema_courier_locations;

static void demand(bool ok, const ds_error_t *error)
{
    if (ok)
        return;
    (void)fprintf(stderr, "threads: %s\n", error->message);
    exit(EXIT_FAILURE);
}

static void encode(ds_buf_t *bytes)
{
    const struct ds_courier_location value = {.courier_id = {"s.c", 3}};
    for (;;) {
        unsigned seen = ds_framing_answers(framing);
        ds_error_t error = DS_ERROR_INIT;
        ds_buf_clear(bytes);
        if (ds_framing_encode(framing, schema, &value, bytes, &error))
            return;
        demand(error.code == DS_ERR_UNAVAILABLE, &error);
        ds_error_clear(&error);
        demand(ds_framing_wait(framing, seen, WAIT_MS, &error), &error);
    }
}

/* What is written is read, and what nobody knows is asked for meanwhile. */
static void *work(void *number)
{
    static const uint8_t strange[] = {0, 0, 0, 1, 0, 0};
    ds_arena_t *arena = ds_arena_new(4096, DS_MAX_DECODE_BYTES);
    struct ds_courier_location back;
    ds_buf_t bytes;
    ds_buf_init(&bytes, 4096);
    for (int i = 0; i < VALUES; i++) {
        ds_error_t error = DS_ERROR_INIT;
        uint8_t message[sizeof strange];
        memcpy(message, strange, sizeof message);
        message[4] = (uint8_t)(*(const int *)number * 64 + i % 64);
        encode(&bytes);
        ds_arena_reset(arena);
        demand(ds_framing_decode(framing, schema, ds_buf_bytes(&bytes), arena, &back, NULL, &error),
               &error);
        bool read = ds_framing_decode(framing, schema, (ds_bytes_t){message, sizeof message}, arena,
                                      &back, NULL, &error);
        demand(!read && (error.code == DS_ERR_UNKNOWN || error.code == DS_ERR_UNAVAILABLE), &error);
        (void)ds_framing_waiting(framing);
    }
    ds_buf_cleanup(&bytes);
    ds_arena_destroy(arena);
    return NULL;
}

int main(void)
{
    static int numbers[THREADS];
    static struct fake_registry fake;
    static struct ds_health health;
    pthread_t threads[THREADS];
    ds_error_t error = DS_ERROR_INIT;
    struct ds_runtime runtime = {.log = ds_log_root("test", DS_LOG_ERROR),
                                 .metrics = ds_metrics_new(),
                                 .clock = ds_system_clock(),
                                 .random = ds_system_random(),
                                 .health = &health};
    fake_registry_start(&fake, "");
    demand(ds_framing_new(&runtime, &fake.config, &framing, &error), &error);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, work, &numbers[i]) != 0)
            return EXIT_FAILURE;
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    ds_framing_destroy(framing);
    fake_registry_stop(&fake);
    ds_metrics_destroy(runtime.metrics);
    return EXIT_SUCCESS;
}
