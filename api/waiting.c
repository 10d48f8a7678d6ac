#include "api/waiting.h"

#include "api/internal.h"

#include <stdlib.h>

struct ds_waiting {
    struct ds_api *api;
    ds_positions_t *positions;
    size_t max;
    pthread_mutex_t lock;
    ds_request_t *first;
    size_t count;
};

ds_waiting_t *ds_waiting_new(struct ds_api *api, ds_positions_t *positions, size_t max_requests)
{
    ds_waiting_t *waiting = calloc(1, sizeof *waiting);
    if (waiting == NULL)
        return NULL;
    waiting->api = api;
    waiting->positions = positions;
    waiting->max = max_requests;
    (void)pthread_mutex_init(&waiting->lock, NULL);
    return waiting;
}

void ds_waiting_destroy(ds_waiting_t *waiting)
{
    if (waiting == NULL)
        return;
    (void)ds_waiting_tick(waiting, INT64_MAX);
    (void)pthread_mutex_destroy(&waiting->lock);
    free(waiting);
}

void ds_waiting_enter(ds_waiting_t *waiting, ds_request_t *request)
{
    if (waiting->positions != NULL)
        ds_positions_want(waiting->positions);
    (void)pthread_mutex_lock(&waiting->lock);
    bool room = waiting->count < waiting->max;
    if (room) {
        request->next = waiting->first;
        waiting->first = request;
        waiting->count++;
    }
    (void)pthread_mutex_unlock(&waiting->lock);
    if (room)
        ds_api_wake_ticker(waiting->api);
    else
        request->wait_late(request);
}

static ds_request_t *take_all(ds_waiting_t *waiting)
{
    (void)pthread_mutex_lock(&waiting->lock);
    ds_request_t *all = waiting->first;
    waiting->first = NULL;
    waiting->count = 0;
    (void)pthread_mutex_unlock(&waiting->lock);
    return all;
}

bool ds_waiting_tick(ds_waiting_t *waiting, int64_t now_us)
{
    ds_request_t *request = take_all(waiting);
    while (request != NULL) {
        ds_request_t *next = request->next;
        request->next = NULL;
        if (!ds_request_alive(request))
            ds_request_release(request);
        else if (request->wait_ready(request))
            request->wait_go(request);
        else if (now_us >= request->wait_until_us)
            request->wait_late(request);
        else
            ds_waiting_enter(waiting, request);
        request = next;
    }
    (void)pthread_mutex_lock(&waiting->lock);
    bool any = waiting->count > 0;
    (void)pthread_mutex_unlock(&waiting->lock);
    return any;
}

bool ds_waiting_positions_met(ds_waiting_t *waiting, const ds_request_t *request)
{
    return waiting->positions != NULL &&
           ds_positions_met(waiting->positions, request->tokens, request->token_count);
}
