/* Two host processes on a real Kafka, killed (SIGKILL) and frozen (SIGSTOP, for longer than the
 * session timeout) by turns while commands, events and deadlines come in. In the end the log must
 * be what the inputs alone lead to: tests/component/fence_attack/oracle.h. Environment:
 * KAFKA_BROKERS; FENCE_ROUNDS (4). */
#include "base/clock.h"
#include "fence_host.h"
#include "fence_kafka.h"
#include "oracle.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HOSTS       2
#define FREEZE_US   (9 * DS_US_PER_S)
#define KILL_US     (3 * DS_US_PER_S)
#define PATIENCE_US (90 * DS_US_PER_S)
#define TICK_US     (20 * DS_US_PER_MS)

struct test {
    struct fence_kafka kafka;
    struct rig inputs; /* where commands and order events are made */
    int64_t sent_commands[RIG_PARTITIONS];
    int64_t sent_orders[RIG_PARTITIONS];
    int64_t order_seq[RIG_PARTITIONS];
    int64_t deadlines[RIG_PARTITIONS];
    char name[64];
    pid_t hosts[HOSTS];
    bool static_members;
    uint64_t ticks;
};

static int64_t now_us(void)
{
    return ds_monotonic_us(ds_system_clock());
}

static void fail(const char *what)
{
    (void)fprintf(stderr, "fence: %s\n", what);
    exit(1);
}

/* ---- processes ---- */

static void start(struct test *t, int i)
{
    char instance[32] = "";
    pid_t pid;

    if (t->static_members)
        (void)snprintf(instance, sizeof(instance), "fence-%d", i);
    pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        (void)execl("/proc/self/exe", "fence-host", "host", t->name, instance, (char *)NULL);
        _exit(127);
    }
    t->hosts[i] = pid;
}

static void end(struct test *t, int i)
{
    int status;

    if (t->hosts[i] <= 0)
        return;
    (void)kill(t->hosts[i], SIGKILL);
    (void)waitpid(t->hosts[i], &status, 0);
    t->hosts[i] = 0;
}

/* As a supervisor: a host that ended, whose name was another's for a while, is started anew. */
static void look_after(struct test *t)
{
    for (int i = 0; i < HOSTS; i++) {
        int status;

        if (t->hosts[i] <= 0 || waitpid(t->hosts[i], &status, WNOHANG) != t->hosts[i])
            continue;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 3)
            fail("a host ended by itself");
        start(t, i);
    }
}

/* ---- inputs ---- */

static void make_inputs(struct test *t)
{
    uint64_t n = t->ticks++;
    int32_t p = (int32_t)(n % RIG_PARTITIONS);
    char text[32];

    (void)snprintf(text, sizeof(text), "twice-%" PRIu64, n / 8);
    rig_receive(&t->inputs, p, n % 8 < 4 ? text : NULL, 1 + (int)(n % 3), 1);
    if (n % 17 == 0)
        ds_fake_append(t->inputs.log, RIG_COMMANDS, p, DS_STR("s"),
                       (ds_bytes_t){(const uint8_t *)"junk", 4});
    if (n % 39 == 7 && t->deadlines[p] < 50) {
        (void)snprintf(text, sizeof(text), "s.d%" PRId64, t->deadlines[p]++);
        rig_deadline(&t->inputs, p, text, DS_US_PER_S);
    }
    if (n % 5 == 0) {
        int64_t count = 1 + (int64_t)(n % 3);

        if (t->order_seq[p] == 0)
            rig_order_claim(&t->inputs, p, 1);
        for (int64_t i = 1; i <= count; i++)
            rig_order_event(
                &t->inputs, p,
                &(struct ds_meta){.epoch = 1, .seq = ++t->order_seq[p], .more = i < count}, true);
    }
    fence_kafka_send(&t->kafka, &t->inputs, RIG_COMMANDS, "commands", t->sent_commands);
    fence_kafka_send(&t->kafka, &t->inputs, RIG_ORDERS, "orders", t->sent_orders);
}

static void run_for(struct test *t, int64_t us)
{
    static const struct timespec pause = {0, TICK_US * 1000};

    for (int64_t until = now_us() + us; now_us() < until;) {
        make_inputs(t);
        look_after(t);
        (void)nanosleep(&pause, NULL);
    }
}

/* ---- what came of it ---- */

