#include "processors/payment/payment_decide.h"

#include "base/planted.h"
#include "processors/payment/payment_events.h"

#include <assert.h>

/* What a provider reports need not be what it was asked for. Our books must show the money that
 * moved, nothing may be refunded that never came, and no order may be carried that is not paid. So:
 *
 *   captured more than is due           booked as captured, the rest refunded (an ordinary row)
 *   captured less than is due           booked, but the charge counts as failed and all of it is
 * given back, in one decision: failed, success {late}, refund_initiated. The order is cancelled.
 *                                       Accepting it would carry goods that are not paid; refusing
 * the report would leave the money at the provider, out of our books, until somebody looks.
 *   captured nothing, though asked      AMOUNT_MISMATCH: no money moved, the charge stays open
 * until its deadline captured in another currency        payment.unmatched: it cannot be counted
 * here, but reconciliation sees it refunded less than asked            booked as refunded, the rest
 * refunded by another refund refunded nothing, though "ok"       the same as a refusal: tried again
 * after a pause, not at once for ever refunded more than asked            the pending amount is
 * booked, and the report is payment.unmatched besides refunded in another currency
 * payment.unmatched; the refund stays pending, for a second one might be too much */

/* One input on its way to events. */
struct step {
    const struct ds_payment_settings *settings;
    const struct ds_input *input;
    const struct ds_payment_command *command; /* NULL: not a command */
    const struct ds_payment *payment;         /* NULL: not known */
    enum ds_payment_input what;
    const struct ds_order_payment_requested *request;
    const struct ds_order_fulfilled *fulfilled;
    const struct ds_report_charge *charge;
    const struct ds_report_refund *refund;
    const struct ds_refund *gift; /* NULL: not staff's refund of goodwill */
    int64_t booked_minor;         /* of a refund report */
    int64_t due_minor;            /* what is due after this input */
    int64_t now_us;
    ds_decision_t *decision;
};

static enum ds_payment_state state_of(const struct ds_payment *payment)
{
    return payment == NULL ? DS_PAYMENT_NONE : payment->state;
}

static bool reject(const struct step *s, ds_str_t order_id, const char *reason, ds_error_t *error)
{
    const char *operation = ds_schema_payment_commands.ce_types[s->command->body.kind];
    ds_str_t facts;

    if (!ds_decision_reject(s->decision, order_id, ds_str(operation), reason, error))
        return false;
    if (s->payment == NULL)
        return true;
    if (!ds_arena_printf(ds_decision_arena(s->decision), &facts, error,
                         "state=%s captured=%lld refunded=%lld pending=%lld due=%lld",
                         ds_payment_state_name(s->payment->state),
                         (long long)s->payment->captured_minor,
                         (long long)s->payment->refunded_minor,
                         (long long)s->payment->pending_minor, (long long)s->payment->due_minor))
        return false;
    ds_decision_facts(s->decision, facts);
    return true;
}

static struct ds_payment_charge kept_charge(const struct ds_payment *payment)
{
    return (struct ds_payment_charge){ds_str(payment->provider),
                                      ds_str(payment->provider_reference)};
}

static struct ds_payment_goodwill goodwill_of(const struct step *s)
{
    if (s->gift == NULL)
        return (struct ds_payment_goodwill){s->payment->goodwill_minor, NULL};
    return (struct ds_payment_goodwill){s->payment->goodwill_minor + s->gift->amount_minor,
                                        &s->gift->reason};
}

/* The one rule: whatever is kept above what is due goes back. */
static bool refund(const struct step *s, int64_t kept_minor, const struct ds_payment_charge *charge,
                   ds_error_t *error)
{
    struct ds_payment_goodwill goodwill = goodwill_of(s);

    if (kept_minor <= s->due_minor)
        return ds_impossible(error, "a refund of what is not kept: kept=%lld due=%lld (I2)",
                             (long long)kept_minor, (long long)s->due_minor);
    return ds_payment_emit_refund_initiated(
        s->decision, s->payment, charge, kept_minor - s->due_minor, s->due_minor, &goodwill, error);
}

