#include "cli/load/storm.h"

#include <inttypes.h>
#include <stdio.h>

#define PATH_BYTES       256
#define PRODUCT_PAUSE_US (50 * DS_US_PER_MS)

/* ---- chance: the same for the same order */

static uint32_t chance(size_t slot, uint32_t of)
{
    uint64_t x = (uint64_t)slot * UINT64_C(0x9e3779b97f4a7c15) + of;
    x ^= x >> 31;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 29;
    return (uint32_t)(x % 100);
}

enum { OF_PAYMENT = 1, OF_CANCEL, OF_WHICH, OF_QUANTITY };

/* ---- stores */

static void store_id(const struct ds_load_run *run, size_t store, char to[40])
{
    (void)snprintf(to, 40, "%s-%zu", run->storm, store);
}

static void product_id(const struct ds_load_run *run, size_t store, char to[64])
{
    (void)snprintf(to, 64, "%s-%zu.piece", run->storm, store);
}

static int64_t units_of(const struct ds_load_run *run, size_t store)
{
    int64_t units = run->settings->units;
    return units / DS_STORM_STORES + ((int64_t)store < units % DS_STORM_STORES ? 1 : 0);
}

/* A command of the setup, which must succeed. */
static bool must(ds_shop_client_t *client, const char *path, json_t *body, const char *key,
                 int64_t deadline_us, ds_error_t *error)
{
    struct ds_shop_answer answer;
    bool ok = ds_shop_expect(client, "POST", path, body, key, deadline_us, &answer, error);
    if (ok)
        ds_shop_answer_cleanup(&answer);
    json_decref(body);
    return ok;
}

static bool open_store(struct ds_load_run *run, ds_shop_client_t *client, size_t s,
                       int64_t deadline_us, ds_error_t *error)
{
    char id[40], product[64], path[PATH_BYTES], key[80];
    store_id(run, s, id);
    product_id(run, s, product);
    (void)snprintf(key, sizeof key, "%s-open", id);
    if (!must(client, "/api/stores",
              json_pack("{s:s,s:s,s:s,s:s,s:[s,s]}", "storeId", id, "name", "Storm", "currency",
                        "EUR", "timeZone", "Europe/Berlin", "paymentMethods", "card",
                        "cash_on_delivery"),
              key, deadline_us, error))
        return false;
    (void)snprintf(path, sizeof path, "/api/stores/%s/products", id);
    if (!must(client, path,
              json_pack("{s:s,s:s,s:s,s:s,s:{s:i,s:s}}", "localId", "piece", "name", "Rare piece",
                        "category", "Rare", "unit", "piece", "price", "amount", 1999, "currency",
                        "EUR"),
              key, deadline_us, error))
        return false;
    if (units_of(run, s) == 0)
        return true;
    (void)snprintf(path, sizeof path, "/api/stores/%s/stock/receive", id);
    return must(client, path,
                json_pack("{s:[{s:s,s:I}]}", "items", "productId", product, "quantity",
                          (json_int_t)units_of(run, s)),
                key, deadline_us, error);
}

/* An order for what this replica has not heard of yet would be refused, and not be an order. */
static bool wait_for_product(struct ds_load_run *run, ds_shop_client_t *client, size_t s,
                             int64_t deadline_us, ds_error_t *error)
{
    char product[64], path[PATH_BYTES];
    product_id(run, s, product);
    (void)snprintf(path, sizeof path, "/api/products/%s", product);
    do {
        struct ds_shop_answer answer;
        ds_error_t attempt = DS_ERROR_INIT;
        if (!ds_shop_call(client, "GET", path, NULL, NULL, &answer, &attempt))
            continue;
        int status = answer.status;
        ds_shop_answer_cleanup(&answer);
        if (status == 200)
            return true;
    } while (ds_shop_pause(run->runtime, PRODUCT_PAUSE_US, deadline_us));
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_TIMEOUT, "%s is not on sale in time", product);
}

bool ds_storm_open(struct ds_load_run *run, ds_error_t *error)
{
    ds_shop_client_t *client = ds_shop_client_new(run->runtime, &run->settings->shop);
    int64_t deadline_us = ds_monotonic_us(run->runtime->clock) + run->settings->give_up_us;
    bool ok = client != NULL && ds_shop_act_as(client, "admin", "storm", error);
    for (size_t s = 0; ok && s < DS_STORM_STORES; s++)
        ok = open_store(run, client, s, deadline_us, error);
    for (size_t s = 0; ok && s < DS_STORM_STORES; s++)
        ok = wait_for_product(run, client, s, deadline_us, error);
    ds_shop_client_destroy(client);
    return ok;
}

/* ---- orders */

