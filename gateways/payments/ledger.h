/* gateways/payments/ledger.h - what is outstanding with the payment provider, as payment.events
 * says.
 *
 * A charge or refund is outstanding from payment.initiated or payment.refund_initiated to the event
 * that names its outcome. The ledger is rebuilt from the beginning of each partition; until that is
 * done nothing of the partition may be called. An entry goes through these states:
 *
 *   HELD      the partition is still being read            -> UNTRIED when it has been
 *   UNTRIED   in line for its first call                   -> CALLING
 *   CALLING   a call is under way                          -> ANSWERED, WAITING, or CALLING again
 *   WAITING   asked, not known; asked again when due       -> CALLING
 *   ANSWERED  known; to be reported when due               -> REPORTING
 *   REPORTING the report is with the command writer        -> REPORTED, or ANSWERED when it was not
 * kept REPORTED  the outcome will come back as an event       (then it leaves)
 *
 * A charge that payment.failed ends for want of an answer is given up, and yet its money may have
 * been taken. So it stays: it is asked for, never done, at the longest pause and behind all others,
 * until the provider says. A success is reported, and payment refunds it; anything else ends it,
 * and so does DS_GIVEN_UP_US. The rebuild finds it like any other.
 *
 * There is a bound. What opens beyond it is refused and not held; its partition is to be read again
 * from before it, with the rest of the ledger as it is, when there is room. So nothing is lost, and
 * no peak in the log, past or present, keeps the ledger from being rebuilt.
 *
 * Whoever takes an entry to call or to report gives it back with exactly one of the functions
 * below. Meanwhile it stays valid, also when an event closes it or the partition goes away.
 * Threads: none of its own; one at a time. No I/O. */
#ifndef DS_GATEWAYS_PAYMENTS_LEDGER_H
#define DS_GATEWAYS_PAYMENTS_LEDGER_H

#include "base/clock.h"
#include "decider/memory.h"
#include "gateways/payments/provider.h"
#include "schemas/schema.h"

/* For as long as payment knows the charge: a success that is reported later is one of a charge that
 * it does not know, and is not refunded. */
#define DS_GIVEN_UP_US DS_PAYMENT_MEMORY_US

enum ds_entry_state {
    DS_ENTRY_HELD,
    DS_ENTRY_UNTRIED,
    DS_ENTRY_CALLING,
    DS_ENTRY_WAITING,
    DS_ENTRY_ANSWERED,
    DS_ENTRY_REPORTING,
    DS_ENTRY_REPORTED,
};

/** Whether the log still wants the outcome. */
enum ds_entry_interest {
    DS_ENTRY_OPEN,
    DS_ENTRY_GIVEN_UP, /* payment.failed, not known: asked on; a success is reported (refunded) */
    DS_ENTRY_FAILED,   /* payment.failed, known: of a call under way a success is still reported */
    DS_ENTRY_LEFT,     /* the partition is another's now: what a call under way finds is reported */
    DS_ENTRY_CLOSED,   /* the outcome is in the log */
};

struct ds_entry {
    struct ds_payment_call call; /* its texts belong to the entry */
    ds_str_t correlation_id;
    int32_t partition;
    enum ds_entry_state state;
    enum ds_entry_interest interest;
    bool ask_first; /* a call may have reached the provider: ask before doing it again */
    bool again;     /* the call is not the first, or not for one that is outstanding */
    bool given_up;  /* was GIVEN_UP, whatever came then */
    unsigned attempt;
    unsigned report_attempt;
    int32_t handle;                    /* in a heap of due ones */
    int32_t given_up_handle;           /* in that of those given up */
    struct ds_entry *next, *previous;  /* in the line of untried ones */
    struct ds_provider_answer *answer; /* from ANSWERED on; the entry's */
};

struct ds_ledger_config {
    const ds_random_t *random;
    const char *provider;   /* refunds of other providers are not ours */
    int64_t first_pause_us; /* 0: 1 s */
    int64_t max_pause_us;   /* 0: 5 min */
    size_t max_entries;     /* 0: DS_OUTSTANDING_DEFAULT */
};

typedef struct ds_ledger ds_ledger_t;

/** @brief The config's texts are borrowed. NULL: no memory. */
ds_ledger_t *ds_ledger_new(const struct ds_ledger_config *config);
/** @brief Nothing may be taken at this time. NULL is fine. */
void ds_ledger_destroy(ds_ledger_t *ledger);

/** @brief Partition p is ours and will be read from its beginning. What was known of it is dropped.
 */
void ds_ledger_assigned(ds_ledger_t *ledger, int32_t partition);
/** @brief p will be read again from a place before which nothing was refused. What is known of it
 * stays, and is not called until it has been rebuilt: an outcome may stand there. */
void ds_ledger_again(ds_ledger_t *ledger, int32_t partition);
/** @brief p was read to its end: its entries may be called. */
void ds_ledger_rebuilt(ds_ledger_t *ledger, int32_t partition);
void ds_ledger_revoked(ds_ledger_t *ledger, int32_t partition);
/** @brief A delivered event of p, perhaps again. Where there is too much, those given up first are
 *  dropped. LIMIT, MEMORY: too much is outstanding; the event was not noted. */
DS_MUST_CHECK bool ds_ledger_event(ds_ledger_t *ledger, int32_t partition,
                                   const struct ds_payment_event *event, ds_error_t *error);

/** @brief Drop what was given up DS_GIVEN_UP_US ago. @param wall_now_us  UTC. */
void ds_ledger_expire(ds_ledger_t *ledger, int64_t wall_now_us);
/** @brief The next to call, taken: untried ones first in line, then those due to be asked again,
 *  then those given up. NULL: none. @param again  false: untried ones only. */
struct ds_entry *ds_ledger_take_call(ds_ledger_t *ledger, int64_t now_us, bool again);
/** @brief What the call brought. @return true: call it again now (the entry is still taken); the
 *  provider does not know the key, so it may be done. */
bool ds_ledger_called(ds_ledger_t *ledger, struct ds_entry *entry,
                      const struct ds_provider_answer *answer, bool unsent, int64_t retry_after_us,
                      int64_t now_us);
/** @brief The next to report, taken. NULL: none is due. */
struct ds_entry *ds_ledger_take_report(ds_ledger_t *ledger, int64_t now_us);
/** @brief @param kept  the report is in the log for certain; else it is due again after a pause. */
void ds_ledger_reported(ds_ledger_t *ledger, struct ds_entry *entry, bool kept, int64_t now_us);

/** @brief When something waiting is due. false: nothing waits. @param again  as above. */
bool ds_ledger_next_due(const ds_ledger_t *ledger, bool again, int64_t *due_us_out);
size_t ds_ledger_untried(const ds_ledger_t *ledger);
/** @brief Those whose outcome is not in the log. */
size_t ds_ledger_outstanding(const ds_ledger_t *ledger);
/** @brief How many may be, those given up included. */
size_t ds_ledger_max(const ds_ledger_t *ledger);
/** @brief Half of that is free. What was given up counts: it may have been called, and is not to go
 * for what was put off, which was not. */
bool ds_ledger_has_room(const ds_ledger_t *ledger);
/** @brief Charges that failed in the log, and are asked for. */
size_t ds_ledger_given_up(const ds_ledger_t *ledger);
/** @brief How many of those were dropped, so far, because there was too much. */
size_t ds_ledger_dropped(const ds_ledger_t *ledger);

#endif
