#include "world.h"

#include "processors/delivery/delivery_state.h"
#include "processors/inventory/reservation.h"
#include "shop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 64

/* ---- queues ---- */

static uint32_t list_of(struct shop *shop, const uint32_t *messages, size_t count)
{
    uint32_t id = pool_id(shop->lists, messages, count * sizeof(*messages));

    if (count == 0 || id + 1 < pool_count(shop->lists))
        return id;
    if ((id & (id - 1)) == 0) /* 1, 2, 4 ... */
        shop->splits = must_realloc(shop->splits, (size_t)id * 2, sizeof(*shop->splits));
    shop->splits[id] = (struct list){messages[0], 0};
    /* What it leaves may be new and come after it; the room is made first. */
    uint32_t tail = list_of(shop, messages + 1, count - 1);
    shop->splits[id].tail = tail;
    return id;
}

uint32_t shop_push(struct shop *shop, uint32_t list, uint32_t message)
{
    uint64_t key = ((uint64_t)list << 32) | message;
    uint32_t longer;
    uint32_t messages[LIST_MAX];
    size_t bytes = 0;

    if (memo_get(shop->pushes, key, &longer))
        return longer;
    const void *old = pool_get(shop->lists, list, &bytes);
    size_t count = bytes / sizeof(messages[0]);
    assert(count < LIST_MAX);
    if (count > 0)
        memcpy(messages, old, bytes);
    messages[count] = message;
    longer = list_of(shop, messages, count + 1);
    memo_put(shop->pushes, key, longer);
    return longer;
}

bool shop_head(const shop_t *shop, uint32_t queue, uint32_t *message_out)
{
    *message_out = queue == 0 ? 0 : shop->splits[queue].head;
    return queue != 0;
}

/* ---- a step ---- */

static bool has_event(const struct shop *shop, const struct outcome *outcome, enum part part,
                      int32_t kind, int order)
{
    for (uint32_t i = 0; i < outcome->count; i++) {
        const struct message *event = messages_get(shop->book, outcome->events[i]);
        if (event->part == part && event->body == kind && event->order == order)
            return true;
    }
    return false;
}

/* Delivery may pass over a cancellation only when the goods have left. */
static const char *judge_cancel(const struct shop *shop, const struct facts *before,
                                const struct message *message, const struct outcome *outcome)
{
    const struct ds_order_event *event = message->value;

    if (message->kind != AN_EVENT || message->body != DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED ||
        event->body.as.order_cancel_requested.scope != DS_CANCEL_SCOPE_ORDER)
        return NULL;
    switch ((enum ds_delivery_state)before->deliveries[message->order].state) {
    case DS_DELIVERY_SEARCHING:
    case DS_DELIVERY_OFFERED:
    case DS_DELIVERY_ASSIGNED:
        return has_event(shop, outcome, DELIVERY, DS_DELIVERY_EVENT_DELIVERY_CANCELLED,
                         message->order)
                   ? NULL
                   : "a cancellation that came before the pick-up is passed over";
    default:
        return NULL;
    }
}

/* Only the offer that stands can be taken. */
static const char *judge_accept(const struct shop *shop, const struct facts *before,
                                const struct outcome *outcome)
{
    for (uint32_t i = 0; i < outcome->count; i++) {
        const struct message *message = messages_get(shop->book, outcome->events[i]);
        const struct ds_delivery_event *event = message->value;
        if (message->body != DS_DELIVERY_EVENT_DELIVERY_ASSIGNED)
            continue;
        ds_str_t offer_id = event->body.as.delivery_assigned.offer_id;
        const struct delivery_facts *delivery = &before->deliveries[message->order];
        if (delivery->state != DS_DELIVERY_OFFERED ||
            offer_id.data[offer_id.len - 1] != (char)('0' + delivery->offer_number))
            return "an offer that does not stand is taken";
    }
    return NULL;
}

static int price_left(const struct delivery_facts *delivery)
{
    int total = DELIVERY_FEE;
    for (int k = 0; k < LINES; k++)
        total += delivery->left[k] * unit_price(k);
    return total;
}

