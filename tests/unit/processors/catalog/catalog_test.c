/* Stores and products: what is taken, what is refused and why. */
#include "base/limits.h"
#include "processors/catalog/catalog_state.h"
#include "tests/support/behaviours.h"
#include "tests/support/decider_kit.h"

#include <criterion/criterion.h>

static ds_decider_kit_t *kit;
static enum ds_payment_method methods[] = {DS_PAYMENT_METHOD_CARD,
                                           DS_PAYMENT_METHOD_CASH_ON_DELIVERY};
static struct ds_store_info store;
static struct ds_product_info products[2];

static struct ds_product_info product(const char *id)
{
    return (struct ds_product_info){.product_id = ds_str(id),
                                    .name = DS_STR("Milk"),
                                    .category = DS_STR("Dairy"),
                                    .unit = DS_STR("1 l"),
                                    .price_minor = 149,
                                    .max_quantity = 20};
}

static void setup(void)
{
    kit = ds_kit_new(&ds_catalog_decider, NULL);
    methods[1] = DS_PAYMENT_METHOD_CASH_ON_DELIVERY;
    store = (struct ds_store_info){.store_id = DS_STR("berlin-1"),
                                   .name = DS_STR("Berlin Mitte"),
                                   .currency = DS_STR("EUR"),
                                   .time_zone = DS_STR("Europe/Berlin"),
                                   .payment_methods = {methods, 2},
                                   .delivery_fee_minor = 250,
                                   .open = true};
    products[0] = product("berlin-1.milk-1l");
    products[1] = product("berlin-1.bread");
}

static void teardown(void)
{
    ds_kit_destroy(kit);
}

DS_BEHAVIOURS(catalog, setup, teardown)

static struct ds_catalog_command command(int32_t kind)
{
    struct ds_catalog_command c = {.head = {.command_id = DS_STR("01K9COMMAND"),
                                            .correlation_id = DS_STR("corr"),
                                            .actor = {DS_ACTOR_KIND_ADMIN, DS_STR("root")}}};
    c.body.kind = kind;
    return c;
}

static const char *create(void)
{
    struct ds_catalog_command c = command(DS_CATALOG_COMMAND_CREATE_STORE);
    c.body.as.create_store.store = store;
    ds_kit_command(kit, &c);
    return ds_kit_refusal(kit);
}

static const char *change(void)
{
    struct ds_catalog_command c = command(DS_CATALOG_COMMAND_CHANGE_STORE);
    c.body.as.change_store.store = store;
    ds_kit_command(kit, &c);
    return ds_kit_refusal(kit);
}

static const char *set_open(ds_decider_kit_t *on, bool open)
{
    struct ds_catalog_command c = command(DS_CATALOG_COMMAND_SET_STORE_OPEN);
    c.body.as.set_store_open.store_id = DS_STR("berlin-1");
    c.body.as.set_store_open.open = open;
    ds_kit_command(on, &c);
    return ds_kit_refusal(on);
}

static const char *add(size_t count)
{
    struct ds_catalog_command c = command(DS_CATALOG_COMMAND_ADD_PRODUCTS);
    c.body.as.add_products.store_id = DS_STR("berlin-1");
    c.body.as.add_products.products.items = products;
    c.body.as.add_products.products.count = count;
    ds_kit_command(kit, &c);
    return ds_kit_refusal(kit);
}

static const char *change_product(const struct ds_product_info *info)
{
    struct ds_catalog_command c = command(DS_CATALOG_COMMAND_CHANGE_PRODUCT);
    c.body.as.change_product.product = *info;
    ds_kit_command(kit, &c);
    return ds_kit_refusal(kit);
}

static const char *remove_product(ds_decider_kit_t *on, const char *id)
{
    struct ds_catalog_command c = command(DS_CATALOG_COMMAND_REMOVE_PRODUCT);
    c.body.as.remove_product.product_id = ds_str(id);
    ds_kit_command(on, &c);
    return ds_kit_refusal(on);
}

static const struct ds_catalog_event *event(void)
{
    return ds_kit_event(kit, 0);
}

