/* bench/hop.c - one hop through the processor host, exactly once, against a raw librdkafka
 * consume-produce loop.
 *
 *   bench_hop [--json] [--rate N] [--seconds N] [--rounds N]        drives both, by turns, and
 * compares bench_hop raw|host BROKERS                                      the two peers, as
 * processes of their own
 *
 * Both read catalog.commands and write one record for each: the host decides store.closed into
 * catalog.events, the raw loop copies the value into courier.locations. The driver sends commands
 * at a fixed rate (an open loop) whose text is the moment of sending, reads the output topic with a
 * consumer of the same settings for both, and takes the CPU time of the peer's process over the
 * measured seconds. Settings of consumers and producers are the product's own (stream/kafka_conf.h)
 * everywhere; the raw loop knows no epoch, no seq, no own log and no resume. */
#include "base/id.h"
#include "base/runtime.h"
#include "stream/host.h"
#include "stream/kafka_conf.h"
#include "stream/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IN_TOPIC   "catalog.commands"
#define HOST_OUT   "catalog.events"
#define RAW_OUT    "courier.locations"
#define KEY        "bench-1"
#define WARM_UP_S  3
#define MAX_ROUNDS 15
#define POLL_MS    100
#define START_US   (60 * DS_US_PER_S)

static volatile sig_atomic_t stop_flag;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stop_flag = 1;
}

static void fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench hop: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

/* --- the host's decider: an event for each command, nothing kept
 * ------------------------------------------------ */

static void *state_new(const void *settings, ds_error_t *error)
{
    (void)settings, (void)error;
    return calloc(1, 1);
}

static bool decide(const void *state, const struct ds_input *input, int64_t now_us,
                   ds_decision_t *decision, ds_error_t *error)
{
    (void)state, (void)now_us;
    const struct ds_catalog_command *command = input->message;
    struct ds_catalog_event *event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_CATALOG_EVENT_STORE_CLOSED;
    event->body.as.store_closed.store_id = command->body.as.set_store_open.store_id;
    return true;
}

static bool evolve(void *state, const void *event, ds_error_t *error)
{
    (void)state, (void)event, (void)error;
    return true;
}

static bool next_timer(const void *state, struct ds_timer *timer_out)
{
    (void)state, (void)timer_out;
    return false;
}

static const struct ds_decider_input inputs[] = {{0, &ds_schema_catalog_commands}};
static const struct ds_decider pass_through = {
    .name = "catalog",
    .events = &ds_schema_catalog_events,
    .inputs = inputs,
    .input_count = 1,
    .logic = 1,
    .state_new = state_new,
    .state_destroy = free,
    .decide = decide,
    .evolve = evolve,
    .next_timer = next_timer,
};

static int run_host(const struct ds_runtime *runtime, const char *brokers)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_host_config config = {
        .decider = &pass_through, .brokers = brokers, .group_instance_id = "bench-hop"};
    ds_host_t *host = NULL;
    bool ok = ds_host_new(runtime, &config, &host, &error);
    while (ok && !ds_stopping(runtime))
        ok = ds_host_step(host, POLL_MS, &error);
    ds_host_destroy(host);
    if (!ok)
        fail("host", error.message);
    return EXIT_SUCCESS;
}

/* --- the raw loop
 * ------------------------------------------------------------------------------------------------
 */

static rd_kafka_t *new_handle(rd_kafka_type_t type, const char *brokers,
                              struct ds_kafka_owner *owner, const struct ds_kafka_setting *settings)
{
    ds_error_t error = DS_ERROR_INIT;
    rd_kafka_conf_t *conf = ds_kafka_conf_new(brokers, "bench-hop", owner, settings, &error);
    rd_kafka_t *handle = conf == NULL ? NULL : ds_kafka_new(type, conf, &error);
    if (handle == NULL)
        fail("librdkafka", error.message);
    return handle;
}

