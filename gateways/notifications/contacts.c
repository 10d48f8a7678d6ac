#include "gateways/notifications/contacts.h"

#include "base/clock.h"
#include "base/contact.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/money.h"
#include "decider/memory.h"
#include "gateways/notifications/limits.h"

#include <stdio.h>
#include <stdlib.h>

#define TOTAL_BYTES (DS_MONEY_TEXT_BYTES + 8)

struct contact {
    char total[TOTAL_BYTES];
    char currency[4];
    ds_str_t order_id;
    ds_str_t recipient;
    ds_str_t email;
    ds_str_t push_token;
    ds_str_t language;
    int64_t ended_us;           /* of the log's time; 0: not ended */
    struct contact *next_ended; /* in the order of their ends */
    char texts[];
};

struct fold {
    ds_map_t *by_order; /* NULL: nothing yet */
    struct contact *first_ended, *last_ended;
};

struct ds_contacts {
    struct fold folds[DS_MAX_PARTITIONS];
    size_t max;
    size_t count;
    int64_t dropped;
};

ds_contacts_t *ds_contacts_new(size_t max)
{
    ds_contacts_t *contacts = calloc(1, sizeof *contacts);
    if (contacts != NULL)
        contacts->max = max == 0 ? DS_MAX_CONTACTS : max;
    return contacts;
}

void ds_contacts_clear(ds_contacts_t *contacts, int32_t partition)
{
    struct fold *fold = &contacts->folds[partition];
    if (fold->by_order != NULL)
        contacts->count -= ds_map_count(fold->by_order);
    ds_map_destroy(fold->by_order, free);
    *fold = (struct fold){0};
}

void ds_contacts_destroy(ds_contacts_t *contacts)
{
    if (contacts == NULL)
        return;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
        ds_contacts_clear(contacts, p);
    free(contacts);
}

/* --- forgetting --------------------------------------------------------------------------------
 */

/** @param contact  the first that ended, or one that has not. */
static void forget(ds_contacts_t *contacts, struct fold *fold, struct contact *contact)
{
    if (fold->first_ended == contact)
        fold->first_ended = contact->next_ended;
    if (fold->last_ended == contact)
        fold->last_ended = NULL;
    (void)ds_map_take(fold->by_order, contact->order_id);
    contacts->count--;
    free(contact);
}

/* Longer than payment can be asked to give something back: that begins with the payment's last
 * event, which may come after the order's end. And then the id may be another order's. */
static void forget_old(ds_contacts_t *contacts, struct fold *fold, int64_t now_us)
{
    while (fold->first_ended != NULL && fold->first_ended->ended_us <= now_us - DS_ORDER_MEMORY_US)
        forget(contacts, fold, fold->first_ended);
}

/* NULL: of no partition an order has ended. */
static struct fold *first_ended(ds_contacts_t *contacts)
{
    struct fold *first = NULL;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++) {
        struct fold *fold = &contacts->folds[p];
        if (fold->first_ended != NULL &&
            (first == NULL || fold->first_ended->ended_us < first->first_ended->ended_us))
            first = fold;
    }
    return first;
}

static struct fold *fullest(ds_contacts_t *contacts)
{
    struct fold *most = NULL;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++) {
        struct fold *fold = &contacts->folds[p];
        if (fold->by_order != NULL &&
            (most == NULL || ds_map_count(fold->by_order) > ds_map_count(most->by_order)))
            most = fold;
    }
    return most;
}

/* Room for one more, whichever partition it is of: one that comes last has the same right to it.
 * Those that ended first have least to come; else the one placed first where there are most. */
static void make_room(ds_contacts_t *contacts)
{
    size_t cursor = 0;
    ds_str_t key;
    if (contacts->count < contacts->max)
        return;
    struct fold *fold = first_ended(contacts);
    void *oldest = fold == NULL ? NULL : fold->first_ended;
    if (fold == NULL) {
        fold = fullest(contacts);
        if (fold == NULL || !ds_map_next(fold->by_order, &cursor, &key, &oldest))
            return;
    }
    forget(contacts, fold, oldest);
    contacts->dropped++;
}

/* --- folding -----------------------------------------------------------------------------------
 */

static void set_total(struct contact *contact, int64_t total_minor)
{
    char amount[DS_MONEY_TEXT_BYTES];
    ds_money_text(total_minor, ds_str(contact->currency), amount);
    (void)snprintf(contact->total, sizeof contact->total, "%s %s", amount, contact->currency);
}

static ds_str_t copy_text(char **to, ds_str_t text)
{
    ds_str_t copy = {*to, text.len};
    if (text.len > 0)
        memcpy(*to, text.data, text.len);
    *to += text.len;
    return copy;
}

