/* tests/integration/stream/fence_host.h - a process that runs a host of the counter (tests/support)
 * on topics <name>.commands, <name>.orders, <name>.events and <name>.dlq of a real Kafka. */
#ifndef DS_TESTS_FENCE_HOST_H
#define DS_TESTS_FENCE_HOST_H

/** The process's main: runs until it is killed, or asked to stop (SIGTERM).
 *  @param instance     "": a dynamic member.
 *  @param metrics_dir  where it leaves its metrics (JSON, PID.json) when it was asked to stop; "":
 * nowhere. */
int fence_host_main(const char *brokers, const char *name, const char *instance,
                    const char *metrics_dir);

#endif
