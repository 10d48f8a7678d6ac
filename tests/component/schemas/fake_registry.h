/* tests/component/schemas/fake_registry.h - a registry of a few lines, and a bad one on demand. */
#ifndef DS_TESTS_FAKE_REGISTRY_H
#define DS_TESTS_FAKE_REGISTRY_H

#include "schemas/registry.h"

#include <stdatomic.h>

#define FAKE_ID 7 /* of courier.locations, whose text is short */

struct http_server; /* tests/component/base/http_server.h */

struct fake_registry {
    struct http_server *server;
    struct ds_registry_config config;
    char url[256];
    _Atomic(const char *) bad;  /* this instead of an answer; NULL: a good registry */
    atomic_int bad_left;        /* so many times; then it is good */
    _Atomic(const char *) text; /* the schema behind every id but FAKE_ID; NULL: there is none */
    char answer[16384];
};

/** @param path  of its interface, such as "/apis/ccompat/v7". */
void fake_registry_start(struct fake_registry *fake, const char *path);
void fake_registry_stop(struct fake_registry *fake);
/** Every answer is this from now on, `times` times (-1: for ever). */
void fake_registry_spoil(struct fake_registry *fake, const char *answer, int times);

/** An HTTP answer with this body. */
#define FAKE_JSON(status, body)                                                                    \
    "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body
#define FAKE_ABSENT                                                                                \
    FAKE_JSON("404 Not Found", "{\"error_code\":40403,\"message\":\"Schema not found\"}")

#endif
