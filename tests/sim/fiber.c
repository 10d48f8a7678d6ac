/* A worker's loop waits inside calls (poll, a round trip, a pause). Here it runs on a stack of its
 * own and hands the thread back instead. */
#include "sim.h"

#include <stdlib.h>
#include <ucontext.h>

#define STACK_BYTES ((size_t)256 * 1024)

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

struct sim_fiber {
    ucontext_t inside;
    ucontext_t outside;
    char *stack;
    void (*run)(void *context);
    void *context;
    bool ended;
    void *fake_stack; /* ASan's: of the side that is left */
    const void *outside_stack;
    size_t outside_bytes;
};

static sim_fiber_t *current;

/* ASan has to know which stack is in use. */
static void leave(void **save, const void *stack, size_t bytes)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(save, stack, bytes);
#else
    (void)save;
    (void)stack;
    (void)bytes;
#endif
}

static void arrive(void *saved, const void **stack, size_t *bytes)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(saved, stack, bytes);
#else
    (void)saved;
    (void)stack;
    (void)bytes;
#endif
}

sim_fiber_t *sim_fiber_new(void)
{
    sim_fiber_t *fiber = calloc(1, sizeof(*fiber));

    if (fiber == NULL)
        abort();
    fiber->stack = malloc(STACK_BYTES);
    if (fiber->stack == NULL)
        abort();
    fiber->ended = true;
    return fiber;
}

void sim_fiber_destroy(sim_fiber_t *fiber)
{
    if (fiber == NULL)
        return;
    free(fiber->stack);
    free(fiber);
}

static void enter(void)
{
    sim_fiber_t *fiber = current;

    arrive(NULL, &fiber->outside_stack, &fiber->outside_bytes);
    fiber->run(fiber->context);
    fiber->ended = true;
    leave(NULL, fiber->outside_stack, fiber->outside_bytes);
}

void sim_fiber_start(sim_fiber_t *fiber, void (*run)(void *context), void *context)
{
    fiber->run = run;
    fiber->context = context;
    fiber->ended = false;
    if (getcontext(&fiber->inside) != 0)
        abort();
    fiber->inside.uc_stack.ss_sp = fiber->stack;
    fiber->inside.uc_stack.ss_size = STACK_BYTES;
    fiber->inside.uc_link = &fiber->outside;
    makecontext(&fiber->inside, enter, 0);
}

void sim_fiber_resume(sim_fiber_t *fiber)
{
    void *fake = NULL;

    if (fiber->ended)
        return;
    current = fiber;
    leave(&fake, fiber->stack, STACK_BYTES);
    if (swapcontext(&fiber->outside, &fiber->inside) != 0)
        abort();
    arrive(fake, NULL, NULL);
    current = NULL;
}

void sim_fiber_wait(void)
{
    sim_fiber_t *fiber = current;

    leave(&fiber->fake_stack, fiber->outside_stack, fiber->outside_bytes);
    if (swapcontext(&fiber->inside, &fiber->outside) != 0)
        abort();
    arrive(fiber->fake_stack, &fiber->outside_stack, &fiber->outside_bytes);
}

sim_fiber_t *sim_fiber_current(void)
{
    return current;
}

bool sim_fiber_ended(const sim_fiber_t *fiber)
{
    return fiber->ended;
}
