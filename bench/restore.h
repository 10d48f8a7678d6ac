/* bench/restore.h - what the driver (restore.c), the order processor it starts (restore_host.c) and
 * the commands it sends (restore_orders.c) share. */
#ifndef DS_BENCH_RESTORE_H
#define DS_BENCH_RESTORE_H

#include "hop.h"

#define RESTORE_COMMANDS "order.commands"
#define RESTORE_EVENTS   "order.events"
#define RESTORE_STORE    "bench-store-1"

/** What a processor under measurement is told, as its arguments in this order. */
struct restore_host_config {
    const char *brokers;
    int64_t standby;
    int64_t snapshot_events;
    int32_t partition; /* that is measured */
};

/** @brief The processor: runs until SIGTERM. Says on standard output, one line each, MONOTONIC in
 * microseconds:
 *    given MONOTONIC             the group gave it the partition (at the earliest)
 *    running MONOTONIC RECORDS   it owns it; so many records of its log were read
 *    away                        it is another's
 *    warm RECORDS                its copy of it has reached the end
 *    snapshot CPU_US TURN_CPU_US TURN_US    one is complete: CPU of the process since it began to
 *                                own, the longest turn since then
 *  and, on standard error, the log, which has the rest. */
int restore_host(const struct ds_runtime *runtime, const struct restore_host_config *config);

/** @brief Append one PlaceOrder of three lines; no two have ids or customers in common. */
void restore_place(const struct ds_runtime *runtime, rd_kafka_t *producer, int32_t partition,
                   ds_buf_t *bytes);

#endif
