#include "gateways/notifications/channels.h"

/* The line is the runtime itself: nothing is kept. */
static void *open_line(const struct ds_runtime *runtime, const void *config)
{
    (void)config;
    return (void *)(uintptr_t)runtime;
}

static void close_line(void *line)
{
    (void)line;
}

static void send_line(void *context, const struct ds_notice *notice, const atomic_bool *stop,
                      struct ds_told_answer *answer)
{
    const struct ds_runtime *runtime = context;
    (void)stop;
    ds_log_t log = runtime->log;
    log.order_id = notice->order_id;
    log.correlation_id = notice->correlation_id;
    ds_log(&log, DS_LOG_INFO, "notifications.notice", "a customer would be told",
           DS_F_CSTR("event", ds_notice_kind_text(notice->kind)),
           DS_F_TEXT("event_id", notice->event_id), DS_F_BOOL("email", notice->email.len > 0),
           DS_F_BOOL("push", notice->push_token.len > 0), DS_F_TEXT("language", notice->language));
    answer->told = DS_TOLD_SENT;
}

const struct ds_channel_ops ds_log_ops = {open_line, close_line, send_line};