static const struct ds_kafka_setting consumer_settings[] = {{"group.id", "bench-hop-raw"},
                                                            {"enable.auto.commit", "false"},
                                                            {"auto.offset.reset", "error"},
                                                            {"isolation.level", "read_uncommitted"},
                                                            {"fetch.error.backoff.ms", "50"},
                                                            {"check.crcs", "true"},
                                                            {NULL, NULL}};
static const struct ds_kafka_setting producer_settings[] = {
    {"enable.idempotence", "true"}, {"linger.ms", "0"}, {NULL, NULL}};

static rd_kafka_t *new_consumer_at_end(const char *brokers, struct ds_kafka_owner *owner,
                                       const char *topic, int partitions)
{
    rd_kafka_t *consumer = new_handle(RD_KAFKA_CONSUMER, brokers, owner, consumer_settings);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int32_t p = 0; p < partitions; p++) {
        int64_t low, high;
        rd_kafka_resp_err_t code;
        int asked = 0; /* a handle that has just been made does not know the leaders yet */
        while ((code = rd_kafka_query_watermark_offsets(consumer, topic, p, &low, &high, 10000)) !=
                   0 &&
               ++asked < 100)
            (void)rd_kafka_poll(consumer, 50);
        if (code != 0)
            fail(topic, rd_kafka_err2str(code));
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = high;
    }
    (void)rd_kafka_poll_set_consumer(consumer);
    if (rd_kafka_assign(consumer, list) != 0)
        fail(topic, "cannot be assigned");
    rd_kafka_topic_partition_list_destroy(list);
    return consumer;
}

static int count_partitions(rd_kafka_t *handle, const char *topic)
{
    rd_kafka_topic_t *local = rd_kafka_topic_new(handle, topic, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    if (rd_kafka_metadata(handle, 0, local, &metadata, 10000) != 0 ||
        metadata->topics[0].partition_cnt == 0)
        fail(topic, "is not there (doorstep topics create)");
    int count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(local);
    return count;
}

static int run_raw(const struct ds_runtime *runtime, const char *brokers)
{
    struct ds_kafka_owner owner = {&runtime->log};
    rd_kafka_t *producer = new_handle(RD_KAFKA_PRODUCER, brokers, &owner, producer_settings);
    int partitions = count_partitions(producer, IN_TOPIC);
    rd_kafka_t *consumer = new_consumer_at_end(brokers, &owner, IN_TOPIC, partitions);
    while (!ds_stopping(runtime)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, POLL_MS);
        if (message != NULL && message->err == 0 &&
            rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(RAW_OUT),
                              RD_KAFKA_V_PARTITION(message->partition),
                              RD_KAFKA_V_KEY(message->key, message->key_len),
                              RD_KAFKA_V_VALUE(message->payload, message->len),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END) != 0)
            fail("raw", "cannot produce");
        if (message != NULL)
            rd_kafka_message_destroy(message);
        (void)rd_kafka_poll(producer, 0);
    }
    (void)rd_kafka_flush(producer, 5000);
    (void)rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    rd_kafka_destroy(producer);
    return EXIT_SUCCESS;
}

/* --- the driver
 * --------------------------------------------------------------------------------------------------
 */

struct options {
    const char *brokers;
    int64_t rate;
    int64_t seconds;
    int64_t rounds;
    bool json;
};

struct figures {
    double p50_ms, p99_ms, cpu_us;
    size_t count;
};

struct driver {
    const struct ds_runtime *runtime;
    const struct options *options;
    struct ds_kafka_owner owner;
    rd_kafka_t *producer;
    int partitions;
    int32_t partition; /* of KEY: one partition is the harder case, it cannot batch across */
    uint64_t sent;
    ds_buf_t bytes;
};

