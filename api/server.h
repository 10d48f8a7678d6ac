/* api/server.h - libmicrohttpd: takes connections, bounds them, calls handlers, queues answers.
 *
 * The polling thread runs everything here but ds_server_tick. A connection's head must arrive
 * within the request timeout, and so must the body and the answer: MHD's own timeout counts only
 * silence, so one byte a second would live for ever. */
#ifndef DS_API_SERVER_H
#define DS_API_SERVER_H

#include "api/request.h"

typedef struct ds_server ds_server_t;

/** @brief Listen and serve. DS_ERR_IO: the port cannot be had. */
DS_MUST_CHECK bool ds_server_new(struct ds_api *api, ds_server_t **server_out, ds_error_t *error);
int ds_server_port(const ds_server_t *server);
/** @brief End what is past its deadline. @locality the ticker. */
void ds_server_tick(ds_server_t *server, int64_t now_us);
/** @brief Take no new connections. */
void ds_server_quiesce(ds_server_t *server);
/** @brief Requests under way: arriving, held, or with an answer that is not sent yet. */
int ds_server_busy(ds_server_t *server);
/** @brief Answer what is still held, stop, free. */
void ds_server_destroy(ds_server_t *server);

#endif
