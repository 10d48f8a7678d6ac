/* bench/hop.c - one hop through a peer, exactly once or raw: latency, CPU, messages a second.
 *
 *   bench_hop [--peers raw,host] [--rate N] [--partitions N] [--seconds N] [--rounds N] ...
 * measures each peer, by turns, and prints one JSON object of medians
 *   bench_hop peer NAME BROKERS CLASSPATH     is one of the peers (hop_peers.c)
 *
 * All read catalog.commands and write one record for each. At a rate the driver is an open loop:
 * the text of a command is the moment it was sent. Rate 0 is saturation: the peer is stopped
 * (SIGSTOP), a backlog is written, the peer goes on, and the time until the last output counts, so
 * that making the load costs the measured time nothing. The driver reads all outputs with a
 * consumer of the same settings (read_committed where the peer writes transactions), and takes the
 * CPU time of the peer's process, and of the broker's, over the measured time. */
#include "hop.h"

#include "base/id.h"
#include "schemas/schema.h"
#include "stream/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROUNDS     15
#define MAX_PEERS      8
#define MAX_PARTITIONS 64
#define START_US       (90 * DS_US_PER_S)
#define DRAIN_US       (90 * DS_US_PER_S)

static volatile sig_atomic_t stop_flag;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stop_flag = 1;
}

struct options {
    const char *brokers;
    const char *peers;
    const char *classpath;
    int64_t broker_pid;
    int64_t rate;
    int64_t partitions;
    int64_t seconds;
    int64_t rounds;
    int64_t backlog;
};

struct figures {
    double p50_ms, p99_ms, cpu_us, broker_cpu_us, per_second;
};

struct driver {
    const struct ds_runtime *runtime;
    const struct options *options;
    struct ds_kafka_owner owner;
    rd_kafka_t *producer;
    int partitions; /* of the topic; options->partitions of them are written to */
    char keys[MAX_PARTITIONS][24];
    uint64_t sent;
    ds_buf_t bytes;
    ds_arena_t *arena;
};

/* ---- sending ---- */

/* A key for each of the partitions that are written to. */
static void find_keys(struct driver *driver)
{
    for (int found = 0, n = 1; found < driver->options->partitions; n++) {
        char key[24];
        (void)snprintf(key, sizeof key, "bench-%d", n);
        int32_t p = ds_partition_of(ds_str(key), driver->partitions);
        if (p >= driver->options->partitions || driver->keys[p][0] != '\0')
            continue;
        memcpy(driver->keys[p], key, sizeof key);
        found++;
    }
}

static void send_one(struct driver *driver)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_id_t id;
    char moment[32];
    int32_t partition = (int32_t)(driver->sent++ % (uint64_t)driver->options->partitions);
    ds_str_t key = ds_str(driver->keys[partition]);
    if (!ds_id_new(driver->runtime->clock, driver->runtime->random, &id, &error))
        hop_fail("id", error.message);
    (void)snprintf(moment, sizeof moment, "%" PRId64, ds_monotonic_us(driver->runtime->clock));
    struct ds_catalog_command command = {.head = {.command_id = ds_str(id.text),
                                                  .correlation_id = ds_str(id.text),
                                                  .actor = {DS_ACTOR_KIND_ADMIN, DS_STR("bench")},
                                                  .sent_at = ds_now_us(driver->runtime->clock)},
                                         .body = {.kind = DS_CATALOG_COMMAND_SET_STORE_OPEN,
                                                  .as.set_store_open = {ds_str(moment), false}}};
    ds_buf_clear(&driver->bytes);
    if (!ds_schema_encode(&ds_schema_catalog_commands, &command, &driver->bytes, &error))
        hop_fail("encode", error.message);
    hop_put(driver->producer, HOP_IN_TOPIC, partition,
            (ds_bytes_t){(const uint8_t *)key.data, key.len},
            (ds_bytes_t){driver->bytes.data, (uint32_t)driver->bytes.len});
}

/* ---- what a peer answered, and what it cost ---- */

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
        hop_fail(path, "cannot be read");
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