DS_BEHAVIOUR(catalog, a_store_opens_once)
{
    cr_expect_str_eq(create(), "");
    cr_assert_str_eq(ds_kit_types(kit), "store.opened");
    cr_expect(ds_str_eq(event()->body.as.store_opened.store.time_zone, DS_STR("Europe/Berlin")));
    cr_expect_eq(event()->body.as.store_opened.store.payment_methods.count, 2);
    cr_expect_str_eq(create(), "STORE_EXISTS");
}

/* A value and what it is refused as. */
struct bad {
    const char *reason;
    void (*spoil)(void);
};

static char too_long[101];

static void bad_store_id(void)
{
    store.store_id = DS_STR("Berlin 1");
}

static void no_name(void)
{
    store.name = DS_STR("");
}

static void long_name(void)
{
    store.name = (ds_str_t){too_long, sizeof(too_long)};
}

static void small_currency(void)
{
    store.currency = DS_STR("eur");
}

static void path_as_zone(void)
{
    store.time_zone = DS_STR("../etc/passwd");
}

static void half_a_zone(void)
{
    store.time_zone = DS_STR("Europe/");
}

static void no_zone(void)
{
    store.time_zone = DS_STR("");
}

static void no_methods(void)
{
    store.payment_methods.count = 0;
}

static void a_method_twice(void)
{
    methods[1] = DS_PAYMENT_METHOD_CARD;
}

static void negative_fee(void)
{
    store.delivery_fee_minor = -1;
}

static void negative_minimum(void)
{
    store.minimum_order_minor = -1;
}

static void off_the_map(void)
{
    store.has_place = true;
    store.place.lat_e6 = 90000001;
}

static struct ds_open_hours hours = {1, 480, 1320};
static struct ds_place corners[] = {
    {52000000, 13000000}, {53000000, 13000000}, {53000000, 14000000}};

static void set_hours(int32_t day, int32_t from_minute, int32_t to_minute)
{
    hours = (struct ds_open_hours){day, from_minute, to_minute};
    store.hours.items = &hours;
    store.hours.count = 1;
}

static void a_day_too_many(void)
{
    set_hours(8, 480, 1320);
}

static void no_time_at_all(void)
{
    set_hours(1, 480, 480);
}

static void more_than_a_day(void)
{
    set_hours(1, 480, 480 + 1441);
}

static void from_the_next_day(void)
{
    set_hours(1, 1440, 1500);
}

static void radius_around_nothing(void)
{
    store.delivery_radius_m = 5000;
}

static void negative_radius(void)
{
    store.has_place = true;
    store.delivery_radius_m = -1;
}

static void area_of_two_corners(void)
{
    store.delivery_area.items = corners;
    store.delivery_area.count = 2;
}

static void area_across_the_180th_meridian(void)
{
    static struct ds_place fiji[] = {
        {-17000000, 179900000}, {-16600000, 179900000}, {-16600000, -179900000}};

    store.delivery_area.items = fiji;
    store.delivery_area.count = 3;
}

static void area_and_radius(void)
{
    store.has_place = true;
    store.delivery_radius_m = 5000;
    store.delivery_area.items = corners;
    store.delivery_area.count = 3;
}

DS_BEHAVIOUR(catalog, a_store_that_is_not_well_said_is_refused)
{
    static const struct bad cases[] = {
        {"INVALID_STORE_ID", bad_store_id},
        {"INVALID_NAME", no_name},
        {"INVALID_NAME", long_name},
        {"INVALID_CURRENCY", small_currency},
        {"INVALID_TIME_ZONE", path_as_zone},
        {"INVALID_TIME_ZONE", half_a_zone},
        {"INVALID_TIME_ZONE", no_zone},
        {"INVALID_PAYMENT_METHODS", no_methods},
        {"INVALID_PAYMENT_METHODS", a_method_twice},
        {"INVALID_PRICE", negative_fee},
        {"INVALID_PRICE", negative_minimum},
        {"INVALID_PLACE", off_the_map},
        {"INVALID_HOURS", a_day_too_many},
        {"INVALID_HOURS", no_time_at_all},
        {"INVALID_HOURS", more_than_a_day},
        {"INVALID_HOURS", from_the_next_day},
        {"INVALID_ZONE", radius_around_nothing},
        {"INVALID_ZONE", negative_radius},
        {"INVALID_ZONE", area_of_two_corners},
        {"INVALID_ZONE", area_and_radius},
        {"INVALID_ZONE", area_across_the_180th_meridian},
    };
    memset(too_long, 'x', sizeof(too_long));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        teardown();
        setup();
        cases[i].spoil();
        cr_expect_str_eq(create(), cases[i].reason, "case %zu: %s", i, ds_kit_refusal(kit));
    }
}