static bool fail_charge(const struct step *s, ds_error_t *error)
{
    const ds_str_t *detail = NULL;
    enum ds_fail_reason reason = DS_FAIL_REASON_PROVIDER_SILENT;

    if (s->what == DS_PAYMENT_ON_CHARGE_FAILED) {
        reason = DS_FAIL_REASON_DECLINED;
        detail = s->charge->has_detail ? &s->charge->detail : NULL;
    }
    return ds_payment_emit_failed(s->decision, s->payment->id, reason, detail, error);
}

static bool succeed(const struct step *s, bool with_refund, ds_error_t *error)
{
    bool late = s->payment->state == DS_PAYMENT_FAILED;
    struct ds_payment_charge charge = {s->charge->provider, s->charge->provider_reference};

    if (DS_PLANTED(NO_LATE_REFUND) && s->due_minor == 0)
        with_refund = false;
    return ds_payment_emit_success(s->decision, s->charge, s->due_minor, late, error) &&
           (!with_refund || refund(s, s->charge->amount_minor, &charge, error));
}

static bool give_back(const struct step *s, ds_error_t *error)
{
    struct ds_payment_charge charge = {s->charge->provider, s->charge->provider_reference};
    struct ds_payment_goodwill goodwill = goodwill_of(s);
    ds_str_t detail;

    if (!ds_arena_printf(ds_decision_arena(s->decision), &detail, error,
                         "captured %lld, due %lld: given back", (long long)s->charge->amount_minor,
                         (long long)s->payment->due_minor) ||
        !ds_payment_emit_failed(s->decision, s->payment->id, DS_FAIL_REASON_DECLINED, &detail,
                                error) ||
        !ds_payment_emit_success(s->decision, s->charge, 0, true, error))
        return false;
    return ds_payment_emit_refund_initiated(s->decision, s->payment, &charge,
                                            s->charge->amount_minor, 0, &goodwill, error);
}

static bool book_refund(const struct step *s, bool with_refund, ds_error_t *error)
{
    struct ds_payment_charge charge = kept_charge(s->payment);

    if (!ds_payment_emit_refunded(s->decision, s->payment, s->refund, s->booked_minor, error))
        return false;
    return !with_refund || refund(s, ds_payment_kept(s->payment) - s->booked_minor, &charge, error);
}

static int64_t retry_pause_us(const struct step *s)
{
    int64_t pause_us = s->settings->refund_retry_first_us;
    int64_t max_us = s->settings->refund_retry_max_us;
    for (int32_t i = 0; i < s->payment->refund_failures && pause_us < max_us; i++)
        pause_us *= 2; /* below max_us, which options bound to 7 days: no overflow */
    return pause_us < max_us ? pause_us : max_us;
}

static bool perform(const struct step *s, ds_str_t order_id, ds_error_t *error)
{
    struct ds_payment_reaction reaction = ds_payment_react(state_of(s->payment), s->what);
    struct ds_payment_goodwill goodwill;
    struct ds_payment_charge charge;

    switch (reaction.action) {
    case DS_PAYMENT_PASS_OVER:
        return true;
    case DS_PAYMENT_REFUSE:
        return reject(s, order_id, reaction.refusal, error);
    case DS_PAYMENT_INITIATE:
        return ds_payment_emit_initiated(s->decision, s->request,
                                         s->now_us + s->settings->give_up_us, error);
    case DS_PAYMENT_BOOK_NOTHING:
        return ds_payment_emit_nothing(s->decision, s->request, error);
    case DS_PAYMENT_BOOK_CASH:
        return ds_payment_emit_cash(s->decision, s->fulfilled, error);
    case DS_PAYMENT_SUCCEED:
        return succeed(s, false, error);
    case DS_PAYMENT_SUCCEED_AND_REFUND:
        return succeed(s, true, error);
    case DS_PAYMENT_FAIL:
        return fail_charge(s, error);
    case DS_PAYMENT_FAIL_AND_GIVE_BACK:
        return give_back(s, error);
    case DS_PAYMENT_CHANGE_DUE:
        goodwill = goodwill_of(s);
        return ds_payment_emit_due_changed(s->decision, s->payment, s->due_minor, &goodwill, error);
    case DS_PAYMENT_REFUND:
        charge = kept_charge(s->payment);
        return refund(s, ds_payment_kept(s->payment), &charge, error);
    case DS_PAYMENT_BOOK_REFUND:
        return book_refund(s, false, error);
    case DS_PAYMENT_BOOK_REFUND_AND_REFUND:
        return book_refund(s, true, error);
    case DS_PAYMENT_NOTE_REFUND_FAILED:
        return ds_payment_emit_refund_failed(s->decision, s->payment, s->refund,
                                             s->now_us + retry_pause_us(s), error);
    }
    assert(0 && "an action outside the enum");
    return false;
}

