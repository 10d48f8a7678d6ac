/* Payments in a snapshot: an image of each (payment.state.avsc), and back. */
#include "processors/payment/payment_state.h"

size_t ds_payments_shelves(void *state, ds_shelf_t *shelves_out[DS_DECIDER_SHELVES])
{
    shelves_out[0] = ((struct ds_payments *)state)->by_order;
    return 1;
}

static bool is_at_rest(enum ds_payment_state state)
{
    return state == DS_PAYMENT_SETTLED || state == DS_PAYMENT_FAILED;
}

bool ds_payment_image(size_t shelf, ds_str_t key, const void *value, ds_arena_t *arena,
                      void *item_out, ds_error_t *error)
{
    const struct ds_payment *payment = value;

    (void)shelf;
    (void)key;
    (void)arena;
    (void)error;
    *(struct ds_payment_state_item *)item_out = (struct ds_payment_state_item){
        .order_id = payment->id,
        .state = (int32_t)payment->state,
        .cash = payment->cash,
        .asked_minor = payment->asked_minor,
        .due_minor = payment->due_minor,
        .captured_minor = payment->captured_minor,
        .refunded_minor = payment->refunded_minor,
        .pending_minor = payment->pending_minor,
        .goodwill_minor = payment->goodwill_minor,
        .refund_number = payment->refund_number,
        .refund_failures = payment->refund_failures,
        .has_due_at = payment->due_us != DS_PAYMENT_NO_DUE,
        .due_at = payment->due_us,
        .has_expires_at = is_at_rest(payment->state),
        .expires_at = payment->expires_us,
        .currency = payment->currency,
        .correlation_id = payment->correlation_id,
        .traceparent = payment->traceparent,
        .has_provider = payment->provider != NULL,
        .provider = ds_str(payment->provider),
        .has_provider_reference = payment->provider_reference != NULL,
        .provider_reference = ds_str(payment->provider_reference),
    };
    return true;
}

bool ds_payments_restore(void *state, const void *item, ds_error_t *error)
{
    const struct ds_payment_state_item *image = item;
    struct ds_payment *payment;

    if (ds_payments_find(state, image->order_id) != NULL || image->state < 0 ||
        image->state >= DS_PAYMENT_STATES ||
        image->has_expires_at != is_at_rest((enum ds_payment_state)image->state))
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE, "%.*s: no image of a payment",
                            DS_STR_ARG(image->order_id));
    return ds_payments_add(state, image, &payment, error);
}

bool ds_payments_restored(void *state, ds_error_t *error)
{
    (void)state;
    (void)error;
    return true; /* payments do not depend on each other */
}
