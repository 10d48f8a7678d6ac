/* stream/host_service.h - what a host does every turn beside its records. Internal to host.c,
 * host_service.c and ends.c. */
#ifndef DS_STREAM_HOST_SERVICE_H
#define DS_STREAM_HOST_SERVICE_H

#include "stream/host.h"

void ds_host_register_metrics(struct ds_host *host);
/** What it added to gauges that other hosts of the process share is taken off again. */
void ds_host_leave_gauges(struct ds_host *host);
/** Owners whose group was not heard for the session timeout are none any more (protocol R6). */
void ds_host_watch_group(struct ds_host *host);
/** Deadlines of all kinds, questions to the server (gathered over partitions), dead letters, hints,
 * health. */
void ds_host_service(struct ds_host *host);
/** Ask where partitions end, for all that want to know. Blocks for one call that is not answered at
 * most. */
void ds_host_ask_ends(struct ds_host *host);
/** Tell the group how far the inputs are handled and confirmed. `all`: do not wait for the
 * interval. */
void ds_host_commit_hints(struct ds_host *host, bool all);

#endif
