/* See rig.h. */
#include "rig.h"

#include "base/limits.h"
#include "schemas/ids.h"
#include "stream/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "rig: " __VA_ARGS__);                                            \
            (void)fputc('\n', stderr);                                                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static const char *const topics[] = {RIG_COMMANDS, RIG_ORDERS, RIG_EVENTS, RIG_DLQ, RIG_SNAPSHOTS};
static const char *const topics_old[] = {RIG_COMMANDS, RIG_EVENTS, RIG_DLQ, RIG_SNAPSHOTS};

void rig_init(struct rig *rig, uint64_t seed)
{
    *rig = (struct rig){0};
    ds_fake_time_init(&rig->time, RIG_START_US);
    ds_fake_random_init(&rig->random, seed);
    rig->log = ds_fake_log_new(&rig->time, RIG_PARTITIONS);
    rig->runtime = (struct ds_runtime){
        .log = ds_log_root("test", getenv("RIG_VERBOSE") != NULL ? DS_LOG_INFO : DS_LOG_ERROR),
        .metrics = ds_metrics_new(),
        .clock = &rig->time.clock,
        .random = &rig->random.random,
        .health = &rig->health,
        .stop = &rig->stop,
    };
}

void rig_cleanup(struct rig *rig)
{
    for (int i = 0; i < RIG_HOSTS; i++)
        rig_kill(rig, i);
    ds_fake_log_destroy(rig->log);
    ds_framing_destroy(rig->runtime.framing);
    ds_framing_destroy(rig->oracle);
    ds_metrics_destroy(rig->runtime.metrics);
}

static void teach(ds_framing_t *framing, uint32_t id)
{
    switch (id) {
    case RIG_ID_COMMANDS:
        ds_ids_learn(framing, id, ds_schema_inventory_commands.fingerprint);
        break;
    case RIG_ID_ORDERS:
        ds_ids_learn(framing, id, ds_schema_order_events.fingerprint);
        break;
    case RIG_ID_EVENTS:
    case RIG_ID_OTHER_EVENTS:
        ds_ids_learn_own(framing, &ds_schema_inventory_events, id);
        break;
    default: /* the registry has no such id */
        ds_ids_learn_absent(framing, id, DS_IDS_ABSENT);
        break;
    }
}

void rig_teach(struct rig *rig, uint32_t id)
{
    teach(rig->runtime.framing, id);
}

void rig_registry(struct rig *rig)
{
    const struct ds_registry_config nobody = {NULL, 0};
    ds_error_t error = DS_ERROR_INIT;

    MUST(ds_framing_new(&rig->runtime, &nobody, &rig->oracle, &error) &&
             ds_framing_new(&rig->runtime, &nobody, &rig->runtime.framing, &error),
         "%s", error.message);
    for (uint32_t id = RIG_ID_COMMANDS; id <= RIG_ID_OTHER_EVENTS; id++)
        teach(rig->oracle, id);
}

void rig_registry_again(struct rig *rig)
{
    ds_framing_destroy(rig->oracle);
    ds_framing_destroy(rig->runtime.framing);
    rig_registry(rig);
}

void rig_start(struct rig *rig, int i, void (*change)(struct ds_host_config *config))
{
    struct ds_host_config config = {.decider = &ds_counter_decider, .owner = "rig"};
    ds_error_t error = DS_ERROR_INIT;

    MUST(rig->hosts[i] == NULL, "host %d runs already", i);
    if (change != NULL)
        change(&config);
    rig->brokers[i] = config.decider->input_count == 1 ? ds_fake_broker_new(rig->log, topics_old, 4)
                                                       : ds_fake_broker_new(rig->log, topics, 5);
    config.broker = rig->brokers[i];
    MUST(ds_host_new(&rig->runtime, &config, &rig->hosts[i], &error), "%s", error.message);
}

void rig_stop(struct rig *rig, int i)
{
    ds_host_destroy(rig->hosts[i]);
    rig->hosts[i] = NULL;
    rig->brokers[i] = NULL;
}

