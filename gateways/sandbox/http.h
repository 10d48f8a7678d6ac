/* gateways/sandbox/http.h - the sandbox's HTTP server on libmicrohttpd, one thread a connection. */
#ifndef DS_GATEWAYS_SANDBOX_HTTP_H
#define DS_GATEWAYS_SANDBOX_HTTP_H

#include "gateways/sandbox/sandbox.h"
#include "gateways/sandbox/service.h"

typedef struct ds_sandbox_http ds_sandbox_http_t;

/** @brief Listen. Settings and service are borrowed. */
DS_MUST_CHECK bool ds_sandbox_http_start(const struct ds_sandbox_settings *settings,
                                         ds_service_t *service, ds_sandbox_http_t **http_out,
                                         ds_error_t *error);
void ds_sandbox_http_stop(ds_sandbox_http_t *http);
int ds_sandbox_http_port(const ds_sandbox_http_t *http);

#endif
