/* cli/order.c - `doorstep order ID`: what happened to this order, from the log. */
#include "cli/roles.h"
#include "cli/shop/timeline.h"

#include <stdio.h>

struct settings {
    const char *brokers;
    int64_t timeout_us;
    bool json;
};

static const struct ds_option options[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct settings, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers."},
    {"timeout", NULL, DS_OPT_DURATION, offsetof(struct settings, timeout_us), "60s", DS_US_PER_S,
     3600 * DS_US_PER_S, false, false, "How long reading the log may take."},
    {"json", NULL, DS_OPT_BOOL, offsetof(struct settings, json), "0", 0, 0, false, false,
     "Print JSON, with the whole events."},
    DS_OPTION_END,
};

static int run(const struct ds_runtime *runtime, const void *settings_, int argc,
               const char *const *argv, ds_error_t *error)
{
    const struct settings *settings = settings_;
    if (argc != 1 || strchr(argv[0], '.') == NULL) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "one order id is needed: <store>.<id>");
        return 2;
    }
    struct ds_timeline timeline;
    ds_str_t order_id = ds_str(argv[0]);
    if (!ds_timeline_read(runtime, settings->brokers, order_id, settings->timeout_us, &timeline,
                          error))
        return 1;
    bool found = timeline.count > 0;
    if (found)
        ds_timeline_print(&timeline, order_id, settings->json);
    else
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN, "the log has no event of %s", argv[0]);
    ds_timeline_cleanup(&timeline);
    return found ? 0 : 1;
}

const struct ds_role ds_role_order = {
    .name = "order",
    .summary = "the timeline of one order, from the log",
    .usage = "ORDER_ID",
    .examples =
        "  doorstep order berlin-1.01K9ZV3Q4T8W2N6M5B7C1D0E9F\n"
        "  doorstep order berlin-1.01K9ZV3Q4T8W2N6M5B7C1D0E9F --json | jq '.steps[].type'\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .run = run,
};
