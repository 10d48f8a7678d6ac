/* api/commands_order.c - placing and cancelling orders. */
#include "api/catalogue.h"
#include "api/commands.h"
#include "api/handlers.h"
#include "api/ids_in.h"
#include "api/intake.h"
#include "api/internal.h"
#include "api/json_in.h"
#include "api/opening.h"
#include "api/response.h"
#include "base/contact.h"
#include "base/limits.h"
#include "base/money.h"

#include <stdio.h>

/* What the client sent, checked but not priced. */
struct order_in {
    ds_str_t store_id;
    struct ds_order_line lines[DS_MAX_ORDER_LINES];
    size_t sent_as[DS_MAX_ORDER_LINES]; /* place of the line in the request */
    size_t line_count;
    struct ds_personal_data address;
    bool has_method;
    enum ds_payment_method method;
    bool has_token;
    ds_str_t token;
    bool has_expected;
    int64_t expected_minor;
    ds_str_t expected_currency;
};

static void add_line(struct order_in *order, ds_str_t product_id, int32_t quantity, size_t sent_as)
{
    for (size_t i = 0; i < order->line_count; i++) {
        if (ds_str_eq(order->lines[i].product_id, product_id)) {
            order->lines[i].quantity += quantity; /* at most 50 x 999 */
            return;
        }
    }
    order->sent_as[order->line_count] = sent_as;
    struct ds_order_line *line = &order->lines[order->line_count++];
    line->line = (int32_t)order->line_count;
    line->product_id = product_id;
    line->quantity = quantity;
}

static void take_line(struct ds_fields *line, struct order_in *order, size_t sent_as)
{
    ds_str_t product_id;
    int64_t quantity;
    bool id_ok = ds_field_text(line, "productId", true, 1, DS_MAX_ID_BYTES, &product_id);
    if (id_ok && !ds_entity_id_valid(product_id)) {
        ds_fields_problem(line, "productId", "invalid", "must be <store>.<product>");
        id_ok = false;
    }
    bool quantity_ok = ds_field_int(line, "quantity", true, 1, DS_MAX_LINE_QUANTITY, &quantity);
    ds_fields_end(line);
    if (!id_ok || !quantity_ok)
        return;
    ds_str_t store_id = ds_id_store(product_id);
    if (order->line_count == 0)
        order->store_id = store_id;
    if (!ds_str_eq(order->store_id, store_id)) {
        ds_fields_problem(line, "productId", "mixed_stores", "is of another store");
        line->problems->code = "mixed_stores";
        return;
    }
    add_line(order, product_id, (int32_t)quantity, sent_as);
}

static void take_lines(struct ds_fields *body, struct order_in *order)
{
    const json_t *lines;
    if (!ds_field_array(body, "lines", false, 1, DS_MAX_ORDER_LINES, &lines))
        return;
    for (size_t i = 0; i < json_array_size(lines); i++) {
        struct ds_fields line;
        if (ds_field_item(body, "lines", lines, i, &line))
            take_line(&line, order, i);
    }
}

static bool is_country(ds_str_t text)
{
    return text.len == 2 && text.data[0] >= 'A' && text.data[0] <= 'Z' && text.data[1] >= 'A' &&
           text.data[1] <= 'Z';
}

static void take_address(struct ds_fields *body, struct ds_personal_data *address)
{
    struct ds_fields in;
    int32_t lat_e6;
    int32_t lng_e6;
    if (!ds_field_object(body, "deliveryAddress", true, &in))
        return;
    (void)ds_field_text(&in, "street", true, 1, 200, &address->street);
    (void)ds_field_text(&in, "city", true, 1, 100, &address->city);
    address->has_state = ds_field_text(&in, "state", false, 0, 100, &address->state);
    address->has_zip_code = ds_field_text(&in, "zipCode", false, 0, 16, &address->zip_code);
    address->has_country = ds_field_text(&in, "country", false, 2, 2, &address->country);
    if (address->has_country && !is_country(address->country))
        ds_fields_problem(&in, "country", "invalid", "must be two capital letters such as US");
    address->has_recipient = ds_field_text(&in, "recipient", false, 0, 100, &address->recipient);
    address->has_phone = ds_field_text(&in, "phone", false, 0, 32, &address->phone);
    address->has_place = ds_field_place(&in, "coordinates", false, &lat_e6, &lng_e6);
    if (address->has_place)
        address->place = (struct ds_place){lat_e6, lng_e6};
    ds_fields_end(&in);
}

