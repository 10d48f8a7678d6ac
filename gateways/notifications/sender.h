/* gateways/notifications/sender.h - one channel at work: a ledger, and threads that send.
 *
 * Each channel has its own: one that hangs holds up no other. A thread sends one notice after the
 * other; a send is bounded by the channel's timeout. Sending is by leave: whoever reads the log
 * says again and again until when it may go on, so that a process that has lost its partitions, or
 * the log, and does not know it yet, falls silent.
 * Threads: all functions from any thread; the entries handed out for notes belong to the one that
 * notes. */
#ifndef DS_GATEWAYS_NOTIFICATIONS_SENDER_H
#define DS_GATEWAYS_NOTIFICATIONS_SENDER_H

#include "base/runtime.h"
#include "gateways/notifications/ledger.h"

#include <stdatomic.h>

/** How a channel sends. Each thread has a line of its own. */
struct ds_channel_ops {
    /** @return the line. NULL: no memory. @param config  ds_sender_config.channel_config. */
    void *(*open)(const struct ds_runtime *runtime, const void *config);
    void (*close)(void *line);
    /** Send one and wait for what becomes of it; ends soon after *stop is set. */
    void (*send)(void *line, const struct ds_notice *notice, const atomic_bool *stop,
                 struct ds_told_answer *answer_out);
};

struct ds_sender_config {
    enum ds_channel channel;
    const struct ds_channel_ops *ops;
    const void *channel_config;
    size_t threads;
    struct ds_notice_ledger_config ledger; /* random and unnoted_max are filled here */
};

typedef struct ds_sender ds_sender_t;

/** @brief Start the threads. The config's texts and runtime are borrowed until destroyed. */
DS_MUST_CHECK bool ds_sender_new(const struct ds_runtime *runtime,
                                 const struct ds_sender_config *config, ds_sender_t **sender_out,
                                 ds_error_t *error);
/** @brief Send no more, wait up to wait_ms for what is under way, end the threads. */
void ds_sender_stop(ds_sender_t *sender, int64_t wait_ms);
/** @brief Stop if need be, free. Entries taken for notes must have been given back. NULL is fine.
 */
void ds_sender_destroy(ds_sender_t *sender);
/** @brief Sending may go on until then (monotonic). */
void ds_sender_allow(ds_sender_t *sender, int64_t until_us);
/** @brief The other side took, or refused, the last one that was tried. */
bool ds_sender_up(const ds_sender_t *sender);
enum ds_channel ds_sender_channel(const ds_sender_t *sender);

/* As in ledger.h. */
void ds_sender_assigned(ds_sender_t *sender, int32_t partition);
void ds_sender_revoked(ds_sender_t *sender, int32_t partition);
DS_MUST_CHECK bool ds_sender_add(ds_sender_t *sender, int32_t partition, enum ds_notice_topic topic,
                                 int64_t offset, const struct ds_notice *notice, ds_error_t *error);
DS_MUST_CHECK bool ds_sender_add_over(ds_sender_t *sender, int32_t partition,
                                      enum ds_notice_topic topic, int64_t offset,
                                      ds_error_t *error);
bool ds_sender_wants_again(ds_sender_t *sender, int32_t partition);
struct ds_ledger_entry *ds_sender_take_note(ds_sender_t *sender);
void ds_sender_noted(ds_sender_t *sender, struct ds_ledger_entry *entry, bool kept);
int64_t ds_sender_position(ds_sender_t *sender, int32_t partition, enum ds_notice_topic topic,
                           int64_t read, int64_t *beyond, size_t max, size_t *count_out);
bool ds_sender_busy(ds_sender_t *sender, int32_t partition);
bool ds_sender_active(ds_sender_t *sender);

#endif