/* A courier needs the customer's code, after not too many wrong ones, and all of the cash. */
static const char *judge_hand_over(const struct shop *shop, const struct facts *before,
                                   const struct message *message, const struct outcome *outcome)
{
    const struct ds_delivery_command *command = message->value;
    const struct ds_hand_over *body;

    if (message->kind != A_COMMAND || message->body != DS_DELIVERY_COMMAND_HAND_OVER ||
        !has_event(shop, outcome, DELIVERY, DS_DELIVERY_EVENT_DELIVERY_COMPLETED, message->order))
        return NULL;
    body = &command->body.as.hand_over;
    if (command->head.actor.kind == DS_ACTOR_KIND_COURIER &&
        (!body->has_code || !ds_str_eq(body->code, DS_STR(CODE))))
        return "goods are handed over without the customer's code";
    if (command->head.actor.kind == DS_ACTOR_KIND_COURIER &&
        before->deliveries[message->order].code_failures >= DS_DELIVERY_CODE_TRIES)
        return "goods are handed over after too many wrong codes";
    return shop->scenario->orders[message->order].cash &&
                   body->cash_collected_minor < price_left(&before->deliveries[message->order])
               ? "goods are handed over for less than they cost"
               : NULL;
}

static void push_event(struct shop *shop, struct world *next, uint32_t event, unsigned route)
{
    for (unsigned q = 0; q < QUEUES; q++) {
        if ((route & (1U << q)) == 0)
            continue;
        uint32_t record = q == DELIVERY_TO_INVENTORY
                              ? shop->picked_up[messages_get(shop->book, event)->order]
                              : event;
        next->queue[q] = shop_push(shop, next->queue[q], record);
    }
}

void walker_decide(const struct walker *w, enum cause cause, enum part part, uint32_t message,
                   enum when when, enum queue queue, uint32_t outside)
{
    struct shop *shop = w->shop;
    struct world next = *w->world;
    uint32_t before = next.part[part];
    struct step step = {.cause = cause,
                        .part = part,
                        .message = message,
                        .when = when,
                        .outcome = machine_step(shop->machines[part], before, message, when)};
    struct outside said;
    bool heard = false;

    next.outside = outside;
    next.part[part] = step.outcome.state;
    if (queue != QUEUES)
        next.queue[queue] = shop->splits[next.queue[queue]].tail;
    if (step.outcome.failure != NULL) {
        step.violation = "a decider fails";
        step.detail = step.outcome.failure;
    }
    for (uint32_t i = 0; i < step.outcome.count; i++) {
        uint32_t event = step.outcome.events[i];
        unsigned route = shop_route(shop, event);
        const struct message *written = messages_get(shop->book, event);
        shop->written[written->part][written->body] = true;
        push_event(shop, &next, event, route);
        if ((route & TO_OUTSIDE) == 0)
            continue;
        if (!heard)
            said = *shop_outside(shop, outside);
        heard = true;
        const char *violation = shop_observe(shop, &said, event);
        if (step.violation == NULL)
            step.violation = violation;
    }
    if (heard)
        next.outside = pool_id(shop->outsides, &said, sizeof(said));
    if (part == DELIVERY && step.violation == NULL) {
        const struct facts *facts = machine_facts(shop->machines[DELIVERY], before);
        step.violation =
            judge_cancel(shop, facts, messages_get(shop->book, message), &step.outcome);
        if (step.violation == NULL)
            step.violation = judge_accept(shop, facts, &step.outcome);
        if (step.violation == NULL)
            step.violation =
                judge_hand_over(shop, facts, messages_get(shop->book, message), &step.outcome);
    }
    w->take(w->context, &step, &next);
}

void walker_outside(const struct walker *w, enum cause cause, const char *what, int order,
                    const struct outside *outside, bool pop_gateway)
{
    struct world next = *w->world;
    struct step step = {.cause = cause, .what = what, .order = order};

    next.outside = pool_id(w->shop->outsides, outside, sizeof(*outside));
    if (pop_gateway)
        next.queue[PAYMENT_TO_GATEWAY] = w->shop->splits[next.queue[PAYMENT_TO_GATEWAY]].tail;
    w->take(w->context, &step, &next);
}

/* ---- all steps ---- */

static bool is_place(const struct shop *shop, const struct world *world, uint32_t message)
{
    const struct outside *outside = shop_outside(shop, world->outside);

    for (int i = 0; i < ORDERS; i++) {
        if (message == shop->places[i] && shop->scenario->orders[i].lines > 0)
            return !outside->orders[i].created && !outside->orders[i].refused;
    }
    return false;
}

static bool over_stocked(const struct shop *shop, const struct choice *choice)
{
    const struct facts *after = machine_facts(shop->machines[INVENTORY], choice->outcome.state);

    for (int k = 0; k < LINES; k++) {
        int most = shop->scenario->receive > shop->scenario->stock[k] ? shop->scenario->receive
                                                                      : shop->scenario->stock[k];
        if (after->stock[k].received > most)
            return true;
    }
    return false;
}

