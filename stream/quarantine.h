/* stream/quarantine.h - which aggregates of a partition are quarantined, and which inputs wait for
 * them (ADR 21). Part of memory: it changes only as the log says (fold.c), and snapshots hold it.
 *
 * An aggregate is holding, until somebody releases it, or releasing: then what waits is decided,
 * oldest first, and what comes meanwhile waits behind; with the last of it the aggregate is free.
 * Inputs are known by their place. Threads: one quarantine, one thread. */
#ifndef DS_STREAM_QUARANTINE_H
#define DS_STREAM_QUARANTINE_H

#include "base/map.h"
#include "decider/decider.h"
#include "schemas/generated.h"

/* What a fold accepts; an owner stops at its own, lower bound (ds_host_config.max_held). */
#define DS_MAX_QUARANTINED 4096
#define DS_MAX_HELD        1000000
/* A longer name than any aggregate has. */
#define DS_MAX_AGGREGATE_BYTES 256

/** An input that waits. (epoch, seq) are those of its own record, 0 for commands; fingerprint that
 * of a command's value, 0 for events. */
struct ds_held {
    int32_t input;
    int64_t offset;
    int64_t epoch;
    int64_t seq;
    int64_t fingerprint;
};

struct ds_quarantined {
    bool releasing;
    int64_t release; /* offset of the command that released it; -1: none did */
    struct ds_held *held;
    size_t first; /* those before it are decided or dropped */
    size_t end;
    size_t capacity;
};

struct ds_quarantine {
    ds_map_t *by_aggregate; /* to struct ds_quarantined, in the order they came; NULL: none ever */
    size_t held_count;      /* of all */
    size_t releasing_count;
};

/** @brief Forget all of it. An empty one is all zero. */
void ds_quarantine_clear(struct ds_quarantine *quarantine);
static inline size_t ds_quarantine_count(const struct ds_quarantine *quarantine)
{
    return quarantine->by_aggregate == NULL ? 0 : ds_map_count(quarantine->by_aggregate);
}
/** @brief NULL: not quarantined. */
const struct ds_quarantined *ds_quarantine_find(const struct ds_quarantine *quarantine,
                                                ds_str_t aggregate);
/** @brief The oldest that is releasing; NULL: none. Its name is borrowed. */
const struct ds_quarantined *ds_quarantine_releasing(const struct ds_quarantine *quarantine,
                                                     ds_str_t *aggregate_out);
static inline size_t ds_quarantined_count(const struct ds_quarantined *entry)
{
    return entry->end - entry->first;
}

/** @brief From now on its inputs wait; releasing ends. LIMIT, MEMORY. */
DS_MUST_CHECK bool ds_quarantine_begin(struct ds_quarantine *quarantine, ds_str_t aggregate,
                                       ds_error_t *error);
/** @brief One more waits. UNKNOWN: the aggregate is not quarantined. LIMIT, MEMORY. */
DS_MUST_CHECK bool ds_quarantine_hold(struct ds_quarantine *quarantine, ds_str_t aggregate,
                                      const struct ds_held *held, ds_error_t *error);
/** @brief What waits is decided from now on; where nothing waits it is free. */
void ds_quarantine_release(struct ds_quarantine *quarantine, ds_str_t aggregate, int64_t release);
/** @brief The oldest that waits is decided. DAMAGE: it is not this one, or not releasing. */
DS_MUST_CHECK bool ds_quarantine_decided(struct ds_quarantine *quarantine, ds_str_t aggregate,
                                         int32_t input, int64_t offset, ds_error_t *error);
/** @brief This one will not be decided. @return whether it waited. */
bool ds_quarantine_drop(struct ds_quarantine *quarantine, ds_str_t aggregate, int32_t input,
                        int64_t offset);
/** @brief Another record waits in the place of this one. @return whether it waited. */
bool ds_quarantine_replace(struct ds_quarantine *quarantine, ds_str_t aggregate, int32_t input,
                           int64_t offset, const struct ds_held *by);
/** @brief NULL: this input does not wait for it. */
const struct ds_held *ds_quarantine_held(const struct ds_quarantine *quarantine, ds_str_t aggregate,
                                         int32_t input, int64_t offset);

/** @brief NULL: this input waits for nobody. Looks at all that wait. */
const struct ds_held *ds_quarantine_any(const struct ds_quarantine *quarantine, int32_t input,
                                        int64_t offset);

/** @brief What a delivered event of the decider's own log changes; nothing, for most.
 *  @param first  it is the first of its decision: only then its cause counts.
 *  @param error  DAMAGE, UNKNOWN: no log of ours says so. LIMIT, MEMORY. */
DS_MUST_CHECK bool ds_quarantine_fold(struct ds_quarantine *quarantine,
                                      const struct ds_decider *decider,
                                      const struct ds_protocol_event *event, bool first,
                                      ds_error_t *error);

/** @brief What waits for an aggregate, from the n-th on, as an image that a snapshot holds.
 *  @param held  room for as many as the image may hold; borrowed by it.
 *  @return how many. */
size_t ds_quarantine_image(ds_str_t aggregate, const struct ds_quarantined *entry, size_t n,
                           struct ds_held_image *held, size_t held_max,
                           struct ds_quarantined_image *image_out);
/** @brief An image that a snapshot held, and its inputs. Several of one aggregate follow each
 * other. LIMIT, MEMORY. */
DS_MUST_CHECK bool ds_quarantine_restore(struct ds_quarantine *quarantine,
                                         const struct ds_quarantined_image *image,
                                         ds_error_t *error);

#endif