static pid_t start_peer(const struct hop_peer *peer, const struct options *options)
{
    pid_t pid = fork();
    if (pid < 0)
        hop_fail(peer->name, "cannot fork");
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void)execl("/proc/self/exe", "bench_hop", "peer", peer->name, options->brokers,
                    options->classpath, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* ---- receiving ---- */

struct measure {
    int64_t *latencies_us;
    size_t count, capacity;
    int64_t from_us;     /* only what was sent from here on counts */
    uint64_t partitions; /* that have answered, by bit */
};

static void take_output(struct driver *driver, rd_kafka_t *consumer, const struct hop_peer *peer,
                        struct measure *measure, int timeout_ms)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, timeout_ms);
    if (message == NULL)
        return;
    int64_t now = ds_monotonic_us(driver->runtime->clock);
    int64_t sent = message->err == 0 ? sent_at(message, peer->is_host, driver->arena) : -1;
    if (sent >= measure->from_us) {
        measure->partitions |= UINT64_C(1) << message->partition;
        if (measure->count < measure->capacity)
            measure->latencies_us[measure->count++] = now - sent;
    }
    rd_kafka_message_destroy(message);
}

/* Until the peer answers on every partition: it may have to join its group first. */
static void wait_for_peer(struct driver *driver, rd_kafka_t *consumer, const struct hop_peer *peer,
                          pid_t pid)
{
    struct measure first = {.from_us = ds_monotonic_us(driver->runtime->clock)};
    uint64_t all = (UINT64_C(1) << driver->options->partitions) - 1;
    int64_t next = first.from_us;
    int64_t deadline = first.from_us + START_US;
    while (first.partitions != all) {
        int64_t now = ds_monotonic_us(driver->runtime->clock);
        if (now > deadline || waitpid(pid, NULL, WNOHANG) != 0)
            hop_fail(peer->name, "does not answer");
        for (int64_t i = 0; now >= next && i < driver->options->partitions; i++)
            send_one(driver);
        if (now >= next)
            next = now + DS_US_PER_S;
        (void)rd_kafka_poll(driver->producer, 0);
        take_output(driver, consumer, peer, &first, 10);
    }
}

/* Records with a key: the host's own protocol records have none. */
static int64_t count_outputs(rd_kafka_queue_t *queue)
{
    rd_kafka_message_t *messages[1000];
    int64_t count = 0;
    ssize_t got = rd_kafka_consume_batch_queue(queue, 5, messages, 1000);
    for (ssize_t i = 0; i < got; i++) {
        count += messages[i]->err == 0 && messages[i]->key_len > 0;
        rd_kafka_message_destroy(messages[i]);
    }
    return count;
}

/* ---- measuring ---- */

