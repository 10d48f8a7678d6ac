/* What letters say: read again, a bounded number at a time. */
#include "cli/dlq/letters_impl.h"
#include "cli/roles.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- what the headers of a record say */

struct told {
    struct ds_letter_header *headers; /* the original's own */
    size_t count;
    ds_str_t error, detail, action, actor, reason, retried_as;
    bool has_key;
    ds_bytes_t key;
};

static bool copy_bytes(ds_letters_t *letters, ds_bytes_t from, ds_bytes_t *copy_out,
                       ds_error_t *error)
{
    ds_str_t copy;

    if (!ds_arena_dup(letters->contents, ds_letter_text_of(from), &copy, error))
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
        {DS_ERROR_HEADER, offsetof(struct told, error)},
        {DS_DETAIL_HEADER, offsetof(struct told, detail)},
        {DS_ACTION_HEADER, offsetof(struct told, action)},
        {DS_ACTOR_HEADER, offsetof(struct told, actor)},
        {DS_REASON_HEADER, offsetof(struct told, reason)},
        {DS_AS_HEADER, offsetof(struct told, retried_as)},
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
    told->headers = ds_arena_calloc(letters->contents, count + 1, sizeof *told->headers, error);
    for (size_t i = 0; told->headers != NULL && i < count; i++) {
        ds_str_t *slot = slot_of(told, from[i].name);
        struct ds_letter_header *own = &told->headers[told->count];

        if (slot != NULL) {
            if (!ds_arena_dup(letters->contents, ds_letter_text_of(from[i].value), slot, error))
                return false;
        } else if (strcmp(from[i].name, DS_KEY_HEADER) == 0) {
            told->has_key = true;
            if (!copy_bytes(letters, from[i].value, &told->key, error))
                return false;
        } else if (strncmp(from[i].name, DS_CONNECT_PREFIX, sizeof DS_CONNECT_PREFIX - 1) != 0) {
            if (!ds_arena_dup(letters->contents, ds_str(from[i].name), &own->name, error) ||
                !copy_bytes(letters, from[i].value, &own->value, error))
                return false;
            told->count++;
        }
    }
    return told->headers != NULL;
}

/* ---- the letter, and the note about it */

/* Of a letter of a copy: the first that was copied, or as far back as the copies say. */
static void find_first(struct ds_letter_content *content)
{
    static const char *const names[] = {DS_RETRY_HEADER, DS_FIRST_HEADER};

    content->first_partition = content->source_partition;
    content->first_offset = content->source_offset;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (size_t i = 0; i < content->header_count; i++) {
            ds_str_t topic;
            int32_t partition;
            int64_t offset;

            if (ds_str_eq(content->headers[i].name, ds_str(names[n])) &&
                ds_letter_read_place(ds_letter_text_of(content->headers[i].value), &topic,
                                     &partition, &offset) &&
                ds_str_eq(topic, content->source_topic)) {
                content->first_partition = partition;
                content->first_offset = offset;
            }
        }
}

static bool take_letter(ds_letters_t *letters, struct ds_letter *letter,
                        const struct ds_broker_event *record, ds_error_t *error)
{
    struct ds_letter_content *content = letter->content;
    struct told told;

    if (!take_headers(letters, record, &told, error) ||
        !copy_bytes(letters, record->value, &content->value, error))
        return false;
    content->error = told.error;
    content->detail = told.detail;
    content->has_value = record->has_value;
    content->has_key = told.has_key;
    content->original_key = told.key;
    content->headers = told.headers;
    content->header_count = told.count;
    find_first(content);
    return true;
}

static bool take_note(ds_letters_t *letters, struct ds_letter *letter,
                      const struct ds_broker_event *record, ds_error_t *error)
{
    struct ds_letter_content *content = letter->content;
    struct told told;

    if (!take_headers(letters, record, &told, error))
        return false;
    content->handled_us = record->appended_us;
    content->actor = told.actor;
    content->reason = told.reason;
    content->retried_as = told.retried_as;
    return true;
}

/* ---- reading them */

/* A record that is looked for. */
struct want {
    struct ds_letter *letter;
    int64_t offset;
    int32_t topic;
    bool note; /* not the letter, but what was done about it */
    bool taken;
};

/* All that one loading looks for, by topic, partition and offset. */
struct search {
    ds_letters_t *letters;
    struct want wants[2 * DS_LETTERS_AT_ONCE];
    size_t count;
    size_t taken;
};

static int compare(const struct want *want, int32_t topic, int32_t partition, int64_t offset)
{
    if (want->topic != topic)
        return want->topic < topic ? -1 : 1;
    if (want->letter->partition != partition)
        return want->letter->partition < partition ? -1 : 1;
    return want->offset < offset ? -1 : want->offset > offset;
}

static int by_place(const void *a, const void *b)
{
    const struct want *other = b;
    return compare(a, other->topic, other->letter->partition, other->offset);
}

static bool is_same_part(const struct want *a, const struct want *b)
{
    return a->topic == b->topic && a->letter->partition == b->letter->partition;
}

/* The first that does not stand before this place. */
static size_t find(const struct search *search, int32_t topic, int32_t partition, int64_t offset)
{
    size_t low = 0, high = search->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&search->wants[middle], topic, partition, offset) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Each partition from the first that is wanted of it. */
