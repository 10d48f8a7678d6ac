/* stream/silent.h - which leaders did not answer when they were last asked where a partition ends,
 * and when one of them may be asked again.
 *
 * For whoever asks about one partition at a time and has something else to do: a leader that hangs
 * costs it the question's whole time. Of those that are silent one is asked in a while; and one
 * that is silent again waits until the others have had their turn, whether they are asked in each
 * turn of a loop or once in some seconds. As long as there are any, another one is expected to
 * answer quickly. When one is back, others may be back with it: they are asked at once, until one
 * is silent again.
 *
 * Pure, no allocation: the clock (monotonic) is handed in. One thread, or the caller's lock. The
 * owners' host asks about all partitions in one call and finds out by elimination who was silent:
 * it keeps a record of its own (stream/ends.c). */
#ifndef DS_STREAM_SILENT_H
#define DS_STREAM_SILENT_H

#include "base/clock.h"
#include "base/limits.h"

#define DS_SILENT_TOPICS 16 /* DS_BROKER_MAX_TOPICS */
/** A leader that lives has answered by then. One that had no more time is asked again with all of
 * it. */
#define DS_SILENT_QUICK_MS 250
/** The pause where none is given: so many times what the question took, ... */
#define DS_SILENT_SHARE 4
/** ... but no less. */
#define DS_SILENT_PAUSE_US (1 * DS_US_PER_S)

/** Zeroed at the beginning, but for `pause_us`. */
struct ds_silent {
    int64_t pause_us; /* between two questions to silent ones; 0: DS_SILENT_SHARE */
    int64_t after_us; /* none before */
    int32_t count;
    int64_t again_us[DS_SILENT_TOPICS * DS_MAX_PARTITIONS]; /* this one not before; 0: it answers */
};

static inline int32_t ds_silent_place(int32_t topic, int32_t partition)
{
    return topic * DS_MAX_PARTITIONS + partition;
}

/** @brief How long the question about one partition may take.
 *  @param timeout_ms  what the caller can spare; more than 0.
 *  @return at most that; 0: it is not to be asked now. */
static inline int ds_silent_ask_ms(const struct ds_silent *silent, int32_t topic, int32_t partition,
                                   int timeout_ms, int64_t now_us)
{
    int64_t again_us = silent->again_us[ds_silent_place(topic, partition)];

    if (again_us > 0)
        return now_us >= silent->after_us && now_us >= again_us ? timeout_ms : 0;
    return silent->count > 0 && timeout_ms > DS_SILENT_QUICK_MS ? DS_SILENT_QUICK_MS : timeout_ms;
}

/** @brief Note what came of a question.
 *  @param asked_us  when it was asked; it took until now_us. */
static inline void ds_silent_note(struct ds_silent *silent, int32_t topic, int32_t partition,
                                  bool answered, int64_t asked_us, int64_t now_us)
{
    int64_t *again_us = &silent->again_us[ds_silent_place(topic, partition)];
    int64_t pause_us = silent->pause_us;

    if (answered && *again_us == 0)
        return;
    if (pause_us == 0)
        pause_us = DS_SILENT_SHARE * (now_us - asked_us);
    if (silent->pause_us == 0 && pause_us < DS_SILENT_PAUSE_US)
        pause_us = DS_SILENT_PAUSE_US;
    if (answered) {
        silent->count--;
        silent->after_us = now_us;
        for (size_t i = 0; i < sizeof silent->again_us / sizeof *silent->again_us; i++)
            if (silent->again_us[i] > now_us)
                silent->again_us[i] = now_us;
        *again_us = 0;
        return;
    }
    silent->after_us = now_us + pause_us;
    if (*again_us == 0)
        silent->count++;
    *again_us = now_us + (*again_us == 0 ? 1 : silent->count) * pause_us;
}

#endif
