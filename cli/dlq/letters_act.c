/* Doing something about one letter, which was loaded. */
#include "cli/dlq/letters_impl.h"
#include "cli/roles.h"
#include "stream/partition.h"

#include <inttypes.h>
#include <stdio.h>

#define DELIVERY_US (15 * DS_US_PER_S)
#define TOPIC_BYTES 64

/* Hand it over and wait for the report. */
static bool put(ds_letters_t *letters, const struct ds_broker_message *message, int64_t *offset_out,
                ds_error_t *error)
{
    int64_t until = ds_monotonic_us(letters->runtime->clock) + DELIVERY_US;
    uint64_t tag = ++letters->tags;

    *offset_out = -1;
    switch (letters->broker->ops->produce(letters->broker, message, tag, error)) {
    case DS_BROKER_PUT_OK:
        break;
    case DS_BROKER_PUT_FULL:
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_BUSY, "the producer's queue is full");
    case DS_BROKER_PUT_FAILED:
        return false;
    }
    while (ds_monotonic_us(letters->runtime->clock) < until) {
        const struct ds_broker_event *events;
        size_t n;

        if (!letters->broker->ops->poll(letters->broker, DS_LETTER_POLL_MS, false, &events, &n,
                                        error))
            return false;
        for (size_t i = 0; i < n; i++) {
            if (events[i].kind != DS_BROKER_DELIVERY || events[i].tag != tag)
                continue;
            *offset_out = events[i].offset;
            return events[i].code == DS_OK ||
                   ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "not kept: %s",
                                events[i].reason);
        }
    }
    return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_TIMEOUT,
                        "no answer of Kafka: it may be kept or not; look before you try again");
}

int32_t ds_letter_topic(const struct ds_letter *letter)
{
    int32_t d = 0;

    while (strcmp(ds_deciders[d]->name, letter->processor) != 0)
        d++;
    return d;
}

static struct ds_broker_header text_header(const char *name, ds_str_t text)
{
    return (struct ds_broker_header){name, {(const uint8_t *)text.data, text.len}};
}

static bool note(ds_letters_t *letters, struct ds_letter *letter, enum ds_letter_state state,
                 const char *actor, const char *reason, ds_error_t *error)
{
    const struct ds_broker_header headers[] = {
        text_header(DS_ACTION_HEADER, ds_str(ds_letter_state_text(state))),
        text_header(DS_ACTOR_HEADER, ds_str(actor)),
        text_header(DS_REASON_HEADER, ds_str(reason)),
        text_header(DS_AS_HEADER, letter->content->retried_as),
    };
    const struct ds_broker_message message = {.topic = ds_letter_topic(letter),
                                              .partition = letter->partition,
                                              .has_key = true,
                                              .key = letter->key,
                                              .headers = headers,
                                              .header_count = 4};

    if (!put(letters, &message, &letter->note_offset, error))
        return ds_error_prefix(error, "note on %s.dlq that %.*s was %s", letter->processor,
                               DS_STR_ARG(letter->key), ds_letter_state_text(state));
    letter->state = state;
    letter->content->actor = ds_str(actor);
    letter->content->reason = ds_str(reason);
    letter->content->handled_us = ds_now_us(letters->runtime->clock);
    return true;
}

static size_t original_headers(const struct ds_letter *letter, ds_str_t first,
                               struct ds_broker_header *headers)
{
    size_t count = 0;

    for (size_t i = 0; i < letter->content->header_count; i++)
        if (!ds_str_eq(letter->content->headers[i].name, DS_STR(DS_RETRY_HEADER)) &&
            !ds_str_eq(letter->content->headers[i].name, DS_STR(DS_FIRST_HEADER)))
            headers[count++] = (struct ds_broker_header){letter->content->headers[i].name.data,
                                                         letter->content->headers[i].value};
    headers[count++] = text_header(DS_RETRY_HEADER, letter->key);
    headers[count++] = text_header(DS_FIRST_HEADER, first);
    return count;
}

bool ds_letter_is_command(const struct ds_letter *letter)
{
    char own[TOPIC_BYTES];

    (void)snprintf(own, sizeof own, "%s.commands", letter->processor);
    return ds_str_eq(letter->content->source_topic, ds_str(own));
}

bool ds_letter_retry(ds_letters_t *letters, struct ds_letter *letter, const char *actor,
                     const char *reason, ds_error_t *error)
{
    struct ds_broker_header headers[DS_LETTER_HEADERS + 2];
    int32_t topic = DS_DECIDERS + ds_letter_topic(letter);
    /* Where its key belongs: where it was found may have been what was wrong with it. */
    int32_t partition =
        letter->content->has_key
            ? ds_partition_of(ds_letter_text_of(letter->content->original_key), letters->partitions)
            : letter->content->source_partition;
    ds_str_t first;
    struct ds_broker_message message = {.topic = topic,
                                        .partition = partition,
                                        .has_key = letter->content->has_key,
                                        .key = ds_letter_text_of(letter->content->original_key),
                                        .has_value = letter->content->has_value,
                                        .value = letter->content->value,
                                        .headers = headers};
    int64_t offset;

    if (!ds_letter_is_command(letter))
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "%.*s is an event: only its processor may write one; when its schema "
                            "is known the reader needs a rebuild, not a retry",
                            DS_STR_ARG(letter->key));
    if (!ds_arena_printf(letters->contents, &first, error, "%.*s/%" PRId32 "/%" PRId64,
                         DS_STR_ARG(letter->content->source_topic),
                         letter->content->first_partition, letter->content->first_offset))
        return false;
    message.header_count = original_headers(letter, first, headers);
    if (!put(letters, &message, &offset, error))
        return ds_error_prefix(error, "retry %.*s", DS_STR_ARG(letter->key));
    return ds_arena_printf(letters->contents, &letter->content->retried_as, error,
                           "%.*s/%" PRId32 "/%" PRId64, DS_STR_ARG(letter->content->source_topic),
                           partition, offset) &&
           note(letters, letter, DS_LETTER_RETRIED, actor, reason, error);
}

bool ds_letter_drop(ds_letters_t *letters, struct ds_letter *letter, const char *actor,
                    const char *reason, ds_error_t *error)
{
    return note(letters, letter, DS_LETTER_DROPPED, actor, reason, error);
}

const struct ds_decider *ds_letter_decider(const struct ds_letter *letter)
{
    return ds_deciders[ds_letter_topic(letter)];
}

bool ds_letter_edited(ds_letters_t *letters, struct ds_letter *letter, int32_t partition,
                      int64_t offset, const char *actor, const char *reason, ds_error_t *error)
{
    return ds_arena_printf(letters->contents, &letter->content->retried_as, error,
                           "%.*s/%" PRId32 "/%" PRId64, DS_STR_ARG(letter->content->source_topic),
                           partition, offset) &&
           note(letters, letter, DS_LETTER_EDITED, actor, reason, error);
}
