#include "gateways/payments/ledger.h"

#include "base/heap.h"
#include "base/limits.h"
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_PAUSE_US        DS_US_PER_S
#define MAX_PAUSE_US          (300 * DS_US_PER_S)
#define FIRST_REPORT_PAUSE_US (100 * DS_US_PER_MS)
#define MAX_REPORT_PAUSE_US   (5 * DS_US_PER_S)
#define MAP_KEY_BYTES         (DS_MAX_PROVIDER_TEXT_BYTES + 1)
#define CHARGE_LETTER         'c'
#define REFUND_LETTER         'r'

struct ds_ledger {
    struct ds_ledger_config config;
    ds_map_t *open;                /* entries the log still wants an outcome of, or gave up */
    ds_heap_t *calls_due;          /* WAITING */
    ds_heap_t *late_due;           /* WAITING, given up */
    ds_heap_t *given_up;           /* of the open ones, by when they are dropped */
    ds_heap_t *reports_due;        /* ANSWERED */
    struct ds_entry *first, *last; /* UNTRIED */
    size_t untried;
    size_t dropped;               /* of those given up, for want of room */
    bool held[DS_MAX_PARTITIONS]; /* still being read */
};

static int32_t *handle_of(void *item)
{
    return &((struct ds_entry *)item)->handle;
}

static int32_t *given_up_handle_of(void *item)
{
    return &((struct ds_entry *)item)->given_up_handle;
}

ds_ledger_t *ds_ledger_new(const struct ds_ledger_config *config)
{
    ds_ledger_t *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return NULL;
    ledger->config = *config;
    if (config->first_pause_us == 0)
        ledger->config.first_pause_us = FIRST_PAUSE_US;
    if (config->max_pause_us == 0)
        ledger->config.max_pause_us = MAX_PAUSE_US;
    if (config->max_entries == 0)
        ledger->config.max_entries = DS_OUTSTANDING_DEFAULT;
    ledger->open = ds_map_new_borrowing(ledger->config.max_entries);
    /* Twice: entries that left the map may still have a report to make. */
    ledger->calls_due = ds_heap_new(handle_of, NULL, 2 * ledger->config.max_entries);
    ledger->reports_due = ds_heap_new(handle_of, NULL, 2 * ledger->config.max_entries);
    ledger->late_due = ds_heap_new(handle_of, NULL, ledger->config.max_entries);
    ledger->given_up = ds_heap_new(given_up_handle_of, NULL, ledger->config.max_entries);
    if (ledger->open == NULL || ledger->calls_due == NULL || ledger->reports_due == NULL ||
        ledger->late_due == NULL || ledger->given_up == NULL) {
        ds_ledger_destroy(ledger);
        return NULL;
    }
    return ledger;
}

/* --- entries -----------------------------------------------------------------------------------
 */

static ds_str_t put_text(char **at, ds_str_t text)
{
    char *copy = *at;
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *at += text.len + 1;
    return (ds_str_t){copy, text.len};
}

/* Behind the letter that makes a key of the map of it: see own_key. */
static ds_str_t put_id(char **at, char letter, ds_str_t id)
{
    *(*at)++ = letter;
    return put_text(at, id);
}

static struct ds_entry *new_entry(const struct ds_payment_call *call,
                                  const struct ds_context *context, int32_t partition)
{
    ds_str_t trace = context->has_traceparent ? context->traceparent : (ds_str_t){NULL, 0};
    size_t texts = (size_t)call->key.len + call->order_id.len + call->currency.len +
                   call->token.len + call->charge.len + trace.len + context->correlation_id.len + 9;
    struct ds_entry *entry = calloc(1, sizeof *entry + texts);
    if (entry == NULL)
        return NULL;
    char *at = (char *)(entry + 1);
    entry->call = *call;
    entry->call.key = put_id(&at, REFUND_LETTER, call->key);
    entry->call.order_id = put_id(&at, CHARGE_LETTER, call->order_id);
    entry->call.currency = put_text(&at, call->currency);
    entry->call.token = put_text(&at, call->token);
    entry->call.charge = put_text(&at, call->charge);
    entry->call.traceparent = put_text(&at, trace);
    entry->correlation_id = put_text(&at, context->correlation_id);
    entry->partition = partition;
    entry->handle = entry->given_up_handle = -1;
    return entry;
}