static int ascending_us(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

struct cpu {
    double peer_us, broker_us;
};

static struct cpu cpu_now(const struct driver *driver, pid_t pid)
{
    int64_t broker = driver->options->broker_pid;
    return (struct cpu){cpu_us_of(pid), broker > 0 ? cpu_us_of((pid_t)broker) : 0};
}

static struct figures at_rate(struct driver *driver, rd_kafka_t *consumer,
                              const struct hop_peer *peer, pid_t pid)
{
    const struct options *options = driver->options;
    const ds_clock_t *clock = driver->runtime->clock;
    size_t capacity = (size_t)(options->rate * (options->seconds + peer->warm_up_s) + 1000);
    struct measure measure = {.latencies_us = calloc(capacity, sizeof(int64_t)),
                              .capacity = capacity};
    int64_t start = ds_monotonic_us(clock), due_count = 0;
    measure.from_us = start + peer->warm_up_s * DS_US_PER_S;
    int64_t end = measure.from_us + options->seconds * DS_US_PER_S;
    struct cpu before = {-1, -1}, after;
    for (int64_t now = start; now < end; now = ds_monotonic_us(clock)) {
        if (before.peer_us < 0 && now >= measure.from_us)
            before = cpu_now(driver, pid);
        for (; due_count < (now - start) * options->rate / DS_US_PER_S; due_count++)
            send_one(driver);
        (void)rd_kafka_poll(driver->producer, 0);
        take_output(driver, consumer, peer, &measure, 1);
    }
    after = cpu_now(driver, pid);
    for (int64_t last = end + DS_US_PER_S; ds_monotonic_us(clock) < last;)
        take_output(driver, consumer, peer, &measure, 10);
    double messages = (double)(options->rate * options->seconds);
    if ((double)measure.count < 0.9 * messages)
        hop_fail(peer->name, "does not keep up with the rate");
    qsort(measure.latencies_us, measure.count, sizeof(int64_t), ascending_us);
    struct figures figures = {
        .p50_ms = (double)measure.latencies_us[measure.count / 2] / 1000,
        .p99_ms = (double)measure.latencies_us[measure.count * 99 / 100] / 1000,
        .cpu_us = (after.peer_us - before.peer_us) / messages,
        .broker_cpu_us = (after.broker_us - before.broker_us) / messages,
        .per_second = (double)options->rate,
    };
    free(measure.latencies_us);
    return figures;
}

static struct figures drain_backlog(struct driver *driver, rd_kafka_queue_t *queue,
                                    const struct hop_peer *peer, pid_t pid, int64_t backlog)
{
    const ds_clock_t *clock = driver->runtime->clock;
    while (count_outputs(queue) > 0) /* what an earlier one left */
        continue;
    (void)kill(pid, SIGSTOP);
    for (int64_t i = 0; i < backlog; i++) {
        send_one(driver);
        if (i % 1000 == 0)
            (void)rd_kafka_poll(driver->producer, 0);
    }
    if (rd_kafka_flush(driver->producer, 30000) != 0)
        hop_fail("backlog", "cannot be written");
    struct cpu before = cpu_now(driver, pid);
    int64_t start = ds_monotonic_us(clock), count = 0;
    (void)kill(pid, SIGCONT);
    while (count < backlog) {
        count += count_outputs(queue);
        if (ds_monotonic_us(clock) - start > DRAIN_US)
            hop_fail(peer->name, "does not get through the backlog");
    }
    double seconds = (double)(ds_monotonic_us(clock) - start) / (double)DS_US_PER_S;
    struct cpu after = cpu_now(driver, pid);
    return (struct figures){
        .cpu_us = (after.peer_us - before.peer_us) / (double)backlog,
        .broker_cpu_us = (after.broker_us - before.broker_us) / (double)backlog,
        .per_second = (double)backlog / seconds,
    };
}

static struct figures saturated(struct driver *driver, rd_kafka_t *consumer,
                                const struct hop_peer *peer, pid_t pid)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    (void)drain_backlog(driver, queue, peer, pid, driver->options->backlog / 2); /* warms up */
    struct figures figures = drain_backlog(driver, queue, peer, pid, driver->options->backlog);
    rd_kafka_queue_destroy(queue);
    return figures;
}

static struct figures measure_peer(struct driver *driver, const struct hop_peer *peer)
{
    const struct options *options = driver->options;
    rd_kafka_t *consumer = hop_consumer(options->brokers, &driver->owner, peer->out_topic,
                                        driver->partitions, peer->in_transactions);
    pid_t pid = start_peer(peer, options);
    wait_for_peer(driver, consumer, peer, pid);
    struct figures figures = options->rate == 0 ? saturated(driver, consumer, peer, pid)
                                                : at_rate(driver, consumer, peer, pid);
    (void)kill(pid, SIGTERM);
    (void)waitpid(pid, NULL, 0);
    (void)rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return figures;
}