/* Whom to tell. It goes into the log with the address, and only there. */
static void take_contact(struct ds_fields *body, struct ds_personal_data *personal)
{
    struct ds_fields in;
    if (!ds_field_object(body, "contact", false, &in))
        return;
    personal->has_email =
        ds_field_text(&in, "email", false, 3, DS_EMAIL_MAX_BYTES, &personal->email);
    if (personal->has_email && !ds_email_valid(personal->email))
        ds_fields_problem(&in, "email", "invalid", "must be an address such as anna@shop.example");
    personal->has_push_token =
        ds_field_text(&in, "pushToken", false, 1, DS_PUSH_TOKEN_MAX_BYTES, &personal->push_token);
    if (personal->has_push_token && !ds_push_token_valid(personal->push_token))
        ds_fields_problem(&in, "pushToken", "invalid", "must be one word of visible ASCII");
    personal->has_language =
        ds_field_text(&in, "language", false, 2, DS_LANGUAGE_MAX_BYTES, &personal->language);
    if (personal->has_language && !ds_language_valid(personal->language))
        ds_fields_problem(&in, "language", "invalid", "must be a BCP 47 tag such as de-AT");
    ds_fields_end(&in);
}

static void take_payment(struct ds_fields *body, struct order_in *order)
{
    ds_str_t method;
    order->has_method = ds_field_text(body, "paymentMethod", false, 1, 32, &method);
    if (order->has_method && ds_str_eq(method, DS_STR("card")))
        order->method = DS_PAYMENT_METHOD_CARD;
    else if (order->has_method && ds_str_eq(method, DS_STR("cash_on_delivery")))
        order->method = DS_PAYMENT_METHOD_CASH_ON_DELIVERY;
    else if (order->has_method)
        ds_fields_problem(body, "paymentMethod", "invalid", "must be card or cash_on_delivery");
    order->has_token = ds_field_text(body, "paymentToken", false, 1, 200, &order->token);
    order->has_expected = ds_field_money(body, "expectedTotal", false, 0, &order->expected_minor,
                                         &order->expected_currency);
}

/* false: the answer stands in the request. */
static bool take_order(ds_request_t *request, struct order_in *order)
{
    struct ds_fields body;
    ds_fields_init(&body, request->json, "", &request->problems);
    take_lines(&body, order);
    take_address(&body, &order->address);
    take_contact(&body, &order->address);
    take_payment(&body, order);
    order->address.has_notes = ds_field_text(&body, "notes", false, 0, 500, &order->address.notes);
    bool from_cart = !ds_fields_has(&body, "lines");
    ds_fields_end(&body);
    if (ds_problems_any(&request->problems)) {
        ds_answer_problems(request);
        return false;
    }
    if (from_cart) {
        ds_answer_error(request, 409, "cart_empty", "there is nothing in the cart; send lines");
        return false;
    }
    return true;
}

/* Why an order cannot be priced; the worst wins. */
struct refusal {
    int status;
    const char *code;
    const char *message;
};

static void refuse_line(ds_request_t *request, const struct order_in *order,
                        const struct ds_order_line *line, struct refusal *refusal,
                        struct refusal with)
{
    char field[40];
    (void)snprintf(field, sizeof field, "lines[%zu]", order->sent_as[line->line - 1]);
    ds_problem(&request->problems, field, with.code, "%.*s: %s", DS_STR_ARG(line->product_id),
               with.message);
    if (refusal->status == 0)
        *refusal = with;
}

