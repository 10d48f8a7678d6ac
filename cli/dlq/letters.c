#include "cli/dlq/letters.h"

#include "base/limits.h"
#include "base/map.h"
#include "cli/roles.h"
#include "stream/broker_kafka.h"
#include "stream/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS     10000
#define POLL_MS        50
#define DELIVERY_US    (15 * DS_US_PER_S)
#define TOPIC_BYTES    64
#define CONNECT_PREFIX "__connect.errors."
#define KEY_HEADER     "__doorstep.key"
#define ACTION_HEADER  "doorstep.dlq.action"
#define ACTOR_HEADER   "doorstep.dlq.actor"
#define REASON_HEADER  "doorstep.dlq.reason"
#define AS_HEADER      "doorstep.dlq.retried-as"
#define RETRY_HEADER   "doorstep.retry-of"
#define FIRST_HEADER   "doorstep.retry-first"

struct ds_letters {
    const struct ds_runtime *runtime;
    ds_broker_t *broker; /* topics: the .dlq ones, then the commands topics, both by decider */
    ds_arena_t *arena;
    ds_map_t *by_key; /* "order:order.commands/3/17" */
    struct ds_letter **list;
    size_t count;
    int32_t partitions;
    uint64_t tags;
};

/* ---- what the headers of a record say */

struct told {
    struct ds_letter_header *headers; /* the original's own */
    size_t count;
    ds_str_t error, detail, action, actor, reason, retried_as;
    bool has_key;
    ds_bytes_t key;
};

static ds_str_t text_of(ds_bytes_t bytes)
{
    return (ds_str_t){(const char *)bytes.data, bytes.len};
}

static bool copy_bytes(ds_letters_t *letters, ds_bytes_t from, ds_bytes_t *copy_out,
                       ds_error_t *error)
{
    ds_str_t copy;

    if (!ds_arena_dup(letters->arena, text_of(from), &copy, error))
        return false;
    *copy_out = (ds_bytes_t){(const uint8_t *)copy.data, copy.len};
    return true;
}

/* Where a header of ours goes; NULL: it is the original's. */
static ds_str_t *slot_of(struct told *told, const char *name)
{
    static const struct {
        const char *name;
        size_t place;
    } known[] = {
        {CONNECT_PREFIX "exception.class.name", offsetof(struct told, error)},
        {CONNECT_PREFIX "exception.message", offsetof(struct told, detail)},
        {ACTION_HEADER, offsetof(struct told, action)},
        {ACTOR_HEADER, offsetof(struct told, actor)},
        {REASON_HEADER, offsetof(struct told, reason)},
        {AS_HEADER, offsetof(struct told, retried_as)},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i].name) == 0)
            return (ds_str_t *)(void *)((char *)told + known[i].place);
    return NULL;
}

static bool take_headers(ds_letters_t *letters, const struct ds_broker_event *record,
                         struct told *told, ds_error_t *error)
{
    struct ds_broker_header from[DS_LETTER_HEADERS];
    size_t count = letters->broker->ops->headers(letters->broker, record, from, DS_LETTER_HEADERS);

    *told = (struct told){0};
    told->headers = ds_arena_calloc(letters->arena, count + 1, sizeof *told->headers, error);
    for (size_t i = 0; told->headers != NULL && i < count; i++) {
        ds_str_t *slot = slot_of(told, from[i].name);
        struct ds_letter_header *own = &told->headers[told->count];

        if (slot != NULL) {
            if (!ds_arena_dup(letters->arena, text_of(from[i].value), slot, error))
                return false;
        } else if (strcmp(from[i].name, KEY_HEADER) == 0) {
            told->has_key = true;
            if (!copy_bytes(letters, from[i].value, &told->key, error))
                return false;
        } else if (strncmp(from[i].name, CONNECT_PREFIX, sizeof CONNECT_PREFIX - 1) != 0) {
            if (!ds_arena_dup(letters->arena, ds_str(from[i].name), &own->name, error) ||
                !copy_bytes(letters, from[i].value, &own->value, error))
                return false;
            told->count++;
        }
    }
    return told->headers != NULL;
}