/* ---- order.events */

/* What is due only goes down. What staff gave back stays given: it comes off each new total. Cash
 * is booked when the order is final: nothing of it goes back by a refund. */
static bool lower_due(struct step *s, ds_str_t order_id, int64_t total_minor, ds_error_t *error)
{
    if (s->payment == NULL || s->payment->cash || total_minor < 0)
        return true;
    int64_t given_minor = DS_PLANTED(GIFT_FORGOTTEN) ? 0 : s->payment->goodwill_minor;
    int64_t due_minor = total_minor > given_minor ? total_minor - given_minor : 0;
    if (due_minor >= s->payment->due_minor && !DS_PLANTED(DUE_CAN_RISE))
        return true;
    if (DS_PLANTED(DUE_NOT_LOWERED) && s->payment->state == DS_PAYMENT_CHARGING && due_minor > 0)
        return true;
    s->what = DS_PAYMENT_ON_LESS_DUE;
    s->due_minor = due_minor;
    return perform(s, order_id, error);
}

static bool decide_order_event(const struct ds_payments *payments, struct step *s,
                               ds_error_t *error)
{
    const struct ds_order_event *event = s->input->message;
    ds_str_t order_id = ds_schema_order_events.order_id(event);

    s->payment = ds_payments_find(payments, order_id);
    switch (event->body.kind) {
    case DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED:
        s->request = &event->body.as.order_payment_requested;
        s->what = s->request->total_minor == 0 ? DS_PAYMENT_ON_NOTHING_REQUESTED
                                               : DS_PAYMENT_ON_REQUESTED;
        return s->request->total_minor < 0 || perform(s, order_id, error);
    case DS_ORDER_EVENT_ORDER_FULFILLED:
        s->what = DS_PAYMENT_ON_FULFILLED_CASH;
        s->fulfilled = &event->body.as.order_fulfilled;
        return s->fulfilled->payment_method != DS_PAYMENT_METHOD_CASH_ON_DELIVERY ||
               perform(s, order_id, error);
    case DS_ORDER_EVENT_ORDER_LINES_CANCELLED:
        return lower_due(s, order_id, event->body.as.order_lines_cancelled.total_minor, error);
    case DS_ORDER_EVENT_ORDER_CANCELLED:
        return lower_due(s, order_id, 0, error);
    default: /* of no concern to a payment */
        return true;
    }
}

/* ---- reports */

/* Cash has no charge, nor has what cost nothing: it is settled, and no provider has said so. */
static bool has_charge(const struct ds_payment *payment)
{
    return !payment->cash && (payment->state != DS_PAYMENT_SETTLED || payment->provider != NULL);
}

static bool knows_charge(const struct step *s, ds_str_t order_id, ds_str_t charge_key)
{
    return s->payment != NULL && has_charge(s->payment) &&
           ds_payment_is_charge_key(order_id, charge_key);
}