/* The log may be older, or written by another door: what is no address is none here. */
static struct contact *contact_new(const struct ds_order_created *created)
{
    static const struct ds_personal_data nobody;
    const struct ds_personal_data *personal =
        created->personal.kind == DS_UNION_PERSONAL_DATA_SEALED_DATA_PERSONAL_DATA
            ? &created->personal.as.personal_data
            : &nobody; /* sealed: the key is not ours */
    bool mail = personal->has_email && ds_email_valid(personal->email);
    bool push = personal->has_push_token && ds_push_token_valid(personal->push_token);
    bool tag = personal->has_language && ds_language_valid(personal->language);
    ds_str_t name = personal->has_recipient ? ds_utf8_cut(personal->recipient, DS_MAX_VALUE_BYTES)
                                            : (ds_str_t){0};
    size_t bytes = (size_t)created->order_id.len + name.len + (mail ? personal->email.len : 0) +
                   (push ? personal->push_token.len : 0) + (tag ? personal->language.len : 0);
    struct contact *contact = calloc(1, sizeof *contact + bytes);
    if (contact == NULL)
        return NULL;
    char *to = contact->texts;
    contact->order_id = copy_text(&to, created->order_id);
    contact->recipient = copy_text(&to, name);
    contact->email = copy_text(&to, mail ? personal->email : (ds_str_t){0});
    contact->push_token = copy_text(&to, push ? personal->push_token : (ds_str_t){0});
    contact->language = copy_text(&to, tag ? personal->language : (ds_str_t){0});
    if (!ds_str_to_array(created->currency, contact->currency, sizeof contact->currency))
        contact->currency[0] = '\0';
    set_total(contact, created->total_minor);
    return contact;
}

static bool on_created(ds_contacts_t *contacts, struct fold *fold,
                       const struct ds_order_created *created, ds_error_t *error)
{
    if (fold->by_order == NULL)
        fold->by_order = ds_map_new(contacts->max);
    struct contact *contact = fold->by_order == NULL ? NULL : contact_new(created);
    if (contact == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "a contact");
    if (ds_map_get(fold->by_order, created->order_id) != NULL) {
        free(contact); /* the log has each order once; a stranger's second one changes nothing */
        return true;
    }
    make_room(contacts);
    if (!ds_map_put(fold->by_order, contact->order_id, contact, NULL, error)) {
        free(contact);
        return false;
    }
    contacts->count++;
    return true;
}

static struct contact *find(const struct fold *fold, ds_str_t order_id)
{
    return fold->by_order == NULL ? NULL : ds_map_get(fold->by_order, order_id);
}

static void on_end(struct fold *fold, ds_str_t order_id, int64_t at_us)
{
    struct contact *contact = find(fold, order_id);
    if (contact == NULL || contact->ended_us != 0)
        return;
    contact->ended_us = at_us;
    if (fold->last_ended != NULL)
        fold->last_ended->next_ended = contact;
    else
        fold->first_ended = contact;
    fold->last_ended = contact;
}

bool ds_contacts_event(ds_contacts_t *contacts, int32_t partition,
                       const struct ds_order_event *event, ds_error_t *error)
{
    struct fold *fold = &contacts->folds[partition];
    struct contact *contact;
    forget_old(contacts, fold, event->meta.at);
    switch ((int)event->body.kind) {
    case DS_ORDER_EVENT_ORDER_CREATED:
        return on_created(contacts, fold, &event->body.as.order_created, error);
    case DS_ORDER_EVENT_ORDER_LINES_CANCELLED:
        contact = find(fold, event->body.as.order_lines_cancelled.order_id);
        if (contact != NULL)
            set_total(contact, event->body.as.order_lines_cancelled.total_minor);
        return true;
    case DS_ORDER_EVENT_ORDER_FULFILLED:
        contact = find(fold, event->body.as.order_fulfilled.order_id);
        if (contact != NULL)
            set_total(contact, event->body.as.order_fulfilled.total_minor);
        on_end(fold, event->body.as.order_fulfilled.order_id, event->meta.at);
        return true;
    case DS_ORDER_EVENT_ORDER_CANCELLED:
        on_end(fold, event->body.as.order_cancelled.order_id, event->meta.at);
        return true;
    default:
        return true;
    }
}

bool ds_contacts_fill(const ds_contacts_t *contacts, int32_t partition, struct ds_notice *notice)
{
    const struct contact *contact = find(&contacts->folds[partition], notice->order_id);
    if (contact == NULL)
        return false;
    notice->total = ds_str(contact->total);
    notice->recipient = contact->recipient;
    notice->email = contact->email;
    notice->push_token = contact->push_token;
    notice->language = contact->language;
    return true;
}

bool ds_contacts_knows(const ds_contacts_t *contacts, int32_t partition, ds_str_t order_id)
{
    return find(&contacts->folds[partition], order_id) != NULL;
}

size_t ds_contacts_count(const ds_contacts_t *contacts)
{
    return contacts->count;
}

int64_t ds_contacts_dropped(const ds_contacts_t *contacts)
{
    return contacts->dropped;
}
