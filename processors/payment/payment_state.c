#include "processors/payment/payment_state.h"

#include "decider/memory.h"

#include <stdlib.h>

/* Per partition; what runs out first is memory. */
#define MAX_PAYMENTS ((size_t)1 << 24)

static int32_t *deadline_handle(void *item)
{
    return &((struct ds_payment *)item)->deadline_handle;
}

static int32_t *expiry_handle(void *item)
{
    return &((struct ds_payment *)item)->expiry_handle;
}

static int by_id(const void *a, const void *b)
{
    return ds_str_cmp(((const struct ds_payment *)a)->id, ((const struct ds_payment *)b)->id);
}

static bool no_memory(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY,
                        "payment: no memory for the state");
}

void *ds_payments_new(const void *settings, ds_error_t *error)
{
    struct ds_payments *payments = calloc(1, sizeof(*payments));
    if (payments != NULL) {
        payments->settings = settings;
        payments->by_order = ds_shelf_new(MAX_PAYMENTS);
        payments->deadlines = ds_heap_new(deadline_handle, by_id, MAX_PAYMENTS);
        payments->expiries = ds_heap_new(expiry_handle, by_id, MAX_PAYMENTS);
        if (payments->by_order != NULL && payments->deadlines != NULL && payments->expiries != NULL)
            return payments;
    }
    (void)no_memory(error);
    ds_payments_destroy(payments);
    return NULL;
}

static void payment_destroy(void *value)
{
    struct ds_payment *payment = value;
    if (payment == NULL)
        return;
    free(payment->provider);
    free(payment->provider_reference);
    free(payment);
}

void ds_payments_destroy(void *state)
{
    struct ds_payments *payments = state;
    if (payments == NULL)
        return;
    ds_heap_destroy(payments->deadlines);
    ds_heap_destroy(payments->expiries);
    ds_shelf_destroy(payments->by_order, payment_destroy);
    free(payments);
}

const struct ds_payment *ds_payments_find(const struct ds_payments *payments, ds_str_t order_id)
{
    return ds_shelf_get(payments->by_order, order_id);
}

int64_t ds_payment_kept(const struct ds_payment *payment)
{
    return payment->captured_minor - payment->refunded_minor;
}

static bool is_free(const void *skip, const void *payment)
{
    return !ds_timer_is_held(skip, ((const struct ds_payment *)payment)->id);
}

bool ds_payments_next_timer(const void *state, const struct ds_timer_skip *skip,
                            struct ds_timer *timer_out)
{
    const struct ds_payments *payments = state;
    int64_t due_us = 0;
    const struct ds_payment *payment = ds_heap_peek_if(payments->deadlines, is_free, skip, &due_us);

    if (payment == NULL)
        return false;
    *timer_out = (struct ds_timer){payment->id, (int32_t)payment->state, due_us};
    return true;
}

static ds_str_t pack(char **place, ds_str_t text)
{
    ds_str_t copy = {*place, text.len};
    if (text.len > 0)
        memcpy(*place, text.data, text.len);
    *place += text.len;
    return copy;
}

static struct ds_payment *add(struct ds_payments *payments,
                              const struct ds_payment_state_item *image, ds_error_t *error)
{
    size_t texts = (size_t)image->order_id.len + image->currency.len + image->correlation_id.len +
                   image->traceparent.len;
    struct ds_payment *payment = calloc(1, sizeof(*payment) + texts);

    if (payment == NULL) {
        (void)no_memory(error);
        return NULL;
    }
    char *place = (char *)(payment + 1);
    payment->id = pack(&place, image->order_id);
    payment->currency = pack(&place, image->currency);
    payment->correlation_id = pack(&place, image->correlation_id);
    payment->traceparent = pack(&place, image->traceparent);
    payment->due_us = DS_PAYMENT_NO_DUE;
    payment->deadline_handle = -1;
    payment->expiry_handle = -1;
    if (!ds_shelf_put(payments->by_order, payment->id, payment, NULL, error)) {
        free(payment);
        return NULL;
    }
    return payment;
}

static bool set_due(struct ds_payments *payments, struct ds_payment *payment, int64_t due_us,
                    ds_error_t *error)
{
    payment->due_us = due_us;
    if (due_us != DS_PAYMENT_NO_DUE)
        return ds_heap_set(payments->deadlines, payment, due_us, error);
    ds_heap_remove(payments->deadlines, payment);
    return true;
}

