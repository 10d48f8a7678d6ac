/* What becomes of an append: see fake_log.h. */
#include "fake_inside.h"

#include <assert.h>
#include <stdlib.h>

struct ds_fake_held {
    struct ds_fake_sender sender; /* broker NULL: gone */
    char topic[DS_FAKE_NAME_BYTES];
    int32_t partition;
    int32_t index; /* of the topic at the sender */
    uint64_t tag;
    struct ds_fake_record *record;
};

void ds_fake_set_fate(ds_fake_log_t *log, ds_fake_fate_fn fate, void *context)
{
    log->fates.choose = fate;
    log->fates.context = context;
}

static void report(const struct ds_fake_held *h, enum ds_error_code code, int64_t offset)
{
    const struct ds_broker_event event = {.kind = DS_BROKER_DELIVERY,
                                          .topic = h->index,
                                          .partition = h->partition,
                                          .offset = offset,
                                          .tag = h->tag,
                                          .code = code,
                                          .reason = code == DS_OK ? NULL : "made up by the test"};

    if (h->sender.broker != NULL)
        ds_fake_report(&h->sender, &event);
}

static void carry_out(ds_fake_log_t *log, const struct ds_fake_held *h, enum ds_fake_fate fate)
{
    int64_t offset = -1;

    if (fate != DS_FATE_LOSE && fate != DS_FATE_LOSE_SILENTLY && fate != DS_FATE_TOO_LARGE)
        offset = ds_fake_put(log, h->topic, h->partition, h->record);
    switch (fate) {
    case DS_FATE_DELIVER:
        report(h, DS_OK, offset);
        break;
    case DS_FATE_DUPLICATE:
        ds_fake_put(log, h->topic, h->partition, h->record);
        report(h, DS_OK, offset);
        break;
    case DS_FATE_LOSE:
    case DS_FATE_FAIL_AFTER:
        report(h, DS_ERR_TIMEOUT, -1);
        break;
    case DS_FATE_TOO_LARGE:
        report(h, DS_ERR_LIMIT, -1);
        break;
    case DS_FATE_LOSE_SILENTLY:
    case DS_FATE_NO_OFFSET:
        report(h, DS_OK, -1);
        break;
    case DS_FATE_WRONG_OFFSET:
        report(h, DS_OK, 0);
        break;
    case DS_FATE_NO_REPORT:
        break;
    case DS_FATE_HOLD:
    case DS_FATE_FULL:
    case DS_FATE_REFUSE:
        assert(false);
    }
}

size_t ds_fake_held(const ds_fake_log_t *log)
{
    return log->fates.held_count;
}

void ds_fake_release(ds_fake_log_t *log, size_t i, enum ds_fake_fate fate)
{
    struct ds_fake_held h;

    assert(i < log->fates.held_count);
    h = log->fates.held[i];
    memmove(&log->fates.held[i], &log->fates.held[i + 1],
            (log->fates.held_count - i - 1) * sizeof(h));
    log->fates.held_count--;
    carry_out(log, &h, fate);
}

enum ds_broker_put ds_fake_send(ds_fake_log_t *log, const struct ds_fake_sender *sender,
                                const char *topic, const struct ds_broker_message *message,
                                uint64_t tag, ds_error_t *error)
{
    struct ds_fake_fates *fates = &log->fates;
    const struct ds_fake_append append = {topic, message->partition, tag, message->value};
    enum ds_fake_fate fate =
        fates->choose == NULL ? DS_FATE_DELIVER : fates->choose(fates->context, &append);
    struct ds_fake_held h = {
        .sender = *sender, .partition = message->partition, .index = message->topic, .tag = tag};

    if (fate == DS_FATE_FULL)
        return DS_BROKER_PUT_FULL;
    if (fate == DS_FATE_REFUSE) {
        ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "refused by the test");
        return DS_BROKER_PUT_FAILED;
    }
    assert(ds_str_to_array(ds_str(topic), h.topic, sizeof(h.topic)));
    h.record = ds_fake_make_record(log, message);
    if (fate != DS_FATE_HOLD) {
        carry_out(log, &h, fate);
        return DS_BROKER_PUT_OK;
    }
    fates->held = realloc(fates->held, (fates->held_count + 1) * sizeof(h));
    assert(fates->held != NULL);
    fates->held[fates->held_count++] = h;
    return DS_BROKER_PUT_OK;
}

void ds_fake_forget_sender(ds_fake_log_t *log, const ds_broker_t *broker)
{
    for (size_t i = 0; i < log->fates.held_count; i++)
        if (log->fates.held[i].sender.broker == broker)
            log->fates.held[i].sender.broker = NULL;
}