/* ---- reporting ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median_of(const struct figures *figures, int64_t rounds, size_t member)
{
    double values[MAX_ROUNDS];
    for (int64_t i = 0; i < rounds; i++)
        memcpy(&values[i], (const char *)&figures[i] + member, sizeof(double));
    qsort(values, (size_t)rounds, sizeof *values, ascending);
    return values[rounds / 2];
}

static void report(const struct options *options, const struct hop_peer *const *peers,
                   size_t peer_count, struct figures (*figures)[MAX_ROUNDS])
{
    static const struct {
        const char *name;
        size_t member;
    } members[] = {{"p50Ms", offsetof(struct figures, p50_ms)},
                   {"p99Ms", offsetof(struct figures, p99_ms)},
                   {"cpuUs", offsetof(struct figures, cpu_us)},
                   {"brokerCpuUs", offsetof(struct figures, broker_cpu_us)},
                   {"perSecond", offsetof(struct figures, per_second)}};
    printf("{\"rate\": %" PRId64 ", \"partitions\": %" PRId64 ", \"rounds\": %" PRId64
           ", \"peers\": {",
           options->rate, options->partitions, options->rounds);
    for (size_t i = 0; i < peer_count; i++) {
        printf("%s\"%s\": {", i == 0 ? "" : ", ", peers[i]->name);
        for (size_t m = 0; m < sizeof members / sizeof *members; m++)
            printf("%s\"%s\": %.3f", m == 0 ? "" : ", ", members[m].name,
                   median_of(figures[i], options->rounds, members[m].member));
        printf("}");
    }
    printf("}}\n");
}

static size_t parse_peers(const char *list, const struct hop_peer **peers_out)
{
    size_t count = 0;
    while (*list != '\0') {
        char name[32];
        size_t len = strcspn(list, ",");
        if (len >= sizeof name || count == MAX_PEERS)
            hop_fail("--peers", "a name or a list that is too long");
        memcpy(name, list, len);
        name[len] = '\0';
        peers_out[count] = hop_peer_named(name);
        if (peers_out[count++] == NULL)
            hop_fail(name, "there is no such peer");
        list += len + (list[len] == ',');
    }
    return count;
}

static int drive(const struct ds_runtime *runtime, const struct options *options)
{
    static struct figures figures[MAX_PEERS][MAX_ROUNDS];
    const struct hop_peer *peers[MAX_PEERS];
    size_t peer_count = parse_peers(options->peers, peers);
    struct driver driver = {.runtime = runtime,
                            .options = options,
                            .owner = {&runtime->log},
                            .arena = ds_arena_new(4096, 1 << 20)};
    ds_buf_init(&driver.bytes, 65536);
    driver.producer = hop_producer(options->brokers, &driver.owner, NULL);
    driver.partitions = hop_count_partitions(driver.producer, HOP_IN_TOPIC);
    if (options->partitions > driver.partitions)
        hop_fail("--partitions", "the topic has fewer");
    find_keys(&driver);
    for (int64_t i = 0; i < options->rounds && !ds_stopping(runtime); i++)
        for (size_t p = 0; p < peer_count && !ds_stopping(runtime); p++) {
            const struct figures *f = &figures[p][i];
            figures[p][i] = measure_peer(&driver, peers[p]);
            (void)fprintf(stderr,
                          "  round %" PRId64 ": %-12s p50 %8.3f ms, p99 %8.3f ms, CPU %7.1f us, "
                          "broker %7.1f us, %.0f/s\n",
                          i + 1, peers[p]->name, f->p50_ms, f->p99_ms, f->cpu_us, f->broker_cpu_us,
                          f->per_second);
        }
    (void)rd_kafka_flush(driver.producer, 5000);
    rd_kafka_destroy(driver.producer);
    ds_buf_cleanup(&driver.bytes);
    ds_arena_destroy(driver.arena);
    if (ds_stopping(runtime))
        return EXIT_FAILURE;
    report(options, peers, peer_count, figures);
    return EXIT_SUCCESS;
}

static const struct ds_option option_table[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct options, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers."},
    {"peers", NULL, DS_OPT_TEXT, offsetof(struct options, peers), "raw,host", 0, 0, false, false,
     "Who is measured."},
    {"streams-classpath", NULL, DS_OPT_TEXT, offsetof(struct options, classpath), "", 0, 0, false,
     false, "Where Java finds Kafka Streams."},
    {"broker-pid", NULL, DS_OPT_INT, offsetof(struct options, broker_pid), "0", 0, INT32_MAX, false,
     false, "The broker's process, for its CPU; 0: not asked."},
    {"rate", NULL, DS_OPT_INT, offsetof(struct options, rate), "1000", 0, 200000, false, false,
     "Messages a second; 0: a backlog."},
    {"partitions", NULL, DS_OPT_INT, offsetof(struct options, partitions), "1", 1,
     MAX_PARTITIONS - 1, false, false, "That are written to."},
    {"seconds", NULL, DS_OPT_INT, offsetof(struct options, seconds), "8", 1, 600, false, false,
     "Measured seconds a round."},
    {"rounds", NULL, DS_OPT_INT, offsetof(struct options, rounds), "5", 1, MAX_ROUNDS, false, false,
     "Rounds of each peer, by turns."},
    {"backlog", NULL, DS_OPT_INT, offsetof(struct options, backlog), "400000", 1000, 5000000, false,
     false, "Messages of a saturated round."},
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
    const struct hop_peer *peer =
        argc == 5 && strcmp(argv[1], "peer") == 0 ? hop_peer_named(argv[2]) : NULL;
    if (peer != NULL)
        return peer->run(peer, &runtime, argv[3], argv[4]);
    struct options options;
    ds_error_t error = DS_ERROR_INIT;
    const char *positional[64];
    int count;
    bool help;
    if (argc > 64 || !ds_options_parse(option_table, argc - 1, argv + 1, &options, positional,
                                       &count, &help, &error))
        hop_fail("options", help ? "see bench/hop.c" : error.message);
    return drive(&runtime, &options);
}