static void send_one(struct driver *driver)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_id_t id;
    char moment[32];
    if (!ds_id_new(driver->runtime->clock, driver->runtime->random, &id, &error))
        fail("id", error.message);
    (void)snprintf(moment, sizeof moment, "%" PRId64, ds_monotonic_us(driver->runtime->clock));
    struct ds_catalog_command command = {.head = {.command_id = ds_str(id.text),
                                                  .correlation_id = ds_str(id.text),
                                                  .actor = {DS_ACTOR_KIND_ADMIN, DS_STR("bench")},
                                                  .sent_at = ds_now_us(driver->runtime->clock)},
                                         .body = {.kind = DS_CATALOG_COMMAND_SET_STORE_OPEN,
                                                  .as.set_store_open = {ds_str(moment), false}}};
    ds_buf_clear(&driver->bytes);
    if (!ds_schema_encode(&ds_schema_catalog_commands, &command, &driver->bytes, &error))
        fail("encode", error.message);
    if (rd_kafka_producev(driver->producer, RD_KAFKA_V_TOPIC(IN_TOPIC),
                          RD_KAFKA_V_PARTITION(driver->partition),
                          RD_KAFKA_V_KEY(KEY, sizeof KEY - 1),
                          RD_KAFKA_V_VALUE(driver->bytes.data, driver->bytes.len),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END) != 0)
        fail("driver", "cannot produce");
    driver->sent++;
}

/* The moment the command was sent, out of either output; -1: some other record. */
static int64_t sent_at(const rd_kafka_message_t *message, bool host, ds_arena_t *arena)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_bytes_t value = {message->payload, (uint32_t)message->len};
    int64_t at = -1;
    ds_arena_reset(arena);
    if (host) {
        struct ds_catalog_event event;
        if (ds_schema_decode(&ds_schema_catalog_events, value, arena, &event, NULL, &error) &&
            event.body.kind == DS_CATALOG_EVENT_STORE_CLOSED)
            (void)ds_str_to_i64(event.body.as.store_closed.store_id, &at);
    } else {
        struct ds_catalog_command command;
        if (ds_schema_decode(&ds_schema_catalog_commands, value, arena, &command, NULL, &error))
            (void)ds_str_to_i64(command.body.as.set_store_open.store_id, &at);
    }
    return at;
}

static double cpu_us_of(pid_t pid)
{
    char path[64], text[1024];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(text, sizeof text, file) == NULL)
        fail(path, "cannot be read");
    (void)fclose(file);
    const char *at = strrchr(text, ')');
    unsigned long long user = 0, system = 0;
    for (int field = 3; at != NULL && field <= 15; field++) {
        at = strchr(at + 1, ' ');
        if (at != NULL && field == 14)
            user = strtoull(at + 1, NULL, 10);
        if (at != NULL && field == 15)
            system = strtoull(at + 1, NULL, 10);
    }
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static pid_t start_peer(const char *mode, const char *brokers)
{
    pid_t pid = fork();
    if (pid < 0)
        fail(mode, "cannot fork");
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void)execl("/proc/self/exe", "bench_hop", mode, brokers, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

struct measure {
    int64_t *latencies_us;
    size_t count, capacity;
    int64_t from_us; /* only what was sent from here on counts */
};

static void take_outputs(rd_kafka_t *consumer, bool host, struct measure *measure,
                         ds_arena_t *arena, int timeout_ms, const struct ds_runtime *runtime)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, timeout_ms);
    if (message == NULL)
        return;
    int64_t now = ds_monotonic_us(runtime->clock);
    int64_t sent = message->err == 0 ? sent_at(message, host, arena) : -1;
    if (sent >= measure->from_us && measure->count < measure->capacity)
        measure->latencies_us[measure->count++] = now - sent;
    rd_kafka_message_destroy(message);
}

/* Until the peer answers: it may have to join its group first. */
static void wait_for_peer(struct driver *driver, rd_kafka_t *consumer, bool host, ds_arena_t *arena)
{
    int64_t one;
    struct measure first = {&one, 0, 1, ds_monotonic_us(driver->runtime->clock)};
    int64_t deadline = first.from_us + START_US;
    for (int turn = 0; first.count == 0; turn++) {
        if (turn % 100 == 0)
            send_one(driver);
        (void)rd_kafka_poll(driver->producer, 0);
        take_outputs(consumer, host, &first, arena, 10, driver->runtime);
        if (ds_monotonic_us(driver->runtime->clock) > deadline)
            fail("peer", "does not answer");
    }
}