/* ---- one record of a .dlq topic */

/* "order.commands/3/17". False: not a place; somebody else's record. */
static bool read_place(ds_str_t key, ds_str_t *topic_out, int32_t *partition_out,
                       int64_t *offset_out)
{
    ds_str_t rest = ds_str_after(key, '/');
    int64_t partition;

    *topic_out = ds_str_before(key, '/');
    if (!ds_str_to_i64(ds_str_before(rest, '/'), &partition) || partition < 0 ||
        partition >= DS_MAX_PARTITIONS || !ds_str_to_i64(ds_str_after(rest, '/'), offset_out))
        return false;
    *partition_out = (int32_t)partition;
    return true;
}

/* Of a letter of a copy: the first that was copied, or as far back as the copies say. */
static void find_first(struct ds_letter *letter)
{
    static const char *const names[] = {RETRY_HEADER, FIRST_HEADER};

    letter->first_partition = letter->source_partition;
    letter->first_offset = letter->source_offset;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (size_t i = 0; i < letter->header_count; i++) {
            ds_str_t topic;
            int32_t partition;
            int64_t offset;

            if (ds_str_eq(letter->headers[i].name, ds_str(names[n])) &&
                read_place(text_of(letter->headers[i].value), &topic, &partition, &offset) &&
                ds_str_eq(topic, letter->source_topic)) {
                letter->first_partition = partition;
                letter->first_offset = offset;
            }
        }
}

static bool add_letter(ds_letters_t *letters, const struct ds_decider *decider, ds_str_t name,
                       const struct ds_broker_event *record, const struct told *told,
                       ds_error_t *error)
{
    struct ds_letter *letter = ds_arena_calloc(letters->arena, 1, sizeof *letter, error);

    if (letter == NULL || !ds_arena_dup(letters->arena, record->key, &letter->key, error))
        return false;
    if (!read_place(letter->key, &letter->source_topic, &letter->source_partition,
                    &letter->source_offset))
        return true;
    letter->processor = decider->name;
    letter->at_us = record->appended_us;
    letter->partition = record->partition;
    letter->offset = record->offset;
    letter->error = told->error;
    letter->detail = told->detail;
    letter->has_value = record->has_value;
    letter->has_key = told->has_key;
    letter->original_key = told->key;
    letter->headers = told->headers;
    letter->header_count = told->count;
    find_first(letter);
    if (letters->count == DS_LETTERS_MAX)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT,
                            "more than %d dead letters: choose a processor", DS_LETTERS_MAX);
    if (!copy_bytes(letters, record->value, &letter->value, error) ||
        !ds_map_put(letters->by_key, name, letter, NULL, error))
        return false;
    letters->list[letters->count++] = letter;
    return true;
}

static void note_action(struct ds_letter *letter, const struct told *told, int64_t at_us)
{
    letter->state = ds_str_eq(told->action, DS_STR("dropped"))  ? DS_LETTER_DROPPED
                    : ds_str_eq(told->action, DS_STR("edited")) ? DS_LETTER_EDITED
                                                                : DS_LETTER_RETRIED;
    letter->handled_us = at_us;
    letter->actor = told->actor;
    letter->reason = told->reason;
    letter->retried_as = told->retried_as;
}

static bool take_record(ds_letters_t *letters, const struct ds_broker_event *record,
                        ds_error_t *error)
{
    const struct ds_decider *decider = ds_deciders[record->topic];
    struct ds_letter *known;
    struct told told;
    ds_str_t name;

    if (!record->has_key || !take_headers(letters, record, &told, error))
        return !ds_error_is_set(error);
    if (!ds_arena_printf(letters->arena, &name, error, "%s:%.*s", decider->name,
                         DS_STR_ARG(record->key)))
        return false;
    known = ds_map_get(letters->by_key, name);
    if (told.action.len > 0) {
        if (known != NULL)
            note_action(known, &told, record->appended_us);
        return true;
    }
    /* A second copy, of an owner that could not know of the first. */
    return known != NULL || add_letter(letters, decider, name, record, &told, error);
}

