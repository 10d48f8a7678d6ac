#include "cli/shop/courier.h"

#include "cli/shop/demo_shop.h"

#include <inttypes.h>
#include <stdio.h>

#define PATH_BYTES 256

/* A POST whose refusal does not matter. */
static bool act(ds_shop_client_t *client, const char *path, json_t *body, size_t *acted,
                ds_error_t *error)
{
    struct ds_shop_answer answer;
    if (!ds_shop_call(client, "POST", path, body, NULL, &answer, error))
        return false;
    *acted += answer.status == 202;
    ds_shop_answer_cleanup(&answer);
    return true;
}

static bool accept_offers(ds_shop_client_t *client, const char *courier_id, size_t *acted,
                          ds_error_t *error)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "/api/couriers/%s/offers", courier_id);
    struct ds_shop_answer answer;
    if (!ds_shop_call(client, "GET", path, NULL, NULL, &answer, error))
        return false;
    bool ok = true;
    size_t i;
    json_t *offer;
    json_array_foreach(answer.data, i, offer)
    {
        const char *id = json_string_value(json_object_get(offer, "offerId"));
        if (id == NULL)
            continue;
        (void)snprintf(path, sizeof path, "/api/offers/%s/accept", id);
        ok = ok && act(client, path, NULL, acted, error);
    }
    ds_shop_answer_cleanup(&answer);
    return ok;
}

static json_t *handover_body(json_t *delivery)
{
    json_t *cash = json_object_get(delivery, "cashToCollect");
    if (!json_is_object(cash))
        return json_object();
    return json_pack("{s:{s:O, s:O}}", "cashCollected", "amount", json_object_get(cash, "amount"),
                     "currency", json_object_get(cash, "currency"));
}

static bool carry(ds_shop_client_t *client, json_t *delivery, size_t *acted, ds_error_t *error)
{
    const char *order = json_string_value(json_object_get(delivery, "orderId"));
    const char *status = json_string_value(json_object_get(delivery, "status"));
    if (order == NULL || status == NULL)
        return true;
    char path[PATH_BYTES];
    if (strcmp(status, "assigned") == 0) {
        (void)snprintf(path, sizeof path, "/api/deliveries/%s/pickup", order);
        return act(client, path, NULL, acted, error);
    }
    (void)snprintf(path, sizeof path, "/api/deliveries/%s/handover", order);
    json_t *body = handover_body(delivery);
    bool ok = act(client, path, body, acted, error);
    json_decref(body);
    return ok;
}

static bool carry_all(ds_shop_client_t *client, const char *courier_id, const char *status,
                      size_t *acted, ds_error_t *error)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "/api/couriers/%s/deliveries?status=%s&limit=100", courier_id,
                   status);
    struct ds_shop_answer answer;
    if (!ds_shop_call(client, "GET", path, NULL, NULL, &answer, error))
        return false;
    bool ok = true;
    size_t i;
    json_t *delivery;
    json_array_foreach(answer.data, i, delivery) ok = ok && carry(client, delivery, acted, error);
    ds_shop_answer_cleanup(&answer);
    return ok;
}

bool ds_courier_round(ds_shop_client_t *client, const char *courier_id, size_t *acted_out,
                      ds_error_t *error)
{
    *acted_out = 0;
    return ds_shop_act_as(client, "courier", courier_id, error) &&
           accept_offers(client, courier_id, acted_out, error) &&
           carry_all(client, courier_id, "assigned", acted_out, error) &&
           carry_all(client, courier_id, "in_transit", acted_out, error);
}

bool ds_courier_go_online(ds_shop_client_t *client, size_t s, size_t c, int64_t deadline_us,
                          ds_error_t *error)
{
    char courier[96], path[PATH_BYTES];
    ds_demo_courier_id(s, c, courier, sizeof courier);
    (void)snprintf(path, sizeof path, "/api/couriers/%s/online", courier);
    struct ds_shop_answer answer;
    json_t *body = ds_demo_courier_body(c);
    bool ok = ds_shop_act_as(client, "courier", courier, error) &&
              ds_shop_expect(client, "POST", path, body, NULL, deadline_us, &answer, error);
    if (ok)
        ds_shop_answer_cleanup(&answer);
    json_decref(body);
    return ok;
}
