/* gateways/notifications/ledger.h - what one channel has to tell, in which order, and how far it
 * is.
 *
 * A notice goes through these states:
 *
 *   WAITING   in line behind earlier ones of its order, or until it is due      -> TAKEN
 *   TAKEN     somebody sends it                         -> WAITING again, or TOLD
 *   TOLD      over; to be noted in the log              -> NOTING
 *   NOTING    the note is on its way                    -> noted (it leaves), or TOLD again
 *
 * The next notice of an order waits until the one before it is noted: so the order of notices of an
 * order is kept also over a death in between. And only so many may be told and not noted
 * (`unnoted_max`): those are all that a death can repeat.
 *
 * Positions. Per partition and events topic the ledger knows which offsets are still open. What is
 * in front of the first open one is settled.
 *
 * Threads: none of its own; one at a time. No I/O. */
#ifndef DS_GATEWAYS_NOTIFICATIONS_LEDGER_H
#define DS_GATEWAYS_NOTIFICATIONS_LEDGER_H

#include "base/clock.h"
#include "gateways/notifications/notice.h"

enum ds_told {
    DS_TOLD_SENT,    /* the other side has it */
    DS_TOLD_REFUSED, /* it will never take it */
    DS_TOLD_EXPIRED, /* it did not take it in time */
    DS_TOLD_LATER,   /* not known, or not now: once more after a pause */
};

/** What an attempt brought. */
struct ds_told_answer {
    enum ds_told told;
    int status;             /* of SMTP or HTTP; 0: none */
    int64_t retry_after_us; /* what the other side asks for; 0: nothing */
    bool away;              /* nobody answered, or not for us */
    char detail[96];        /* why; no address, no text of a message */
};

struct ds_ledger_entry {
    struct ds_notice *notice; /* owned */
    int32_t partition;
    enum ds_notice_topic topic;
    int64_t offset;
    int attempts;
    enum ds_told outcome; /* from TOLD on */
    int status;
    /* The ledger's own. */
    int state;
    bool left; /* the partition is not ours any more */
    int32_t handle;
    struct ds_ledger_mark *mark;
    struct ds_ledger_entry *next_of_order;
    struct ds_ledger_entry *next_told;
};

struct ds_notice_ledger_config {
    const ds_random_t *random;
    int64_t first_pause_us; /* 0: 1 s */
    int64_t max_pause_us;   /* 0: 5 min */
    int64_t max_age_us;     /* older events are not told */
    size_t max_waiting;     /* 0: DS_MAX_WAITING_NOTICES */
    size_t unnoted_max;     /* at least 1 */
};

typedef struct ds_notice_ledger ds_notice_ledger_t;

/** @brief NULL: no memory. */
ds_notice_ledger_t *ds_notice_ledger_new(const struct ds_notice_ledger_config *config);
/** @brief Nothing may be taken or being noted. NULL is fine. */
void ds_notice_ledger_destroy(ds_notice_ledger_t *ledger);

/** @brief Partition p is ours; all of it will come again. */
void ds_notice_ledger_assigned(ds_notice_ledger_t *ledger, int32_t partition);
/** @brief p is not ours. What is taken or being noted stays valid until it is given back. */
void ds_notice_ledger_revoked(ds_notice_ledger_t *ledger, int32_t partition);
/** @brief A notice to be told; copied. Offsets of a partition and topic rise from call to call.
 *  @param full_out  the channel has too many: this one and all that follow of the partition are not
 *                   kept (true is returned); see ds_notice_ledger_wants_again.
 *  @param error     MEMORY. */
DS_MUST_CHECK bool ds_notice_ledger_add(ds_notice_ledger_t *ledger, int32_t partition,
                                        enum ds_notice_topic topic, int64_t offset,
                                        const struct ds_notice *notice, bool *full_out,
                                        ds_error_t *error);
/** @brief An offset that is over already, as the notes say: so that positions know it. MEMORY. */
DS_MUST_CHECK bool ds_notice_ledger_add_over(ds_notice_ledger_t *ledger, int32_t partition,
                                             enum ds_notice_topic topic, int64_t offset,
                                             ds_error_t *error);
/** @brief Something of p was not kept, and there is room again: read p anew. */
bool ds_notice_ledger_wants_again(const ds_notice_ledger_t *ledger, int32_t partition);

/** @brief The next to be told, taken. NULL: none is due.
 *  @param now_us       monotonic.
 *  @param wall_now_us  UTC; what is too old is not taken, but TOLD as EXPIRED. */
struct ds_ledger_entry *ds_notice_ledger_take(ds_notice_ledger_t *ledger, int64_t now_us,
                                              int64_t wall_now_us);
/** @brief Give a taken one back. */
void ds_notice_ledger_told(ds_notice_ledger_t *ledger, struct ds_ledger_entry *entry,
                           const struct ds_told_answer *answer, int64_t now_us);
/** @brief The next to be noted; being noted from now on. NULL: none. */
struct ds_ledger_entry *ds_notice_ledger_take_note(ds_notice_ledger_t *ledger);
/** @brief @param kept  the note is in the log: the entry is over and freed. Else it is to be noted
 *  again. */
void ds_notice_ledger_noted(ds_notice_ledger_t *ledger, struct ds_ledger_entry *entry, bool kept);

/** @brief The first offset that is still open; `read` when none is.
 *  @param read        everything before it was added or needs no telling.
 *  @param beyond      filled with offsets >= the result that are over.
 *  @param count_out   how many; > max: there are more, and `beyond` is of no use. */
int64_t ds_notice_ledger_position(const ds_notice_ledger_t *ledger, int32_t partition,
                                  enum ds_notice_topic topic, int64_t read, int64_t *beyond,
                                  size_t max, size_t *count_out);
/** @brief Taken, told or being noted of p: to be waited for before p is given away. */
bool ds_notice_ledger_busy(const ds_notice_ledger_t *ledger, int32_t partition);
/** @brief Something may be told or noted within this turn or is on its way. */
bool ds_notice_ledger_active(const ds_notice_ledger_t *ledger);
/** @brief Monotonic; false: nothing waits for a time. */
bool ds_notice_ledger_next_due(const ds_notice_ledger_t *ledger, int64_t *due_us_out);
size_t ds_notice_ledger_count(const ds_notice_ledger_t *ledger);

#endif
