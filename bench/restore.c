/* bench/restore.c - how long a partition with many open orders stands still when it changes hands,
 * and what its snapshot costs.
 *
 *   bench_restore [--orders N] [--topic-dir DIR]    prints one JSON object
 *   bench_restore host BROKERS STANDBY EVENTS PARTITION    is one of the order processors
 *
 * The orders are placed by PlaceOrder commands through a real order processor, and stay open: no
 * other processor runs. Then, while some orders a second go on being placed, processors of one
 * group follow each other: cold from the log (there is no snapshot yet), one that writes a
 * snapshot, cold from it, and two with warm copies, of which the owner is killed and then one is
 * stopped in order. "Takeover" is from the moment the group gave the partition (so without the
 * session timeout, 6 s here, that the group waits before it believes a killed member dead) to the
 * first decision of the new owner; "standstill" from the last decision of the old owner to that.
 * When a decision was made it says itself: this reader of the log may be late. */
#include "restore.h"

#include "schemas/schema.h"
#include "stream/partition.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RATE           200 /* orders a second while something is measured ... */
#define FEW            20  /* ... and while a cold owner reads: what waits for it costs no turn */
#define PATIENCE_US    (600 * DS_US_PER_S)
#define NEVER_SNAPSHOT INT64_C(1000000000)
#define SOON_SNAPSHOT  1000
#define CHILDREN       4
#define LINE_BYTES     4096

struct options {
    const char *brokers;
    const char *topic_dir;
    int64_t orders;
};

enum where { ELSEWHERE, OWNER, COPY };

/* A processor as its lines tell of it. */
struct child {
    pid_t pid; /* 0: none */
    int lines;
    char text[LINE_BYTES];
    size_t used;
    enum where where;
    int64_t given_us;
    int64_t records_read; /* when it began to run */
    bool snapshot_said;
    double snapshot_cpu_us, turn_cpu_us, turn_us;
};

struct driver {
    const struct ds_runtime *runtime;
    const struct options *options;
    struct ds_kafka_owner owner;
    rd_kafka_t *producer, *consumer;
    int32_t partition;
    ds_buf_t bytes;
    ds_arena_t *arena;
    struct child children[CHILDREN];
    int64_t wall_ahead_us; /* of the monotonic clock */
    int64_t next_order_us; /* 0: none is placed now */
    int64_t rate;
    /* What the log shows: */
    int64_t decisions;
    int64_t epoch;
    int64_t last_us;       /* of a decision */
    int64_t first_us;      /* of the present epoch's first */
    int64_t standstill_us; /* in front of it */
    /* Out of the processors' log: */
    int64_t items, chunk_bytes, took_us, restored_us;
    int restores;
};

static volatile sig_atomic_t stop_flag;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stop_flag = 1;
}

static int64_t now_us(const struct driver *d)
{
    return ds_monotonic_us(d->runtime->clock);
}

/* ---- processors ---- */

static struct child *start(struct driver *d, int64_t standby, int64_t snapshot_events)
{
    struct child *child = NULL;
    char numbers[3][24];
    int pipes[2];

    for (int i = 0; i < CHILDREN; i++)
        if (d->children[i].pid == 0)
            child = &d->children[i];
    if (child == NULL || pipe(pipes) != 0)
        hop_fail("processor", "cannot start");
    (void)snprintf(numbers[0], sizeof numbers[0], "%" PRId64, standby);
    (void)snprintf(numbers[1], sizeof numbers[1], "%" PRId64, snapshot_events);
    (void)snprintf(numbers[2], sizeof numbers[2], "%" PRId32, d->partition);
    *child = (struct child){.lines = pipes[0]};
    child->pid = fork();
    if (child->pid < 0)
        hop_fail("processor", "cannot fork");
    if (child->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void)dup2(pipes[1], STDOUT_FILENO);
        (void)dup2(pipes[1], STDERR_FILENO);
        (void)close(pipes[0]);
        (void)execl("/proc/self/exe", "bench_restore", "host", d->options->brokers, numbers[0],
                    numbers[1], numbers[2], (char *)NULL);
        _exit(127);
    }
    (void)close(pipes[1]);
    (void)fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    (void)fcntl(pipes[0], F_SETFD, FD_CLOEXEC);
    return child;
}

static void end(struct child *child, int signal_number)
{
    (void)kill(child->pid, signal_number);
    (void)waitpid(child->pid, NULL, 0);
    (void)close(child->lines);
    *child = (struct child){0};
}

static int64_t field(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    return at == NULL ? 0 : strtoll(at + strlen(name), NULL, 10);
}

