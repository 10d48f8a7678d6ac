/* Originals of rejected inputs on their way to <name>.dlq (protocol R9): kept until the
 * InputRejected is confirmed, then sent until the broker has them. At least once: what an owner
 * could not send its successor reads again and sends (owed.c, resend.c). The key says where the
 * original stands, so a second copy is recognised. */
#include "base/planted.h"
#include "stream/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HEADERS_MAX   64
#define ERROR_HEADERS 8
#define TRIES_AT_ONCE 4 /* then a pause */

enum letter_state { LETTER_WAITING, LETTER_READY, LETTER_SENT };

struct ds_dead_letter {
    enum letter_state state;
    int64_t epoch; /* of the InputRejected */
    int64_t seq;
    uint64_t tag;
    unsigned failures;
    bool refused; /* as too large; it may have been what it was sent with: so alone from now on */
    int64_t offset;
    const char *topic;
    bool has_key;
    bool has_value;
    uint32_t key_len;
    uint32_t value_len;
    size_t header_count;
    struct ds_broker_header headers[HEADERS_MAX]; /* point into bytes */
    ds_buf_t bytes; /* key, value, then the texts of the headers, each with its NUL */
    char reason[32];
    char detail[DS_ERROR_MESSAGE_BYTES];
};

static void letter_destroy(struct ds_dead_letter *letter)
{
    ds_buf_cleanup(&letter->bytes);
}

static bool is_of(const struct ds_dead_letter *letter, const struct ds_owed *owed)
{
    return letter->epoch == owed->place.epoch && letter->seq == owed->place.seq;
}

static void remove_at(struct ds_task *task, size_t i)
{
    letter_destroy(&task->dead_letters[i]);
    memmove(&task->dead_letters[i], &task->dead_letters[i + 1],
            (task->dead_letter_count - i - 1) * sizeof(*task->dead_letters));
    task->dead_letter_count--;
}

/* The topic has it, or never will. */
static void settled(struct ds_task *task, size_t i)
{
    struct ds_owed *owed =
        ds_owed_find(task, task->dead_letters[i].epoch, task->dead_letters[i].seq);

    if (owed != NULL)
        owed->is_written = true;
    remove_at(task, i);
}

void ds_dead_letters_free(struct ds_task *task)
{
    while (task->dead_letter_count > 0)
        remove_at(task, task->dead_letter_count - 1);
    free(task->dead_letters);
    task->dead_letters = NULL;
}

/* Offsets first: the buffer may move while it grows. */
static bool copy_headers(struct ds_task *task, struct ds_dead_letter *letter,
                         const struct ds_broker_event *record, ds_error_t *error)
{
    struct ds_broker_header from[HEADERS_MAX - ERROR_HEADERS];
    size_t names[HEADERS_MAX];
    size_t values[HEADERS_MAX];
    size_t count = task->host->broker->ops->headers(task->host->broker, record, from,
                                                    HEADERS_MAX - ERROR_HEADERS);

    for (size_t i = 0; i < count; i++) {
        names[i] = letter->bytes.len;
        if (!ds_buf_append(&letter->bytes, from[i].name, strlen(from[i].name) + 1, error))
            return false;
        values[i] = letter->bytes.len;
        if (!ds_buf_append(&letter->bytes, from[i].value.data, from[i].value.len, error))
            return false;
    }
    for (size_t i = 0; i < count; i++) {
        letter->headers[i].name = (const char *)letter->bytes.data + names[i];
        letter->headers[i].value = (ds_bytes_t){letter->bytes.data + values[i], from[i].value.len};
    }
    letter->header_count = count;
    return true;
}

static bool add_letter(struct ds_task *task, const struct ds_task_input *in,
                       const struct ds_broker_event *record, const struct ds_dead_letter *like,
                       const char *reason, const char *detail, ds_error_t *error)
{
    struct ds_dead_letter *letter;

    if (task->dead_letters == NULL)
        task->dead_letters = calloc(DS_MAX_DEAD_LETTERS, sizeof(*task->dead_letters));
    if (task->dead_letters == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "dead letters");
    if (task->dead_letter_count == DS_MAX_DEAD_LETTERS) /* the host takes no input at this bound */
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "%d dead letters wait",
                            DS_MAX_DEAD_LETTERS);
    letter = &task->dead_letters[task->dead_letter_count];
    *letter = (struct ds_dead_letter){.state = DS_PLANTED(DEAD_LETTER) ? LETTER_READY : like->state,
                                      .epoch = like->epoch,
                                      .seq = like->seq,
                                      .offset = record->offset,
                                      .topic = in->input->schema->topic,
                                      .has_key = record->has_key,
                                      .has_value = record->has_value,
                                      .key_len = record->key.len,
                                      .value_len = record->value.len};
    (void)snprintf(letter->reason, sizeof(letter->reason), "%s", reason);
    (void)snprintf(letter->detail, sizeof(letter->detail), "%s", detail);
    ds_buf_init(&letter->bytes, 4 * (size_t)DS_MAX_DECISION_BYTES);
    if (!ds_buf_append(&letter->bytes, record->key.data, record->key.len, error) ||
        !ds_buf_append(&letter->bytes, record->value.data, record->value.len, error) ||
        !copy_headers(task, letter, record, error)) {
        letter_destroy(letter);
        return false;
    }
    task->dead_letter_count++;
    return true;
}