/* ---- reading */

static bool open_broker(ds_letters_t *letters, const char *brokers, ds_error_t *error)
{
    char names[2 * DS_DECIDERS][TOPIC_BYTES];
    const char *topics[2 * DS_DECIDERS];
    struct ds_broker_kafka_config config = {.brokers = brokers,
                                            .client_id = "doorstep-dlq",
                                            .topics = topics,
                                            .topic_count = 2 * DS_DECIDERS,
                                            .with_producer = true};

    for (size_t d = 0; d < DS_DECIDERS; d++) {
        (void)snprintf(names[d], TOPIC_BYTES, "%s.dlq", ds_deciders[d]->name);
        (void)snprintf(names[DS_DECIDERS + d], TOPIC_BYTES, "%s.commands", ds_deciders[d]->name);
    }
    for (size_t t = 0; t < 2 * DS_DECIDERS; t++)
        topics[t] = names[t];
    return ds_broker_kafka_new(&letters->runtime->log, &config, &letters->broker, error) &&
           letters->broker->ops->partitions(letters->broker, 2 * DS_DECIDERS, TIMEOUT_MS,
                                            &letters->partitions, error);
}

/* The ends of the wanted .dlq topics, and a reading of each that is not empty. */
static bool start_reading(ds_letters_t *letters, const char *processor, struct ds_broker_end *ends,
                          size_t *count_out, ds_error_t *error)
{
    size_t count = 0;

    for (int32_t d = 0; d < DS_DECIDERS; d++)
        for (int32_t p = 0; p < letters->partitions; p++)
            if (processor[0] == '\0' || strcmp(processor, ds_deciders[d]->name) == 0)
                ends[count++] =
                    (struct ds_broker_end){.topic = d, .partition = p, .want_low = true};
    *count_out = count;
    if (count == 0)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN, "no processor is called '%s'",
                            processor);
    if (!letters->broker->ops->ends(letters->broker, ends, count, TIMEOUT_MS, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!ends[i].ok)
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE,
                                "%s.dlq/%" PRId32 ": its end cannot be told",
                                ds_deciders[ends[i].topic]->name, ends[i].partition);
        if (ends[i].low < ends[i].end &&
            !letters->broker->ops->start(letters->broker, ends[i].topic, ends[i].partition,
                                         ends[i].low, error))
            return false;
    }
    return true;
}

/* ends[].low moves up to where reading stands. */
static bool note_read(struct ds_broker_end *ends, size_t count,
                      const struct ds_broker_event *record)
{
    for (size_t i = 0; i < count; i++)
        if (ends[i].topic == record->topic && ends[i].partition == record->partition) {
            bool wanted = record->offset < ends[i].end;
            ends[i].low = record->offset + 1;
            return wanted;
        }
    return false;
}

static bool all_read(const struct ds_broker_end *ends, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ends[i].low < ends[i].end)
            return false;
    return true;
}

static bool take_all(ds_letters_t *letters, struct ds_broker_end *ends, size_t count,
                     int64_t timeout_us, ds_error_t *error)
{
    int64_t until = ds_monotonic_us(letters->runtime->clock) + timeout_us;

    while (!all_read(ends, count)) {
        const struct ds_broker_event *events;
        size_t n;

        if (ds_stopping(letters->runtime) || ds_monotonic_us(letters->runtime->clock) > until)
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_TIMEOUT,
                                "the dead letters could not be read to their end");
        if (!letters->broker->ops->poll(letters->broker, POLL_MS, true, &events, &n, error))
            return false;
        for (size_t i = 0; i < n; i++) {
            if (events[i].kind == DS_BROKER_READ_FAILED)
                return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "read %s.dlq: %s",
                                    ds_deciders[events[i].topic]->name, events[i].reason);
            if (events[i].kind == DS_BROKER_RECORD && note_read(ends, count, &events[i]) &&
                !take_record(letters, &events[i], error))
                return false;
        }
    }
    for (size_t i = 0; i < count; i++)
        letters->broker->ops->stop(letters->broker, ends[i].topic, ends[i].partition);
    return true;
}

