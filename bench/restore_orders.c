/* The orders of the benchmark: as large, and as different from each other, as a shop's. */
#include "heads.h"
#include "restore.h"
#include "schemas/schema.h"

#include <inttypes.h>
#include <stdio.h>

#define LINES 3

static uint64_t number(const struct ds_runtime *runtime, uint64_t below)
{
    ds_error_t error = DS_ERROR_INIT;
    uint64_t value = 0;

    if (!runtime->random->fill(runtime->random, &value, sizeof value, &error))
        hop_fail("random", error.message);
    return value % below;
}

static int64_t fill_lines(const struct ds_runtime *runtime, struct ds_order_line lines[LINES],
                          char products[LINES][48])
{
    int64_t sum = 0;
    for (int i = 0; i < LINES; i++) {
        int64_t price = 50 + (int64_t)number(runtime, 2000);
        int32_t quantity = 1 + (int32_t)number(runtime, 4);
        (void)snprintf(products[i], sizeof products[i], RESTORE_STORE ".product-%" PRIu64,
                       number(runtime, 5000));
        lines[i] = (struct ds_order_line){.line = i + 1,
                                          .product_id = ds_str(products[i]),
                                          .name = DS_STR("A thing from the shelf"),
                                          .quantity = quantity,
                                          .unit_price_minor = price,
                                          .total_minor = price * quantity};
        sum += price * quantity;
    }
    return sum;
}

static void fill_person(const struct ds_runtime *runtime, struct ds_personal_data *person,
                        char street[64], char phone[32])
{
    static const char *const streets[] = {"Hauptstrasse",  "Lindenweg",    "Bahnhofstrasse",
                                          "Gartenstrasse", "Am Kirchberg", "Schulstrasse"};
    static const char *const names[] = {"Anna", "Bo", "Clara", "Dmitri", "Emine", "Farid", "Grete"};

    (void)snprintf(street, 64, "%s %" PRIu64, streets[number(runtime, 6)], number(runtime, 300));
    (void)snprintf(phone, 32, "+4930%07" PRIu64, number(runtime, 10000000));
    *person = (struct ds_personal_data){.has_recipient = true,
                                        .recipient = ds_str(names[number(runtime, 7)]),
                                        .has_phone = true,
                                        .phone = ds_str(phone),
                                        .street = ds_str(street),
                                        .city = DS_STR("Berlin"),
                                        .has_zip_code = true,
                                        .zip_code = DS_STR("10115")};
}

void restore_place(const struct ds_runtime *runtime, rd_kafka_t *producer, int32_t partition,
                   ds_buf_t *bytes)
{
    struct ds_order_line lines[LINES];
    char products[LINES][48], street[64], phone[32], order[64], customer[32];
    ds_error_t error = DS_ERROR_INIT;
    struct bench_ids ids;
    int64_t sum = fill_lines(runtime, lines, products);

    (void)snprintf(customer, sizeof customer, "customer-%" PRIu64, number(runtime, 200000));
    struct ds_order_command command = {.head = bench_head(runtime, &ids, DS_ACTOR_KIND_CUSTOMER,
                                                          customer),
                                       .body.kind = DS_ORDER_COMMAND_PLACE_ORDER};
    command.head.sent_at = ds_now_us(runtime->clock);
    (void)snprintf(order, sizeof order, RESTORE_STORE ".%s", ids.command.text);
    struct ds_place_order *place = &command.body.as.place_order;
    *place = (struct ds_place_order){.order_id = ds_str(order),
                                     .store_id = DS_STR(RESTORE_STORE),
                                     .customer_id = ds_str(customer),
                                     .lines = {lines, LINES},
                                     .currency = DS_STR("EUR"),
                                     .subtotal_minor = sum,
                                     .delivery_fee_minor = 250,
                                     .total_minor = sum + 250,
                                     .payment_method = DS_PAYMENT_METHOD_CARD,
                                     .has_payment_token = true,
                                     .payment_token = DS_STR("tok_ok")};
    place->personal.kind = DS_UNION_PERSONAL_DATA_SEALED_DATA_PERSONAL_DATA;
    fill_person(runtime, &place->personal.as.personal_data, street, phone);
    ds_buf_clear(bytes);
    if (!ds_schema_encode(&ds_schema_order_commands, &command, bytes, &error))
        hop_fail("encode", error.message);
    hop_put(producer, RESTORE_COMMANDS, partition,
            (ds_bytes_t){(const uint8_t *)RESTORE_STORE, sizeof RESTORE_STORE - 1},
            ds_buf_bytes(bytes));
}