static int ascending_us(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static struct figures measure_peer(struct driver *driver, const char *mode)
{
    const struct options *options = driver->options;
    const struct ds_runtime *runtime = driver->runtime;
    bool host = strcmp(mode, "host") == 0;
    size_t capacity = (size_t)(options->rate * (options->seconds + WARM_UP_S) + 1000);
    struct measure measure = {calloc(capacity, sizeof(int64_t)), 0, capacity, 0};
    ds_arena_t *arena = ds_arena_new(4096, 1 << 20);
    rd_kafka_t *consumer = new_consumer_at_end(options->brokers, &driver->owner,
                                               host ? HOST_OUT : RAW_OUT, driver->partitions);
    pid_t pid = start_peer(mode, options->brokers);
    wait_for_peer(driver, consumer, host, arena);

    int64_t start = ds_monotonic_us(runtime->clock);
    measure.from_us = start + WARM_UP_S * DS_US_PER_S;
    int64_t end = measure.from_us + options->seconds * DS_US_PER_S;
    double cpu = -1;
    int64_t due_count = 0;
    for (int64_t now = start; now < end; now = ds_monotonic_us(runtime->clock)) {
        if (cpu < 0 && now >= measure.from_us)
            cpu = cpu_us_of(pid);
        for (; due_count < (now - start) * options->rate / DS_US_PER_S; due_count++)
            send_one(driver);
        (void)rd_kafka_poll(driver->producer, 0);
        take_outputs(consumer, host, &measure, arena, 1, runtime);
    }
    cpu = cpu_us_of(pid) - cpu;
    int64_t last = ds_monotonic_us(runtime->clock) + DS_US_PER_S;
    while (ds_monotonic_us(runtime->clock) < last)
        take_outputs(consumer, host, &measure, arena, 10, runtime);
    (void)kill(pid, SIGTERM);
    (void)waitpid(pid, NULL, 0);
    qsort(measure.latencies_us, measure.count, sizeof(int64_t), ascending_us);
    struct figures figures = {0, 0, 0, measure.count};
    if (measure.count > 0) {
        figures.p50_ms = (double)measure.latencies_us[measure.count / 2] / 1000;
        figures.p99_ms = (double)measure.latencies_us[measure.count * 99 / 100] / 1000;
        figures.cpu_us = cpu / (double)(options->rate * options->seconds);
    }
    (void)rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    ds_arena_destroy(arena);
    free(measure.latencies_us);
    return figures;
}

static double median_of(const struct figures *figures, int64_t rounds, size_t member)
{
    double values[MAX_ROUNDS];
    for (int64_t i = 0; i < rounds; i++)
        memcpy(&values[i], (const char *)&figures[i] + member, sizeof(double));
    qsort(values, (size_t)rounds, sizeof *values, ascending);
    return values[rounds / 2];
}

static void report(const struct options *options, const struct figures *raw,
                   const struct figures *host)
{
    double r50 = median_of(raw, options->rounds, offsetof(struct figures, p50_ms));
    double h50 = median_of(host, options->rounds, offsetof(struct figures, p50_ms));
    double r99 = median_of(raw, options->rounds, offsetof(struct figures, p99_ms));
    double h99 = median_of(host, options->rounds, offsetof(struct figures, p99_ms));
    double rcpu = median_of(raw, options->rounds, offsetof(struct figures, cpu_us));
    double hcpu = median_of(host, options->rounds, offsetof(struct figures, cpu_us));
    if (options->json)
        printf("{\"bench\": \"hop\", \"rate\": %" PRId64 ", \"seconds\": %" PRId64
               ", \"rounds\": %" PRId64 ", \"partitions\": 1,\n"
               " \"p50Ratio\": %.2f, \"p50Target\": 1.3, \"p99Ratio\": %.2f, \"cpuRatio\": %.2f, "
               "\"cpuTarget\": 1.5,\n"
               " \"raw\": {\"p50Ms\": %.3f, \"p99Ms\": %.3f, \"cpuUs\": %.1f}, "
               "\"host\": {\"p50Ms\": %.3f, \"p99Ms\": %.3f, \"cpuUs\": %.1f}}\n",
               options->rate, options->seconds, options->rounds, h50 / r50, h99 / r99, hcpu / rcpu,
               r50, r99, rcpu, h50, h99, hcpu);
    else
        printf("hop: %" PRId64 " messages/s for %" PRId64 " s, medians of %" PRId64 " rounds\n"
               "  p50  %4.2f times the raw loop's   (%.3f ms against %.3f)\n"
               "  p99  %4.2f times the raw loop's   (%.3f ms against %.3f)\n"
               "  CPU  %4.2f times the raw loop's   (%.1f us a message against %.1f)\n",
               options->rate, options->seconds, options->rounds, h50 / r50, h50, r50, h99 / r99,
               h99, r99, hcpu / rcpu, hcpu, rcpu);
}

static int drive(const struct ds_runtime *runtime, const struct options *options)
{
    struct driver driver = {.runtime = runtime, .options = options, .owner = {&runtime->log}};
    ds_buf_init(&driver.bytes, 65536);
    driver.producer =
        new_handle(RD_KAFKA_PRODUCER, options->brokers, &driver.owner, producer_settings);
    driver.partitions = count_partitions(driver.producer, IN_TOPIC);
    driver.partition = ds_partition_of(DS_STR(KEY), driver.partitions);
    struct figures raw[MAX_ROUNDS], host[MAX_ROUNDS];
    for (int64_t i = 0; i < options->rounds && !ds_stopping(runtime); i++) {
        raw[i] = measure_peer(&driver, "raw");
        host[i] = measure_peer(&driver, "host");
        (void)fprintf(stderr, "round %" PRId64 ": raw %.3f ms, host %.3f ms\n", i + 1,
                      raw[i].p50_ms, host[i].p50_ms);
    }
    (void)rd_kafka_flush(driver.producer, 5000);
    rd_kafka_destroy(driver.producer);
    ds_buf_cleanup(&driver.bytes);
    if (ds_stopping(runtime))
        return EXIT_FAILURE;
    report(options, raw, host);
    return EXIT_SUCCESS;
}

static const struct ds_option option_table[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct options, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers."},
    {"rate", NULL, DS_OPT_INT, offsetof(struct options, rate), "1000", 1, 200000, false, false,
     "Messages a second."},
    {"seconds", NULL, DS_OPT_INT, offsetof(struct options, seconds), "8", 1, 600, false, false,
     "Measured seconds a round."},
    {"rounds", NULL, DS_OPT_INT, offsetof(struct options, rounds), "5", 1, MAX_ROUNDS, false, false,
     "Rounds of each peer, by turns."},
    {"json", NULL, DS_OPT_BOOL, offsetof(struct options, json), "0", 0, 0, false, false,
     "Print JSON."},
    DS_OPTION_END,
};

int main(int argc, char **argv)
{
    struct sigaction stop = {.sa_handler = on_stop};
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    struct ds_health health = {0};
    struct ds_runtime runtime = {.log = ds_log_root("bench-hop", DS_LOG_ERROR),
                                 .metrics = ds_metrics_new(),
                                 .clock = ds_system_clock(),
                                 .random = ds_system_random(),
                                 .health = &health,
                                 .stop = &stop_flag};
    if (argc == 3 && strcmp(argv[1], "host") == 0)
        return run_host(&runtime, argv[2]);
    if (argc == 3 && strcmp(argv[1], "raw") == 0)
        return run_raw(&runtime, argv[2]);
    struct options options;
    ds_error_t error = DS_ERROR_INIT;
    const char *positional[64];
    int count;
    bool help;
    if (argc > 64 || !ds_options_parse(option_table, argc - 1, argv + 1, &options, positional,
                                       &count, &help, &error))
        fail("options", help ? "see bench/hop.c" : error.message);
    return drive(&runtime, &options);
}