bool ds_dead_letter_add(struct ds_task *task, const struct ds_task_input *in,
                        const struct ds_broker_event *record, const char *reason,
                        const char *detail, ds_error_t *error)
{
    const struct ds_dead_letter like = {
        .state = LETTER_WAITING, .epoch = task->epoch, .seq = task->next_seq};

    return add_letter(task, in, record, &like, reason, detail, error);
}

bool ds_dead_letter_again(struct ds_task *task, const struct ds_task_input *in,
                          const struct ds_broker_event *record, const struct ds_owed *owed,
                          ds_error_t *error)
{
    const struct ds_dead_letter like = {
        .state = LETTER_READY, .epoch = owed->place.epoch, .seq = owed->place.seq};

    return add_letter(task, in, record, &like, owed->reason, owed->detail, error);
}

void ds_dead_letters_confirmed(struct ds_task *task, struct ds_log_place place)
{
    struct ds_owed *owed = ds_owed_find(task, place.epoch, place.seq);

    if (owed == NULL)
        return;
    owed->place = place;
    for (size_t i = 0; i < task->dead_letter_count; i++) {
        struct ds_dead_letter *letter = &task->dead_letters[i];

        if (letter->state == LETTER_WAITING && is_of(letter, owed))
            letter->state = LETTER_READY;
    }
}

bool ds_dead_letter_at_hand(const struct ds_task *task, const struct ds_owed *owed)
{
    for (size_t i = 0; i < task->dead_letter_count; i++)
        if (is_of(&task->dead_letters[i], owed))
            return true;
    return false;
}

void ds_dead_letters_drop_noted(struct ds_task *task)
{
    for (size_t i = task->dead_letter_count; i-- > 0;)
        if (ds_owed_find(task, task->dead_letters[i].epoch, task->dead_letters[i].seq) == NULL)
            remove_at(task, i);
    task->letters_held = false;
}

void ds_dead_letters_drop_before(struct ds_task *task, int64_t epoch)
{
    for (size_t i = task->dead_letter_count; i-- > 0;)
        if (task->dead_letters[i].state == LETTER_WAITING && task->dead_letters[i].epoch < epoch)
            remove_at(task, i);
}

bool ds_dead_letters_stuck(const struct ds_task *task)
{
    if (task->letters_held)
        return false;
    for (size_t i = 0; i < task->dead_letter_count; i++)
        if (task->dead_letters[i].state == LETTER_WAITING)
            return false;
    return task->dead_letter_count == DS_MAX_DEAD_LETTERS;
}

static void text_header(struct ds_broker_header *header, const char *name, const char *text)
{
    header->name = name;
    header->value = (ds_bytes_t){(const uint8_t *)text, (uint32_t)strlen(text)};
}

