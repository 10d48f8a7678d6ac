/* cli/probes.h - /livez, /readyz and /metrics of a server role on its own port.
 *
 * A small libmicrohttpd daemon with one thread of its own; it only reads what the role tells in
 * struct ds_health and the metrics registry. */
#ifndef DS_CLI_PROBES_H
#define DS_CLI_PROBES_H

#include "base/runtime.h"

typedef struct ds_probes ds_probes_t;

/** @brief Listen. @param port 1-65535. DS_ERR_IO: the port is in use or may not be bound. */
DS_MUST_CHECK bool ds_probes_start(const struct ds_runtime *runtime, const char *bind_address,
                                   uint16_t port, ds_probes_t **probes_out, ds_error_t *error);
/** @brief Stop listening; NULL is fine. */
void ds_probes_stop(ds_probes_t *probes);

#endif