static void price_line(ds_request_t *request, const struct order_in *order,
                       struct ds_order_line *line, struct refusal *refusal)
{
    struct ds_product_view product;
    if (!ds_catalogue_product(request->api->catalog, line->product_id, request->arena, &product)) {
        refuse_line(request, order, line, refusal,
                    (struct refusal){404, "product_unknown", "there is no such product"});
        return;
    }
    if (product.removed) {
        refuse_line(request, order, line, refusal,
                    (struct refusal){409, "product_removed", "it is no longer sold"});
        return;
    }
    if (line->quantity > product.info.max_quantity || line->quantity > DS_MAX_LINE_QUANTITY) {
        refuse_line(request, order, line, refusal,
                    (struct refusal){409, "quantity_limit", "more pieces than an order may have"});
        return;
    }
    line->name = product.info.name;
    line->unit_price_minor = product.info.price_minor;
    line->catalog_offset = product.offset;
    if (!ds_money_mul(line->unit_price_minor, line->quantity, &line->total_minor))
        refuse_line(request, order, line, refusal,
                    (struct refusal){409, "quantity_limit", "the amount is too large"});
}

static bool add_up(const struct order_in *order, int64_t fee_minor, int64_t *subtotal_out,
                   int64_t *total_out)
{
    *subtotal_out = 0;
    for (size_t i = 0; i < order->line_count; i++)
        if (!ds_money_add(*subtotal_out, order->lines[i].total_minor, subtotal_out))
            return false;
    return ds_money_add(*subtotal_out, fee_minor, total_out);
}

static bool store_takes(const struct ds_store_info *store, enum ds_payment_method method)
{
    for (size_t i = 0; i < store->payment_methods.count; i++)
        if (store->payment_methods.items[i] == method)
            return true;
    return false;
}

static void check_total(ds_request_t *request, const struct order_in *order,
                        const struct ds_place_order *place, const struct ds_store_info *store,
                        struct refusal *refusal)
{
    if (place->subtotal_minor < store->minimum_order_minor) {
        *refusal = (struct refusal){409, "below_minimum", "the store asks for a larger order"};
        request->problems.details = json_pack(
            "[{s:o}]", "minimum", ds_out_money(store->minimum_order_minor, store->currency));
    } else if (order->has_expected && (order->expected_minor != place->total_minor ||
                                       !ds_str_eq(order->expected_currency, place->currency))) {
        *refusal = (struct refusal){409, "price_changed", "the total is another now"};
        request->problems.details =
            json_pack("[{s:s,s:s,s:s,s:o}]", "field", "expectedTotal", "code", "price_changed",
                      "message", "the total is another now", "total",
                      ds_out_money(place->total_minor, place->currency));
    }
}

/* Whether the store takes orders at this hour, and for this address. */
static bool door_open(const struct order_in *order, const struct ds_store_view *store,
                      struct refusal *refusal)
{
    const struct ds_place *address = order->address.has_place ? &order->address.place : NULL;
    if (store->door == DS_DOOR_CLOSED)
        *refusal = (struct refusal){409, "store_closed", "the store takes no orders now"};
    else if (store->door == DS_DOOR_NOT_KNOWN)
        *refusal = (struct refusal){503, "catalog_stale", "the store's hours cannot be told here"};
    else if (!ds_store_delivers_to(&store->info, address))
        *refusal =
            (struct refusal){409, "outside_zone",
                             address == NULL ? "the store delivers in a zone; send coordinates"
                                             : "the store does not deliver there"};
    return refusal->status == 0;
}

/* What hours, zone, fee and smallest basket were judged by stays with the order, and where the
 * courier fetches it. */
static void note_store(const struct ds_store_view *store, struct ds_place_order *place)
{
    place->store_offset = store->offset;
    place->has_store_place = store->info.has_place;
    place->store_place = store->info.place;
}

/* The words between customer and courier: six digits, where the store asks for them. A repeat of
 * the request makes others, and is a repeat: the first ones stand in the log. */
static void make_code(ds_request_t *request, const struct ds_store_view *store,
                      struct ds_place_order *place)
{
    if (!store->info.hand_over_code)
        return;
    place->has_hand_over_code = true;
    place->hand_over_code = ds_str(ds_request_text(
        request, "%06u", (unsigned)ds_random_below(request->api->runtime->random, 1000000)));
}