static void join_line(ds_ledger_t *ledger, struct ds_entry *entry)
{
    entry->state = DS_ENTRY_UNTRIED;
    entry->next = NULL;
    entry->previous = ledger->last;
    if (ledger->last == NULL)
        ledger->first = entry;
    else
        ledger->last->next = entry;
    ledger->last = entry;
    ledger->untried++;
}

static void leave_line(ds_ledger_t *ledger, struct ds_entry *entry)
{
    if (entry->previous == NULL)
        ledger->first = entry->next;
    else
        entry->previous->next = entry->next;
    if (entry->next == NULL)
        ledger->last = entry->previous;
    else
        entry->next->previous = entry->previous;
    entry->next = entry->previous = NULL;
    ledger->untried--;
}

static bool id_fits(ds_str_t id)
{
    return id.len > 0 && id.len <= DS_MAX_PROVIDER_TEXT_BYTES;
}

/* One charge an order: its outcome events name the order, not always the key. */
static ds_str_t map_key(enum ds_call_kind kind, ds_str_t id, char buffer[MAP_KEY_BYTES])
{
    buffer[0] = kind == DS_CALL_CHARGE ? CHARGE_LETTER : REFUND_LETTER;
    memcpy(buffer + 1, id.data, id.len);
    return (ds_str_t){buffer, id.len + 1};
}

/* The same, in the entry's own memory: the map borrows it. */
static ds_str_t own_key(const struct ds_entry *entry)
{
    ds_str_t id = entry->call.kind == DS_CALL_CHARGE ? entry->call.order_id : entry->call.key;
    return (ds_str_t){id.data - 1, id.len + 1};
}

static void free_entry(struct ds_entry *entry)
{
    free(entry->answer);
    free(entry);
}

/* The entry is no longer in the map. It lives on while somebody has it, or its report is wanted. */
static void detach(ds_ledger_t *ledger, struct ds_entry *entry, enum ds_entry_interest interest)
{
    entry->interest = interest;
    ds_heap_remove(ledger->given_up, entry);
    switch (entry->state) {
    case DS_ENTRY_CALLING:
    case DS_ENTRY_REPORTING:
        return; /* whoever has it gives it back */
    case DS_ENTRY_ANSWERED:
        /* A success after payment.failed must still be told: the money is refunded then. */
        if (interest == DS_ENTRY_FAILED && entry->answer->verdict == DS_VERDICT_SUCCEEDED)
            return;
        ds_heap_remove(ledger->reports_due, entry);
        break;
    case DS_ENTRY_UNTRIED:
        leave_line(ledger, entry);
        break;
    case DS_ENTRY_WAITING:
        ds_heap_remove(ledger->calls_due, entry); /* in one of them */
        ds_heap_remove(ledger->late_due, entry);
        break;
    case DS_ENTRY_HELD:
    case DS_ENTRY_REPORTED:
        break;
    }
    free_entry(entry);
}

static void detach_partition(ds_ledger_t *ledger, int32_t partition)
{
    size_t cursor = 0;
    ds_str_t key;
    void *value;
    while (ds_map_next(ledger->open, &cursor, &key, &value)) {
        struct ds_entry *entry = value;
        if (partition >= 0 && entry->partition != partition)
            continue;
        (void)ds_map_take(ledger->open, key);
        detach(ledger, entry, DS_ENTRY_LEFT);
    }
}

void ds_ledger_destroy(ds_ledger_t *ledger)
{
    if (ledger == NULL)
        return;
    if (ledger->open != NULL)
        detach_partition(ledger, -1);
    struct ds_entry *entry;
    while (ledger->reports_due != NULL &&
           (entry = ds_heap_peek(ledger->reports_due, NULL)) != NULL) {
        ds_heap_remove(ledger->reports_due, entry);
        free_entry(entry);
    }
    ds_heap_destroy(ledger->calls_due);
    ds_heap_destroy(ledger->late_due);
    ds_heap_destroy(ledger->given_up);
    ds_heap_destroy(ledger->reports_due);
    ds_map_destroy(ledger->open, NULL);
    free(ledger);
}

/* Only memory can fail here, and then the entry is lost until the partition is read anew: rather
 * end. The heaps hold more than the map can. */
static void wait_in(ds_heap_t *heap, struct ds_entry *entry, int64_t due_us)
{
    bool waits = ds_heap_set(heap, entry, due_us, NULL);
    assert(waits);
}