static int by_place(const void *a_, const void *b_)
{
    const struct ds_letter *a = *(const struct ds_letter *const *)a_;
    const struct ds_letter *b = *(const struct ds_letter *const *)b_;
    int order = strcmp(a->processor, b->processor);

    if (order != 0)
        return order;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static bool read_all(ds_letters_t *letters, const char *brokers, const char *processor,
                     int64_t timeout_us, ds_error_t *error)
{
    struct ds_broker_end *ends = NULL;
    size_t count = 0;
    bool ok = false;

    if (!open_broker(letters, brokers, error))
        return false;
    ends = calloc((size_t)letters->partitions * DS_DECIDERS, sizeof *ends);
    if (ends == NULL)
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "dead letters");
    else
        ok = start_reading(letters, processor, ends, &count, error) &&
             take_all(letters, ends, count, timeout_us, error);
    free(ends);
    if (ok && letters->count > 0)
        qsort(letters->list, letters->count, sizeof(struct ds_letter *), by_place);
    return ok;
}

bool ds_letters_read(const struct ds_runtime *runtime, const char *brokers, const char *processor,
                     int64_t timeout_us, ds_letters_t **letters_out, ds_error_t *error)
{
    ds_letters_t *letters = calloc(1, sizeof *letters);

    *letters_out = NULL;
    if (letters != NULL) {
        letters->runtime = runtime;
        letters->arena = ds_arena_new(64 * 1024, DS_LETTERS_MAX_BYTES);
        letters->by_key = ds_map_new(DS_LETTERS_MAX);
        letters->list = calloc(DS_LETTERS_MAX, sizeof(struct ds_letter *));
    }
    if (letters == NULL || letters->arena == NULL || letters->by_key == NULL ||
        letters->list == NULL)
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "dead letters");
    else if (read_all(letters, brokers, processor, timeout_us, error)) {
        *letters_out = letters;
        return true;
    }
    ds_letters_destroy(letters);
    return false;
}

void ds_letters_destroy(ds_letters_t *letters)
{
    if (letters == NULL)
        return;
    if (letters->broker != NULL)
        letters->broker->ops->destroy(letters->broker, 2000);
    ds_map_destroy(letters->by_key, NULL);
    ds_arena_destroy(letters->arena);
    free(letters->list);
    free(letters);
}

size_t ds_letters_count(const ds_letters_t *letters)
{
    return letters->count;
}

struct ds_letter *ds_letters_at(const ds_letters_t *letters, size_t i)
{
    return letters->list[i];
}

int32_t ds_letters_partitions(const ds_letters_t *letters)
{
    return letters->partitions;
}

const char *ds_letter_state_text(enum ds_letter_state state)
{
    static const char *const texts[] = {"open", "retried", "dropped", "edited"};
    return texts[state];
}

/* ---- doing something about one */

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

        if (!letters->broker->ops->poll(letters->broker, POLL_MS, false, &events, &n, error))
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

static int32_t topic_of(const struct ds_letter *letter)
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
    int64_t ignored;
    const struct ds_broker_header headers[] = {
        text_header(ACTION_HEADER, ds_str(ds_letter_state_text(state))),
        text_header(ACTOR_HEADER, ds_str(actor)),
        text_header(REASON_HEADER, ds_str(reason)),
        text_header(AS_HEADER, letter->retried_as),
    };
    const struct ds_broker_message message = {.topic = topic_of(letter),
                                              .partition = letter->partition,
                                              .has_key = true,
                                              .key = letter->key,
                                              .headers = headers,
                                              .header_count = 4};

    if (!put(letters, &message, &ignored, error))
        return ds_error_prefix(error, "note on %s.dlq that %.*s was %s", letter->processor,
                               DS_STR_ARG(letter->key), ds_letter_state_text(state));
    letter->state = state;
    letter->actor = ds_str(actor);
    letter->reason = ds_str(reason);
    letter->handled_us = ds_now_us(letters->runtime->clock);
    return true;
}