DS_BEHAVIOUR(catalog, a_name_of_a_hundred_characters_may_take_more_bytes)
{
    static char name[200];
    for (size_t i = 0; i < sizeof(name); i += 2)
        memcpy(name + i, "\xc3\xa4", 2);
    store.name = (ds_str_t){name, sizeof(name)};
    cr_expect_str_eq(create(), "");
}

DS_BEHAVIOUR(catalog, a_store_changes_but_keeps_its_currency)
{
    cr_expect_str_eq(change(), "STORE_UNKNOWN");
    create();
    store.name = DS_STR("Berlin Nord");
    cr_expect_str_eq(change(), "");
    cr_assert_str_eq(ds_kit_types(kit), "store.changed");
    cr_expect(ds_str_eq(event()->body.as.store_changed.store.name, DS_STR("Berlin Nord")));
    store.currency = DS_STR("USD");
    cr_expect_str_eq(change(), "INVALID_CURRENCY");
}

DS_BEHAVIOUR(catalog, a_store_closes_and_opens_with_all_that_is_known_of_it)
{
    cr_expect_str_eq(set_open(kit, true), "STORE_UNKNOWN");
    create();
    set_open(kit, false);
    cr_assert_str_eq(ds_kit_types(kit), "store.closed");
    ds_decider_kit_t *copy = ds_kit_replay(kit);
    cr_expect_not(ds_catalog_find_store(ds_kit_state(copy), DS_STR("berlin-1"))->open);
    set_open(kit, true);
    set_open(copy, true);
    cr_assert_str_eq(ds_kit_types(kit), "store.changed");
    cr_expect(event()->body.as.store_changed.store.open);
    cr_expect(ds_str_eq(event()->body.as.store_changed.store.name, DS_STR("Berlin Mitte")));
    cr_expect_eq(event()->body.as.store_changed.store.delivery_fee_minor, 250);
    cr_expect(ds_kit_same_step(kit, copy), "a state read back decides the same");
    set_open(kit, true);
    cr_expect_str_eq(ds_kit_types(kit), "store.changed", "every command has an outcome");
    ds_kit_destroy(copy);
}

/* A change of the named fields, of what `store` holds. */
static const char *change_fields(const char *const *names, size_t count)
{
    ds_str_t fields[4];
    struct ds_catalog_command c = command(DS_CATALOG_COMMAND_CHANGE_STORE);
    for (size_t i = 0; i < count; i++)
        fields[i] = ds_str(names[i]);
    c.body.as.change_store = (struct ds_change_store){store, {fields, count}};
    ds_kit_command(kit, &c);
    return ds_kit_refusal(kit);
}

DS_BEHAVIOUR(catalog, a_change_of_some_fields_leaves_the_others)
{
    create();
    set_open(kit, false);
    set_hours(5, 1080, 1560);
    store.has_place = true;
    store.place = (struct ds_place){52500000, 13400000};
    store.delivery_radius_m = 3000;
    store.hand_over_code = true;
    const char *where[] = {"place", "delivery_zone", "hours", "hand_over_code"};
    cr_expect_str_eq(change_fields(where, 4), "");
    store.name = DS_STR("Another name");
    store.delivery_fee_minor = 1;
    const char *fee[] = {"delivery_fee_minor"};
    cr_expect_str_eq(change_fields(fee, 1), "");
    const struct ds_store_info *after = &event()->body.as.store_changed.store;
    cr_expect(ds_str_eq(after->name, DS_STR("Berlin Mitte")));
    cr_expect_eq(after->delivery_fee_minor, 1);
    cr_expect_not(after->open, "whether it is open is not a field of a change");
    cr_expect(after->hand_over_code);
    cr_expect_eq(after->delivery_radius_m, 3000);
    cr_assert_eq(after->hours.count, 1);
    cr_expect_eq(after->hours.items[0].to_minute, 1560);
    const char *wrong[] = {"currency"};
    cr_expect_str_eq(change_fields(wrong, 1), "INVALID_FIELD");
}