static bool decide_charge(const struct ds_payments *payments, struct step *s, ds_error_t *error)
{
    const struct ds_report_charge *report = &s->command->body.as.report_charge;
    const struct ds_payment_unmatched unmatched = {
        .order_id = report->order_id,
        .charge_key = report->charge_key,
        .amount_minor = report->amount_minor,
        .currency = report->currency,
        .provider = report->provider,
        .provider_reference = report->provider_reference,
    };
    bool ok = report->outcome == DS_REPORT_OUTCOME_OK;

    s->charge = report;
    s->payment = ds_payments_find(payments, report->order_id);
    if (!knows_charge(s, report->order_id, report->charge_key))
        return ok ? ds_payment_emit_unmatched(s->decision, &unmatched, error)
                  : reject(s, report->order_id, "CHARGE_UNKNOWN", error);
    s->due_minor = s->payment->due_minor;
    if (!ok) {
        s->what = DS_PAYMENT_ON_CHARGE_FAILED;
        return perform(s, report->order_id, error);
    }
    if (!ds_str_eq(report->currency, s->payment->currency))
        return ds_payment_emit_unmatched(s->decision, &unmatched, error);
    if (report->amount_minor < 0 || (report->amount_minor == 0 && s->payment->asked_minor > 0))
        return reject(s, report->order_id, "AMOUNT_MISMATCH", error);
    s->what = report->amount_minor == s->due_minor  ? DS_PAYMENT_ON_CHARGED_EXACT
              : report->amount_minor > s->due_minor ? DS_PAYMENT_ON_CHARGED_MORE
                                                    : DS_PAYMENT_ON_CHARGED_SHORT;
    return perform(s, report->order_id, error);
}

static bool decide_pending_refund(struct step *s, ds_error_t *error)
{
    const struct ds_report_refund *report = s->refund;
    const struct ds_payment *payment = s->payment;
    const struct ds_payment_unmatched unmatched = {
        .order_id = report->order_id,
        .charge_key = report->refund_key,
        .amount_minor = report->amount_minor,
        .currency = report->currency,
        .provider = report->provider,
        .provider_reference = report->provider_reference,
    };
    bool too_much = report->amount_minor > payment->pending_minor;

    s->due_minor = payment->due_minor;
    if (report->outcome == DS_REPORT_OUTCOME_FAILED ||
        (report->amount_minor <= 0 && payment->pending_minor > 0)) {
        s->what = DS_PAYMENT_ON_REFUND_FAILED;
        return perform(s, payment->id, error);
    }
    if (!ds_str_eq(report->currency, payment->currency))
        return ds_payment_emit_unmatched(s->decision, &unmatched, error);
    s->booked_minor = too_much ? payment->pending_minor : report->amount_minor;
    s->what = ds_payment_kept(payment) - s->booked_minor > payment->due_minor
                  ? DS_PAYMENT_ON_REFUNDED_SHORT
                  : DS_PAYMENT_ON_REFUNDED;
    return perform(s, payment->id, error) &&
           (!too_much || ds_payment_emit_unmatched(s->decision, &unmatched, error));
}

static bool decide_refund(const struct ds_payments *payments, struct step *s, ds_error_t *error)
{
    const struct ds_report_refund *report = &s->command->body.as.report_refund;

    s->refund = report;
    s->payment = ds_payments_find(payments, report->order_id);
    if (state_of(s->payment) == DS_PAYMENT_REFUNDING &&
        (DS_PLANTED(NO_REFUND_KEY) ||
         ds_payment_is_refund_key(report->order_id, s->payment->refund_number, report->refund_key)))
        return decide_pending_refund(s, error);
    s->what = DS_PAYMENT_ON_OTHER_REFUND;
    return perform(s, report->order_id, error);
}

/* A dispute moves no money here: it is shown, and staff decide. */
static bool decide_dispute(const struct ds_payments *payments, struct step *s, ds_error_t *error)
{
    const struct ds_report_dispute *report = &s->command->body.as.report_dispute;
    const struct ds_payment_unmatched unmatched = {
        .order_id = report->order_id,
        .charge_key = report->charge_key,
        .amount_minor = report->amount_minor,
        .currency = report->currency,
        .provider = report->provider,
        .provider_reference = report->provider_reference,
    };

    s->payment = ds_payments_find(payments, report->order_id);
    if (!knows_charge(s, report->order_id, report->charge_key))
        return ds_payment_emit_unmatched(s->decision, &unmatched, error);
    if (DS_PLANTED(DISPUTE_REFUNDS))
        return lower_due(s, report->order_id, 0, error);
    return ds_payment_emit_disputed(s->decision, report, error);
}

/* Staff gives back what is not owed. It is never more than what is due: the rest was, or is being,
 * given back already. */
