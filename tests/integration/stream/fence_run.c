/* See fence_run.h. */
#include "fence_run.h"

#include "base/clock.h"
#include "oracle.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_US (90 * DS_US_PER_S)
#define TICK_US     (20 * DS_US_PER_MS)

int64_t fence_now_us(void)
{
    return ds_monotonic_us(ds_system_clock());
}

_Noreturn void fence_fail(const char *what)
{
    (void)fprintf(stderr, "fence: %s\n", what);
    exit(1);
}

/* ---- processes ---- */

void fence_start(struct fence_run *run, int i)
{
    char instance[32] = "";
    pid_t pid;

    if (run->static_members)
        (void)snprintf(instance, sizeof(instance), "fence-%d", i);
    pid = fork();
    if (pid < 0)
        fence_fail("fork");
    if (pid == 0) {
        (void)execl("/proc/self/exe", "fence-host", "host", run->name, instance,
                    run->metrics_dir == NULL ? "" : run->metrics_dir, (char *)NULL);
        _exit(127);
    }
    run->hosts[i] = pid;
}

void fence_kill(struct fence_run *run, int i)
{
    int status;

    if (run->hosts[i] <= 0)
        return;
    (void)kill(run->hosts[i], SIGKILL);
    (void)waitpid(run->hosts[i], &status, 0);
    run->hosts[i] = 0;
}

/* As a supervisor: a host that ended, whose name was another's for a while, is started anew. */
static void look_after(struct fence_run *run)
{
    for (int i = 0; i < FENCE_HOSTS_MAX; i++) {
        int status;

        if (run->hosts[i] <= 0 || waitpid(run->hosts[i], &status, WNOHANG) != run->hosts[i])
            continue;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 3)
            fence_fail("a host ended by itself");
        fence_start(run, i);
    }
}

/* ---- inputs ---- */

static void make_input(struct fence_run *run)
{
    static const uint64_t block = 4 * RIG_PARTITIONS; /* in the first half ids are used twice */
    uint64_t n = run->ticks++;
    int32_t p = (int32_t)(n % RIG_PARTITIONS);
    char text[32];

    (void)snprintf(text, sizeof(text), "twice-%" PRIu64, n / block);
    rig_receive(&run->inputs, p, n % block < block / 2 ? text : NULL, 1 + (int)(n % 3), 1);
    if (n % 17 == 0)
        ds_fake_append(run->inputs.log, RIG_COMMANDS, p, rig_key(p),
                       (ds_bytes_t){(const uint8_t *)"junk", 4});
    if (n % 23 == 11) { /* by a stranger's producer with another partitioner */
        run->inputs.misplace = true;
        rig_receive(&run->inputs, p, NULL, 1, 1);
        run->inputs.misplace = false;
    }
    if (n % 39 == 7 && run->deadlines[p] < 50) {
        (void)snprintf(text, sizeof(text), "s.d%" PRId64, run->deadlines[p]++);
        rig_deadline(&run->inputs, p, text, DS_US_PER_S);
    }
    if (n % 5 == 0) {
        int64_t count = 1 + (int64_t)(n % 3);

        if (run->order_seq[p] == 0)
            rig_order_claim(&run->inputs, p, 1);
        for (int64_t i = 1; i <= count; i++)
            rig_order_event(
                &run->inputs, p,
                &(struct ds_meta){.epoch = 1, .seq = ++run->order_seq[p], .more = i < count}, true);
    }
}

static void make_inputs(struct fence_run *run)
{
    for (int i = 0; i < run->burst; i++)
        make_input(run);
    fence_kafka_send(&run->kafka, &run->inputs, RIG_COMMANDS, "commands", run->sent_commands);
    fence_kafka_send(&run->kafka, &run->inputs, RIG_ORDERS, "orders", run->sent_orders);
}

/* Its last decisions are under way when it is asked. */
int64_t fence_stop(struct fence_run *run, int i)
{
    static const struct timespec pause = {0, 2 * 1000 * 1000};
    int64_t since;
    int status = 0;

    make_inputs(run);
    since = fence_now_us();
    (void)kill(run->hosts[i], SIGTERM);
    for (int n = 1; waitpid(run->hosts[i], &status, WNOHANG) != run->hosts[i]; n++) {
        if (fence_now_us() - since >= PATIENCE_US)
            fence_fail("a host does not stop");
        (void)nanosleep(&pause, NULL);
        if (n % 10 == 0)
            make_inputs(run);
    }
    run->hosts[i] = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fence_fail("a host that was asked to stop failed");
    return fence_now_us() - since;
}

