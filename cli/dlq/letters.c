#include "base/limits.h"
#include "cli/dlq/letters_impl.h"
#include "cli/roles.h"
#include "stream/broker_kafka.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS  10000
#define TOPIC_BYTES 64
#define NAME_BYTES  (DS_LETTER_KEY_BYTES + 32)

bool ds_letter_read_place(ds_str_t key, ds_str_t *topic_out, int32_t *partition_out,
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

/* ---- one record of a .dlq topic: what is kept of it */

static ds_str_t header(const struct ds_broker_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(headers[i].name, name) == 0)
            return ds_letter_text_of(headers[i].value);
    return ds_str("");
}

/* What they take in memory, at most. */
static uint32_t bytes_of(const struct ds_broker_header *headers, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += 64 + strlen(headers[i].name) + headers[i].value.len;
    return bytes < INT32_MAX ? (uint32_t)bytes : INT32_MAX;
}

/* What the filter leaves. The copies of a letter are of one rejection and say the same error; what
 * somebody did about it stands behind it, and is looked at when all was read. */
static bool is_wanted(const struct ds_letters_filter *filter, ds_str_t key, ds_str_t error)
{
    bool named = filter->key_count == 0;

    for (int i = 0; !named && i < filter->key_count; i++)
        named = ds_str_eq(key, ds_str(filter->keys[i]));
    return named && (filter->error[0] == '\0' || ds_str_eq(error, ds_str(filter->error)));
}

static bool add_letter(ds_letters_t *letters, const struct ds_decider *decider, ds_str_t name,
                       const struct ds_broker_event *record, uint32_t header_bytes,
                       ds_error_t *error)
{
    struct ds_letter *letter;
    ds_str_t kept;

    if (letters->count == DS_LETTERS_MAX)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT,
                            "more than %d dead letters, handled ones too: choose with --processor, "
                            "--error or their keys",
                            DS_LETTERS_MAX);
    letter = ds_arena_calloc(letters->arena, 1, sizeof *letter, error);
    if (letter == NULL || !ds_arena_dup(letters->arena, name, &kept, error) ||
        !ds_map_put(letters->by_name, kept, letter, NULL, error))
        return false;
    letter->processor = decider->name;
    letter->key = ds_str_after(kept, ':');
    letter->at_us = record->appended_us;
    letter->partition = record->partition;
    letter->offset = record->offset;
    letter->note_offset = -1;
    letter->bytes = record->value.len;
    letter->header_bytes = header_bytes;
    letters->count++;
    return true;
}

static void note_action(struct ds_letter *letter, ds_str_t action, int64_t offset)
{
    letter->state = ds_str_eq(action, DS_STR("dropped"))  ? DS_LETTER_DROPPED
                    : ds_str_eq(action, DS_STR("edited")) ? DS_LETTER_EDITED
                                                          : DS_LETTER_RETRIED;
    letter->note_offset = offset;
}

static bool take_record(ds_letters_t *letters, const struct ds_broker_event *record,
                        ds_error_t *error)
{
    const struct ds_decider *decider = ds_deciders[record->topic];
    struct ds_broker_header headers[DS_LETTER_HEADERS];
    char text[NAME_BYTES];
    ds_str_t topic;
    int32_t partition;
    int64_t offset;

    if (!record->has_key || record->key.len > DS_LETTER_KEY_BYTES ||
        !ds_letter_read_place(record->key, &topic, &partition, &offset))
        return true;
    (void)snprintf(text, sizeof text, "%s:%.*s", decider->name, DS_STR_ARG(record->key));
    struct ds_letter *known = ds_map_get(letters->by_name, ds_str(text));
    size_t count =
        letters->broker->ops->headers(letters->broker, record, headers, DS_LETTER_HEADERS);
    ds_str_t action = header(headers, count, DS_ACTION_HEADER);
    if (action.len > 0) {
        if (known != NULL) {
            note_action(known, action, record->offset);
            if (known->header_bytes < INT32_MAX)
                known->header_bytes += bytes_of(headers, count);
        }
        return true;
    }
    /* A second copy, of an owner that could not know of the first. */
    return known != NULL ||
           !is_wanted(letters->filter, record->key, header(headers, count, DS_ERROR_HEADER)) ||
           add_letter(letters, decider, ds_str(text), record, bytes_of(headers, count), error);
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
        if (!letters->broker->ops->poll(letters->broker, DS_LETTER_POLL_MS, true, &events, &n,
                                        error))
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

static bool make_list(ds_letters_t *letters, ds_error_t *error)
{
    size_t cursor = 0, n = 0;
    ds_str_t name;
    void *letter;

    letters->list = calloc(letters->count + 1, sizeof(struct ds_letter *));
    if (letters->list == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "dead letters");
    while (ds_map_next(letters->by_name, &cursor, &name, &letter))
        letters->list[n++] = letter;
    qsort(letters->list, n, sizeof(struct ds_letter *), by_place);
    return true;
}

static bool read_all(ds_letters_t *letters, const char *brokers, ds_error_t *error)
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
        ok = start_reading(letters, letters->filter->processor, ends, &count, error) &&
             take_all(letters, ends, count, letters->timeout_us, error) &&
             make_list(letters, error);
    free(ends);
    return ok;
}

bool ds_letters_read(const struct ds_runtime *runtime, const char *brokers,
                     const struct ds_letters_filter *filter, int64_t timeout_us,
                     ds_letters_t **letters_out, ds_error_t *error)
{
    ds_letters_t *letters = calloc(1, sizeof *letters);

    *letters_out = NULL;
    if (letters != NULL) {
        letters->runtime = runtime;
        letters->filter = filter;
        letters->timeout_us = timeout_us;
        letters->arena = ds_arena_new(64 * 1024, (size_t)DS_LETTERS_MAX * DS_LETTER_KEPT_BYTES);
        letters->contents = ds_arena_new(64 * 1024, DS_LETTERS_LOADED_BYTES);
        letters->by_name = ds_map_new_borrowing(DS_LETTERS_MAX);
    }
    if (letters == NULL || letters->arena == NULL || letters->contents == NULL ||
        letters->by_name == NULL)
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "dead letters");
    else if (read_all(letters, brokers, error)) {
        letters->filter = NULL;
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
    ds_map_destroy(letters->by_name, NULL);
    ds_arena_destroy(letters->arena);
    ds_arena_destroy(letters->contents);
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
