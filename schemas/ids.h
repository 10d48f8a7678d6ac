/* schemas/ids.h - the inside of a framing: which ids are known, which are asked for. For framing.c,
 * resolver.c and tests.
 *
 * What is known lies in a table that only grows, read without a lock: an entry's fingerprint is
 * written before its id. What is not known is a short list under the lock, with a place for each id
 * that a reader has met of late. */
#ifndef DS_SCHEMAS_IDS_H
#define DS_SCHEMAS_IDS_H

#include "schemas/framing.h"

#include <pthread.h>

/* A power of two; half of it is used at most. */
#define DS_IDS_SLOTS     1024
#define DS_IDS_KNOWN_MAX (DS_IDS_SLOTS / 2)
#define DS_IDS_ASKED_MAX 256
#define DS_IDS_OWN_MAX   64
/* What the registry did not know is asked for again, at the earliest: */
#define DS_IDS_ABSENT_US (60 * DS_US_PER_S)
/* A question nobody has repeated for so long is dropped. */
#define DS_IDS_WANTED_US (30 * DS_US_PER_S)

enum ds_ids_answer {
    DS_IDS_KNOWN,
    DS_IDS_WANTED,  /* asked for, no answer yet */
    DS_IDS_ABSENT,  /* the registry has none */
    DS_IDS_FOREIGN, /* the registry has one that nobody here knows */
    DS_IDS_NOBODY,  /* there is no registry */
};

/** An id that is known. */
struct ds_ids_known {
    _Atomic uint64_t place; /* id + 1; 0: free */
    uint64_t fingerprint;
};

/** An id that is not. */
struct ds_ids_asked {
    bool used;
    uint32_t id;
    enum ds_ids_answer answer; /* WANTED, ABSENT, FOREIGN */
    int64_t since_us;          /* WANTED: when it was last wanted; else when it was answered */
    int64_t try_at_us;         /* WANTED: ask then */
};

/** The id that values of a schema are written with. */
struct ds_ids_own {
    _Atomic uint64_t place; /* id + 1; 0: not known */
    atomic_bool wanted;
    bool missing;      /* the registry does not have the schema */
    int64_t try_at_us; /* ask then */
};

struct ds_framing {
    const struct ds_runtime *runtime;
    struct ds_registry_config config;
    struct ds_ids_known known[DS_IDS_SLOTS];
    struct ds_ids_own own[DS_IDS_OWN_MAX]; /* as in ds_schemas() */
    atomic_uint answers;
    _Atomic(const char *) waiting;

    pthread_mutex_t lock; /* of what follows, and of writing to the above */
    pthread_cond_t changed;
    size_t known_count;
    struct ds_ids_asked asked[DS_IDS_ASKED_MAX];
    bool started;
    bool stop;
    pthread_t thread;
    /* The resolver's: */
    unsigned failures;      /* exchanges since one went well */
    int64_t quiet_until_us; /* after failures */
    int64_t rate_us;        /* see resolver.c */
    int64_t away_said_us;
    int64_t missing_said_us;
    ds_metric_t *requests[3];
};

/** @brief The fingerprint of an id; one that is not known is asked for. */
enum ds_ids_answer ds_ids_find(ds_framing_t *framing, uint32_t id, uint64_t *fingerprint_out);
/** @brief The id values of this schema are written with. false: not known yet; it is asked for. */
bool ds_ids_own(ds_framing_t *framing, const struct ds_schema *schema, uint32_t *id_out);

/** @brief Whether some decoder of this build reads this fingerprint. */
bool ds_ids_allowed(uint64_t fingerprint);
/** @brief Keep what the registry said. @locks takes the lock. */
void ds_ids_learn(ds_framing_t *framing, uint32_t id, uint64_t fingerprint);
void ds_ids_learn_absent(ds_framing_t *framing, uint32_t id, enum ds_ids_answer answer);
void ds_ids_learn_own(ds_framing_t *framing, const struct ds_schema *schema, uint32_t id);
/** @brief Say anew what is being waited for. @locks holds the lock. */
void ds_ids_tell_waiting(ds_framing_t *framing);

/** @brief Start the thread that asks, once; without a url there is none. @locks holds the lock. */
void ds_resolver_start(ds_framing_t *framing);

#endif