static bool start(struct search *search, ds_error_t *error)
{
    ds_broker_t *broker = search->letters->broker;

    qsort(search->wants, search->count, sizeof *search->wants, by_place);
    for (size_t i = 0; i < search->count; i++) {
        const struct want *want = &search->wants[i];
        if ((i == 0 || !is_same_part(want, want - 1)) &&
            !broker->ops->start(broker, want->topic, want->letter->partition, want->offset, error))
            return false;
    }
    return true;
}

static void stop(const struct search *search)
{
    ds_broker_t *broker = search->letters->broker;

    for (size_t i = 0; i < search->count; i++)
        if (i == 0 || !is_same_part(&search->wants[i], &search->wants[i - 1]))
            broker->ops->stop(broker, search->wants[i].topic, search->wants[i].letter->partition);
}

/* Nothing stands at a place that reading has passed: its topic keeps letters for 30 days. */
static bool passed(const struct search *search, size_t place, ds_error_t *error)
{
    const struct want *before = place == 0 ? NULL : &search->wants[place - 1];

    return before == NULL || before->taken ||
           ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN,
                        "%.*s: the letter, or what was done about it, stands in %s.dlq no more",
                        DS_STR_ARG(before->letter->key), before->letter->processor);
}

static bool take(struct search *search, const struct ds_broker_event *event, ds_error_t *error)
{
    ds_letters_t *letters = search->letters;
    size_t place;
    struct want *want;

    if (event->kind == DS_BROKER_READ_FAILED)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "read %s.dlq: %s",
                            ds_deciders[event->topic]->name, event->reason);
    if (event->kind != DS_BROKER_RECORD && event->kind != DS_BROKER_AT_END)
        return true;
    place = find(search, event->topic, event->partition, event->offset);
    want = &search->wants[place];
    if (place > 0 && want[-1].topic == event->topic &&
        want[-1].letter->partition == event->partition && !passed(search, place, error))
        return false;
    if (event->kind != DS_BROKER_RECORD || place == search->count || want->taken ||
        compare(want, event->topic, event->partition, event->offset) != 0)
        return true;
    want->taken = true;
    search->taken++;
    return want->note ? take_note(letters, want->letter, event, error)
                      : take_letter(letters, want->letter, event, error);
}

static bool take_all(struct search *search, ds_error_t *error)
{
    ds_letters_t *letters = search->letters;
    int64_t until_us = ds_monotonic_us(letters->runtime->clock) + letters->timeout_us;

    while (search->taken < search->count) {
        const struct ds_broker_event *events;
        size_t n;

        if (ds_stopping(letters->runtime) || ds_monotonic_us(letters->runtime->clock) > until_us)
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_TIMEOUT,
                                "the dead letters could not be read again");
        if (!letters->broker->ops->poll(letters->broker, DS_LETTER_POLL_MS, true, &events, &n,
                                        error))
            return false;
        for (size_t i = 0; i < n; i++)
            if (!take(search, &events[i], error))
                return false;
    }
    return true;
}

static void forget(ds_letters_t *letters)
{
    for (size_t i = 0; i < letters->loaded_count; i++)
        letters->loaded[i]->content = NULL;
    letters->loaded_count = 0;
    ds_arena_reset(letters->contents);
}

static bool prepare(struct search *search, struct ds_letter *letter, ds_error_t *error)
{
    ds_letters_t *letters = search->letters;
    int32_t topic = ds_letter_topic(letter);
    struct ds_letter_content *content =
        ds_arena_calloc(letters->contents, 1, sizeof *letter->content, error);

    if (content == NULL)
        return false;
    (void)ds_letter_read_place(letter->key, &content->source_topic, &content->source_partition,
                               &content->source_offset);
    letter->content = content;
    letters->loaded[letters->loaded_count++] = letter;
    search->wants[search->count++] =
        (struct want){.letter = letter, .offset = letter->offset, .topic = topic};
    if (letter->note_offset >= 0)
        search->wants[search->count++] = (struct want){
            .letter = letter, .offset = letter->note_offset, .topic = topic, .note = true};
    return true;
}

bool ds_letters_load(ds_letters_t *letters, struct ds_letter *const *list, size_t count,
                     ds_error_t *error)
{
    struct search *search = calloc(1, sizeof *search);
    bool ok = search != NULL;

    forget(letters);
    if (!ok)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "dead letters");
    search->letters = letters;
    for (size_t i = 0; ok && i < count; i++)
        ok = prepare(search, list[i], error);
    if (ok)
        ok = start(search, error) && take_all(search, error);
    stop(search);
    free(search);
    return ok;
}

static size_t bytes_of(const struct ds_letter *letter)
{
    return (size_t)letter->bytes + letter->header_bytes;
}

/* How many of these fit in memory; one always does. */
static size_t at_once(struct ds_letter *const *list, size_t count)
{
    size_t bytes = bytes_of(list[0]);
    size_t n = 1;

    while (n < count && n < DS_LETTERS_AT_ONCE &&
           bytes + bytes_of(list[n]) <= DS_LETTERS_LOADED_BYTES / 8)
        bytes += bytes_of(list[n++]);
    return n;
}

bool ds_letters_each(ds_letters_t *letters, struct ds_letter *const *list, size_t count,
                     ds_letter_fn visit, void *context, ds_error_t *error)
{
    while (count > 0) {
        size_t n = at_once(list, count);

        if (!ds_letters_load(letters, list, n, error))
            return false;
        for (size_t i = 0; i < n; i++)
            if (!visit(context, list[i], error))
                return false;
        list += n;
        count -= n;
    }
    return true;
}