static json_t *order_body(const struct ds_load_run *run, size_t store, int quantity,
                          const char *token)
{
    char product[64];
    product_id(run, store, product);
    json_t *body =
        json_pack("{s:[{s:s,s:i}],s:{s:s,s:s},s:s}", "lines", "productId", product, "quantity",
                  quantity, "deliveryAddress", "street", "1 Market Square", "city", "Berlin",
                  "paymentMethod", token == NULL ? "cash_on_delivery" : "card");
    if (body != NULL && token != NULL)
        (void)json_object_set_new(body, "paymentToken", json_string(token));
    return body;
}

static const char *token_of(size_t slot)
{
    uint32_t at = chance(slot, OF_PAYMENT);
    return at < 15   ? NULL
           : at < 25 ? "tok_declined"
           : at < 35 ? "tok_slow_700"
           : at < 42 ? "tok_late_900"
           : at < 49 ? "tok_drop"
           : at < 55 ? "tok_refund_fail"
                     : "tok_ok";
}

json_t *ds_storm_order_body(const struct ds_load_run *run, size_t slot)
{
    return order_body(run, slot % DS_STORM_STORES, chance(slot, OF_QUANTITY) < 10 ? 2 : 1,
                      token_of(slot));
}

json_t *ds_storm_plain_body(const struct ds_load_run *run, size_t store)
{
    return order_body(run, store, 1, "tok_ok");
}

/* Twice, and the answers do not matter: what becomes of it the log knows. */
static void twice(ds_shop_client_t *client, const char *path, json_t *body, const char *key)
{
    for (int i = 0; i < 2; i++) {
        struct ds_shop_answer answer;
        ds_error_t error = DS_ERROR_INIT;
        if (ds_shop_call(client, "POST", path, body, key, &answer, &error))
            ds_shop_answer_cleanup(&answer);
    }
    json_decref(body);
}

/* Of one that was accepted a while ago, so that cancels meet orders anywhere on their way. */
static bool order_behind(struct ds_load_run *run, size_t slot, char id[96])
{
    size_t back = (size_t)chance(slot, OF_WHICH) % 40;
    pthread_mutex_lock(&run->lock);
    (void)snprintf(id, 96, "%s", run->orders[slot > back ? slot - back : slot].id);
    pthread_mutex_unlock(&run->lock);
    return id[0] != '\0';
}

static bool act_for(struct ds_load_run *run, ds_shop_client_t *client, bool staff, size_t slot)
{
    char customer[96];
    ds_error_t error = DS_ERROR_INIT;
    if (staff)
        return ds_shop_act_as(client, "admin", "storm", &error);
    ds_load_customer(run, slot, customer, sizeof customer);
    return ds_shop_act_as(client, "customer", customer, &error);
}

void ds_storm_meddle(struct ds_load_run *run, ds_shop_client_t *client, size_t slot)
{
    uint32_t at = chance(slot, OF_CANCEL);
    size_t back = (size_t)chance(slot, OF_WHICH) % 40;
    char id[96], path[PATH_BYTES], key[96];
    if (at >= 34 || !order_behind(run, slot, id))
        return;
    bool staff = at >= 20 && at < 28;
    bool line = at >= 28;
    if (!act_for(run, client, staff, slot > back ? slot - back : slot))
        return;
    (void)snprintf(key, sizeof key, "%s-%zu-cancel", run->customer, slot);
    (void)snprintf(path, sizeof path, "/api/orders/%s%s/cancel", id, line ? "/lines/1" : "");
    twice(client, path, line ? json_pack("{s:i}", "quantity", 1) : json_object(), key);
}

/* ---- couriers */

struct look {
    struct ds_load_run *run;
    ds_shop_client_t *client;
    size_t turn;
    char courier[64];
    uint32_t number; /* of the keys of this look */
};

static void step(struct look *look, const char *path, json_t *body)
{
    char key[128];
    (void)snprintf(key, sizeof key, "%s-%zu-%" PRIu32, look->courier, look->turn, look->number++);
    twice(look->client, path, body, key);
}

static json_t *cash_of(json_t *delivery)
{
    json_t *cash = json_object_get(delivery, "cashToCollect");
    if (!json_is_object(cash))
        return json_object();
    return json_pack("{s:{s:O, s:O}}", "cashCollected", "amount", json_object_get(cash, "amount"),
                     "currency", json_object_get(cash, "currency"));
}

static void answer_offer(struct look *look, json_t *offer)
{
    char path[PATH_BYTES];
    const char *id = json_string_value(json_object_get(offer, "offerId"));
    uint32_t at = chance(look->turn, (uint32_t)ds_str_hash(ds_str(id), 7));
    if (id == NULL || at < 15)
        return; /* perhaps the next time */
    (void)snprintf(path, sizeof path, "/api/offers/%s/%s", id, at < 25 ? "decline" : "accept");
    step(look, path, json_object());
}

