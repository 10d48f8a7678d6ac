/* api/peers.h - the open connections and their deadlines.
 *
 * One entry a connection, in a heap by deadline. All under one lock, which is never held while
 * somebody else's lock is waited for, except a request's (order: peers, then request). */
#ifndef DS_API_PEERS_H
#define DS_API_PEERS_H

#include "api/request.h"

#define DS_ADDRESS_CHARS 64

struct ds_connection {
    int fd;
    int32_t handle;        /* of the heap */
    ds_request_t *request; /* the one under way; NULL between two */
    char address[DS_ADDRESS_CHARS];
};

typedef struct ds_peers ds_peers_t;

ds_peers_t *ds_peers_new(size_t max_connections);
void ds_peers_destroy(ds_peers_t *peers);
/** @brief A connection was taken; its first request line is due at `due_us`. NULL: no memory. */
struct ds_connection *ds_peers_add(ds_peers_t *peers, int fd, const char *address, int64_t due_us);
void ds_peers_remove(ds_peers_t *peers, struct ds_connection *connection);
/** @brief A request began (or, with NULL, ended) on the connection. */
void ds_peers_set(ds_peers_t *peers, struct ds_connection *connection, ds_request_t *request,
                  int64_t due_us);
/** @brief End what is due: 408 for a request still arriving, the deadline's answer for one that is
 * held, else close. */
void ds_peers_expire(ds_peers_t *peers, int64_t now_us);
/** @brief Connections with a request under way: from its first line until its answer was sent. */
int ds_peers_busy(ds_peers_t *peers);
/** @brief Let every held request be answered now. */
void ds_peers_expire_held(ds_peers_t *peers);

#endif
