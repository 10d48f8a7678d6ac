/* What is to happen, in the order (time, number): a binary heap. */
#include "sim.h"

#include <stdlib.h>

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void up(struct sim *sim, size_t at)
{
    struct sim_event event = sim->queue[at];

    while (at > 0 && before(&event, &sim->queue[(at - 1) / 2])) {
        sim->queue[at] = sim->queue[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    sim->queue[at] = event;
}

static void down(struct sim *sim)
{
    struct sim_event event = sim->queue[0];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= sim->queue_count)
            break;
        if (child + 1 < sim->queue_count && before(&sim->queue[child + 1], &sim->queue[child]))
            child++;
        if (!before(&sim->queue[child], &event))
            break;
        sim->queue[at] = sim->queue[child];
        at = child;
    }
    sim->queue[at] = event;
}

void sim_at(struct sim *sim, int64_t at_us, enum sim_event_kind kind, void *subject, int number)
{
    if (at_us < sim->now_us)
        at_us = sim->now_us;
    sim->queue =
        sim_grow(sim, sim->queue, sim->queue_count, &sim->queue_capacity, sizeof(*sim->queue));
    sim->queue[sim->queue_count++] =
        (struct sim_event){at_us, sim->queue_order++, kind, number, subject};
    up(sim, sim->queue_count - 1);
}

bool sim_take_event(struct sim *sim, struct sim_event *event_out)
{
    if (sim->queue_count == 0)
        return false;
    *event_out = sim->queue[0];
    sim->queue[0] = sim->queue[--sim->queue_count];
    if (sim->queue_count > 0)
        down(sim);
    return true;
}