static void carry(struct look *look, json_t *delivery)
{
    char path[PATH_BYTES];
    const char *id = json_string_value(json_object_get(delivery, "orderId"));
    const char *status = json_string_value(json_object_get(delivery, "status"));
    uint32_t at = chance(look->turn, (uint32_t)ds_str_hash(ds_str(id), 8));
    const char *what = NULL;
    json_t *body = NULL;
    if (id == NULL || status == NULL || at < 10)
        return;
    if (strcmp(status, "assigned") == 0) {
        what = at < 14 ? "giveback" : "pickup";
    } else if (strcmp(status, "returning") == 0) {
        what = "returned";
    } else if (at < 20) {
        what = "failed";
        body = json_pack("{s:s}", "reason", "nobody there");
    } else {
        what = "handover";
        body = cash_of(delivery);
    }
    (void)snprintf(path, sizeof path, "/api/deliveries/%s/%s", id, what);
    step(look, path, body == NULL ? json_object() : body);
}

static void each(struct look *look, const char *path, void (*act)(struct look *, json_t *))
{
    struct ds_shop_answer answer;
    ds_error_t error = DS_ERROR_INIT;
    size_t i;
    json_t *item;
    if (!ds_shop_call(look->client, "GET", path, NULL, NULL, &answer, &error))
        return;
    json_array_foreach(answer.data, i, item) act(look, item);
    ds_shop_answer_cleanup(&answer);
}

static void look_once(struct look *look)
{
    static const char *const statuses[] = {"assigned", "in_transit", "silent"};
    char path[PATH_BYTES];
    ds_error_t error = DS_ERROR_INIT;
    if (!ds_shop_act_as(look->client, "courier", look->courier, &error))
        return;
    /* Whoever gave an order back is offline; it comes back, sooner or later. */
    (void)snprintf(path, sizeof path, "/api/couriers/%s/online", look->courier);
    if (look->turn % 4 == 0)
        step(look, path, json_pack("{s:s,s:i}", "vehicle", "bicycle", "capacity", 10));
    (void)snprintf(path, sizeof path, "/api/couriers/%s/offers", look->courier);
    each(look, path, answer_offer);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        (void)snprintf(path, sizeof path, "/api/couriers/%s/deliveries?status=%s&limit=100",
                       look->courier, statuses[i]);
        each(look, path, carry);
    }
    if (!ds_shop_act_as(look->client, "admin", "storm", &error))
        return;
    (void)snprintf(path, sizeof path, "/api/couriers/%s/deliveries?status=returning&limit=100",
                   look->courier);
    each(look, path, carry);
}

void ds_storm_round(struct ds_load_run *run, ds_shop_client_t *client, size_t index, size_t step_,
                    size_t turn)
{
    for (size_t i = index; i < DS_STORM_STORES * DS_STORM_COURIERS_A_STORE; i += step_) {
        struct look look = {.run = run, .client = client, .turn = turn};
        (void)snprintf(look.courier, sizeof look.courier, "%s-%zu.courier-%zu", run->storm,
                       i % DS_STORM_STORES, i / DS_STORM_STORES);
        look_once(&look);
    }
}

/* ---- stock */

static int64_t level(json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

static bool store_stock(struct ds_load_run *run, ds_shop_client_t *client, size_t store,
                        struct ds_storm_stock *sum, ds_error_t *error)
{
    char id[40], path[PATH_BYTES];
    struct ds_shop_answer answer;
    int64_t deadline_us = ds_monotonic_us(run->runtime->clock) + run->settings->give_up_us;
    size_t i;
    json_t *row;
    store_id(run, store, id);
    (void)snprintf(path, sizeof path, "/api/stores/%s/stock", id);
    if (!ds_shop_act_as(client, "admin", "storm", error) ||
        !ds_shop_expect(client, "GET", path, NULL, NULL, deadline_us, &answer, error))
        return false;
    json_array_foreach(answer.data, i, row)
    {
        sum->received += level(row, "received");
        sum->available += level(row, "available");
        sum->reserved += level(row, "reserved");
        sum->committed += level(row, "committed");
    }
    ds_shop_answer_cleanup(&answer);
    return true;
}

bool ds_storm_stock(struct ds_load_run *run, ds_shop_client_t *client,
                    struct ds_storm_stock *stock_out, ds_error_t *error)
{
    *stock_out = (struct ds_storm_stock){0};
    for (size_t s = 0; s < DS_STORM_STORES; s++)
        if (!store_stock(run, client, s, stock_out, error))
            return false;
    return true;
}

bool ds_storm_left(struct ds_load_run *run, ds_shop_client_t *client, size_t *store_out,
                   int64_t *left_out, ds_error_t *error)
{
    *left_out = 0;
    for (size_t s = 0; *left_out == 0 && s < DS_STORM_STORES; s++) {
        struct ds_storm_stock stock = {0};
        if (!store_stock(run, client, s, &stock, error))
            return false;
        *store_out = s;
        *left_out = stock.available;
    }
    return true;
}