static bool all_decided(struct test *t, struct oracle found[RIG_PARTITIONS])
{
    struct rig copy;
    bool all = true;

    rig_init(&copy, 1);
    fence_kafka_copy(&t->kafka, &copy, "commands", RIG_COMMANDS);
    fence_kafka_copy(&t->kafka, &copy, "orders", RIG_ORDERS);
    fence_kafka_copy(&t->kafka, &copy, "events", RIG_EVENTS);
    for (int32_t p = 0; p < RIG_PARTITIONS; p++) {
        oracle_read(&copy, p, false, &found[p]);
        if (found[p].wrong != NULL) {
            (void)fprintf(stderr, "fence: partition %d, offset %" PRId64 ": %s\n", (int)p,
                          found[p].at, found[p].wrong);
            exit(1);
        }
        all = all && found[p].commands == ds_fake_end(copy.log, RIG_COMMANDS, p) &&
              found[p].orders == oracle_orders(&copy, p) && found[p].deadlines == 0 &&
              ds_fake_end(copy.log, RIG_COMMANDS, p) == t->sent_commands[p];
    }
    rig_cleanup(&copy);
    return all;
}

static void wait_until_decided(struct test *t)
{
    static const struct timespec pause = {0, 500 * 1000 * 1000};
    struct oracle found[RIG_PARTITIONS];
    int64_t until = now_us() + PATIENCE_US;

    while (!all_decided(t, found)) {
        for (int32_t p = 0; now_us() >= until && p < RIG_PARTITIONS; p++)
            (void)fprintf(stderr,
                          "fence: partition %d: %" PRId64 " of %" PRId64 " commands, %" PRId64
                          " orders, %" PRId64 " deadlines left, epoch %" PRId64 "\n",
                          (int)p, found[p].commands, t->sent_commands[p], found[p].orders,
                          found[p].deadlines, found[p].epoch);
        if (now_us() >= until)
            fail("not all inputs were decided in time");
        look_after(t);
        (void)nanosleep(&pause, NULL);
        rd_kafka_poll(t->kafka.producer, 0);
    }
    for (int32_t p = 0; p < RIG_PARTITIONS; p++)
        (void)printf("partition %d: %" PRId64 " commands, %" PRId64 " events of orders, %" PRId64
                     " deadlines, %" PRId64 " rejected, %" PRId64 " dead letters, %" PRId64
                     " epochs\n",
                     (int)p, found[p].commands, found[p].orders, found[p].fired, found[p].rejected,
                     fence_kafka_end(&t->kafka, "dlq", p), found[p].epoch);
}

/* ---- the test ---- */

static void round_of_faults(struct test *t, int round)
{
    int victim = round % HOSTS;

    if (round % 4 < 2) {
        end(t, victim);
        run_for(t, round % 3 == 0 ? KILL_US / 10 : KILL_US);
        start(t, victim);
    } else {
        (void)kill(t->hosts[victim], SIGSTOP);
        run_for(t, FREEZE_US);
        (void)kill(t->hosts[victim], SIGCONT);
    }
    run_for(t, KILL_US);
}

static void takeovers(const char *brokers, bool static_members, int rounds)
{
    static struct test t;

    memset(&t, 0, sizeof(t));
    t.static_members = static_members;
    (void)snprintf(t.name, sizeof(t.name), "fence-%d-%" PRId64, (int)getpid(), now_us());
    rig_init(&t.inputs, 1);
    fence_kafka_open(&t.kafka, brokers, t.name);
    for (int i = 0; i < HOSTS; i++)
        start(&t, i);
    run_for(&t, 4 * DS_US_PER_S);
    for (int round = 0; round < rounds; round++)
        round_of_faults(&t, round);
    if (rd_kafka_flush(t.kafka.producer, 15000) != 0 || t.kafka.failed > 0)
        fail("inputs could not be sent");
    wait_until_decided(&t);
    for (int i = 0; i < HOSTS; i++)
        end(&t, i);
    fence_kafka_close(&t.kafka);
    rig_cleanup(&t.inputs);
}

int main(int argc, char **argv)
{
    const char *brokers = getenv("KAFKA_BROKERS");
    const char *rounds = getenv("FENCE_ROUNDS");

    if (brokers == NULL || brokers[0] == '\0')
        fail("KAFKA_BROKERS is not set: dev/stack start kafka --profile test, then eval "
             "\"$(dev/stack env --profile test)\"");
    if (argc == 4 && strcmp(argv[1], "host") == 0)
        return fence_host_main(brokers, argv[2], argv[3]);
    (void)printf("dynamic members\n");
    takeovers(brokers, false, rounds == NULL ? 4 : (int)strtol(rounds, NULL, 10));
    (void)printf("static members\n");
    takeovers(brokers, true, rounds == NULL ? 4 : (int)strtol(rounds, NULL, 10));
    return 0;
}