void fence_run_for(struct fence_run *run, int64_t us)
{
    static const struct timespec pause = {0, TICK_US * 1000};

    for (int64_t until = fence_now_us() + us; fence_now_us() < until;) {
        make_inputs(run);
        look_after(run);
        (void)nanosleep(&pause, NULL);
    }
}

/* ---- what came of it ---- */

static bool all_decided(struct fence_run *run, struct oracle found[RIG_PARTITIONS])
{
    struct rig copy;
    bool all = true;

    rig_init(&copy, 1);
    fence_kafka_copy(&run->kafka, &copy, "commands", RIG_COMMANDS);
    fence_kafka_copy(&run->kafka, &copy, "orders", RIG_ORDERS);
    fence_kafka_copy(&run->kafka, &copy, "events", RIG_EVENTS);
    for (int32_t p = 0; p < RIG_PARTITIONS; p++) {
        oracle_read(&copy, p, false, &found[p]);
        if (found[p].wrong != NULL) {
            (void)fprintf(stderr, "fence: partition %d, offset %" PRId64 ": %s\n", (int)p,
                          found[p].at, found[p].wrong);
            exit(1);
        }
        all = all && found[p].commands == ds_fake_end(copy.log, RIG_COMMANDS, p) &&
              found[p].orders == oracle_orders(&copy, p) && found[p].deadlines == 0 &&
              ds_fake_end(copy.log, RIG_COMMANDS, p) == run->sent_commands[p];
    }
    rig_cleanup(&copy);
    return all;
}

void fence_wait_until_decided(struct fence_run *run)
{
    static const struct timespec pause = {0, 500 * 1000 * 1000};
    struct oracle found[RIG_PARTITIONS];
    int64_t until = fence_now_us() + PATIENCE_US;

    if (rd_kafka_flush(run->kafka.producer, 60000) != 0 || run->kafka.failed > 0)
        fence_fail("inputs could not be sent");
    while (!all_decided(run, found)) {
        for (int32_t p = 0; fence_now_us() >= until && p < RIG_PARTITIONS; p++)
            (void)fprintf(stderr,
                          "fence: partition %d: %" PRId64 " of %" PRId64 " commands, %" PRId64
                          " orders, %" PRId64 " deadlines left, epoch %" PRId64 "\n",
                          (int)p, found[p].commands, run->sent_commands[p], found[p].orders,
                          found[p].deadlines, found[p].epoch);
        if (fence_now_us() >= until)
            fence_fail("not all inputs were decided in time");
        look_after(run);
        (void)nanosleep(&pause, NULL);
        rd_kafka_poll(run->kafka.producer, 0);
    }
}

int64_t fence_epochs(struct fence_run *run)
{
    struct oracle found[RIG_PARTITIONS];
    int64_t epochs = 0;

    (void)all_decided(run, found);
    for (int32_t p = 0; p < RIG_PARTITIONS; p++)
        epochs += found[p].epoch;
    return epochs;
}

void fence_report(struct fence_run *run)
{
    struct oracle found[RIG_PARTITIONS];

    if (!all_decided(run, found))
        fence_fail("what was decided is gone");
    for (int32_t p = 0; p < RIG_PARTITIONS; p++) {
        run->epochs[p] = found[p].epoch;
        (void)printf("partition %d: %" PRId64 " commands, %" PRId64 " events of orders, %" PRId64
                     " deadlines, %" PRId64 " rejected, %" PRId64 " dead letters, %" PRId64
                     " epochs\n",
                     (int)p, found[p].commands, found[p].orders, found[p].fired, found[p].rejected,
                     fence_kafka_end(&run->kafka, "dlq", p), found[p].epoch);
    }
}

/* ---- life ---- */

const char *fence_brokers(void)
{
    const char *brokers = getenv("KAFKA_BROKERS");

    if (brokers == NULL || brokers[0] == '\0')
        fence_fail("KAFKA_BROKERS is not set: dev/stack start kafka --profile test, then eval "
                   "\"$(dev/stack env --profile test)\"");
    return brokers;
}

void fence_run_open(struct fence_run *run, const char *brokers, bool static_members)
{
    *run = (struct fence_run){.static_members = static_members, .burst = 1};
    (void)snprintf(run->name, sizeof(run->name), "fence-%d-%" PRId64, (int)getpid(),
                   fence_now_us());
    rig_init(&run->inputs, 1);
    fence_kafka_open(&run->kafka, brokers, run->name);
}

void fence_run_close(struct fence_run *run)
{
    for (int i = 0; i < FENCE_HOSTS_MAX; i++)
        fence_kill(run, i);
    fence_kafka_close(&run->kafka);
    rig_cleanup(&run->inputs);
}