/* --- given up ----------------------------------------------------------------------------------
 */

/* Over, whoever has it. */
static void drop_given_up(ds_ledger_t *ledger, struct ds_entry *entry)
{
    (void)ds_map_take(ledger->open, own_key(entry));
    detach(ledger, entry, DS_ENTRY_CLOSED);
}

/* Nobody has it, and there is nothing more to tell. */
static void end(ds_ledger_t *ledger, struct ds_entry *entry)
{
    if (entry->interest == DS_ENTRY_GIVEN_UP) {
        (void)ds_map_take(ledger->open, own_key(entry));
        ds_heap_remove(ledger->given_up, entry);
    }
    free_entry(entry);
}

void ds_ledger_expire(ds_ledger_t *ledger, int64_t wall_now_us)
{
    int64_t until_us;
    struct ds_entry *entry;
    while ((entry = ds_heap_peek(ledger->given_up, &until_us)) != NULL && until_us <= wall_now_us)
        drop_given_up(ledger, entry);
}

static void make_room(ds_ledger_t *ledger)
{
    struct ds_entry *entry = ds_heap_peek(ledger->given_up, NULL);
    if (entry == NULL || ds_map_count(ledger->open) < ledger->config.max_entries)
        return;
    drop_given_up(ledger, entry);
    ledger->dropped++;
}

/* Asked for at once, and then at the longest pause. */
static void ask_late(ds_ledger_t *ledger, struct ds_entry *entry)
{
    entry->state = DS_ENTRY_WAITING;
    wait_in(ledger->late_due, entry, 0);
}

static bool give_up(ds_ledger_t *ledger, ds_str_t order_id, int64_t at_us, ds_error_t *error)
{
    char buffer[MAP_KEY_BYTES];
    /* A rebuild reads those of all times: what is too old for this one is too old. */
    ds_ledger_expire(ledger, at_us);
    struct ds_entry *entry =
        id_fits(order_id) ? ds_map_get(ledger->open, map_key(DS_CALL_CHARGE, order_id, buffer))
                          : NULL;
    if (entry == NULL)
        return true;
    if (!ds_heap_set(ledger->given_up, entry, at_us + DS_GIVEN_UP_US, error))
        return false;
    entry->interest = DS_ENTRY_GIVEN_UP;
    entry->given_up = true;
    switch (entry->state) {
    case DS_ENTRY_UNTRIED:
        leave_line(ledger, entry);
        ask_late(ledger, entry);
        break;
    case DS_ENTRY_WAITING:
        ds_heap_remove(ledger->calls_due, entry);
        ask_late(ledger, entry);
        break;
    case DS_ENTRY_ANSWERED:
    case DS_ENTRY_REPORTED:
        if (entry->answer->verdict != DS_VERDICT_SUCCEEDED)
            drop_given_up(ledger, entry);
        break;
    case DS_ENTRY_HELD:
    case DS_ENTRY_CALLING:
    case DS_ENTRY_REPORTING:
        break;
    }
    return true;
}

/* --- the log -----------------------------------------------------------------------------------
 */

void ds_ledger_assigned(ds_ledger_t *ledger, int32_t partition)
{
    assert(partition >= 0 && partition < DS_MAX_PARTITIONS);
    detach_partition(ledger, partition);
    ledger->held[partition] = true;
}

static void hold(ds_ledger_t *ledger, struct ds_entry *entry)
{
    switch (entry->state) {
    case DS_ENTRY_UNTRIED:
        leave_line(ledger, entry);
        break;
    case DS_ENTRY_WAITING:
        ds_heap_remove(ledger->calls_due, entry); /* in one of them */
        ds_heap_remove(ledger->late_due, entry);
        break;
    case DS_ENTRY_HELD:
    case DS_ENTRY_CALLING:
    case DS_ENTRY_ANSWERED:
    case DS_ENTRY_REPORTING:
    case DS_ENTRY_REPORTED:
        return;
    }
    entry->state = DS_ENTRY_HELD;
}

void ds_ledger_again(ds_ledger_t *ledger, int32_t partition)
{
    size_t cursor = 0;
    ds_str_t key;
    void *value;
    ledger->held[partition] = true;
    while (ds_map_next(ledger->open, &cursor, &key, &value))
        if (((struct ds_entry *)value)->partition == partition)
            hold(ledger, value);
}