static bool forget_at(struct ds_payments *payments, struct ds_payment *payment, int64_t expires_us,
                      ds_error_t *error)
{
    payment->expires_us = expires_us;
    return ds_heap_set(payments->expiries, payment, expires_us, error);
}

/* At rest the clock of forgetting starts anew with each event; otherwise it does not run. */
static bool rest(struct ds_payments *payments, struct ds_payment *payment, int64_t at_us,
                 ds_error_t *error)
{
    if (payment->state == DS_PAYMENT_SETTLED || payment->state == DS_PAYMENT_FAILED)
        return forget_at(payments, payment, at_us + DS_PAYMENT_MEMORY_US, error);
    ds_heap_remove(payments->expiries, payment);
    return true;
}

static void forget(struct ds_payments *payments, struct ds_payment *payment)
{
    ds_heap_remove(payments->expiries, payment);
    ds_heap_remove(payments->deadlines, payment);
    (void)ds_shelf_take(payments->by_order, payment->id);
    payment_destroy(payment);
}

static void expire(struct ds_payments *payments, int64_t at_us)
{
    int64_t expires_us = 0;
    struct ds_payment *payment = ds_heap_peek(payments->expiries, &expires_us);
    while (payment != NULL && expires_us <= at_us) {
        forget(payments, payment);
        payment = ds_heap_peek(payments->expiries, &expires_us);
    }
}

static bool keep_text(char **place, bool has, ds_str_t text, ds_error_t *error)
{
    if (!has || *place != NULL)
        return true;
    *place = ds_str_dup(text);
    return *place != NULL || no_memory(error);
}

bool ds_payments_add(struct ds_payments *payments, const struct ds_payment_state_item *image,
                     struct ds_payment **payment_out, ds_error_t *error)
{
    struct ds_payment *payment = *payment_out = add(payments, image, error);

    if (payment == NULL)
        return false;
    payment->state = (enum ds_payment_state)image->state;
    payment->cash = image->cash;
    payment->asked_minor = image->asked_minor;
    payment->due_minor = image->due_minor;
    payment->captured_minor = image->captured_minor;
    payment->refunded_minor = image->refunded_minor;
    payment->pending_minor = image->pending_minor;
    payment->goodwill_minor = image->goodwill_minor;
    payment->refund_number = image->refund_number;
    payment->refund_failures = image->refund_failures;
    return keep_text(&payment->provider, image->has_provider, image->provider, error) &&
           keep_text(&payment->provider_reference, image->has_provider_reference,
                     image->provider_reference, error) &&
           (!image->has_due_at || set_due(payments, payment, image->due_at, error)) &&
           (!image->has_expires_at || forget_at(payments, payment, image->expires_at, error));
}

static bool on_initiated(struct ds_payments *payments, struct ds_payment *payment,
                         const struct ds_payment_initiated *initiated, ds_error_t *error)
{
    payment->state = ds_payment_follow(payment->state, DS_PAYMENT_WAS_INITIATED);
    payment->asked_minor = initiated->amount_minor;
    payment->due_minor = initiated->amount_minor;
    return set_due(payments, payment, initiated->give_up_at, error);
}

static bool on_success(struct ds_payments *payments, struct ds_payment *payment,
                       const struct ds_payment_success *success, ds_error_t *error)
{
    payment->state = ds_payment_follow(payment->state, DS_PAYMENT_HAS_SUCCEEDED);
    payment->cash = success->method == DS_PAYMENT_METHOD_CASH_ON_DELIVERY;
    payment->captured_minor = success->amount_minor;
    payment->due_minor = success->due_minor;
    return keep_text(&payment->provider, success->has_provider, success->provider, error) &&
           keep_text(&payment->provider_reference, success->has_provider_reference,
                     success->provider_reference, error) &&
           set_due(payments, payment, DS_PAYMENT_NO_DUE, error);
}

static bool on_refund_initiated(struct ds_payments *payments, struct ds_payment *payment,
                                const struct ds_payment_refund_initiated *refund, ds_error_t *error)
{
    payment->state = ds_payment_follow(payment->state, DS_PAYMENT_REFUND_WAS_INITIATED);
    payment->refund_number = refund->number;
    payment->pending_minor = refund->amount_minor;
    payment->due_minor = refund->due_minor;
    payment->goodwill_minor = refund->goodwill_minor;
    return set_due(payments, payment, DS_PAYMENT_NO_DUE, error);
}

