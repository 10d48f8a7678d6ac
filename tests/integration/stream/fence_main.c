/* Two host processes on a real Kafka, killed (SIGKILL) and frozen (SIGSTOP, for longer than the
 * session timeout) by turns while commands, events and deadlines come in. In the end the log must
 * be what the inputs alone lead to: tests/component/fence_attack/oracle.h. Environment:
 * KAFKA_BROKERS; FENCE_ROUNDS (4). */
#include "fence_host.h"
#include "fence_run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define HOSTS     2
#define FREEZE_US (9 * DS_US_PER_S)
#define KILL_US   (3 * DS_US_PER_S)

static void round_of_faults(struct fence_run *run, int round)
{
    int victim = round % HOSTS;

    if (round % 4 < 2) {
        fence_kill(run, victim);
        fence_run_for(run, round % 3 == 0 ? KILL_US / 10 : KILL_US);
        fence_start(run, victim);
    } else {
        (void)kill(run->hosts[victim], SIGSTOP);
        fence_run_for(run, FREEZE_US);
        (void)kill(run->hosts[victim], SIGCONT);
    }
    fence_run_for(run, KILL_US);
}

static void takeovers(const char *brokers, bool static_members, int rounds)
{
    static struct fence_run run;

    fence_run_open(&run, brokers, static_members);
    for (int i = 0; i < HOSTS; i++)
        fence_start(&run, i);
    fence_run_for(&run, 4 * DS_US_PER_S);
    for (int round = 0; round < rounds; round++)
        round_of_faults(&run, round);
    fence_wait_until_decided(&run);
    fence_report(&run);
    fence_run_close(&run);
}

int main(int argc, char **argv)
{
    const char *brokers = fence_brokers();
    const char *rounds = getenv("FENCE_ROUNDS");

    if (argc == 5 && strcmp(argv[1], "host") == 0)
        return fence_host_main(
            &(struct fence_host){.brokers = brokers,
                                 .name = argv[2],
                                 .instance = argv[3],
                                 .metrics_dir = argv[4],
                                 .standby = argv[3][0] == '\0' ? 0 : RIG_PARTITIONS});
    (void)printf("dynamic members\n");
    takeovers(brokers, false, rounds == NULL ? 4 : (int)strtol(rounds, NULL, 10));
    (void)printf("static members, with warm copies\n");
    takeovers(brokers, true, rounds == NULL ? 4 : (int)strtol(rounds, NULL, 10));
    return 0;
}