static size_t original_headers(const struct ds_letter *letter, ds_str_t first,
                               struct ds_broker_header *headers)
{
    size_t count = 0;

    for (size_t i = 0; i < letter->header_count; i++)
        if (!ds_str_eq(letter->headers[i].name, DS_STR(RETRY_HEADER)) &&
            !ds_str_eq(letter->headers[i].name, DS_STR(FIRST_HEADER)))
            headers[count++] =
                (struct ds_broker_header){letter->headers[i].name.data, letter->headers[i].value};
    headers[count++] = text_header(RETRY_HEADER, letter->key);
    headers[count++] = text_header(FIRST_HEADER, first);
    return count;
}

bool ds_letter_is_command(const struct ds_letter *letter)
{
    char own[TOPIC_BYTES];

    (void)snprintf(own, sizeof own, "%s.commands", letter->processor);
    return ds_str_eq(letter->source_topic, ds_str(own));
}

bool ds_letter_retry(ds_letters_t *letters, struct ds_letter *letter, const char *actor,
                     const char *reason, ds_error_t *error)
{
    struct ds_broker_header headers[DS_LETTER_HEADERS + 2];
    int32_t topic = DS_DECIDERS + topic_of(letter);
    /* Where its key belongs: where it was found may have been what was wrong with it. */
    int32_t partition = letter->has_key
                            ? ds_partition_of(text_of(letter->original_key), letters->partitions)
                            : letter->source_partition;
    ds_str_t first;
    struct ds_broker_message message = {.topic = topic,
                                        .partition = partition,
                                        .has_key = letter->has_key,
                                        .key = text_of(letter->original_key),
                                        .has_value = letter->has_value,
                                        .value = letter->value,
                                        .headers = headers};
    int64_t offset;

    if (!ds_letter_is_command(letter))
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "%.*s is an event: only its processor may write one; when its schema "
                            "is known the reader needs a rebuild, not a retry",
                            DS_STR_ARG(letter->key));
    if (!ds_arena_printf(letters->arena, &first, error, "%.*s/%" PRId32 "/%" PRId64,
                         DS_STR_ARG(letter->source_topic), letter->first_partition,
                         letter->first_offset))
        return false;
    message.header_count = original_headers(letter, first, headers);
    if (!put(letters, &message, &offset, error))
        return ds_error_prefix(error, "retry %.*s", DS_STR_ARG(letter->key));
    return ds_arena_printf(letters->arena, &letter->retried_as, error, "%.*s/%" PRId32 "/%" PRId64,
                           DS_STR_ARG(letter->source_topic), partition, offset) &&
           note(letters, letter, DS_LETTER_RETRIED, actor, reason, error);
}

bool ds_letter_drop(ds_letters_t *letters, struct ds_letter *letter, const char *actor,
                    const char *reason, ds_error_t *error)
{
    return note(letters, letter, DS_LETTER_DROPPED, actor, reason, error);
}

const struct ds_decider *ds_letter_decider(const struct ds_letter *letter)
{
    return ds_deciders[topic_of(letter)];
}

bool ds_letter_edited(ds_letters_t *letters, struct ds_letter *letter, int32_t partition,
                      int64_t offset, const char *actor, const char *reason, ds_error_t *error)
{
    return ds_arena_printf(letters->arena, &letter->retried_as, error, "%.*s/%" PRId32 "/%" PRId64,
                           DS_STR_ARG(letter->source_topic), partition, offset) &&
           note(letters, letter, DS_LETTER_EDITED, actor, reason, error);
}