DS_BEHAVIOUR(catalog, a_polygon_takes_the_place_of_a_radius)
{
    store.has_place = true;
    store.delivery_radius_m = 3000;
    create();
    store.delivery_radius_m = 0;
    store.delivery_area.items = corners;
    store.delivery_area.count = 3;
    const char *zone[] = {"delivery_zone"};
    cr_expect_str_eq(change_fields(zone, 1), "");
    cr_expect_eq(event()->body.as.store_changed.store.delivery_radius_m, 0);
    cr_expect_eq(event()->body.as.store_changed.store.delivery_area.count, 3);
}

/* Two people who do not know of each other: a new price and a new name. */
DS_BEHAVIOUR(catalog, two_changes_of_one_product_do_not_undo_each_other)
{
    ds_str_t field = DS_STR("price_minor");
    struct ds_catalog_command c = command(DS_CATALOG_COMMAND_CHANGE_PRODUCT);
    create();
    add(2);
    c.body.as.change_product = (struct ds_change_product){products[0], {&field, 1}};
    c.body.as.change_product.product.price_minor = 199;
    ds_kit_command(kit, &c);
    field = DS_STR("name");
    c.body.as.change_product.product = products[0];
    c.body.as.change_product.product.name = DS_STR("Whole milk");
    ds_kit_command(kit, &c);
    cr_assert_str_eq(ds_kit_types(kit), "product.changed");
    cr_expect_eq(event()->body.as.product_changed.product.price_minor, 199);
    cr_expect(ds_str_eq(event()->body.as.product_changed.product.name, DS_STR("Whole milk")));
    cr_expect(ds_str_eq(event()->body.as.product_changed.product.unit, DS_STR("1 l")));
    field = DS_STR("product_id");
    ds_kit_command(kit, &c);
    cr_expect_str_eq(ds_kit_refusal(kit), "INVALID_FIELD");
}

DS_BEHAVIOUR(catalog, products_are_added_all_or_none)
{
    cr_expect_str_eq(add(2), "STORE_UNKNOWN");
    create();
    products[1].price_minor = -1;
    cr_expect_str_eq(add(2), "INVALID_PRICE");
    cr_expect(ds_str_eq(event()->body.as.command_rejected.detail, DS_STR("berlin-1.bread")));
    products[1].price_minor = 0;
    cr_expect_str_eq(add(2), "");
    cr_assert_str_eq(ds_kit_types(kit), "product.added");
    cr_expect_eq(event()->body.as.product_added.products.count, 2);
    cr_expect_str_eq(add(1), "PRODUCT_EXISTS");
    cr_expect_str_eq(add(0), "INVALID_COUNT");
}

DS_BEHAVIOUR(catalog, a_product_named_twice_in_one_command_is_refused)
{
    create();
    products[1].product_id = products[0].product_id;
    cr_expect_str_eq(add(2), "PRODUCT_EXISTS");
}

static void id_of_another_store(void)
{
    products[0].product_id = DS_STR("berlin-2.milk-1l");
}

static void id_without_local_part(void)
{
    products[0].product_id = DS_STR("berlin-1.");
}

static void id_without_store(void)
{
    products[0].product_id = DS_STR("milk");
}

static void name_of_two_lines(void)
{
    products[0].name = DS_STR("Mi\nlk");
}

static void no_category(void)
{
    products[0].category = DS_STR("");
}

static void no_unit(void)
{
    products[0].unit = DS_STR("");
}

static void negative_price(void)
{
    products[0].price_minor = -1;
}

static void none_at_a_time(void)
{
    products[0].max_quantity = 0;
}

static void too_many_at_a_time(void)
{
    products[0].max_quantity = DS_MAX_LINE_QUANTITY + 1;
}

