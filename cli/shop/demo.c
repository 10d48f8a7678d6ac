/* cli/shop/demo.c - places one order in the demo shop, acts as its couriers, and shows the order's
 * way.
 *
 * Customer and courier act through the public interface; the timeline is read from the log. */
#include "cli/roles.h"
#include "cli/shop/courier.h"
#include "cli/shop/demo_shop.h"
#include "cli/shop/timeline.h"

#include <stdio.h>

#define PATH_BYTES 256
#define POLL_US    (20 * DS_US_PER_MS)

struct settings {
    struct ds_shop_settings shop;
    const char *brokers;
    const char *payment_token;
    int64_t timeout_us;
    bool cash;
    bool json;
};

static const struct ds_option options[] = {
    DS_SHOP_OPTIONS,
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct settings, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers, for the timeline."},
    {"payment-token", NULL, DS_OPT_TEXT, offsetof(struct settings, payment_token), "tok_ok", 0, 0,
     false, false, "What the sandbox provider is told, such as tok_declined."},
    {"timeout", NULL, DS_OPT_DURATION, offsetof(struct settings, timeout_us), "60s", DS_US_PER_S,
     3600 * DS_US_PER_S, false, false, "How long the order may take."},
    {"cash", NULL, DS_OPT_BOOL, offsetof(struct settings, cash), "0", 0, 0, false, false,
     "Pay at the door."},
    {"json", NULL, DS_OPT_BOOL, offsetof(struct settings, json), "0", 0, 0, false, false,
     "Print the timeline as JSON."},
    DS_OPTION_END,
};

struct demo {
    const struct ds_runtime *runtime;
    const struct settings *settings;
    ds_shop_client_t *client;
    int64_t deadline_us;
    char order_id[96];
    char status[32];
};

static bool place(struct demo *demo, ds_error_t *error)
{
    json_t *body =
        ds_demo_order_body(0, 0, 3, demo->settings->cash ? NULL : demo->settings->payment_token);
    struct ds_shop_answer answer;
    bool ok = ds_shop_act_as(demo->client, "customer", "demo-customer", error) &&
              ds_shop_expect(demo->client, "POST", "/api/orders", body, NULL, demo->deadline_us,
                             &answer, error);
    json_decref(body);
    if (!ok)
        return false;
    const char *id = json_string_value(json_object_get(answer.data, "orderId"));
    ok = id != NULL && ds_str_to_array(ds_str(id), demo->order_id, sizeof demo->order_id);
    if (!ok)
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "the answer has no orderId");
    ds_shop_answer_cleanup(&answer);
    return ok;
}

/* A query that fails for a moment is asked again by the caller. */
static void look_at_order(struct demo *demo)
{
    ds_error_t error = DS_ERROR_INIT;
    char path[PATH_BYTES];
    struct ds_shop_answer answer;
    (void)snprintf(path, sizeof path, "/api/orders/%s", demo->order_id);
    if (!ds_shop_act_as(demo->client, "customer", "demo-customer", &error) ||
        !ds_shop_call(demo->client, "GET", path, NULL, NULL, &answer, &error))
        return;
    const char *status = json_string_value(json_object_get(answer.data, "status"));
    if (status != NULL)
        (void)snprintf(demo->status, sizeof demo->status, "%s", status);
    ds_shop_answer_cleanup(&answer);
}

static bool is_over(const struct demo *demo)
{
    return strcmp(demo->status, "fulfilled") == 0 || strcmp(demo->status, "cancelled") == 0 ||
           strcmp(demo->status, "refused") == 0;
}

static bool deliver(struct demo *demo, ds_error_t *error)
{
    for (;;) {
        look_at_order(demo);
        if (is_over(demo))
            return true;
        for (size_t c = 0; c < DS_DEMO_COURIERS_A_STORE; c++) {
            char courier[96];
            size_t acted;
            ds_error_t attempt = DS_ERROR_INIT;
            ds_demo_courier_id(0, c, courier, sizeof courier);
            if (!ds_courier_round(demo->client, courier, &acted, &attempt) && !attempt.retriable)
                return ds_error_set(error, attempt.domain, attempt.code, "%s", attempt.message);
        }
        if (!ds_shop_pause(demo->runtime, POLL_US, demo->deadline_us))
            return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_TIMEOUT, "order %s is still '%s'",
                                demo->order_id, demo->status);
    }
}

static bool go_online(struct demo *demo, ds_error_t *error)
{
    for (size_t c = 0; c < DS_DEMO_COURIERS_A_STORE; c++)
        if (!ds_courier_go_online(demo->client, 0, c, demo->deadline_us, error))
            return false;
    return true;
}

static bool show(struct demo *demo, ds_error_t *error)
{
    struct ds_timeline timeline;
    ds_str_t id = ds_str(demo->order_id);
    if (!ds_timeline_read(demo->runtime, demo->settings->brokers, id, demo->settings->timeout_us,
                          &timeline, error))
        return false;
    if (!demo->settings->json)
        printf("Order %s: %s\n\n", demo->order_id, demo->status);
    ds_timeline_print(&timeline, id, demo->settings->json);
    ds_timeline_cleanup(&timeline);
    return true;
}

static int run(const struct ds_runtime *runtime, const void *settings_, int argc,
               const char *const *argv, ds_error_t *error)
{
    (void)argc, (void)argv;
    const struct settings *settings = settings_;
    struct demo demo = {.runtime = runtime,
                        .settings = settings,
                        .client = ds_shop_client_new(runtime, &settings->shop),
                        .deadline_us = ds_monotonic_us(runtime->clock) + settings->timeout_us};
    bool ok = demo.client != NULL && go_online(&demo, error) && place(&demo, error);
    if (ok) {
        ok = deliver(&demo, error);
        ds_error_t unseen = DS_ERROR_INIT;
        ok = show(&demo, ok ? error : &unseen) && ok;
    }
    ds_shop_client_destroy(demo.client);
    return ok && strcmp(demo.status, "fulfilled") == 0 ? 0 : 1;
}

const struct ds_role ds_role_demo = {
    .name = "demo",
    .summary = "place one order in the demo shop and show its way until it is delivered",
    .examples =
        "  doorstep demo\n"
        "  doorstep demo --cash\n"
        "  doorstep demo --payment-token tok_declined   # exit code 1: it is not delivered\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .run = run,
};
