/* schemas/ids.c - what a process knows of a registry's ids. See ids.h. */
#include "schemas/ids.h"

#include "schemas/avro.h"

#include <assert.h>
#include <stdlib.h>

static const char registry_away[] = "the schema registry is away";
static const char not_registered[] = "a schema is not registered: doorstep schemas register";
static const char registry_asked[] = "the schema registry is asked";

static void lock(ds_framing_t *framing)
{
    (void)pthread_mutex_lock(&framing->lock);
}

static void unlock(ds_framing_t *framing)
{
    (void)pthread_mutex_unlock(&framing->lock);
}

static int64_t now_us(const ds_framing_t *framing)
{
    return ds_monotonic_us(framing->runtime->clock);
}

/* ---- life ---- */

static bool init_lock(ds_framing_t *framing)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&framing->changed, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    if (!ok)
        return false;
    if (pthread_mutex_init(&framing->lock, NULL) == 0)
        return true;
    (void)pthread_cond_destroy(&framing->changed);
    return false;
}

static void register_metrics(ds_framing_t *framing)
{
    static const char *const outcomes[] = {"answered", "unknown", "failed"};
    for (int i = 0; i < 3; i++) {
        const struct ds_label labels[] = {{"outcome", outcomes[i]}, {NULL, NULL}};
        framing->requests[i] =
            ds_metrics_get(framing->runtime->metrics, DS_COUNTER,
                           "doorstep_registry_requests_total",
                           "Questions to the schema registry, by what came back.", labels);
    }
}

bool ds_framing_new(const struct ds_runtime *runtime, const struct ds_registry_config *config,
                    ds_framing_t **framing_out, ds_error_t *error)
{
    *framing_out = NULL;
    if (config->url != NULL && !ds_registry_check_url(config->url, error))
        return false;
    ds_framing_t *framing = calloc(1, sizeof *framing);
    if (framing == NULL || !init_lock(framing)) {
        free(framing);
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_MEMORY, "a framing");
    }
    framing->runtime = runtime;
    framing->config = *config;
    register_metrics(framing);
    *framing_out = framing;
    return true;
}

void ds_framing_destroy(ds_framing_t *framing)
{
    if (framing == NULL)
        return;
    lock(framing);
    framing->stop = true;
    bool started = framing->started;
    (void)pthread_cond_broadcast(&framing->changed);
    unlock(framing);
    if (started)
        (void)pthread_join(framing->thread, NULL);
    (void)pthread_cond_destroy(&framing->changed);
    (void)pthread_mutex_destroy(&framing->lock);
    free(framing);
}

const struct ds_registry_config *ds_framing_registry(const ds_framing_t *framing)
{
    return &framing->config;
}

/* ---- what is known ---- */

static size_t first_slot(uint32_t id)
{
    return (id * UINT32_C(2654435761)) % DS_IDS_SLOTS;
}

/* Half of the slots are free for ever, so that the walk ends. */
static bool find_known(ds_framing_t *framing, uint32_t id, uint64_t *fingerprint_out)
{
    for (size_t i = first_slot(id);; i = (i + 1) % DS_IDS_SLOTS) {
        uint64_t place = atomic_load_explicit(&framing->known[i].place, memory_order_acquire);
        if (place == 0)
            return false;
        if (place != (uint64_t)id + 1)
            continue;
        *fingerprint_out = framing->known[i].fingerprint;
        return true;
    }
}

static bool add_known(ds_framing_t *framing, uint32_t id, uint64_t fingerprint, size_t max)
{
    uint64_t known = 0;
    if (find_known(framing, id, &known))
        return known == fingerprint; /* ids never change their meaning */
    if (framing->known_count >= max)
        return false;
    size_t i = first_slot(id);
    while (atomic_load_explicit(&framing->known[i].place, memory_order_relaxed) != 0)
        i = (i + 1) % DS_IDS_SLOTS;
    framing->known[i].fingerprint = fingerprint;
    atomic_store_explicit(&framing->known[i].place, (uint64_t)id + 1, memory_order_release);
    framing->known_count++;
    return true;
}

bool ds_ids_allowed(uint64_t fingerprint)
{
    for (const struct ds_schema *const *schema = ds_schemas(); *schema != NULL; schema++) {
        for (size_t i = 0; i < (*schema)->version_count; i++) {
            if ((*schema)->versions[i].fingerprint == fingerprint)
                return true;
        }
    }
    return false;
}

/* ---- what is asked for ---- */

static struct ds_ids_asked *find_asked(ds_framing_t *framing, uint32_t id)
{
    for (size_t i = 0; i < DS_IDS_ASKED_MAX; i++) {
        if (framing->asked[i].used && framing->asked[i].id == id)
            return &framing->asked[i];
    }
    return NULL;
}

/* A free place, else the oldest of those that are answered, else the oldest. */
static struct ds_ids_asked *place_for(ds_framing_t *framing)
{
    struct ds_ids_asked *best = NULL;
    for (size_t i = 0; i < DS_IDS_ASKED_MAX; i++) {
        struct ds_ids_asked *asked = &framing->asked[i];
        if (!asked->used)
            return asked;
        bool answered = asked->answer != DS_IDS_WANTED;
        bool best_answered = best != NULL && best->answer != DS_IDS_WANTED;
        if (best == NULL || (answered && !best_answered) ||
            (answered == best_answered && asked->since_us < best->since_us))
            best = asked;
    }
    return best;
}

static void want(ds_framing_t *framing, struct ds_ids_asked *asked, uint32_t id)
{
    *asked = (struct ds_ids_asked){.used = true, .id = id, .answer = DS_IDS_WANTED};
    asked->since_us = asked->try_at_us = now_us(framing);
    ds_ids_tell_waiting(framing);
    ds_resolver_start(framing);
    (void)pthread_cond_broadcast(&framing->changed);
}