static bool decide_gift(const struct ds_payments *payments, struct step *s, ds_error_t *error)
{
    const struct ds_refund *gift = &s->command->body.as.refund;
    enum ds_actor_kind actor = s->command->head.actor.kind;

    if (actor != DS_ACTOR_KIND_STAFF && actor != DS_ACTOR_KIND_ADMIN)
        return reject(s, gift->order_id, "FORBIDDEN", error);
    s->payment = ds_payments_find(payments, gift->order_id);
    if (s->payment == NULL || s->payment->cash)
        return reject(s, gift->order_id, "CHARGE_UNKNOWN", error);
    if (gift->amount_minor <= 0 || !ds_str_eq(gift->currency, s->payment->currency))
        return reject(s, gift->order_id, "AMOUNT_MISMATCH", error);
    if (gift->amount_minor > s->payment->due_minor && !DS_PLANTED(GIFT_TOO_LARGE))
        return reject(s, gift->order_id, "REFUND_TOO_LARGE", error);
    s->gift = gift;
    s->what = DS_PAYMENT_ON_LESS_DUE;
    s->due_minor = s->payment->due_minor - gift->amount_minor;
    return perform(s, gift->order_id, error);
}

/* Only a gateway, or the shop itself, may say what became of money. */
static bool may_report(const struct ds_actor *actor)
{
    return actor->kind != DS_ACTOR_KIND_CUSTOMER && actor->kind != DS_ACTOR_KIND_COURIER;
}

static bool decide_command(const struct ds_payments *payments, struct step *s, ds_error_t *error)
{
    s->command = s->input->message;
    if (!may_report(&s->command->head.actor))
        return reject(s, ds_schema_payment_commands.order_id(s->command), "FORBIDDEN", error);
    switch (s->command->body.kind) {
    case DS_PAYMENT_COMMAND_REPORT_CHARGE:
        return decide_charge(payments, s, error);
    case DS_PAYMENT_COMMAND_REPORT_REFUND:
        return decide_refund(payments, s, error);
    case DS_PAYMENT_COMMAND_REPORT_DISPUTE:
        return decide_dispute(payments, s, error);
    case DS_PAYMENT_COMMAND_REFUND:
        return decide_gift(payments, s, error);
    default: /* the decoder knows no other */
        return true;
    }
}

static bool decide_timer(const struct ds_payments *payments, struct step *s, ds_error_t *error)
{
    const struct ds_timer *timer = &s->input->timer;
    const struct ds_payment *payment = ds_payments_find(payments, timer->aggregate);

    if (payment == NULL || (int32_t)payment->state != timer->kind ||
        payment->due_us != timer->due_us)
        return true; /* cleared or moved since */
    if ((DS_PLANTED(NO_PAYMENT_DEADLINE) && payment->state == DS_PAYMENT_CHARGING) ||
        (DS_PLANTED(NO_REFUND_RETRY) && payment->state == DS_PAYMENT_REFUND_WAIT))
        return true;
    struct ds_context context = {
        .correlation_id = payment->correlation_id,
        .actor = {.kind = DS_ACTOR_KIND_SYSTEM, .id = DS_STR("payment")},
        .has_traceparent = payment->traceparent.len > 0,
        .traceparent = payment->traceparent,
    };
    ds_decision_set_context(s->decision, &context);
    s->payment = payment;
    s->what = DS_PAYMENT_ON_TIMER;
    s->due_minor = payment->due_minor;
    return perform(s, payment->id, error);
}

bool ds_payments_decide(const void *state, const struct ds_input *input, int64_t now_us,
                        ds_decision_t *decision, ds_error_t *error)
{
    const struct ds_payments *payments = state;
    struct step s = {
        .settings = payments->settings, .input = input, .now_us = now_us, .decision = decision};

    if (input->kind == DS_INPUT_TIMER)
        return decide_timer(payments, &s, error);
    switch ((enum ds_payment_input_number)input->number) {
    case DS_PAYMENT_INPUT_COMMANDS:
        return decide_command(payments, &s, error);
    case DS_PAYMENT_INPUT_ORDER:
        return decide_order_event(payments, &s, error);
    }
    return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_INVALID,
                        "payment: input %d is not its own", (int)input->number);
}