static void release(ds_ledger_t *ledger, struct ds_entry *entry)
{
    if (entry->interest == DS_ENTRY_GIVEN_UP) {
        ask_late(ledger, entry);
        return;
    }
    /* The owner before may have called: ask before doing it. */
    entry->ask_first = true;
    if (entry->attempt == 0) {
        join_line(ledger, entry);
        return;
    }
    entry->state = DS_ENTRY_WAITING;
    wait_in(ledger->calls_due, entry, 0);
}

void ds_ledger_rebuilt(ds_ledger_t *ledger, int32_t partition)
{
    size_t cursor = 0;
    ds_str_t key;
    void *value;
    ledger->held[partition] = false;
    while (ds_map_next(ledger->open, &cursor, &key, &value)) {
        struct ds_entry *entry = value;
        if (entry->partition == partition && entry->state == DS_ENTRY_HELD)
            release(ledger, entry);
    }
}

void ds_ledger_revoked(ds_ledger_t *ledger, int32_t partition)
{
    detach_partition(ledger, partition);
    ledger->held[partition] = false;
}

static bool open_entry(ds_ledger_t *ledger, int32_t partition, const struct ds_context *context,
                       const struct ds_payment_call *call, ds_error_t *error)
{
    char buffer[MAP_KEY_BYTES];
    if (!id_fits(call->key) || !id_fits(call->order_id))
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "a key or order id of %u bytes",
                            call->key.len > call->order_id.len ? call->key.len
                                                               : call->order_id.len);
    ds_str_t id = call->kind == DS_CALL_CHARGE ? call->order_id : call->key;
    const struct ds_entry *known = ds_map_get(ledger->open, map_key(call->kind, id, buffer));
    if (known != NULL && ds_str_eq(known->call.key, call->key))
        return true; /* it is read again */
    make_room(ledger);
    if (known == NULL && ds_map_count(ledger->open) >= ledger->config.max_entries)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_LIMIT, "%zu charges are outstanding",
                            ds_map_count(ledger->open));
    struct ds_entry *entry = new_entry(call, context, partition);
    void *old = NULL;
    if (entry == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "entry");
    if (!ds_map_put(ledger->open, own_key(entry), entry, &old, error)) {
        free_entry(entry);
        return false;
    }
    if (old != NULL)
        detach(ledger, old, DS_ENTRY_CLOSED);
    if (!ledger->held[partition])
        join_line(ledger, entry);
    return true;
}

static void close_entry(ds_ledger_t *ledger, enum ds_call_kind kind, ds_str_t id,
                        enum ds_entry_interest interest)
{
    char buffer[MAP_KEY_BYTES];
    if (!id_fits(id))
        return;
    struct ds_entry *entry = ds_map_take(ledger->open, map_key(kind, id, buffer));
    if (entry != NULL)
        detach(ledger, entry, interest);
}

static bool open_charge(ds_ledger_t *ledger, int32_t partition,
                        const struct ds_payment_event *event, ds_error_t *error)
{
    const struct ds_payment_initiated *initiated = &event->body.as.payment_initiated;
    struct ds_payment_call call = {
        .kind = DS_CALL_CHARGE,
        .key = initiated->charge_key,
        .order_id = initiated->order_id,
        .currency = initiated->currency,
        .token = initiated->has_payment_token ? initiated->payment_token : (ds_str_t){NULL, 0},
        .amount_minor = initiated->amount_minor,
    };
    return open_entry(ledger, partition, &event->context, &call, error);
}

static bool open_refund(ds_ledger_t *ledger, int32_t partition,
                        const struct ds_payment_event *event, ds_error_t *error)
{
    const struct ds_payment_refund_initiated *initiated = &event->body.as.payment_refund_initiated;
    if (!ds_str_eq(initiated->provider, ds_str(ledger->config.provider)))
        return true; /* another provider's gateway does that */
    struct ds_payment_call call = {
        .kind = DS_CALL_REFUND,
        .key = initiated->refund_key,
        .order_id = initiated->order_id,
        .currency = initiated->currency,
        .charge = initiated->provider_reference,
        .amount_minor = initiated->amount_minor,
    };
    return open_entry(ledger, partition, &event->context, &call, error);
}

static bool fail_charge(ds_ledger_t *ledger, const struct ds_payment_event *event,
                        ds_error_t *error)
{
    const struct ds_payment_failed *failed = &event->body.as.payment_failed;
    if (failed->reason == DS_FAIL_REASON_PROVIDER_SILENT)
        return give_up(ledger, failed->order_id, event->meta.at, error);
    close_entry(ledger, DS_CALL_CHARGE, failed->order_id, DS_ENTRY_FAILED);
    return true;
}

