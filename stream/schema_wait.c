/* Waiting for schemas: see schema_wait.h. */
#include "stream/schema_wait.h"

#define TRY_AGAIN_US (5 * DS_US_PER_S)
#define SAY_EVERY_US (60 * DS_US_PER_S)

bool ds_schema_waits(const struct ds_schema *schema, const ds_error_t *why)
{
    return why->code == DS_ERR_UNAVAILABLE ||
           (why->code == DS_ERR_UNKNOWN && schema->kind == DS_SCHEMA_EVENTS);
}

void ds_schema_wait_begin(struct ds_schema_wait *wait, const struct ds_runtime *runtime,
                          unsigned answers, const ds_error_t *why)
{
    wait->kind = why->code == DS_ERR_UNAVAILABLE ? DS_WAIT_REGISTRY : DS_WAIT_VERSION;
    wait->answers = answers;
    wait->until_us = ds_monotonic_us(runtime->clock) + TRY_AGAIN_US;
}

bool ds_schema_wait_over(const struct ds_schema_wait *wait, const struct ds_runtime *runtime)
{
    return wait->answers != ds_framing_answers(runtime->framing) ||
           ds_monotonic_us(runtime->clock) >= wait->until_us;
}

const char *ds_schema_wait_text(const struct ds_schema_wait *wait, const ds_framing_t *framing)
{
    static const char newer[] = "a record of a schema that is not known here: a newer version is "
                                "needed";
    static const char asked[] = "the schema registry is asked";
    const char *waiting = ds_framing_waiting(framing);

    switch (wait->kind) {
    case DS_WAIT_NONE:
        return NULL;
    case DS_WAIT_REGISTRY:
        return waiting == NULL ? asked : waiting;
    case DS_WAIT_VERSION:
        break;
    }
    return newer;
}

void ds_schema_wait_say(const struct ds_runtime *runtime, const ds_log_t *log,
                        const ds_error_t *why, int64_t *said_us)
{
    int64_t now_us = ds_monotonic_us(runtime->clock);

    if (*said_us != 0 && now_us - *said_us < SAY_EVERY_US)
        return;
    *said_us = now_us;
    /* A question to the registry is nothing to worry about; that it is away, the framing says. */
    ds_log_error(log, why->code == DS_ERR_UNAVAILABLE ? DS_LOG_INFO : DS_LOG_WARN, "schema.waiting",
                 why);
}
