/* api/router.h - which operation a method and a path mean.
 *
 * A route's pattern has literal segments and {parameters}. The table (routes.c) is a constant.
 * `/api/v1/...` is the same as `/api/...`. Pure, any thread. */
#ifndef DS_API_ROUTER_H
#define DS_API_ROUTER_H

#include "base/buf.h"

struct ds_request;

enum ds_method {
    DS_GET = 1,
    DS_POST = 2,
    DS_PUT = 4,
    DS_PATCH = 8,
    DS_DELETE = 16,
    DS_HEAD = 32,
    DS_OPTIONS = 64,
    DS_OTHER_METHOD = 128,
};

/** Roles, as bits: of a person, and of a route (who may). 0 on a route: anyone. */
enum ds_person_role { DS_CUSTOMER = 1, DS_COURIER = 2, DS_STAFF = 4, DS_ADMIN = 8 };

enum ds_route_flag {
    DS_ROUTE_PROBE = 1,        /* no rate limit, answers while draining */
    DS_ROUTE_WEBHOOK = 2,      /* signed instead of authenticated; its own body limit */
    DS_ROUTE_BULK = 4,         /* the body limit of bulks */
    DS_ROUTE_KEY_REQUIRED = 8, /* a repeat would add up: Idempotency-Key needed */
    DS_ROUTE_PUBLIC = 16,      /* may be cached by anybody */
    DS_ROUTE_PLAIN_TEXT = 32,  /* does not answer JSON */
    DS_ROUTE_METRICS = 64,     /* gone with METRICS_ON_MAIN=0 */
};

#define DS_ROUTE_MAX_ARGS 3

struct ds_route {
    enum ds_method method;
    const char *pattern;   /* "/api/orders/{orderId}/cancel" */
    const char *operation; /* "order.cancel": in command ids, logs and metrics */
    unsigned roles;        /* enum ds_person_role */
    unsigned flags;        /* enum ds_route_flag */
    void (*handle)(struct ds_request *request);
};

struct ds_match {
    const struct ds_route *route; /* NULL: see allowed */
    unsigned allowed;             /* enum ds_method of the routes with this path; 0: no such path */
    ds_str_t args[DS_ROUTE_MAX_ARGS];
    size_t arg_count;
};

/** @brief All routes, ends with a NULL pattern. */
extern const struct ds_route ds_routes[];

/** @brief Find the route. HEAD finds what GET finds. @param path decoded, without the query; args
 * point into it. */
void ds_router_match(const struct ds_route *routes, enum ds_method method, ds_str_t path,
                     struct ds_match *match_out);
enum ds_method ds_method_parse(const char *text);
/** @brief "GET, HEAD, POST, OPTIONS" for Allow. */
DS_MUST_CHECK bool ds_router_allow(unsigned allowed, ds_buf_t *out, ds_error_t *error);

/** @brief Decode %XX, and in a query '+' as a blank. Refuses malformed escapes, NUL, and in a path
 * an escaped '/'. */
DS_MUST_CHECK bool ds_percent_decode(ds_arena_t *arena, ds_str_t text, bool is_path,
                                     ds_str_t *text_out);

#endif