void rig_kill(struct rig *rig, int i)
{
    if (rig->hosts[i] != NULL)
        ds_host_abandon(rig->hosts[i]);
    rig->hosts[i] = NULL;
    rig->brokers[i] = NULL;
}

void rig_assign(struct rig *rig, int i, int32_t from, int32_t to)
{
    ds_fake_assign(rig->brokers[i], from, to);
}

void rig_step(struct rig *rig, int i)
{
    ds_error_t error = DS_ERROR_INIT;

    if (rig->hosts[i] != NULL)
        MUST(ds_host_step(rig->hosts[i], 0, &error), "step of host %d: %s", i, error.message);
}

void rig_settle(struct rig *rig)
{
    for (int n = 0; n < 200; n++)
        for (int i = 0; i < RIG_HOSTS; i++)
            rig_step(rig, i);
}

void rig_run(struct rig *rig, int64_t us)
{
    for (int64_t done = 0; done < us; done += 10000) {
        ds_fake_time_add(&rig->time, 10000);
        for (int i = 0; i < RIG_HOSTS; i++)
            rig_step(rig, i);
    }
}

void rig_begin(struct rig *rig)
{
    rig_start(rig, 0, NULL);
    rig_assign(rig, 0, 0, 1);
    rig_settle(rig);
    MUST(rig_state(rig, 0, 0) == DS_PARTITION_RUNNING, "host 0 does not run partition 0");
}

/* ---- inputs ---- */

ds_str_t rig_key(int32_t p)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    ds_str_t key = {letters, 1};

    while (ds_partition_of(key, RIG_PARTITIONS) != p) {
        key.data++;
        MUST(key.data < letters + sizeof(letters) - 1, "no key of partition %d", (int)p);
    }
    return key;
}

void rig_encode(const struct rig *rig, const struct ds_schema *schema, const void *value,
                ds_buf_t *bytes_out)
{
    const uint8_t frame[5] = {0, 0, 0, 0, (uint8_t)rig->write_id};
    ds_error_t error = DS_ERROR_INIT;

    ds_buf_init(bytes_out, DS_MAX_RECORD_BYTES);
    MUST(ds_schema_encode(schema, value, bytes_out, &error), "%s", error.message);
    if (rig->write_id == 0)
        return;
    memmove(bytes_out->data + sizeof(frame), bytes_out->data + 10, bytes_out->len - 10);
    memcpy(bytes_out->data, frame, sizeof(frame));
    bytes_out->len -= 5;
}

static int64_t append(struct rig *rig, const struct ds_schema *schema, const char *topic, int32_t p,
                      const void *value)
{
    ds_buf_t bytes;
    int64_t offset;

    rig_encode(rig, schema, value, &bytes);
    offset =
        ds_fake_append(rig->log, topic, p, rig_key(rig->misplace ? (p + 1) % RIG_PARTITIONS : p),
                       ds_buf_bytes(&bytes));
    ds_buf_cleanup(&bytes);
    return offset;
}

struct ds_command_head rig_head(struct rig *rig, const char *id)
{
    static char fresh[32];

    if (id == NULL) {
        (void)snprintf(fresh, sizeof(fresh), "01%024d", ++rig->commands);
        id = fresh;
    }
    return (struct ds_command_head){.command_id = ds_str(id),
                                    .body_hash = DS_STR("h"),
                                    .correlation_id = DS_STR("c"),
                                    .actor = {DS_ACTOR_KIND_STAFF, DS_STR("ann")},
                                    .sent_at = rig->time.now_us};
}

int64_t rig_command(struct rig *rig, int32_t p, const struct ds_inventory_command *command)
{
    return append(rig, &ds_schema_inventory_commands, RIG_COMMANDS, p, command);
}

