#include "quarantine_kit.h"

#include <criterion/criterion.h>

struct quarantine_kit qk;

void qk_set_up(void)
{
    rig_init(&qk.rig, 21);
    qk.settings.broken = A;
    qk.max_held = 0;
}

void qk_tear_down(void)
{
    rig_cleanup(&qk.rig);
}

void qk_with_settings(struct ds_host_config *config)
{
    config->settings = &qk.settings;
    config->max_held = qk.max_held;
}

static void start(void)
{
    rig_start(&qk.rig, 0, qk_with_settings);
    rig_assign(&qk.rig, 0, 0, 1);
}

void qk_begin(void)
{
    start();
    rig_settle(&qk.rig);
    cr_assert_eq(rig_state(&qk.rig, 0, 0), DS_PARTITION_RUNNING);
}

/* kill -9, and the next one. */
void qk_again(void)
{
    rig_kill(&qk.rig, 0);
    qk_begin();
}

struct rig_fold qk_check(void)
{
    struct rig_fold fold = rig_fold(&qk.rig, 0);

    cr_assert(!fold.damaged);
    cr_assert(rig_each_once(&qk.rig, 0));
    cr_assert_eq(rig_state(&qk.rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(ds_host_unacked(qk.rig.hosts[0], 0), 0);
    cr_assert_eq(rig_counter(&qk.rig, 0, 0)->digest, fold.counter.digest);
    return fold;
}

int64_t qk_receive_as(const char *id, const char *product, int quantity)
{
    struct ds_stock_item item = {ds_str(product), quantity};
    struct ds_inventory_command command = {.head = rig_head(&qk.rig, id),
                                           .body.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK};

    command.body.as.receive_stock.store_id = DS_STR("s");
    command.body.as.receive_stock.items = (struct ds_array_of_stock_item){&item, 1};
    return rig_command(&qk.rig, 0, &command);
}

int64_t qk_receive(const char *product, int quantity)
{
    return qk_receive_as(NULL, product, quantity);
}

int64_t qk_release_as(enum ds_actor_kind kind, const char *aggregate)
{
    struct ds_inventory_command command = {.head = rig_head(&qk.rig, NULL),
                                           .body.kind = DS_INVENTORY_COMMAND_RELEASE_AGGREGATE};

    command.head.actor.kind = kind;
    command.body.as.release_aggregate =
        (struct ds_release_aggregate){ds_str(aggregate), DS_STR("mended")};
    return rig_command(&qk.rig, 0, &command);
}

int64_t qk_release(const char *aggregate)
{
    return qk_release_as(DS_ACTOR_KIND_STAFF, aggregate);
}

int64_t qk_gauge(const char *name)
{
    const struct ds_label labels[] = {{"processor", "inventory"}, {"partition", "0"}, {NULL, NULL}};

    return ds_metric_value(ds_metrics_get(qk.rig.runtime.metrics, DS_GAUGE, name, "", labels));
}

bool qk_last_reason_is(const char *reason)
{
    const struct ds_inventory_event *event =
        rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_COMMAND_REJECTED);

    return event != NULL && ds_str_eq(event->body.as.command_rejected.reason, ds_str(reason));
}
