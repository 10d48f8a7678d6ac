#include "gateways/notifications/notice.h"

#include "gateways/notifications/limits.h"

#include <stdio.h>
#include <stdlib.h>

const char *const ds_notice_value_names[DS_NOTICE_VALUES + 1] = {
    "event",  "notice_id", "order_id", "store_id", "at",    "recipient",  "total",
    "amount", "reason",    "courier",  "language", "email", "push_token", NULL,
};

const char *ds_notice_kind_text(enum ds_notice_kind kind)
{
    static const char *const texts[DS_NOTICE_KINDS] = {
        "confirmed", "cancelled", "refunded", "courier_assigned", "arriving", "delivered",
    };
    return texts[kind];
}

const char *ds_channel_text(enum ds_channel channel)
{
    static const char *const texts[DS_CHANNELS] = {"email", "push", "log"};
    return texts[channel];
}

static bool is_id_text(const char *text)
{
    char before = '.';
    for (; *text != '\0'; text++) {
        char c = *text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_';
        if (!plain && (c != '.' || before == '.'))
            return false;
        before = c;
    }
    return before != '.';
}

bool ds_notice_id(const struct ds_notice *notice, char id_out[DS_NOTICE_ID_BYTES])
{
    int bytes = snprintf(id_out, DS_NOTICE_ID_BYTES, "%.*s.%.*s", DS_STR_ARG(notice->order_id),
                         DS_STR_ARG(notice->event_id));
    bool ok = bytes > 0 && bytes < DS_NOTICE_ID_BYTES &&
              (size_t)bytes == (size_t)notice->order_id.len + notice->event_id.len + 1 &&
              strlen(id_out) == (size_t)bytes && is_id_text(id_out);
    if (!ok)
        id_out[0] = '\0';
    return ok;
}

#define TEXTS 10

static void list_texts(struct ds_notice *notice, ds_str_t *texts_out[TEXTS])
{
    ds_str_t *const texts[TEXTS] = {
        &notice->event_id, &notice->order_id, &notice->correlation_id, &notice->reason,
        &notice->amount,   &notice->courier,  &notice->total,          &notice->recipient,
        &notice->email,    &notice->language,
    };
    memcpy(texts_out, texts, sizeof texts);
}

struct ds_notice *ds_notice_dup(const struct ds_notice *notice)
{
    struct ds_notice cut = *notice;
    ds_str_t *texts[TEXTS];
    size_t bytes = cut.push_token.len;
    list_texts(&cut, texts);
    for (size_t i = 0; i < TEXTS; i++) {
        *texts[i] = ds_utf8_cut(*texts[i], DS_MAX_VALUE_BYTES);
        bytes += texts[i]->len;
    }
    struct ds_notice *copy = malloc(sizeof *copy + bytes);
    if (copy == NULL)
        return NULL;
    char *to = (char *)(copy + 1);
    *copy = cut;
    list_texts(copy, texts);
    for (size_t i = 0; i <= TEXTS; i++) {
        ds_str_t *text = i < TEXTS ? texts[i] : &copy->push_token;
        if (text->len > 0)
            memcpy(to, text->data, text->len);
        text->data = to;
        to += text->len;
    }
    return copy;
}
