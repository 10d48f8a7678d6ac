/* cli/shop/seed.c - makes the demo shop through the public interface; a shop that is there is left
 * as it is. */
#include "cli/roles.h"
#include "cli/shop/courier.h"
#include "cli/shop/demo_shop.h"

#include <stdio.h>

#define PATH_BYTES 256
#define POLL_US    (20 * DS_US_PER_MS)

struct settings {
    struct ds_shop_settings shop;
    int64_t stock;
    int64_t timeout_us;
};

static const struct ds_option options[] = {
    DS_SHOP_OPTIONS,
    {"stock", NULL, DS_OPT_INT, offsetof(struct settings, stock), "100000", 1, 1000000, false,
     false, "Pieces of each product."},
    {"timeout", NULL, DS_OPT_DURATION, offsetof(struct settings, timeout_us), "60s", DS_US_PER_S,
     3600 * DS_US_PER_S, false, false, "How long all of it may take."},
    DS_OPTION_END,
};

struct seeding {
    const struct ds_runtime *runtime;
    const struct settings *settings;
    ds_shop_client_t *client;
    int64_t deadline_us;
    bool made_something;
};

static bool get_status(struct seeding *seeding, const char *path, int *status_out,
                       size_t *items_out, ds_error_t *error)
{
    struct ds_shop_answer answer;
    *status_out = 0;
    *items_out = 0;
    if (!ds_shop_call(seeding->client, "GET", path, NULL, NULL, &answer, error))
        return false;
    *status_out = answer.status;
    *items_out = json_array_size(answer.data);
    ds_shop_answer_cleanup(&answer);
    return true;
}

/* Until the path answers 200 with at least `items`; servers that are away are waited for. */
static bool wait_for(struct seeding *seeding, const char *path, size_t items, ds_error_t *error)
{
    int status = 0;
    size_t have = 0;
    do {
        ds_error_t attempt = DS_ERROR_INIT;
        if (get_status(seeding, path, &status, &have, &attempt) && status == 200 && have >= items)
            return true;
    } while (ds_shop_pause(seeding->runtime, POLL_US, seeding->deadline_us));
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_TIMEOUT,
                        "%s: last answer %d with %zu of %zu items", path, status, have, items);
}

static bool post(struct seeding *seeding, const char *path, json_t *body, const char *key,
                 ds_error_t *error)
{
    struct ds_shop_answer answer;
    bool ok = ds_shop_expect(seeding->client, "POST", path, body, key, seeding->deadline_us,
                             &answer, error);
    if (ok)
        ds_shop_answer_cleanup(&answer);
    json_decref(body);
    seeding->made_something = true;
    return ok;
}

static bool make_store(struct seeding *seeding, size_t s, ds_error_t *error)
{
    const char *id = ds_demo_stores[s].id;
    char path[PATH_BYTES];
    int status;
    size_t items;
    (void)snprintf(path, sizeof path, "/api/stores/%s", id);
    if (!get_status(seeding, path, &status, &items, error))
        return false;
    if (status != 200 && !post(seeding, "/api/stores", ds_demo_store_body(s), NULL, error))
        return false;
    return wait_for(seeding, path, 0, error);
}

static bool make_products(struct seeding *seeding, size_t s, ds_error_t *error)
{
    char post_path[PATH_BYTES], list_path[PATH_BYTES];
    int status;
    size_t items;
    (void)snprintf(post_path, sizeof post_path, "/api/stores/%s/products", ds_demo_stores[s].id);
    (void)snprintf(list_path, sizeof list_path, "/api/products?store=%s&limit=100",
                   ds_demo_stores[s].id);
    if (!get_status(seeding, list_path, &status, &items, error))
        return false;
    if (items < DS_DEMO_PRODUCTS_A_STORE &&
        !post(seeding, post_path, ds_demo_products_body(), NULL, error))
        return false;
    return wait_for(seeding, list_path, DS_DEMO_PRODUCTS_A_STORE, error);
}

static bool make_stock(struct seeding *seeding, size_t s, ds_error_t *error)
{
    char post_path[PATH_BYTES], list_path[PATH_BYTES], key[64];
    int status;
    size_t items;
    (void)snprintf(key, sizeof key, "seed-stock-%s", ds_demo_stores[s].id);
    (void)snprintf(list_path, sizeof list_path, "/api/stores/%s/stock?limit=100",
                   ds_demo_stores[s].id);
    (void)snprintf(post_path, sizeof post_path, "/api/stores/%s/stock/receive",
                   ds_demo_stores[s].id);
    if (!get_status(seeding, list_path, &status, &items, error))
        return false;
    if (items < DS_DEMO_PRODUCTS_A_STORE &&
        !post(seeding, post_path, ds_demo_stock_body(s, (int)seeding->settings->stock), key, error))
        return false;
    return wait_for(seeding, list_path, DS_DEMO_PRODUCTS_A_STORE, error);
}

static bool make_couriers(struct seeding *seeding, size_t s, ds_error_t *error)
{
    for (size_t c = 0; c < DS_DEMO_COURIERS_A_STORE; c++)
        if (!ds_courier_go_online(seeding->client, s, c, seeding->deadline_us, error))
            return false;
    return true;
}

static bool seed(struct seeding *seeding, ds_error_t *error)
{
    for (size_t s = 0; s < DS_DEMO_STORES; s++) {
        if (!ds_shop_act_as(seeding->client, "admin", "seed", error) ||
            !make_store(seeding, s, error) || !make_products(seeding, s, error) ||
            !make_stock(seeding, s, error) || !make_couriers(seeding, s, error))
            return ds_error_prefix(error, "store %s", ds_demo_stores[s].id);
        printf("  %-10s %d products, %d couriers\n", ds_demo_stores[s].id, DS_DEMO_PRODUCTS_A_STORE,
               DS_DEMO_COURIERS_A_STORE);
    }
    return true;
}

static int run(const struct ds_runtime *runtime, const void *settings_, int argc,
               const char *const *argv, ds_error_t *error)
{
    (void)argc, (void)argv;
    const struct settings *settings = settings_;
    struct seeding seeding = {runtime, settings, ds_shop_client_new(runtime, &settings->shop),
                              ds_monotonic_us(runtime->clock) + settings->timeout_us, false};
    bool ok = seeding.client != NULL && seed(&seeding, error);
    if (ok)
        printf("%s\n",
               seeding.made_something ? "The demo shop is ready." : "The demo shop is there.");
    ds_shop_client_destroy(seeding.client);
    return ok ? 0 : 1;
}

const struct ds_role ds_role_seed = {
    .name = "seed",
    .summary = "make the demo shop: stores, products, stock, couriers",
    .examples = "  doorstep seed --api-url http://127.0.0.1:3000\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .run = run,
};