static void take_log(struct driver *d, const char *line)
{
    char topic[64];
    (void)snprintf(topic, sizeof topic, "\"partition\":%" PRId32 ",", d->partition);
    if (strstr(line, topic) == NULL)
        return;
    if (strstr(line, "\"snapshot.written\"") != NULL) {
        d->items = field(line, "\"items\":");
        d->chunk_bytes = field(line, "\"bytes\":");
        d->took_us = field(line, "\"took_us\":");
    } else if (strstr(line, "\"snapshot.restored\"") != NULL) {
        d->restored_us = field(line, "\"took_us\":");
        d->restores++;
    }
}

/* `word` and as many numbers as asked for, and nothing else. */
static bool said(const char *line, const char *word, int64_t *numbers_out, int count)
{
    const char *at = line + strlen(word);

    if (strncmp(line, word, strlen(word)) != 0)
        return false;
    for (int i = 0; i < count; i++) {
        char *end;

        numbers_out[i] = strtoll(at, &end, 10);
        if (end == at)
            return false;
        at = end;
    }
    return *at == '\0';
}

static void take_line(struct driver *d, struct child *child, const char *line)
{
    int64_t numbers[3];

    if (line[0] == '{') {
        take_log(d, line);
    } else if (said(line, "given ", numbers, 1)) {
        child->given_us = numbers[0];
    } else if (said(line, "running ", numbers, 2)) {
        child->where = OWNER;
        child->records_read = numbers[1];
    } else if (strcmp(line, "away") == 0) {
        child->where = ELSEWHERE;
    } else if (said(line, "warm ", numbers, 1)) {
        child->where = COPY;
    } else if (said(line, "snapshot ", numbers, 3)) {
        child->snapshot_cpu_us = (double)numbers[0];
        child->turn_cpu_us = (double)numbers[1];
        child->turn_us = (double)numbers[2];
        child->snapshot_said = true;
    } else {
        (void)fprintf(stderr, "  processor: %s\n", line);
    }
}

static void take_lines(struct driver *d, struct child *child)
{
    ssize_t got = read(child->lines, child->text + child->used, LINE_BYTES - 1 - child->used);
    char *line = child->text, *newline;

    if (got == 0)
        hop_fail("processor", "ended");
    if (got < 0)
        return;
    child->used += (size_t)got;
    child->text[child->used] = '\0';
    while ((newline = strchr(line, '\n')) != NULL) {
        *newline = '\0';
        take_line(d, child, line);
        line = newline + 1;
    }
    child->used -= (size_t)(line - child->text);
    memmove(child->text, line, child->used);
    if (child->used == LINE_BYTES - 1)
        child->used = 0; /* none of ours is as long */
}

/* ---- the log ---- */

static void take_event(struct driver *d, const rd_kafka_message_t *message)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_order_event event;

    ds_arena_reset(d->arena);
    if (message->err != 0 || message->partition != d->partition ||
        !ds_schema_decode(&ds_schema_order_events,
                          (ds_bytes_t){message->payload, (uint32_t)message->len}, d->arena, &event,
                          NULL, &error) ||
        event.meta.cause.kind != DS_META_CAUSE_INPUT_CAUSE)
        return;
    int64_t made_us = event.meta.at - d->wall_ahead_us;
    if (event.meta.epoch > d->epoch) {
        d->epoch = event.meta.epoch;
        d->first_us = made_us;
        d->standstill_us = d->last_us == 0 ? 0 : made_us - d->last_us;
    }
    d->last_us = made_us;
    d->decisions++;
}

static void turn(struct driver *d)
{
    int64_t now = now_us(d);

    if (ds_stopping(d->runtime))
        hop_fail("stopped", "by a signal");
    if (d->next_order_us != 0 && now - d->next_order_us > DS_US_PER_S)
        d->next_order_us = now; /* the driver itself was held up */
    for (; d->next_order_us != 0 && now >= d->next_order_us;
         d->next_order_us += DS_US_PER_S / d->rate)
        restore_place(d->runtime, d->producer, d->partition, &d->bytes);
    (void)rd_kafka_poll(d->producer, 0);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(d->consumer, 1);
    for (; message != NULL; message = rd_kafka_consumer_poll(d->consumer, 0)) {
        take_event(d, message);
        rd_kafka_message_destroy(message);
        if (now_us(d) - now > 2000)
            break;
    }
    for (int i = 0; i < CHILDREN; i++)
        if (d->children[i].pid != 0)
            take_lines(d, &d->children[i]);
}

static void load(struct driver *d, int64_t rate)
{
    d->rate = rate;
    d->next_order_us = now_us(d);
}

/* ---- the measurements ---- */

typedef bool (*until_fn)(const struct driver *d, int64_t argument);