bool ds_ledger_event(ds_ledger_t *ledger, int32_t partition, const struct ds_payment_event *event,
                     ds_error_t *error)
{
    switch (event->body.kind) {
    case DS_PAYMENT_EVENT_PAYMENT_INITIATED:
        return open_charge(ledger, partition, event, error);
    case DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED:
        return open_refund(ledger, partition, event, error);
    case DS_PAYMENT_EVENT_PAYMENT_SUCCESS:
        close_entry(ledger, DS_CALL_CHARGE, event->body.as.payment_success.order_id,
                    DS_ENTRY_CLOSED);
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_FAILED:
        return fail_charge(ledger, event, error);
    case DS_PAYMENT_EVENT_PAYMENT_REFUNDED:
        close_entry(ledger, DS_CALL_REFUND, event->body.as.payment_refunded.refund_key,
                    DS_ENTRY_CLOSED);
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_REFUND_FAILED:
        close_entry(ledger, DS_CALL_REFUND, event->body.as.payment_refund_failed.refund_key,
                    DS_ENTRY_CLOSED);
        return true;
    default:
        return true; /* the protocol's own, due_changed (a void would be a courtesy), disputes */
    }
}

/* --- calls -------------------------------------------------------------------------------------
 */

static struct ds_entry *take_due(ds_heap_t *heap, int64_t now_us)
{
    int64_t due_us = 0;
    struct ds_entry *entry = ds_heap_peek(heap, &due_us);
    if (entry == NULL || due_us > now_us)
        return NULL;
    ds_heap_remove(heap, entry);
    return entry;
}

struct ds_entry *ds_ledger_take_call(ds_ledger_t *ledger, int64_t now_us, bool again)
{
    struct ds_entry *entry = ledger->first;
    if (entry != NULL)
        leave_line(ledger, entry);
    if (entry == NULL && again)
        entry = take_due(ledger->calls_due, now_us);
    if (entry == NULL && again)
        entry = take_due(ledger->late_due, now_us);
    if (entry == NULL)
        return NULL;
    bool given_up = entry->interest == DS_ENTRY_GIVEN_UP;
    entry->state = DS_ENTRY_CALLING;
    entry->attempt++;
    entry->again = entry->attempt > 1 || given_up;
    entry->ask_first = entry->ask_first || given_up;
    return entry;
}

static bool is_wanted(const struct ds_entry *entry, enum ds_verdict verdict)
{
    switch (entry->interest) {
    case DS_ENTRY_OPEN:
        return true;
    case DS_ENTRY_LEFT:
        return !entry->given_up || verdict == DS_VERDICT_SUCCEEDED;
    case DS_ENTRY_GIVEN_UP:
    case DS_ENTRY_FAILED:
        return verdict == DS_VERDICT_SUCCEEDED;
    case DS_ENTRY_CLOSED:
        return false;
    }
    return false;
}

static void answered(ds_ledger_t *ledger, struct ds_entry *entry,
                     const struct ds_provider_answer *answer, int64_t now_us)
{
    if (!is_wanted(entry, answer->verdict)) {
        end(ledger, entry);
        return;
    }
    entry->answer = malloc(sizeof *entry->answer);
    assert(entry->answer != NULL); /* as in wait_in */
    *entry->answer = *answer;
    entry->state = DS_ENTRY_ANSWERED;
    wait_in(ledger->reports_due, entry, now_us);
}

/* Not known: asked again later, unless the log wants no answer any more. */
static void not_known(ds_ledger_t *ledger, struct ds_entry *entry, int64_t at_least_us,
                      int64_t now_us)
{
    bool given_up = entry->interest == DS_ENTRY_GIVEN_UP;
    if (entry->interest != DS_ENTRY_OPEN && !given_up) {
        end(ledger, entry);
        return;
    }
    int64_t first_us = given_up ? ledger->config.max_pause_us : ledger->config.first_pause_us;
    int64_t pause_us = ds_backoff_us(ledger->config.random, entry->attempt - 1, first_us,
                                     ledger->config.max_pause_us);
    if (at_least_us > ledger->config.max_pause_us)
        at_least_us = ledger->config.max_pause_us;
    if (ledger->held[entry->partition]) {
        entry->state = DS_ENTRY_HELD;
        return;
    }
    entry->state = DS_ENTRY_WAITING;
    wait_in(given_up ? ledger->late_due : ledger->calls_due, entry,
            now_us + (pause_us > at_least_us ? pause_us : at_least_us));
}