static void on_refunded(struct ds_payment *payment, const struct ds_payment_refunded *refunded)
{
    payment->state = ds_payment_follow(payment->state, DS_PAYMENT_WAS_REFUNDED);
    payment->refunded_minor = refunded->refunded_minor;
    payment->pending_minor = 0;
    payment->refund_failures = 0;
}

static bool on_refund_failed(struct ds_payments *payments, struct ds_payment *payment,
                             const struct ds_payment_refund_failed *failed, ds_error_t *error)
{
    payment->state = ds_payment_follow(payment->state, DS_PAYMENT_REFUND_HAS_FAILED);
    payment->pending_minor = 0;
    payment->refund_failures = failed->attempt;
    return set_due(payments, payment, failed->retry_at, error);
}

static bool on_event(struct ds_payments *payments, struct ds_payment *payment,
                     const struct ds_payment_event *event, ds_error_t *error)
{
    switch (event->body.kind) {
    case DS_PAYMENT_EVENT_PAYMENT_INITIATED:
        return on_initiated(payments, payment, &event->body.as.payment_initiated, error);
    case DS_PAYMENT_EVENT_PAYMENT_SUCCESS:
        return on_success(payments, payment, &event->body.as.payment_success, error);
    case DS_PAYMENT_EVENT_PAYMENT_FAILED:
        payment->state = ds_payment_follow(payment->state, DS_PAYMENT_HAS_FAILED);
        payment->due_minor = 0;
        return set_due(payments, payment, DS_PAYMENT_NO_DUE, error);
    case DS_PAYMENT_EVENT_PAYMENT_DUE_CHANGED:
        payment->state = ds_payment_follow(payment->state, DS_PAYMENT_DUE_HAS_CHANGED);
        payment->due_minor = event->body.as.payment_due_changed.due_minor;
        payment->goodwill_minor = event->body.as.payment_due_changed.goodwill_minor;
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED:
        return on_refund_initiated(payments, payment, &event->body.as.payment_refund_initiated,
                                   error);
    case DS_PAYMENT_EVENT_PAYMENT_REFUNDED:
        on_refunded(payment, &event->body.as.payment_refunded);
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_REFUND_FAILED:
        return on_refund_failed(payments, payment, &event->body.as.payment_refund_failed, error);
    default: /* disputed, unmatched: nothing to remember */
        return true;
    }
}

/* decide begins a payment only where it knows none. One that is known here had been forgotten when
 * this was decided, by a logic that remembered for less time. */
static bool is_another(const struct ds_payment *known, const struct ds_payment_event *event)
{
    bool begins = event->body.kind == DS_PAYMENT_EVENT_PAYMENT_INITIATED ||
                  (event->body.kind == DS_PAYMENT_EVENT_PAYMENT_SUCCESS &&
                   event->body.as.payment_success.method == DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
    return begins && known->expiry_handle >= 0;
}

/* The payment an event is about; one that begins it makes it. */
static bool payment_of(struct ds_payments *payments, const struct ds_payment_event *event,
                       struct ds_payment **payment_out, ds_error_t *error)
{
    ds_str_t id = ds_schema_payment_events.order_id(event);
    ds_str_t currency;

    *payment_out = ds_shelf_edit(payments->by_order, id);
    if (*payment_out != NULL && !is_another(*payment_out, event))
        return true;
    if (*payment_out != NULL)
        forget(payments, *payment_out);
    *payment_out = NULL;
    if (event->body.kind == DS_PAYMENT_EVENT_PAYMENT_INITIATED)
        currency = event->body.as.payment_initiated.currency;
    else if (event->body.kind == DS_PAYMENT_EVENT_PAYMENT_SUCCESS)
        currency = event->body.as.payment_success.currency;
    else
        return true;
    const struct ds_payment_state_item image = {
        .order_id = id,
        .state = DS_PAYMENT_NONE,
        .currency = currency,
        .correlation_id = event->context.correlation_id,
        .traceparent = event->context.has_traceparent ? event->context.traceparent : DS_STR(""),
    };
    return ds_payments_add(payments, &image, payment_out, error);
}

bool ds_payments_evolve(void *state, const void *event, ds_error_t *error)
{
    struct ds_payments *payments = state;
    const struct ds_payment_event *e = event;
    struct ds_payment *payment = NULL;

    if (!payment_of(payments, e, &payment, error))
        return false;
    if (payment != NULL &&
        (!on_event(payments, payment, e, error) || !rest(payments, payment, e->meta.at, error)))
        return false;
    /* Last: an event may wake a payment whose time is up. */
    expire(payments, e->meta.at);
    return true;
}
