/* tests/integration/stream/fence_host.h - a process that runs a host of the counter (tests/support)
 * on topics <name>.commands, <name>.orders, <name>.events and <name>.dlq of a real Kafka. */
#ifndef DS_TESTS_FENCE_HOST_H
#define DS_TESTS_FENCE_HOST_H

#include <stdbool.h>
#include <stdint.h>

struct fence_host {
    const char *brokers;
    const char *name;
    const char *instance;    /* "": a dynamic member */
    int64_t standby;         /* warm copies it keeps */
    const char *metrics_dir; /* where it leaves its metrics (JSON, PID.json) when it was asked to
                              * stop; NULL or "": nowhere */
    bool tells; /* on standard output, all the time: "PARTITION STATE TOTAL RECORDS_READ" */
};

/** The process's main: runs until it is killed, or asked to stop (SIGTERM). */
int fence_host_main(const struct fence_host *host);

#endif