/* The names Kafka Connect uses, so that its tools understand our dead letters. */
static enum ds_broker_put send_letter(struct ds_task *task, struct ds_dead_letter *letter,
                                      ds_error_t *error)
{
    struct ds_host *host = task->host;
    char key[192];
    char partition[16];
    char offset[24];
    size_t n = letter->header_count;
    struct ds_broker_message message = {.topic = host->topic_dlq,
                                        .partition = task->partition,
                                        .has_key = true,
                                        .has_value = letter->has_value,
                                        .value = {letter->bytes.data + letter->key_len,
                                                  letter->value_len},
                                        .headers = letter->headers};

    (void)snprintf(partition, sizeof(partition), "%" PRId32, task->partition);
    (void)snprintf(offset, sizeof(offset), "%" PRId64, letter->offset);
    (void)snprintf(key, sizeof(key), "%s/%s/%s", letter->topic, partition, offset);
    message.key = ds_str(key);
    text_header(&letter->headers[n++], "__connect.errors.topic", letter->topic);
    text_header(&letter->headers[n++], "__connect.errors.partition", partition);
    text_header(&letter->headers[n++], "__connect.errors.offset", offset);
    text_header(&letter->headers[n++], "__connect.errors.connector.name", host->name);
    text_header(&letter->headers[n++], "__connect.errors.stage", "VALUE_CONVERTER");
    text_header(&letter->headers[n++], "__connect.errors.exception.class.name", letter->reason);
    text_header(&letter->headers[n++], "__connect.errors.exception.message", letter->detail);
    if (letter->has_key) {
        letter->headers[n].name = "__doorstep.key";
        letter->headers[n++].value = (ds_bytes_t){letter->bytes.data, letter->key_len};
    }
    message.header_count = n;
    letter->tag = ++host->dead_letter_tags;
    return host->broker->ops->produce(host->broker, &message, letter->tag, error);
}

/* Alone, behind a refusal: no other goes with it. */
static bool any_sent(const struct ds_task *task, bool alone)
{
    for (size_t i = 0; i < task->dead_letter_count; i++)
        if (task->dead_letters[i].state == LETTER_SENT && (task->dead_letters[i].refused || !alone))
            return true;
    return false;
}

void ds_dead_letters_send(struct ds_task *task)
{
    if (ds_task_now(task) < task->dead_letter_wake_us || task->letters_held || any_sent(task, true))
        return;
    for (size_t i = 0; i < task->dead_letter_count; i++) {
        struct ds_dead_letter *letter = &task->dead_letters[i];
        ds_error_t error = DS_ERROR_INIT;

        if (letter->state != LETTER_READY)
            continue;
        if (letter->refused && any_sent(task, false))
            return;
        switch (send_letter(task, letter, &error)) {
        case DS_BROKER_PUT_OK:
            letter->state = LETTER_SENT;
            if (letter->refused)
                return;
            break;
        case DS_BROKER_PUT_FULL:
            return;
        case DS_BROKER_PUT_FAILED:
            ds_log_error(&task->log, DS_LOG_ERROR, "dead_letter.failed", &error);
            if (error.code == DS_ERR_LIMIT) /* with its headers it is too large; the original stands
                                               in its topic */
                settled(task, i);
            else
                task->dead_letter_wake_us = ds_task_now(task) + DS_DEAD_LETTER_US;
            return;
        }
    }
}

/* A topic that takes smaller records than we send refuses all that came with one that is too large;
 * the one that it refuses alone it will never take, and its original stands in its own. */
static void refused(struct ds_task *task, size_t i, const char *reason)
{
    struct ds_dead_letter *letter = &task->dead_letters[i];

    if (!letter->refused) {
        letter->refused = true;
        return;
    }
    ds_log(&task->log, DS_LOG_ERROR, "dead_letter.failed", reason,
           DS_F_INT("input_offset", letter->offset));
    settled(task, i);
}

static void failed(struct ds_task *task, struct ds_dead_letter *letter, const char *reason)
{
    if (++letter->failures % TRIES_AT_ONCE != 0)
        return;
    ds_log(&task->log, DS_LOG_ERROR, "dead_letter.failed", reason,
           DS_F_INT("input_offset", letter->offset));
    task->dead_letter_wake_us = ds_task_now(task) + DS_DEAD_LETTER_US;
}

void ds_dead_letter_delivery(struct ds_task *task, const struct ds_broker_event *report)
{
    const char *reason = report->reason == NULL ? "" : report->reason;

    for (size_t i = 0; i < task->dead_letter_count; i++) {
        struct ds_dead_letter *letter = &task->dead_letters[i];

        if (letter->state != LETTER_SENT || letter->tag != report->tag)
            continue;
        /* A success without an offset proves nothing (confirm.c settles it by reading; here a
         * second copy costs less). */
        if (report->code == DS_OK && report->offset >= 0) {
            ds_metric_add(task->host->metrics[DS_HM_DEAD_LETTERS], 1);
            settled(task, i);
            return;
        }
        letter->state = LETTER_READY;
        if (report->code == DS_ERR_LIMIT)
            refused(task, i, reason);
        else
            failed(task, letter, reason);
        return;
    }
}

void ds_dead_letters_producer_lost(struct ds_task *task)
{
    for (size_t i = 0; i < task->dead_letter_count; i++)
        if (task->dead_letters[i].state == LETTER_SENT)
            task->dead_letters[i].state = LETTER_READY;
}
