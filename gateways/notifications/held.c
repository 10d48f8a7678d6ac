#include "gateways/notifications/held.h"

#include <stdlib.h>

void ds_held_free(struct ds_held *held)
{
    free(held->notice);
    free(held);
}

void ds_held_clear(struct ds_held_list *list)
{
    for (struct ds_held *held = list->first, *next; held != NULL; held = next) {
        next = held->next;
        ds_held_free(held);
    }
    *list = (struct ds_held_list){0};
}

bool ds_held_put(struct ds_held_list *list, enum ds_notice_topic topic, int64_t offset,
                 const struct ds_notice *notice, ds_error_t *error)
{
    struct ds_held *held = calloc(1, sizeof *held);
    if (held != NULL)
        held->notice = ds_notice_dup(notice);
    if (held == NULL || held->notice == NULL) {
        free(held);
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a notice");
    }
    held->topic = topic;
    held->offset = offset;
    if (list->last != NULL)
        list->last->next = held;
    else
        list->first = held;
    list->last = held;
    list->count++;
    list->of[topic]++;
    return true;
}

/* An event is not older than what it answers; of the same time it comes behind the other topics'.
 */
static int by_time(const void *a, const void *b)
{
    const struct ds_held *x = *(struct ds_held *const *)a;
    const struct ds_held *y = *(struct ds_held *const *)b;
    if (x->notice->at_us != y->notice->at_us)
        return x->notice->at_us < y->notice->at_us ? -1 : 1;
    if (x->topic != y->topic)
        return x->topic > y->topic ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

bool ds_held_take(struct ds_held_list *list, ds_held_goes_fn goes, void *context,
                  struct ds_held ***taken_out, size_t *count_out, ds_error_t *error)
{
    bool stays[DS_NOTICE_TOPICS] = {false};
    struct ds_held **taken = calloc(list->count + 1, sizeof(struct ds_held *));
    struct ds_held **link = &list->first;
    size_t count = 0;
    if (taken == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "notices");
    list->last = NULL;
    while (*link != NULL) {
        struct ds_held *held = *link;
        stays[held->topic] = stays[held->topic] || !goes(context, held);
        if (!stays[held->topic]) {
            taken[count++] = held;
            list->of[held->topic]--;
            *link = held->next;
        } else {
            list->last = held;
            link = &held->next;
        }
    }
    list->count -= count;
    qsort(taken, count, sizeof(struct ds_held *), by_time);
    *taken_out = taken;
    *count_out = count;
    return true;
}

int64_t ds_held_first(const struct ds_held_list *list, enum ds_notice_topic topic,
                      int64_t otherwise)
{
    for (const struct ds_held *held = list->first; held != NULL; held = held->next)
        if (held->topic == topic)
            return held->offset;
    return otherwise;
}