int64_t rig_receive(struct rig *rig, int32_t p, const char *id, int items, int quantity)
{
    struct ds_stock_item list[256];
    struct ds_inventory_command command = {.head = rig_head(rig, id),
                                           .body.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK};

    for (int i = 0; i < items; i++)
        list[i] = (struct ds_stock_item){DS_STR("s.p"), quantity};
    command.body.as.receive_stock.store_id = DS_STR("s");
    command.body.as.receive_stock.items.items = list;
    command.body.as.receive_stock.items.count = (size_t)items;
    return rig_command(rig, p, &command);
}

int64_t rig_deadline(struct rig *rig, int32_t p, const char *product, int64_t in_us)
{
    char reason[48];
    struct ds_stock_item item = {ds_str(product), 1};
    struct ds_inventory_command command = {.head = rig_head(rig, NULL),
                                           .body.kind = DS_INVENTORY_COMMAND_ADJUST_STOCK};

    (void)snprintf(reason, sizeof(reason), "in:%" PRId64, in_us);
    command.body.as.adjust_stock.store_id = DS_STR("s");
    command.body.as.adjust_stock.items.items = &item;
    command.body.as.adjust_stock.items.count = 1;
    command.body.as.adjust_stock.reason = ds_str(reason);
    return rig_command(rig, p, &command);
}

int64_t rig_count(struct rig *rig, int32_t p, const char *store, int quantity)
{
    struct ds_stock_item item = {DS_STR("s.p"), quantity};
    struct ds_inventory_command command = {.head = rig_head(rig, NULL),
                                           .body.kind = DS_INVENTORY_COMMAND_COUNT_STOCK};

    command.body.as.count_stock.store_id = ds_str(store);
    command.body.as.count_stock.items.items = &item;
    command.body.as.count_stock.items.count = 1;
    return rig_command(rig, p, &command);
}

int64_t rig_order_event(struct rig *rig, int32_t p, const struct ds_meta *meta, bool cancelled)
{
    struct ds_order_event event = {.meta = *meta};

    event.meta.event_id = DS_STR("e");
    event.meta.at = rig->time.now_us;
    event.body.kind = cancelled ? DS_ORDER_EVENT_ORDER_CANCELLED : DS_ORDER_EVENT_COMMAND_REJECTED;
    event.body.as.order_cancelled.order_id = DS_STR("s.o");
    if (!cancelled)
        event.body.as.command_rejected = (struct ds_command_rejected){
            .target = DS_STR("t"), .operation = DS_STR("o"), .reason = DS_STR("R")};
    return append(rig, &ds_schema_order_events, RIG_ORDERS, p, &event);
}

int64_t rig_order_claim(struct rig *rig, int32_t p, int64_t epoch)
{
    struct ds_order_event event = {.meta = {.epoch = epoch, .event_id = DS_STR("claim")},
                                   .body.kind = DS_ORDER_EVENT_CLAIM};

    event.body.as.claim.nonce = DS_STR("nonce");
    rig->order_epoch = epoch;
    rig->order_seq = 0;
    return append(rig, &ds_schema_order_events, RIG_ORDERS, p, &event);
}

int64_t rig_order_cancelled(struct rig *rig, int32_t p)
{
    if (rig->order_epoch == 0)
        rig_order_claim(rig, p, 1);
    return rig_order_event(
        rig, p, &(struct ds_meta){.epoch = rig->order_epoch, .seq = ++rig->order_seq}, true);
}

int64_t rig_foreign_claim(struct rig *rig, int32_t p, int64_t epoch)
{
    struct ds_inventory_event event = {.meta = {.epoch = epoch, .event_id = DS_STR("ghost")},
                                       .body.kind = DS_INVENTORY_EVENT_CLAIM};

    event.body.as.claim.nonce = DS_STR("somebody else");
    event.body.as.claim.owner = DS_STR("rig");
    return append(rig, &ds_schema_inventory_events, RIG_EVENTS, p, &event);
}

