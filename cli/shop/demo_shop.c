#include "cli/shop/demo_shop.h"

#include <stdio.h>

const struct ds_demo_store ds_demo_stores[DS_DEMO_STORES] = {
    {"berlin-1", "Doorstep Berlin", "Europe/Berlin"},
    {"hamburg-1", "Doorstep Hamburg", "Europe/Berlin"},
    {"lyon-1", "Doorstep Lyon", "Europe/Paris"},
    {"porto-1", "Doorstep Porto", "Europe/Lisbon"},
};

static const struct category {
    const char *name;
    const struct {
        const char *local;
        const char *name;
        const char *unit;
        int price_minor;
    } products[10];
} categories[DS_DEMO_PRODUCTS_A_STORE / 10] = {
    {"Dairy",
     {{"milk-1l", "Whole milk", "1 l", 129},
      {"oat-drink-1l", "Oat drink", "1 l", 189},
      {"butter-250g", "Butter", "250 g", 259},
      {"yoghurt-500g", "Plain yoghurt", "500 g", 149},
      {"gouda-200g", "Gouda, sliced", "200 g", 279},
      {"feta-150g", "Feta", "150 g", 249},
      {"cream-200ml", "Cream", "200 ml", 99},
      {"eggs-10", "Eggs, free range", "10 pieces", 329},
      {"quark-500g", "Quark", "500 g", 169},
      {"mozzarella-125g", "Mozzarella", "125 g", 119}}},
    {"Bakery",
     {{"rye-bread-750g", "Rye bread", "750 g", 349},
      {"baguette", "Baguette", "piece", 159},
      {"rolls-6", "Rolls", "6 pieces", 219},
      {"croissant", "Croissant", "piece", 139},
      {"toast-500g", "Toast", "500 g", 189},
      {"pretzel", "Pretzel", "piece", 109},
      {"crispbread-250g", "Crispbread", "250 g", 179},
      {"wraps-6", "Wraps", "6 pieces", 229},
      {"cake-400g", "Lemon cake", "400 g", 399},
      {"cookies-200g", "Oat cookies", "200 g", 249}}},
    {"Fruit and vegetables",
     {{"apples-1kg", "Apples", "1 kg", 299},
      {"bananas-1kg", "Bananas", "1 kg", 179},
      {"oranges-1kg", "Oranges", "1 kg", 279},
      {"tomatoes-500g", "Tomatoes", "500 g", 249},
      {"cucumber", "Cucumber", "piece", 99},
      {"potatoes-2kg", "Potatoes", "2 kg", 349},
      {"onions-1kg", "Onions", "1 kg", 159},
      {"carrots-1kg", "Carrots", "1 kg", 149},
      {"lettuce", "Lettuce", "piece", 129},
      {"lemons-4", "Lemons", "4 pieces", 199}}},
    {"Pantry",
     {{"spaghetti-500g", "Spaghetti", "500 g", 119},
      {"rice-1kg", "Basmati rice", "1 kg", 329},
      {"flour-1kg", "Wheat flour", "1 kg", 99},
      {"sugar-1kg", "Sugar", "1 kg", 139},
      {"olive-oil-500ml", "Olive oil", "500 ml", 799},
      {"passata-700g", "Passata", "700 g", 169},
      {"chickpeas-400g", "Chickpeas", "400 g", 109},
      {"coffee-500g", "Coffee beans", "500 g", 899},
      {"tea-25", "Black tea", "25 bags", 249},
      {"honey-350g", "Honey", "350 g", 549}}},
    {"Pharmacy",
     {{"plasters-20", "Plasters", "20 pieces", 299},
      {"bandage-4m", "Elastic bandage", "4 m", 349},
      {"saline-spray-20ml", "Saline nasal spray", "20 ml", 399},
      {"sun-cream-200ml", "Sun cream SPF 50", "200 ml", 999},
      {"hand-cream-75ml", "Hand cream", "75 ml", 349},
      {"toothpaste-75ml", "Toothpaste", "75 ml", 199},
      {"tissues-10", "Tissues", "10 packs", 249},
      {"vitamin-c-60", "Vitamin C", "60 tablets", 599},
      {"thermometer", "Thermometer", "piece", 899},
      {"lozenges-24", "Herbal lozenges", "24 pieces", 429}}},
};

void ds_demo_product_id(size_t s, size_t p, char *to, size_t to_bytes)
{
    (void)snprintf(to, to_bytes, "%s.%s", ds_demo_stores[s].id,
                   categories[p / 10 % (DS_DEMO_PRODUCTS_A_STORE / 10)].products[p % 10].local);
}

void ds_demo_courier_id(size_t s, size_t c, char *to, size_t to_bytes)
{
    (void)snprintf(to, to_bytes, "%s.courier-%zu", ds_demo_stores[s].id, c + 1);
}

json_t *ds_demo_store_body(size_t s)
{
    const struct ds_demo_store *store = &ds_demo_stores[s];
    return json_pack("{s:s, s:s, s:s, s:s, s:[s,s], s:{s:i, s:s}}", "storeId", store->id, "name",
                     store->name, "currency", "EUR", "timeZone", store->time_zone, "paymentMethods",
                     "card", "cash_on_delivery", "deliveryFee", "amount", 290, "currency", "EUR");
}

json_t *ds_demo_products_body(void)
{
    json_t *items = json_array();
    for (size_t p = 0; p < DS_DEMO_PRODUCTS_A_STORE; p++) {
        const struct category *category = &categories[p / 10];
        (void)json_array_append_new(
            items,
            json_pack("{s:s, s:s, s:s, s:s, s:{s:i, s:s}}", "localId",
                      category->products[p % 10].local, "name", category->products[p % 10].name,
                      "category", category->name, "unit", category->products[p % 10].unit, "price",
                      "amount", category->products[p % 10].price_minor, "currency", "EUR"));
    }
    return json_pack("{s:o}", "items", items);
}

json_t *ds_demo_stock_body(size_t s, int quantity)
{
    json_t *items = json_array();
    for (size_t p = 0; p < DS_DEMO_PRODUCTS_A_STORE; p++) {
        char id[96];
        ds_demo_product_id(s, p, id, sizeof id);
        (void)json_array_append_new(items,
                                    json_pack("{s:s, s:i}", "productId", id, "quantity", quantity));
    }
    return json_pack("{s:o}", "items", items);
}

json_t *ds_demo_courier_body(size_t c)
{
    static const char *const vehicles[] = {"bicycle", "scooter", "car"};
    return json_pack("{s:s, s:i}", "vehicle", vehicles[c % 3], "capacity",
                     DS_DEMO_COURIER_CAPACITY);
}

json_t *ds_demo_order_body(size_t s, size_t first, size_t lines, const char *payment_token)
{
    json_t *array = json_array();
    for (size_t i = 0; i < lines; i++) {
        char id[96];
        ds_demo_product_id(s, (first + i) % DS_DEMO_PRODUCTS_A_STORE, id, sizeof id);
        (void)json_array_append_new(array, json_pack("{s:s, s:i}", "productId", id, "quantity",
                                                     1 + (int)(i % 3)));
    }
    json_t *body =
        json_pack("{s:o, s:{s:s, s:s, s:s, s:s}, s:s}", "lines", array, "deliveryAddress", "street",
                  "1 Market Square", "city", ds_demo_stores[s].name, "zipCode", "10115", "country",
                  "DE", "paymentMethod", payment_token == NULL ? "cash_on_delivery" : "card");
    if (body != NULL && payment_token != NULL)
        (void)json_object_set_new(body, "paymentToken", json_string(payment_token));
    return body;
}
