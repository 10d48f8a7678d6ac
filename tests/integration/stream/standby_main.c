/* Two host processes on a real Kafka, each with a warm copy of what the other owns: when one is
 * killed the other takes its partition over without reading that log again. Counted in records, not
 * in time. Environment: KAFKA_BROKERS. */
#include "base/clock.h"
#include "fence_host.h"
#include "fence_kafka.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HOSTS       2
#define COMMANDS    1000 /* of each partition */
#define FEW         50   /* Claims, Opens, a Progress: what may be read of the log in between */
#define PATIENCE_US (120 * DS_US_PER_S)

/* What a host said last of itself. */
struct told {
    int state[RIG_PARTITIONS];
    int64_t total[RIG_PARTITIONS];
    int64_t read;
};

struct test {
    struct fence_kafka kafka;
    struct rig inputs;
    int64_t sent[RIG_PARTITIONS];
    char name[64];
    pid_t hosts[HOSTS];
    FILE *lines[HOSTS];
    struct told told[HOSTS];
};

static int64_t now_us(void)
{
    return ds_monotonic_us(ds_system_clock());
}

static void fail(const char *what)
{
    (void)fprintf(stderr, "standby: %s\n", what);
    exit(1);
}

static void start(struct test *t, int i)
{
    int pipes[2];

    if (pipe(pipes) != 0 || (t->hosts[i] = fork()) < 0)
        fail("fork");
    if (t->hosts[i] == 0) {
        (void)dup2(pipes[1], STDOUT_FILENO);
        (void)execl("/proc/self/exe", "standby-host", "host", t->name, (char *)NULL);
        _exit(127);
    }
    (void)close(pipes[1]);
    (void)fcntl(pipes[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    t->lines[i] = fdopen(pipes[0], "r");
    if (t->lines[i] == NULL)
        fail("fdopen");
}

static void end(struct test *t, int i)
{
    if (t->hosts[i] <= 0)
        return;
    (void)kill(t->hosts[i], SIGKILL);
    (void)waitpid(t->hosts[i], NULL, 0);
    (void)fclose(t->lines[i]);
    t->hosts[i] = 0;
}

/* "PARTITION STATE TOTAL RECORDS_READ": what fence_host.c tells. */
static bool told_numbers(const char *line, int64_t numbers_out[4])
{
    for (int i = 0; i < 4; i++) {
        char *end;

        numbers_out[i] = strtoll(line, &end, 10);
        if (end == line)
            return false;
        line = end;
    }
    return true;
}

static void listen_to(struct test *t, int i)
{
    char line[128];
    int64_t said[4];

    while (t->hosts[i] > 0 && fgets(line, sizeof(line), t->lines[i]) != NULL)
        if (told_numbers(line, said) && said[0] >= 0 && said[0] < RIG_PARTITIONS) {
            t->told[i].state[said[0]] = (int)said[1];
            t->told[i].total[said[0]] = said[2];
            t->told[i].read = said[3];
        }
    if (t->hosts[i] > 0)
        clearerr(t->lines[i]);
}

static void send_commands(struct test *t, int count)
{
    for (int n = 0; n < count; n++)
        for (int32_t p = 0; p < RIG_PARTITIONS; p++)
            rig_receive(&t->inputs, p, NULL, 1, 1);
    fence_kafka_send(&t->kafka, &t->inputs, RIG_COMMANDS, "commands", t->sent);
    if (rd_kafka_flush(t->kafka.producer, 60000) != 0 || t->kafka.failed > 0)
        fail("commands could not be sent");
}

static bool is(const struct test *t, int i, int32_t p, enum ds_host_partition state)
{
    return t->told[i].state[p] == (int)state && t->told[i].total[p] == t->sent[p];
}

static bool first_runs_all(const struct test *t)
{
    return is(t, 0, 0, DS_PARTITION_RUNNING) && is(t, 0, 1, DS_PARTITION_RUNNING);
}

/* Each has one, and an up-to-date copy of the other's. */
static bool both_are_warm(const struct test *t)
{
    for (int32_t mine = 0; mine < RIG_PARTITIONS; mine++)
        if (is(t, 0, mine, DS_PARTITION_RUNNING) && is(t, 1, mine, DS_PARTITION_FOLLOWING) &&
            is(t, 1, 1 - mine, DS_PARTITION_RUNNING) && is(t, 0, 1 - mine, DS_PARTITION_FOLLOWING))
            return true;
    return false;
}

static bool second_runs_all(const struct test *t)
{
    return is(t, 1, 0, DS_PARTITION_RUNNING) && is(t, 1, 1, DS_PARTITION_RUNNING);
}

static void wait_until(struct test *t, const char *what, bool (*until)(const struct test *t))
{
    static const struct timespec pause = {0, 20 * 1000 * 1000};
    int64_t deadline = now_us() + PATIENCE_US;

    (void)printf("%s\n", what);
    while (!until(t)) {
        if (now_us() > deadline)
            fail("that did not happen in time");
        for (int i = 0; i < HOSTS; i++)
            listen_to(t, i);
        (void)nanosleep(&pause, NULL);
    }
}

int main(int argc, char **argv)
{
    const char *brokers = getenv("KAFKA_BROKERS");
    static struct test t;
    int64_t read;

    if (brokers == NULL || brokers[0] == '\0')
        fail("KAFKA_BROKERS is not set: dev/stack start kafka --profile test, then eval "
             "\"$(dev/stack env --profile test)\"");
    if (argc == 3 && strcmp(argv[1], "host") == 0)
        return fence_host_main(
            &(struct fence_host){brokers, argv[2], "", .standby = RIG_PARTITIONS, .tells = true});
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)snprintf(t.name, sizeof(t.name), "standby-%d-%" PRId64, (int)getpid(), now_us());
    rig_init(&t.inputs, 1);
    fence_kafka_open(&t.kafka, brokers, t.name);
    start(&t, 0);
    send_commands(&t, COMMANDS);
    wait_until(&t, "one owns both partitions", first_runs_all);
    start(&t, 1);
    wait_until(&t, "each owns one, and follows the other", both_are_warm);
    read = t.told[1].read;
    end(&t, 0);
    wait_until(&t, "one is killed, the other owns both", second_runs_all);
    (void)printf("to take over, %" PRId64 " records were read of a log of %" PRId64 "\n",
                 t.told[1].read - read, fence_kafka_end(&t.kafka, "events", 0));
    if (t.told[1].read - read > FEW)
        fail("the log was read again");
    send_commands(&t, 10);
    wait_until(&t, "and it goes on", second_runs_all);
    end(&t, 1);
    fence_kafka_close(&t.kafka);
    rig_cleanup(&t.inputs);
    return 0;
}