bool ds_ledger_called(ds_ledger_t *ledger, struct ds_entry *entry,
                      const struct ds_provider_answer *answer, bool unsent, int64_t retry_after_us,
                      int64_t now_us)
{
    assert(entry->state == DS_ENTRY_CALLING);
    switch (answer->verdict) {
    case DS_VERDICT_SUCCEEDED:
    case DS_VERDICT_FAILED:
        answered(ledger, entry, answer, now_us);
        return false;
    case DS_VERDICT_ABSENT:
        entry->ask_first = false;
        if (entry->interest != DS_ENTRY_OPEN) {
            end(ledger, entry); /* the provider has not got it, and nobody wants it done */
            return false;
        }
        if (!ledger->held[entry->partition])
            return true;
        unsent = true; /* its partition is read again: done when that is over */
        break;
    case DS_VERDICT_PENDING:
    case DS_VERDICT_UNKNOWN:
        break;
    }
    entry->ask_first = entry->ask_first || !unsent;
    not_known(ledger, entry, retry_after_us, now_us);
    return false;
}

/* --- reports -----------------------------------------------------------------------------------
 */

struct ds_entry *ds_ledger_take_report(ds_ledger_t *ledger, int64_t now_us)
{
    int64_t due_us = 0;
    struct ds_entry *entry = ds_heap_peek(ledger->reports_due, &due_us);
    if (entry == NULL || due_us > now_us)
        return NULL;
    ds_heap_remove(ledger->reports_due, entry);
    entry->state = DS_ENTRY_REPORTING;
    entry->report_attempt++;
    return entry;
}

void ds_ledger_reported(ds_ledger_t *ledger, struct ds_entry *entry, bool kept, int64_t now_us)
{
    assert(entry->state == DS_ENTRY_REPORTING);
    /* A partition that left has another owner, who asks and reports by itself. */
    bool again =
        !kept && entry->interest != DS_ENTRY_LEFT && is_wanted(entry, entry->answer->verdict);
    if (again) {
        int64_t pause_us = ds_backoff_us(ledger->config.random, entry->report_attempt - 1,
                                         FIRST_REPORT_PAUSE_US, MAX_REPORT_PAUSE_US);
        entry->state = DS_ENTRY_ANSWERED;
        wait_in(ledger->reports_due, entry, now_us + pause_us);
    } else if (kept && (entry->interest == DS_ENTRY_OPEN || entry->interest == DS_ENTRY_GIVEN_UP) &&
               is_wanted(entry, entry->answer->verdict)) {
        entry->state = DS_ENTRY_REPORTED;
    } else {
        end(ledger, entry);
    }
}

/* --- looking -----------------------------------------------------------------------------------
 */

bool ds_ledger_next_due(const ds_ledger_t *ledger, bool again, int64_t *due_us_out)
{
    const ds_heap_t *const heaps[] = {ledger->reports_due, ledger->calls_due, ledger->late_due};
    bool any = false;
    int64_t due_us;
    for (size_t i = 0; i < (again ? 3 : 1); i++) {
        if (ds_heap_peek(heaps[i], &due_us) == NULL)
            continue;
        *due_us_out = any && *due_us_out < due_us ? *due_us_out : due_us;
        any = true;
    }
    return any;
}

size_t ds_ledger_untried(const ds_ledger_t *ledger)
{
    return ledger->untried;
}

size_t ds_ledger_outstanding(const ds_ledger_t *ledger)
{
    return ds_map_count(ledger->open) - ds_heap_count(ledger->given_up);
}

size_t ds_ledger_max(const ds_ledger_t *ledger)
{
    return ledger->config.max_entries;
}

bool ds_ledger_has_room(const ds_ledger_t *ledger)
{
    return ds_map_count(ledger->open) <= ledger->config.max_entries / 2;
}

size_t ds_ledger_given_up(const ds_ledger_t *ledger)
{
    return ds_heap_count(ledger->given_up);
}

size_t ds_ledger_dropped(const ds_ledger_t *ledger)
{
    return ledger->dropped;
}