int64_t rig_foreign_event(struct rig *rig, int32_t p, int64_t epoch, int64_t seq, bool more)
{
    struct ds_stock_item item = {DS_STR("s.p"), 1000000};
    struct ds_inventory_event event = {
        .meta = {.epoch = epoch, .seq = seq, .more = more, .event_id = DS_STR("foreign")},
        .body.kind = DS_INVENTORY_EVENT_INVENTORY_UPDATED};

    event.body.as.inventory_updated.store_id = DS_STR("s");
    event.body.as.inventory_updated.changes.items = &item;
    event.body.as.inventory_updated.changes.count = 1;
    return append(rig, &ds_schema_inventory_events, RIG_EVENTS, p, &event);
}

/* ---- faults ---- */

enum ds_fake_fate rig_fate(void *opaque, const struct ds_fake_append *append)
{
    struct rig_script *script = opaque;
    int64_t seq = (int64_t)(append->tag & ((UINT64_C(1) << 40) - 1));

    if (script->count <= 0 || strcmp(append->topic, script->topic) != 0 || seq < script->from ||
        seq > script->to)
        return DS_FATE_DELIVER;
    script->count--;
    return script->fate;
}

void rig_release(struct rig *rig, enum ds_fake_fate fate)
{
    while (ds_fake_held(rig->log) > 0)
        ds_fake_release(rig->log, 0, fate);
}

static bool read_meta(struct rig *rig, const struct ds_fake_record *r, ds_arena_t *arena,
                      struct ds_meta *meta_out)
{
    struct ds_inventory_event event;
    ds_error_t error = DS_ERROR_INIT;
    bool head_ok = false;

    if (r == NULL || (!ds_framing_decode(rig->oracle, &ds_schema_inventory_events, r->value, arena,
                                         &event, &head_ok, &error) &&
                      !head_ok))
        return false;
    *meta_out = event.meta;
    return true;
}

struct numbered {
    int64_t epoch;
    int64_t seq;
    ds_bytes_t value;
};

static int by_number(const void *a_, const void *b_)
{
    const struct numbered *a = a_, *b = b_;

    if (a->epoch != b->epoch)
        return a->epoch < b->epoch ? -1 : 1;
    return a->seq == b->seq ? 0 : a->seq < b->seq ? -1 : 1;
}

/* The records that have a number, but for Claims: those are asked for more than once. */
static size_t numbered_of(struct rig *rig, int32_t p, int64_t end, struct numbered *list_out)
{
    ds_arena_t *arena = ds_arena_new(64 * 1024, (size_t)64 * 1024 * 1024);
    size_t count = 0;

    for (int64_t i = 0; i < end; i++) {
        const struct ds_fake_record *record = ds_fake_record(rig->log, RIG_EVENTS, p, i);
        struct ds_meta meta;

        ds_arena_reset(arena);
        if (read_meta(rig, record, arena, &meta) && meta.seq != 0)
            list_out[count++] = (struct numbered){meta.epoch, meta.seq, record->value};
    }
    ds_arena_destroy(arena);
    return count;
}