/* Fill the command from the catalogue. refusal->status != 0: it cannot be. */
static void price(ds_request_t *request, struct order_in *order, struct ds_place_order *place,
                  struct refusal *refusal)
{
    struct ds_store_view store;
    if (!ds_catalogue_store(request->api->catalog, order->store_id, request->arena, &store)) {
        *refusal = (struct refusal){404, "store_unknown", "there is no such store"};
        return;
    }
    if (!door_open(order, &store, refusal))
        return;
    note_store(&store, place);
    make_code(request, &store, place);
    for (size_t i = 0; i < order->line_count; i++)
        price_line(request, order, &order->lines[i], refusal);
    if (refusal->status != 0)
        return;
    place->currency = store.info.currency;
    place->delivery_fee_minor = store.info.delivery_fee_minor;
    if (!add_up(order, place->delivery_fee_minor, &place->subtotal_minor, &place->total_minor)) {
        *refusal = (struct refusal){409, "quantity_limit", "the amount is too large"};
        return;
    }
    if (!order->has_method)
        order->method = store.info.payment_methods.count > 0 ? store.info.payment_methods.items[0]
                                                             : DS_PAYMENT_METHOD_CARD;
    if (!store_takes(&store.info, order->method)) {
        ds_problem(&request->problems, "paymentMethod", "not_taken",
                   "the store does not take this method");
        *refusal = (struct refusal){400, "invalid_field", "some fields are wrong"};
        return;
    }
    place->payment_method = order->method;
    check_total(request, order, place, &store.info, refusal);
}

static void name_order(ds_request_t *request, const struct order_in *order,
                       struct ds_command_job *job)
{
    job->order_id = ds_request_text(request, "%.*s.%s", DS_STR_ARG(order->store_id), job->id.text);
    job->status_path = ds_request_text(request, "/api/orders/%s", job->order_id);
    ds_command_name(job, "orderId", ds_str(job->order_id));
}

static bool fill_command(ds_request_t *request, const struct order_in *order,
                         const struct ds_command_job *job, struct ds_place_order *place)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_order_line *lines =
        ds_arena_calloc(request->arena, order->line_count, sizeof *lines, &error);
    if (lines == NULL) {
        ds_answer_error(request, 500, "internal", "out of memory");
        return false;
    }
    memcpy(lines, order->lines, order->line_count * sizeof *lines);
    place->order_id = ds_str(job->order_id);
    place->store_id = order->store_id;
    place->customer_id = request->person.subject;
    place->lines.items = lines;
    place->lines.count = order->line_count;
    place->has_payment_token = order->has_token;
    place->payment_token = order->token;
    place->personal.kind = DS_UNION_PERSONAL_DATA_SEALED_DATA_PERSONAL_DATA;
    place->personal.as.personal_data = order->address;
    return true;
}

void ds_post_order(ds_request_t *request)
{
    struct order_in order = {0};
    struct refusal refusal = {0};
    struct ds_api *api = request->api;
    if (!take_order(request, &order) || !ds_intake_store_rate(request, order.store_id))
        return;
    struct ds_command_job *job = ds_command_new(request, &ds_schema_order_commands, DS_TOPIC_ORDER,
                                                order.store_id, order.store_id, DS_CUSTOMER);
    if (job == NULL)
        return;
    struct ds_order_command *command = (struct ds_order_command *)(void *)job->command;
    struct ds_place_order *place = &command->body.as.place_order;
    command->body.kind = DS_ORDER_COMMAND_PLACE_ORDER;
    name_order(request, &order, job);
    if (request->key.len > 0 && ds_command_known(request, job))
        return;
    bool fresh = ds_catalogue_fresh(api->catalog, order.store_id, ds_api_now_us(api));
    if (!fresh && !ds_api_commands_ready(api)) {
        ds_answer_error(request, 503, "kafka_unavailable", "Kafka is away; nothing was kept");
        return;
    }
    if (fresh)
        price(request, &order, place, &refusal);
    else
        refusal = (struct refusal){503, "catalog_stale", "the prices are not up to date here now"};
    if (refusal.status != 0)
        ds_command_refuse(request, job, refusal.status, refusal.code, refusal.message);
    else if (fill_command(request, &order, job, place))
        ds_command_submit(request, job);
}
