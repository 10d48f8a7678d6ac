#include "gateways/notifications/holdback.h"

#include "gateways/notifications/limits.h"

#include <stdlib.h>

/** What is free to go. */
struct release {
    const struct ds_holdback *holdback;
    const struct ds_holdback_route *route;
    int64_t before_us; /* what happened earlier */
    bool known;        /* and of orders that are known only */
    bool unknown;      /* one was met that is not */
};

bool ds_holdback_take(struct ds_holdback *holdback, enum ds_notice_topic topic, int64_t offset,
                      int64_t at_us, const struct ds_notice *notice, ds_error_t *error)
{
    if (notice != NULL && !ds_held_put(&holdback->held, topic, offset, notice, error))
        return false;
    holdback->read[topic] = offset + 1;
    holdback->read_us[topic] = at_us;
    return true;
}

int64_t ds_holdback_passed(const struct ds_holdback *holdback, enum ds_notice_topic topic)
{
    return ds_held_first(&holdback->held, topic, holdback->read[topic]);
}

void ds_holdback_clear(struct ds_holdback *holdback)
{
    ds_held_clear(&holdback->held);
    *holdback = (struct ds_holdback){0};
}

/* --- what may go -------------------------------------------------------------------------------
 */

static bool may_go(void *context, const struct ds_held *held)
{
    struct release *release = context;
    const struct ds_holdback_route *route = release->route;
    if (held->offset >= release->holdback->targets[held->topic] ||
        held->notice->at_us >= release->before_us)
        return false;
    if (!release->known || held->topic == DS_NOTICE_ORDER || /* it was placed before, or never */
        ds_contacts_knows(route->contacts, route->partition, held->notice->order_id))
        return true;
    release->unknown = true;
    return false;
}

static bool let_go(struct ds_holdback *holdback, struct release *release, ds_error_t *error)
{
    const struct ds_holdback_route *route = release->route;
    struct ds_held **list;
    size_t count;
    if (!ds_held_take(&holdback->held, may_go, release, &list, &count, error))
        return false;
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        ok = ok && route->hand_over(route->context, route->partition, list[i], error);
        ds_held_free(list[i]);
    }
    free(list);
    return ok;
}

/* --- how far the topics are --------------------------------------------------------------------
 */

/* What an event answers stood in the log before it, and so in front of ends that were asked for
 * when the event had been read. */
static bool ask_ends(struct ds_holdback *holdback, const struct ds_holdback_route *route)
{
    ds_error_t away = DS_ERROR_INIT;
    for (int t = 0; t < DS_NOTICE_TOPICS; t++)
        if (!ds_reader_end(route->reader, t, route->partition, DS_LOG_END_TIMEOUT_MS,
                           &holdback->targets[t], &away))
            return false;
    return true;
}

static bool is_behind(const struct ds_holdback *holdback, const struct ds_holdback_route *route,
                      int topic)
{
    return ds_reader_next_offset(route->reader, topic, route->partition) < holdback->targets[topic];
}

/* Of the topics that are still to be read that far the one whose events are the oldest;
 * DS_NOTICE_TOPICS: all have been. */
static int last_behind(const struct ds_holdback *holdback, const struct ds_holdback_route *route)
{
    int last = DS_NOTICE_TOPICS;
    for (int t = 0; t < DS_NOTICE_TOPICS; t++)
        if (is_behind(holdback, route, t) &&
            (last == DS_NOTICE_TOPICS || holdback->read_us[t] < holdback->read_us[last]))
            last = t;
    return last;
}

/* --- too much of it ----------------------------------------------------------------------------
 */

/* There are too many to wait for the ends. What happened before the event that `last` has come to
 * goes: the topics' own times rise, so what it answers has been read. As far as clocks agree, that
 * is; so nothing goes whose order is not known, as long as it may become known, and then orders are
 * read first. Where more and more is held all the same, only the order in time is given up. */
static bool let_some_go(struct ds_holdback *holdback, const struct ds_holdback_route *route,
                        int *last, ds_error_t *error)
{
    struct release release = {
        .holdback = holdback,
        .route = route,
        .before_us = holdback->read_us[*last],
        .known = is_behind(holdback, route, DS_NOTICE_ORDER),
    };
    if (!let_go(holdback, &release, error))
        return false;
    if (release.unknown)
        *last = DS_NOTICE_ORDER;
    release.before_us = INT64_MAX;
    return holdback->held.of[*last] < 2 * route->max_held || let_go(holdback, &release, error);
}

/* A topic of which enough is held is read on when half of that has gone; the last one always is, as
 * the others wait for it. */
static void pace(struct ds_holdback *holdback, const struct ds_holdback_route *route, int last)
{
    for (int t = 0; t < DS_NOTICE_TOPICS; t++) {
        size_t held = holdback->held.of[t];
        holdback->full[t] =
            held >= route->max_held || (holdback->full[t] && held > route->max_held / 2);
        ds_reader_pause(route->reader, t, route->partition, holdback->full[t] && t != last);
    }
}

static bool is_full(const struct ds_holdback *holdback)
{
    bool full = false;
    for (int t = 0; t < DS_NOTICE_TOPICS; t++)
        full = full || holdback->full[t];
    return full;
}

bool ds_holdback_release(struct ds_holdback *holdback, const struct ds_holdback_route *route,
                         bool may_ask, ds_error_t *error)
{
    int last = DS_NOTICE_TOPICS;
    bool ok = true;
    if (holdback->held.count > 0 && !holdback->asked)
        holdback->asked = may_ask && ask_ends(holdback, route);
    if (holdback->asked)
        last = last_behind(holdback, route);
    if (holdback->asked && last == DS_NOTICE_TOPICS) {
        struct release release = {.holdback = holdback, .route = route, .before_us = INT64_MAX};
        ok = let_go(holdback, &release, error);
        holdback->asked = false;
    } else if (holdback->asked && is_full(holdback)) {
        ok = let_some_go(holdback, route, &last, error);
    }
    pace(holdback, route, last);
    return ok;
}
