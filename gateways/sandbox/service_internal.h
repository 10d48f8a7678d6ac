/* gateways/sandbox/service_internal.h - between the files of the service. */
#ifndef DS_GATEWAYS_SANDBOX_SERVICE_INTERNAL_H
#define DS_GATEWAYS_SANDBOX_SERVICE_INTERNAL_H

#include "base/heap.h"
#include "gateways/exchange/limits.h"
#include "gateways/sandbox/books.h"
#include "gateways/sandbox/journal.h"
#include "gateways/sandbox/service.h"

#include <pthread.h>

struct ds_service {
    const struct ds_runtime *runtime;
    ds_postman_t *postman;
    ds_journal_t *journal;
    pthread_mutex_t lock; /* of all below, and of what the books hold */
    ds_books_t *books;
    ds_heap_t *pending; /* charges that succeed later, by UTC time */
    struct ds_sandbox_control control;
    bool broken;
    ds_metric_t *charges[3]; /* by enum ds_book_status */
    ds_metric_t *refunds[3];
};

/** A request of either kind, checked; borrowed from its JSON. */
struct ds_service_request {
    ds_str_t key;
    ds_str_t reference;
    ds_str_t currency;
    ds_str_t token;  /* of a charge */
    ds_str_t charge; /* of a refund */
    int64_t amount_minor;
};

/* Inside, `lock` is held where not said otherwise. */

/** @brief Hand a line to the journal. false: the service is broken now. */
bool ds_service_log(ds_service_t *service, ds_buf_t *line, uint64_t *number_out);
/** @brief Wait for the disk; takes and gives the lock back meanwhile. */
bool ds_service_wait(ds_service_t *service, uint64_t number);
/** @brief Tell the world: webhook id and body from the outcome. */
void ds_service_tell_charge(ds_service_t *service, const struct ds_book_charge *charge);
void ds_service_tell_refund(ds_service_t *service, const struct ds_book_refund *refund);
/** @brief An answer for the entry as it stands. */
void ds_service_show_charge(const struct ds_book_charge *charge, bool asked,
                            struct ds_reply *reply);
void ds_service_show_refund(const struct ds_book_refund *refund, bool asked,
                            struct ds_reply *reply);

#endif