static void empty_picture(void)
{
    products[0].has_image_url = true;
}

DS_BEHAVIOUR(catalog, a_product_that_is_not_well_said_is_refused)
{
    static const struct bad cases[] = {
        {"INVALID_PRODUCT_ID", id_of_another_store},
        {"INVALID_PRODUCT_ID", id_without_local_part},
        {"INVALID_PRODUCT_ID", id_without_store},
        {"INVALID_NAME", name_of_two_lines},
        {"INVALID_CATEGORY", no_category},
        {"INVALID_UNIT", no_unit},
        {"INVALID_PRICE", negative_price},
        {"INVALID_MAX_QUANTITY", none_at_a_time},
        {"INVALID_MAX_QUANTITY", too_many_at_a_time},
        {"INVALID_IMAGE_URL", empty_picture},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        teardown();
        setup();
        create();
        cases[i].spoil();
        cr_expect_str_eq(add(1), cases[i].reason, "case %zu: %s", i, ds_kit_refusal(kit));
    }
}

DS_BEHAVIOUR(catalog, a_product_changes_and_goes_and_may_come_back)
{
    create();
    cr_expect_str_eq(change_product(&products[0]), "PRODUCT_UNKNOWN");
    cr_expect_str_eq(remove_product(kit, "berlin-1.milk-1l"), "PRODUCT_UNKNOWN");
    add(2);
    products[0].price_minor = 159;
    cr_expect_str_eq(change_product(&products[0]), "");
    cr_assert_str_eq(ds_kit_types(kit), "product.changed");
    cr_expect_eq(event()->body.as.product_changed.product.price_minor, 159);
    remove_product(kit, "berlin-1.milk-1l");
    cr_assert_str_eq(ds_kit_types(kit), "product.removed");
    ds_decider_kit_t *copy = ds_kit_replay(kit);
    cr_expect_str_eq(remove_product(copy, "berlin-1.milk-1l"), "PRODUCT_UNKNOWN");
    cr_expect_str_eq(remove_product(copy, "berlin-1.bread"), "");
    ds_kit_destroy(copy);
    cr_expect_str_eq(add(1), "");
}

DS_BEHAVIOUR(catalog, a_customer_cannot_change_the_catalog)
{
    struct ds_catalog_command c = command(DS_CATALOG_COMMAND_CREATE_STORE);
    c.body.as.create_store.store = store;
    c.head.actor.kind = DS_ACTOR_KIND_CUSTOMER;
    ds_kit_command(kit, &c);
    cr_expect_str_eq(ds_kit_refusal(kit), "FORBIDDEN");
}

DS_BEHAVIOUR(catalog, what_is_asked_of_a_product_waits_with_its_store)
{
    struct ds_catalog_command c = command(DS_CATALOG_COMMAND_CREATE_STORE);

    c.body.as.create_store.store = store;
    cr_expect_str_eq(ds_kit_aggregate(kit, 0, &c), "berlin-1");
    c = command(DS_CATALOG_COMMAND_CHANGE_STORE);
    c.body.as.change_store.store = store;
    cr_expect_str_eq(ds_kit_aggregate(kit, 0, &c), "berlin-1");
    c = command(DS_CATALOG_COMMAND_SET_STORE_OPEN);
    c.body.as.set_store_open.store_id = DS_STR("berlin-1");
    cr_expect_str_eq(ds_kit_aggregate(kit, 0, &c), "berlin-1");
    c = command(DS_CATALOG_COMMAND_ADD_PRODUCTS);
    c.body.as.add_products.store_id = DS_STR("berlin-1");
    cr_expect_str_eq(ds_kit_aggregate(kit, 0, &c), "berlin-1");
    c = command(DS_CATALOG_COMMAND_CHANGE_PRODUCT);
    c.body.as.change_product.product = products[0];
    cr_expect_str_eq(ds_kit_aggregate(kit, 0, &c), "berlin-1");
    c = command(DS_CATALOG_COMMAND_REMOVE_PRODUCT);
    c.body.as.remove_product.product_id = DS_STR("berlin-1.bread");
    cr_expect_str_eq(ds_kit_aggregate(kit, 0, &c), "berlin-1");
}
