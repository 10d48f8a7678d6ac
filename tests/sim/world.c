/* A world from its beginning to its end. */
#include "sim.h"

#include <stdlib.h>

#define REST_MAX_US                                                                                \
    (600 * SIM_S) /* after the last harm everything must come to rest within this                  \
                   */
#define LOOK_US   SIM_S
#define STILL_US  (25 * SIM_S) /* nothing may move for so long: more than any pause */
#define NOTICE_US (30 * SIM_S)
#define STEPS_MAX 400000

struct sim *sim_world;

struct sim *sim_new(void)
{
    struct sim *sim = calloc(1, sizeof(*sim));

    if (sim == NULL)
        abort();
    sim->decoded = ds_arena_new((size_t)1024 * 1024, (size_t)256 * 1024 * 1024);
    if (sim->decoded == NULL)
        abort();
    return sim;
}

void sim_destroy(struct sim *sim)
{
    sim_memory_forget(sim);
    free(sim->memory.data);
    ds_arena_destroy(sim->decoded);
    for (int i = 0; i < SIM_PROCS; i++)
        sim_fiber_destroy(sim->procs[i].fiber);
    free(sim);
}

/* What is kept from one run to the next is memory, and nothing of what is in it. */
static void reset(struct sim *sim, const struct sim_plan *plan, bool tracing)
{
    sim_fiber_t *fibers[SIM_PROCS];
    struct sim_memory memory;
    ds_arena_t *decoded = sim->decoded;

    sim_memory_forget(sim);
    ds_arena_reset(decoded);
    for (int i = 0; i < SIM_PROCS; i++)
        fibers[i] = sim->procs[i].fiber;
    memory = sim->memory;
    memset(sim, 0, sizeof(*sim));
    sim->memory = memory;
    sim->decoded = decoded;
    for (int i = 0; i < SIM_PROCS; i++)
        sim->procs[i].fiber = fibers[i];
    sim->plan = *plan;
    sim->chance.state = plan->seed * UINT64_C(0xd1342543de82ef95) + 12345;
    sim->now_us = SIM_START_US;
    sim->tracing = tracing;
}

static void dispatch(struct sim *sim, const struct sim_event *event)
{
    switch (event->kind) {
    case SIM_WAKE: {
        struct sim_proc *proc = event->subject;

        if (proc->alive && proc->wake_us == event->at_us)
            sim_proc_run(proc);
        break;
    }
    case SIM_LAND:
        sim_land(sim, event->subject);
        break;
    case SIM_REPORT:
        sim_report(sim, event->subject);
        break;
    case SIM_SEND:
        sim_command_send(sim, event->subject);
        break;
    case SIM_COMMAND:
        sim_command_land(sim, event->subject, event->number);
        break;
    case SIM_ACK:
        sim_command_ack(sim, event->subject);
        break;
    case SIM_ACT:
        sim_people_act(sim, event->subject);
        break;
    case SIM_HARM:
        sim_harm(sim, event->number);
        break;
    case SIM_SESSION:
        sim_group_session(event->subject);
        break;
    case SIM_JOIN:
        sim_group_join(event->subject);
        break;
    case SIM_RESTART:
        sim_proc_start(event->subject);
        break;
    case SIM_HALT:
        sim_proc_stop(event->subject);
        break;
    case SIM_BACKEND:
        sim_pg_backend(sim, event->subject, event->number);
        break;
    case SIM_MEND:
        sim_mend(sim);
        break;
    case SIM_HEAL:
        sim_heal(sim);
        break;
    case SIM_LOOK:
        sim_look(sim);
        break;
    }
}

void sim_look(struct sim *sim)
{
    const char *why = NULL;

    if (sim->damaged) { /* it will not come to rest; there is time enough to notice */
        sim->over = sim->now_us > SIM_START_US + sim->plan.active_us + NOTICE_US;
        sim_at(sim, sim->now_us + LOOK_US, SIM_LOOK, NULL, 0);
        return;
    }
    if (sim_quiet(sim, &why) && sim->now_us - sim->last_append_us >= STILL_US) {
        sim->over = true;
        return;
    }
    if (sim->now_us > SIM_START_US + sim->plan.active_us + REST_MAX_US)
        sim_fail(sim, "it does not come to rest: %s", why == NULL ? "records go on" : why);
    sim_at(sim, sim->now_us + LOOK_US, SIM_LOOK, NULL, 0);
}

static void run_events(struct sim *sim)
{
    struct sim_event event;

    while (!sim->failed && !sim->over && sim_take_event(sim, &event)) {
        sim->now_us = event.at_us;
        dispatch(sim, &event);
        if (sim->steps > STEPS_MAX)
            sim_fail(sim, "too many steps");
    }
}

static void end_all(struct sim *sim)
{
    sim->over = true;
    for (int i = 0; i < sim->proc_count; i++)
        sim_proc_crash(&sim->procs[i]);
    sim_pg_end(sim);
}

bool sim_run(struct sim *sim, const struct sim_plan *plan, bool tracing)
{
    sim_world = sim;
    reset(sim, plan, tracing);
    sim_judge_reset(sim);
    sim_pg_reset(sim);
    sim_mongo_reset(sim);
    sim_people_begin(sim);
    sim_procs_create(sim);
    sim_harm_begin(sim);
    run_events(sim);
    if (sim->damaged && sim->foreign.planted)
        sim_foreign_judge(sim);
    else if (sim->damaged)
        sim_lost_judge(sim);
    else if (!sim->failed)
        sim_verdict(sim);
    end_all(sim);
    sim_world = NULL;
    return !sim->failed;
}
