/* base/runtime.h - what every role is handed at start, instead of globals.
 *
 * The cli fills it and owns all of it. A role runs until `*stop` is set (by SIGTERM or SIGINT),
 * reports how it is through `health`, and returns. */
#ifndef DS_BASE_RUNTIME_H
#define DS_BASE_RUNTIME_H

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/options.h"

#include <signal.h>
#include <stdatomic.h>

/** Told by the role, read by the probes on its metrics port. */
struct ds_health {
    /** /readyz: it can do its work, or could once and only waits for a server now. */
    atomic_bool ready;
    /** /readyz is 503. */
    atomic_bool draining;
    /** Monotonic time of its last turn; /livez is 503 when it is older than 30 s. */
    _Atomic int64_t progress_us;
    /** A literal such as "kafka is away"; NULL: all well. */
    _Atomic(const char *) waiting;
};

struct ds_runtime {
    ds_log_t log;
    ds_metrics_t *metrics;
    const ds_clock_t *clock;
    const ds_random_t *random;
    struct ds_health *health;
    const volatile sig_atomic_t *stop;
    /** How records are framed: schemas/framing.h. NULL: there is no schema registry. */
    struct ds_framing *framing;
};

static inline bool ds_stopping(const struct ds_runtime *runtime)
{
    return *runtime->stop != 0;
}

/** @brief Note a turn of the role's main loop, for /livez. Any thread. */
static inline void ds_health_turn(const struct ds_runtime *runtime)
{
    atomic_store_explicit(&runtime->health->progress_us, ds_monotonic_us(runtime->clock),
                          memory_order_relaxed);
}

/** @brief A role: `doorstep NAME ...`, or a tool. The cli's table of all of them drives --help and
 * the docs. */
struct ds_role {
    const char *name;     /* "api", "project postgres" */
    const char *summary;  /* one line */
    const char *usage;    /* "[TOPIC] [--follow] [--order ID]"; may be NULL */
    const char *examples; /* lines for --help; may be NULL */
    const struct ds_option *options;
    size_t settings_bytes;
    bool is_server; /* supervised by `up`, has probes and metrics */
    /** @param settings  filled from `options`.
     *  @return the exit code: 0, 1 (it failed, or found anomalies), 2 (usage). */
    int (*run)(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error);
};

#endif