static void wait_until(struct driver *d, const char *what, until_fn until, int64_t argument)
{
    int64_t deadline = now_us(d) + PATIENCE_US;
    (void)fprintf(stderr, "  %s\n", what);
    while (!until(d, argument)) {
        if (now_us(d) > deadline)
            hop_fail(what, "did not happen in time");
        turn(d);
    }
}

static bool decided(const struct driver *d, int64_t count)
{
    return d->decisions >= count;
}

static bool new_epoch(const struct driver *d, int64_t old)
{
    return d->epoch > old;
}

static struct child *find(const struct driver *d, enum where where)
{
    for (int i = 0; i < CHILDREN; i++)
        if (d->children[i].pid != 0 && d->children[i].where == where)
            return (struct child *)&d->children[i];
    return NULL;
}

static bool one_owns(const struct driver *d, int64_t ignored)
{
    (void)ignored;
    return find(d, OWNER) != NULL;
}

static bool one_owns_one_is_warm(const struct driver *d, int64_t ignored)
{
    (void)ignored;
    return find(d, OWNER) != NULL && find(d, COPY) != NULL;
}

static bool snapshot_is_complete(const struct driver *d, int64_t ignored)
{
    (void)ignored;
    const struct child *owner = find(d, OWNER);
    return owner != NULL && owner->snapshot_said;
}

static double ms(int64_t us)
{
    return (double)us / 1000;
}

/* From given to the first decision, when the partition goes to another. */
static double takeover_ms(struct driver *d, const char *what, int64_t old_epoch)
{
    wait_until(d, what, new_epoch, old_epoch);
    wait_until(d, "... says so", one_owns, 0);
    return ms(d->first_us - find(d, OWNER)->given_us);
}