static void choice_steps(const struct walker *w, enum part part)
{
    struct shop *shop = w->shop;
    size_t count = 0;
    machine_t *m = shop->machines[part];
    const struct choice *choices = machine_timers(m, w->world->part[part], &count);

    for (size_t i = 0; i < count; i++) {
        const struct message *timer = messages_get(shop->book, choices[i].message);
        if (shop->scenario->in_time && part == DELIVERY && !canon_is_in_time(&timer->timer))
            continue;
        walker_decide(w, BY_TIMER, part, choices[i].message, choices[i].when, QUEUES,
                      w->world->outside);
    }
    choices = machine_choices(m, w->world->part[part], shop->commands[part].ids,
                              shop->commands[part].count, &count);
    for (size_t i = 0; i < count; i++) {
        if (part == INVENTORY && over_stocked(shop, &choices[i]))
            continue;
        bool sent = part == ORDER && is_place(shop, w->world, choices[i].message);
        walker_decide(w, sent ? BY_QUEUE : BY_PERSON, part, choices[i].message, choices[i].when,
                      QUEUES, w->world->outside);
    }
}

static void queue_steps(const struct walker *w)
{
    for (int q = 0; q < QUEUES; q++) {
        enum part reader = shop_reader((enum queue)q);
        uint32_t message;
        if (reader == PARTS || !shop_head(w->shop, w->world->queue[q], &message))
            continue;
        int whens = machine_whens(w->shop->machines[reader]);
        for (int when = 0; when < whens; when++)
            walker_decide(w, BY_QUEUE, reader, message, (enum when)when, (enum queue)q,
                          w->world->outside);
    }
}

static void broken_steps(const struct walker *w)
{
    struct shop *shop = w->shop;
    const struct facts facts = *machine_facts(shop->machines[INVENTORY], w->world->part[INVENTORY]);

    for (int i = 0; shop->wiring == RESERVATION_TTL && i < ORDERS; i++) {
        if (facts.reservations[i].state == DS_RESERVATION_HELD)
            walker_decide(w, BY_TIMER, INVENTORY, shop->cancelled[i], EARLY, QUEUES,
                          w->world->outside);
    }
}

void world_steps(shop_t *shop, const struct world *world, world_take_fn take, void *context)
{
    struct walker walker = {shop, world, take, context};

    queue_steps(&walker);
    for (int part = 0; part < PARTS; part++)
        choice_steps(&walker, (enum part)part);
    provider_steps(&walker);
    broken_steps(&walker);
}

void step_print(const shop_t *shop, const struct step *step, char *text, size_t text_bytes)
{
    static const char *const moments[WHENS] = {"", " [after pauses]", " [after everything]"};
    char message[128];
    size_t used;

    if (step->what != NULL) {
        (void)snprintf(text, text_bytes, "%s: %s", order_ids[step->order], step->what);
        return;
    }
    messages_print(shop->book, step->message, message, sizeof(message));
    used = (size_t)snprintf(text, text_bytes, "%s <- %s%s ->%s", deciders[step->part]->name,
                            message, moments[step->when], step->outcome.count == 0 ? " -" : "");
    for (uint32_t i = 0; i < step->outcome.count && used < text_bytes; i++) {
        messages_print(shop->book, step->outcome.events[i], message, sizeof(message));
        used +=
            (size_t)snprintf(text + used, text_bytes - used, "%s %s", i == 0 ? "" : ",", message);
    }
}

/* ---- a shop ---- */

static uint32_t order_event(struct shop *shop, int order, int32_t kind)
{
    struct ds_order_event event = {.context.correlation_id = DS_STR("c")};

    event.body.kind = kind;
    if (kind == DS_ORDER_EVENT_ORDER_PICKED_UP)
        event.body.as.order_picked_up.order_id = ds_str(order_ids[order]);
    else
        event.body.as.order_cancelled.order_id = ds_str(order_ids[order]);
    return messages_event(shop->book, ORDER, &event);
}

shop_t *shop_new(const struct scenario *scenario, enum wiring wiring)
{
    struct shop *shop = must_alloc(1, sizeof(*shop));

    shop->scenario = scenario;
    shop->wiring = wiring;
    shop->book = messages_new();
    for (int part = 0; part < PARTS; part++)
        shop->machines[part] =
            machine_new((enum part)part, shop->book, scenario->in_time ? LATE : WHENS);
    shop->lists = pool_new();
    shop->splits = must_alloc(2, sizeof(*shop->splits));
    (void)list_of(shop, NULL, 0);
    shop->pushes = memo_new();
    shop->outsides = pool_new();
    shop->reports = memo_new();
    commands_order(shop->book, scenario, &shop->commands[ORDER]);
    commands_inventory(shop->book, scenario, &shop->commands[INVENTORY]);
    commands_delivery(shop->book, scenario, &shop->commands[DELIVERY]);
    for (int i = 0; i < ORDERS; i++) {
        shop->places[i] = command_place(shop->book, scenario, i, false);
        shop->picked_up[i] = order_event(shop, i, DS_ORDER_EVENT_ORDER_PICKED_UP);
        shop->cancelled[i] = order_event(shop, i, DS_ORDER_EVENT_ORDER_CANCELLED);
    }
    return shop;
}