static enum ds_ids_answer ask(ds_framing_t *framing, uint32_t id, uint64_t *fingerprint_out)
{
    int64_t now = now_us(framing);
    struct ds_ids_asked *asked = find_asked(framing, id);
    if (find_known(framing, id, fingerprint_out)) /* an answer just came */
        return DS_IDS_KNOWN;
    if (asked == NULL) {
        asked = place_for(framing);
        want(framing, asked, id);
    } else if (asked->answer == DS_IDS_WANTED) {
        asked->since_us = now;
    } else if (now - asked->since_us >= DS_IDS_ABSENT_US) {
        want(framing, asked, id);
    }
    return asked->answer;
}

enum ds_ids_answer ds_ids_find(ds_framing_t *framing, uint32_t id, uint64_t *fingerprint_out)
{
    if (find_known(framing, id, fingerprint_out))
        return DS_IDS_KNOWN;
    if (id == 0 || id > INT32_MAX) /* no registry gives such a number */
        return DS_IDS_ABSENT;
    lock(framing);
    enum ds_ids_answer answer = ask(framing, id, fingerprint_out);
    unlock(framing);
    return answer;
}

static struct ds_ids_own *own_of(ds_framing_t *framing, const struct ds_schema *schema)
{
    const struct ds_schema *const *list = ds_schemas();
    for (size_t i = 0; i < DS_IDS_OWN_MAX && list[i] != NULL; i++) {
        if (list[i] == schema)
            return &framing->own[i];
    }
    return NULL;
}

bool ds_ids_own(ds_framing_t *framing, const struct ds_schema *schema, uint32_t *id_out)
{
    struct ds_ids_own *own = own_of(framing, schema);
    if (own == NULL)
        return false;
    uint64_t place = atomic_load_explicit(&own->place, memory_order_acquire);
    *id_out = (uint32_t)(place - 1);
    if (place != 0)
        return true;
    if (atomic_exchange(&own->wanted, true))
        return false;
    lock(framing);
    own->try_at_us = now_us(framing);
    ds_ids_tell_waiting(framing);
    ds_resolver_start(framing);
    (void)pthread_cond_broadcast(&framing->changed);
    unlock(framing);
    return false;
}

bool ds_framing_ready(ds_framing_t *framing, const struct ds_schema *schema)
{
    uint32_t id = 0;
    return framing == NULL || ds_ids_own(framing, schema, &id);
}

/* ---- answers ---- */

void ds_ids_tell_waiting(ds_framing_t *framing)
{
    bool wanted = false;
    bool missing = false;
    for (size_t i = 0; i < DS_IDS_OWN_MAX; i++) {
        const struct ds_ids_own *own = &framing->own[i];
        bool open = atomic_load(&own->wanted) && atomic_load(&own->place) == 0;
        wanted = wanted || open;
        missing = missing || (open && own->missing);
    }
    for (size_t i = 0; i < DS_IDS_ASKED_MAX && !wanted; i++)
        wanted = framing->asked[i].used && framing->asked[i].answer == DS_IDS_WANTED;
    atomic_store(&framing->waiting, !wanted                 ? NULL
                                    : framing->failures > 0 ? registry_away
                                    : missing               ? not_registered
                                                            : registry_asked);
}

static void answered(ds_framing_t *framing)
{
    atomic_fetch_add(&framing->answers, 1);
    ds_ids_tell_waiting(framing);
    (void)pthread_cond_broadcast(&framing->changed);
}

static void forget_asked(ds_framing_t *framing, uint32_t id)
{
    struct ds_ids_asked *asked = find_asked(framing, id);
    if (asked != NULL)
        asked->used = false;
}

static void note_absent(ds_framing_t *framing, uint32_t id, enum ds_ids_answer answer)
{
    struct ds_ids_asked *asked = find_asked(framing, id);
    if (asked == NULL)
        asked = place_for(framing);
    *asked = (struct ds_ids_asked){
        .used = true, .id = id, .answer = answer, .since_us = now_us(framing)};
}

void ds_ids_learn(ds_framing_t *framing, uint32_t id, uint64_t fingerprint)
{
    lock(framing);
    /* Full: hundreds of ids for a few dozen schemas. That is no registry of ours. */
    if (ds_ids_allowed(fingerprint) && add_known(framing, id, fingerprint, DS_IDS_KNOWN_MAX))
        forget_asked(framing, id);
    else
        note_absent(framing, id, DS_IDS_FOREIGN);
    answered(framing);
    unlock(framing);
}

void ds_ids_learn_absent(ds_framing_t *framing, uint32_t id, enum ds_ids_answer answer)
{
    lock(framing);
    note_absent(framing, id, answer);
    answered(framing);
    unlock(framing);
}

void ds_ids_learn_own(ds_framing_t *framing, const struct ds_schema *schema, uint32_t id)
{
    struct ds_ids_own *own = own_of(framing, schema);
    assert(own != NULL); /* it is of a topic */
    lock(framing);
    if (add_known(framing, id, schema->fingerprint, DS_IDS_KNOWN_MAX + DS_IDS_OWN_MAX)) {
        forget_asked(framing, id);
        atomic_store_explicit(&own->place, (uint64_t)id + 1, memory_order_release);
    }
    answered(framing);
    unlock(framing);
}

/* ---- waiting ---- */

unsigned ds_framing_answers(const ds_framing_t *framing)
{
    return framing == NULL ? 0 : atomic_load(&framing->answers);
}

const char *ds_framing_waiting(const ds_framing_t *framing)
{
    return framing == NULL ? NULL : atomic_load(&framing->waiting);
}