static void place_all(struct driver *d)
{
    struct child *first = start(d, 0, NEVER_SNAPSHOT);
    int64_t begun = now_us(d);

    wait_until(d, "a first owner", one_owns, 0);
    for (int64_t i = 0; i < d->options->orders; i++) {
        restore_place(d->runtime, d->producer, d->partition, &d->bytes);
        if (i % 100 == 0)
            turn(d);
    }
    wait_until(d, "all orders are placed", decided, d->options->orders);
    (void)fprintf(stderr, "  in %.1f s\n", ms(now_us(d) - begun) / 1000);
    end(first, SIGTERM);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Not those that the broker's cleaner is making or has done away with (".log.cleaned"). */
static int64_t files_bytes(const char *dir)
{
    DIR *folder = opendir(dir);
    int64_t bytes = 0;
    const struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char path[1024];
        struct stat file;
        (void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (ends_with(entry->d_name, ".log") && stat(path, &file) == 0)
            bytes += file.st_size;
    }
    if (folder != NULL)
        (void)closedir(folder);
    return bytes;
}

static void drive(struct driver *d)
{
    char dir[900];
    double cold_log, cold_snapshot, warm, planned;
    (void)snprintf(dir, sizeof dir, "%s/order.snapshots-%" PRId32, d->options->topic_dir,
                   d->partition);

    place_all(d);
    load(d, FEW);
    struct child *owner = start(d, 0, SOON_SNAPSHOT);
    int64_t before = files_bytes(dir);
    cold_log = takeover_ms(d, "cold from the log", d->epoch);
    int64_t log_records = owner->records_read;
    load(d, RATE);
    wait_until(d, "a snapshot", snapshot_is_complete, 0);
    int64_t topic_bytes = files_bytes(dir) - before;
    struct child snapshot = *owner;
    int64_t items = d->items, bytes = d->chunk_bytes, took = d->took_us;

    end(owner, SIGKILL);
    owner = start(d, 256, NEVER_SNAPSHOT);
    cold_snapshot = takeover_ms(d, "cold from the snapshot", d->epoch);
    if (d->restores == 0)
        hop_fail("cold from the snapshot", "it was not used");
    int64_t snapshot_records = find(d, OWNER)->records_read, restored = d->restored_us;

    (void)start(d, 256, NEVER_SNAPSHOT);
    wait_until(d, "an owner and a warm copy", one_owns_one_is_warm, 0);
    end(find(d, OWNER), SIGKILL);
    warm = takeover_ms(d, "warm, after a kill -9", d->epoch);
    int64_t session_and_all = d->standstill_us;

    (void)start(d, 256, NEVER_SNAPSHOT);
    wait_until(d, "an owner and a warm copy", one_owns_one_is_warm, 0);
    int64_t epoch = d->epoch;
    end(find(d, OWNER), SIGTERM);
    (void)takeover_ms(d, "after a stop in order", epoch);
    planned = ms(d->standstill_us);

    printf("{\"bench\": \"restore\", \"orders\": %" PRId64 ", \"ordersASecondMeanwhile\": %d,\n"
           " \"targets\": {\"takeoverWarmMs\": 1000, \"takeoverColdMs\": 10000, "
           "\"plannedStandstillMs\": 1000, \"snapshotCpuS\": 2, \"topicBytesAnOrder\": 200, "
           "\"longestTurnMs\": 5},\n",
           d->options->orders, RATE);
    printf(" \"coldFromLog\": {\"takeoverMs\": %.1f, \"recordsRead\": %" PRId64 "},\n"
           " \"coldFromSnapshot\": {\"takeoverMs\": %.1f, \"restoreMs\": %.1f, \"recordsRead\": "
           "%" PRId64 "},\n"
           " \"warm\": {\"takeoverMs\": %.1f, \"standstillWithSessionTimeoutMs\": %.1f},\n"
           " \"planned\": {\"standstillMs\": %.1f},\n",
           cold_log, log_records, cold_snapshot, ms(restored), snapshot_records, warm,
           ms(session_and_all), planned);
    printf(" \"snapshot\": {\"items\": %" PRId64 ", \"seconds\": %.2f, \"cpuS\": %.2f, "
           "\"bytesAnOrder\": %.1f, \"topicBytesAnOrder\": %.1f, \"longestTurnCpuMs\": %.2f, "
           "\"longestTurnMs\": %.2f}}\n",
           items, (double)took / 1e6, snapshot.snapshot_cpu_us / 1e6,
           (double)bytes / (double)d->options->orders,
           (double)topic_bytes / (double)d->options->orders, snapshot.turn_cpu_us / 1000,
           snapshot.turn_us / 1000);
}

static const struct ds_option option_table[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct options, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers."},
    {"topic-dir", NULL, DS_OPT_TEXT, offsetof(struct options, topic_dir), "", 0, 0, false, false,
     "The broker's folder, for the bytes of a topic."},
    {"orders", NULL, DS_OPT_INT, offsetof(struct options, orders), "1000000", 1000, 10000000, false,
     false, "That are open."},
    DS_OPTION_END,
};

static void run(const struct ds_runtime *runtime, const struct options *options)
{
    static struct driver d;
    d = (struct driver){.runtime = runtime,
                        .options = options,
                        .owner = {&runtime->log},
                        .arena = ds_arena_new(4096, 1 << 22)};
    ds_buf_init(&d.bytes, 65536);
    d.wall_ahead_us = ds_now_us(runtime->clock) - now_us(&d);
    d.producer = hop_producer(options->brokers, &d.owner, NULL);
    int partitions = hop_count_partitions(d.producer, RESTORE_COMMANDS);
    d.partition = ds_partition_of(DS_STR(RESTORE_STORE), partitions);
    d.consumer = hop_consumer(options->brokers, &d.owner, RESTORE_EVENTS, partitions, false);
    drive(&d);
    for (int i = 0; i < CHILDREN; i++)
        if (d.children[i].pid != 0)
            end(&d.children[i], SIGTERM);
    (void)rd_kafka_consumer_close(d.consumer);
    rd_kafka_destroy(d.consumer);
    (void)rd_kafka_flush(d.producer, 5000);
    rd_kafka_destroy(d.producer);
    ds_buf_cleanup(&d.bytes);
    ds_arena_destroy(d.arena);
}

int main(int argc, char **argv)
{
    struct sigaction stop = {.sa_handler = on_stop};
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    struct ds_health health = {0};
    bool is_host = argc == 6 && strcmp(argv[1], "host") == 0;
    struct ds_runtime runtime = {.log =
                                     ds_log_root("restore", is_host ? DS_LOG_INFO : DS_LOG_ERROR),
                                 .metrics = ds_metrics_new(),
                                 .clock = ds_system_clock(),
                                 .random = ds_system_random(),
                                 .health = &health,
                                 .stop = &stop_flag};
    if (is_host) {
        struct restore_host_config config = {argv[2], strtoll(argv[3], NULL, 10),
                                             strtoll(argv[4], NULL, 10),
                                             (int32_t)strtol(argv[5], NULL, 10)};
        return restore_host(&runtime, &config);
    }
    struct options options;
    ds_error_t error = DS_ERROR_INIT;
    const char *positional[64];
    int count;
    bool help;
    if (argc > 64 || !ds_options_parse(option_table, argc - 1, argv + 1, &options, positional,
                                       &count, &help, &error))
        hop_fail("options", help ? "see bench/restore.c" : error.message);
    run(&runtime, &options);
    return EXIT_SUCCESS;
}