void shop_destroy(shop_t *shop)
{
    if (shop == NULL)
        return;
    for (int part = 0; part < PARTS; part++)
        machine_destroy(shop->machines[part]);
    pool_destroy(shop->lists);
    free(shop->splits);
    memo_destroy(shop->pushes);
    pool_destroy(shop->outsides);
    memo_destroy(shop->reports);
    free(shop->routes);
    messages_destroy(shop->book);
    free(shop);
}

static void begin_with(struct shop *shop, struct world *world, enum part part, uint32_t message)
{
    struct outcome outcome = machine_step(shop->machines[part], world->part[part], message, EARLY);

    if (outcome.failure != NULL || outcome.state == world->part[part]) {
        (void)fprintf(stderr, "the shop cannot be opened: %s\n",
                      outcome.failure == NULL ? "refused" : outcome.failure);
        exit(70);
    }
    world->part[part] = outcome.state;
}

struct world shop_start(shop_t *shop)
{
    struct world world = {.part = {MACHINE_EMPTY}};
    struct outside outside;

    memset(&outside, 0, sizeof(outside));
    for (int i = 0; i < ORDERS; i++)
        outside.orders[i].refusals = shop->scenario->refund_fail;
    world.outside = pool_id(shop->outsides, &outside, sizeof(outside));
    for (int k = 0; k < LINES; k++) {
        if (shop->scenario->stock[k] > 0)
            begin_with(shop, &world, INVENTORY,
                       command_receive(shop->book, k, shop->scenario->stock[k]));
        if (shop->scenario->stock[k] > 0 && shop->scenario->threshold > 0)
            begin_with(shop, &world, INVENTORY,
                       command_threshold(shop->book, k, shop->scenario->threshold));
    }
    for (int x = 0; x < COURIERS; x++) {
        if (shop->scenario->capacity[x] > 0)
            begin_with(shop, &world, DELIVERY,
                       command_online(shop->book, x, shop->scenario->capacity[x]));
    }
    return world;
}

bool shop_wrote(const shop_t *shop, enum part part, int kind)
{
    return shop->written[part][kind];
}

/* Whether a part gets this event by a queue. */
static bool is_routed(struct shop *shop, uint32_t event, enum part to)
{
    unsigned route = shop_route(shop, event);

    for (int q = 0; q < QUEUES; q++) {
        if ((route & (1U << q)) != 0 && shop_reader((enum queue)q) == to)
            return true;
    }
    return false;
}

static bool is_ignored(struct shop *shop, uint32_t event, enum part to)
{
    machine_t *m = shop->machines[to];

    for (uint32_t state = 0; state < machine_states(m); state++) {
        if (!machine_ignores(m, state, event))
            return false;
    }
    return true;
}

const char *shop_check_passed_over(shop_t *shop)
{
    bool seen[PARTS][KINDS_MAX][ORDERS + 1] = {{{false}}};
    uint32_t count = messages_count(shop->book);

    for (uint32_t id = 0; id < count; id++) {
        const struct message message = *messages_get(shop->book, id);
        if (message.kind != AN_EVENT || seen[message.part][message.body][message.order + 1])
            continue;
        seen[message.part][message.body][message.order + 1] = true;
        for (int to = 0; to < PARTS; to++) {
            if (machine_input((enum part)to, message.part) >= 0 &&
                !is_routed(shop, id, (enum part)to) && !is_ignored(shop, id, (enum part)to))
                return "a record that is in no queue is not passed over";
        }
    }
    for (int part = 0; part < PARTS; part++) {
        for (uint32_t state = 0; state < machine_states(shop->machines[part]); state++) {
            if (!machine_ignores_repeat(shop->machines[part], state))
                return "a repeat of a command changes a state";
        }
    }
    return NULL;
}

const struct scenario *shop_scenario(const shop_t *shop)
{
    return shop->scenario;
}

machine_t *shop_machine(const shop_t *shop, enum part part)
{
    return shop->machines[part];
}

const messages_t *shop_messages(const shop_t *shop)
{
    return shop->book;
}

const struct outside *shop_outside(const shop_t *shop, uint32_t outside)
{
    return pool_get(shop->outsides, outside, NULL);
}