bool rig_each_once(struct rig *rig, int32_t p)
{
    int64_t end = ds_fake_end(rig->log, RIG_EVENTS, p);
    struct numbered *list = calloc((size_t)end + 1, sizeof *list);
    size_t count = numbered_of(rig, p, end, list);
    bool once = true;

    qsort(list, count, sizeof *list, by_number);
    for (size_t i = 1; i < count && once; i++) {
        ds_bytes_t a = list[i - 1].value, b = list[i].value;

        once = by_number(&list[i - 1], &list[i]) != 0 ||
               (a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
    }
    free(list);
    return once;
}

/* ---- what came of it ---- */

enum ds_host_partition rig_state(const struct rig *rig, int i, int32_t p)
{
    return ds_host_partition(rig->hosts[i], p);
}

const struct ds_counter_state *rig_counter(const struct rig *rig, int i, int32_t p)
{
    return ds_host_state(rig->hosts[i], p);
}

struct walk {
    struct rig_fold fold;
    struct ds_inventory_event pending[DS_MAX_DECISION_RECORDS];
    size_t pending_count;
    int32_t wanted; /* kind; -1: none */
    bool found;
    struct ds_inventory_event last;
    ds_arena_t *arena; /* never reset during a walk: what was decoded stays */
};

static void count_cause(struct rig_fold *fold, const struct ds_meta *meta)
{
    const struct ds_input_cause *cause = &meta->cause.as.input_cause;

    if (meta->cause.kind == DS_META_CAUSE_NULL)
        return;
    fold->decisions++;
    if (meta->cause.kind != DS_META_CAUSE_INPUT_CAUSE)
        return;
    MUST(cause->offset > fold->last_input[cause->input],
         "input %d offset %" PRId64 " is decided after %" PRId64, (int)cause->input, cause->offset,
         fold->last_input[cause->input]);
    fold->last_input[cause->input] = cause->offset;
}

static void deliver(struct walk *walk)
{
    ds_error_t error = DS_ERROR_INIT;

    count_cause(&walk->fold, &walk->pending[0].meta);
    for (size_t i = 0; i < walk->pending_count; i++) {
        const struct ds_inventory_event *event = &walk->pending[i];

        walk->fold.kinds[event->body.kind]++;
        if (event->body.kind >= DS_INVENTORY_EVENT_COMMAND_REJECTED)
            MUST(ds_counter_decider.evolve(&walk->fold.counter, event, &error), "evolve");
        if (event->body.kind == walk->wanted) {
            walk->last = *event;
            walk->found = true;
        }
    }
    walk->pending_count = 0;
}

static void walk_log(struct rig *rig, int32_t p, struct walk *walk)
{
    int64_t end = ds_fake_end(rig->log, RIG_EVENTS, p);

    ds_fence_init(&walk->fold.fence, DS_PLACE_START);
    walk->fold.last_input[0] = walk->fold.last_input[1] = -1;
    for (int64_t offset = 0; offset < end && !walk->fold.damaged; offset++) {
        const struct ds_fake_record *r = ds_fake_record(rig->log, RIG_EVENTS, p, offset);
        ds_error_t error = DS_ERROR_INIT;
        struct ds_inventory_event event;
        enum ds_fence_verdict verdict;
        bool undecodable;

        if (r == NULL)
            continue;
        walk->fold.records++;
        walk->fold.damaged =
            !ds_fence_read(&walk->fold.fence, rig->oracle, &ds_schema_inventory_events, r->value,
                           offset, walk->arena, &event, &undecodable, &verdict, &error);
        if (walk->fold.damaged)
            break;
        walk->fold.skipped[verdict] += verdict != DS_FENCE_TAKE;
        if (verdict != DS_FENCE_TAKE)
            continue;
        if (event.body.kind == DS_INVENTORY_EVENT_CLAIM)
            walk->pending_count = 0;
        walk->pending[walk->pending_count++] = event;
        if (!event.meta.more)
            deliver(walk);
    }
}

static struct walk *walk_new(struct rig *rig, int32_t p, int32_t wanted)
{
    struct walk *walk = calloc(1, sizeof(*walk));

    MUST(walk != NULL, "memory");
    walk->wanted = wanted;
    walk->arena = ds_arena_new(1024 * 1024, (size_t)1024 * 1024 * 1024);
    walk_log(rig, p, walk);
    return walk;
}

struct rig_fold rig_fold(struct rig *rig, int32_t p)
{
    struct walk *walk = walk_new(rig, p, -1);
    struct rig_fold fold = walk->fold;

    ds_arena_destroy(walk->arena);
    free(walk);
    return fold;
}

const struct ds_inventory_event *rig_last(struct rig *rig, int32_t p, int32_t kind)
{
    static struct ds_inventory_event last;
    static ds_arena_t *arena;
    struct walk *walk = walk_new(rig, p, kind);
    bool found = walk->found;

    ds_arena_destroy(arena);
    arena = walk->arena;
    last = walk->last;
    free(walk);
    return found ? &last : NULL;
}

int64_t rig_metric(struct rig *rig, const char *name)
{
    const struct ds_label labels[] = {{"processor", "inventory"}, {NULL, NULL}};

    return ds_metric_value(ds_metrics_get(rig->runtime.metrics, DS_COUNTER, name, "", labels));
}
