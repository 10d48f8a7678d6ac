#include "message.h"

#include "base/limits.h"
#include "processors/delivery/delivery.h"
#include "processors/inventory/inventory.h"
#include "processors/order/order.h"
#include "processors/payment/payment.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAD_BYTES  16 /* keeps the message behind it aligned */
#define ARENA_BYTES 512

const char *const order_ids[ORDERS] = {"s1.A", "s1.B"};
const char *const courier_ids[COURIERS] = {"s1.kim", "s1.lou"};
const char *const product_ids[LINES] = {"s1.milk", "s1.bread", "s1.tea"};

const struct ds_decider *const deciders[PARTS] = {&ds_order_decider, &ds_inventory_decider,
                                                  &ds_payment_decider, &ds_delivery_decider};
const struct ds_schema *const command_schemas[PARTS] = {&ds_schema_order_commands,
                                                        &ds_schema_inventory_commands,
                                                        &ds_schema_payment_commands,
                                                        &ds_schema_delivery_commands};

static int find(ds_str_t id, const char *const *ids, int count)
{
    for (int i = 0; i < count; i++) {
        if (ds_str_eq(id, ds_str(ids[i])))
            return i;
    }
    return -1;
}

int order_of(ds_str_t id)
{
    return find(id, order_ids, ORDERS);
}

int courier_of(ds_str_t id)
{
    return find(id, courier_ids, COURIERS);
}

int product_of(ds_str_t id)
{
    return find(id, product_ids, LINES);
}

struct messages {
    pool_t *pool;
    struct message *all;
    uint32_t count;
    ds_arena_t **arenas; /* of the decoded ones */
    ds_buf_t buf;
};

messages_t *messages_new(void)
{
    messages_t *book = must_alloc(1, sizeof(*book));
    book->pool = pool_new();
    ds_buf_init(&book->buf, DS_MAX_RECORD_BYTES + HEAD_BYTES);
    return book;
}

void messages_destroy(messages_t *book)
{
    if (book == NULL)
        return;
    for (uint32_t i = 0; i < book->count; i++)
        ds_arena_destroy(book->arenas[i]);
    free(book->arenas);
    free(book->all);
    pool_destroy(book->pool);
    ds_buf_cleanup(&book->buf);
    free(book);
}

static void broken(const char *what, const ds_error_t *error)
{
    (void)fprintf(stderr, "%s: %s\n", what, error->message);
    exit(70);
}

/* The bytes that make a message what it is: kind, part, stale, and what it says. */
static void begin(messages_t *book, enum message_kind kind, enum part part, bool stale)
{
    ds_error_t error = DS_ERROR_INIT;
    char head[HEAD_BYTES] = {(char)kind, (char)part, (char)stale};

    ds_buf_clear(&book->buf);
    if (!ds_buf_append(&book->buf, head, sizeof(head), &error))
        broken("a message", &error);
}

static struct message *add(messages_t *book, uint32_t id)
{
    if (id < book->count)
        return NULL;
    if ((id & (id + 1)) == 0) { /* 1, 2, 4 ... are in, room for as many again */
        book->all = must_realloc(book->all, ((size_t)id + 1) * 2, sizeof(*book->all));
        book->arenas = must_realloc(book->arenas, ((size_t)id + 1) * 2, sizeof(*book->arenas));
    }
    book->count = id + 1;
    book->arenas[id] = NULL;
    book->all[id] = (struct message){.order = -1};
    return &book->all[id];
}

static void decode(messages_t *book, uint32_t id, const struct ds_schema *schema,
                   struct message *message)
{
    ds_error_t error = DS_ERROR_INIT;
    size_t len = 0;
    const uint8_t *bytes = pool_get(book->pool, id, &len);
    ds_arena_t *arena = book->arenas[id] = ds_arena_new(ARENA_BYTES, DS_MAX_DECODE_BYTES);
    void *value = arena == NULL ? NULL : ds_arena_alloc(arena, schema->struct_bytes, &error);

    if (value == NULL ||
        !ds_schema_decode(schema, (ds_bytes_t){bytes + HEAD_BYTES, (uint32_t)(len - HEAD_BYTES)},
                          arena, value, NULL, &error))
        broken(schema->topic, &error);
    message->value = value;
    message->body = ds_schema_body_kind(schema, value);
    message->order = order_of(schema->order_id(value));
}

static uint32_t put(messages_t *book, enum message_kind kind, enum part part, bool stale,
                    const struct ds_schema *schema, const void *value, const char *note)
{
    ds_error_t error = DS_ERROR_INIT;

    begin(book, kind, part, stale);
    if (!ds_schema_encode(schema, value, &book->buf, &error))
        broken(schema->topic, &error);
    uint32_t id = pool_id(book->pool, book->buf.data, book->buf.len);
    struct message *message = add(book, id);
    if (message == NULL)
        return id;
    message->kind = kind;
    message->part = part;
    message->stale = stale;
    message->note = note;
    decode(book, id, schema, message);
    return id;
}

uint32_t messages_command(messages_t *book, enum part to, const void *command, bool stale,
                          const char *note)
{
    return put(book, A_COMMAND, to, stale, command_schemas[to], command, note);
}

uint32_t messages_event(messages_t *book, enum part from, const void *event)
{
    return put(book, AN_EVENT, from, false, deciders[from]->events, event, NULL);
}

uint32_t messages_timer(messages_t *book, enum part whose, const struct ds_timer *timer)
{
    ds_error_t error = DS_ERROR_INIT;

    begin(book, A_TIMER, whose, false);
    if (!ds_buf_append(&book->buf, &timer->due_us, sizeof(timer->due_us), &error) ||
        !ds_buf_append(&book->buf, &timer->kind, sizeof(timer->kind), &error) ||
        !ds_buf_append_str(&book->buf, timer->aggregate, &error))
        broken("a timer", &error);
    uint32_t id = pool_id(book->pool, book->buf.data, book->buf.len);
    struct message *message = add(book, id);
    if (message == NULL)
        return id;
    const char *bytes = pool_get(book->pool, id, NULL);
    bytes += HEAD_BYTES + sizeof(timer->due_us) + sizeof(timer->kind);
    message->kind = A_TIMER;
    message->part = whose;
    message->timer = *timer;
    message->timer.aggregate = (ds_str_t){bytes, timer->aggregate.len};
    message->order = order_of(timer->aggregate);
    return id;
}

uint32_t messages_count(const messages_t *book)
{
    return book->count;
}

const struct message *messages_get(const messages_t *book, uint32_t id)
{
    return &book->all[id];
}

void messages_print(const messages_t *book, uint32_t id, char *text, size_t text_bytes)
{
    const struct message *message = messages_get(book, id);
    const struct ds_schema *schema = message->kind == A_COMMAND ? command_schemas[message->part]
                                                                : deciders[message->part]->events;

    if (message->kind == A_TIMER)
        (void)snprintf(text, text_bytes, "deadline %d of %.*s", (int)message->timer.kind,
                       DS_STR_ARG(message->timer.aggregate));
    else
        (void)snprintf(text, text_bytes, "%s %s%s%s", ds_schema_ce_type(schema, message->value),
                       message->order < 0 ? "" : order_ids[message->order],
                       message->note == NULL ? "" : " ",
                       message->note == NULL ? "" : message->note);
}
