#include "api/router.h"

#include <criterion/criterion.h>

static struct ds_match match(enum ds_method method, const char *path)
{
    struct ds_match found;
    ds_router_match(ds_routes, method, ds_str(path), &found);
    return found;
}

Test(router, a_pattern_takes_its_parameters)
{
    struct ds_match found = match(DS_POST, "/api/orders/berlin-1.X/cancel");
    cr_assert_not_null(found.route);
    cr_assert_str_eq(found.route->operation, "order.cancel");
    cr_assert_eq(found.arg_count, 1);
    cr_assert(ds_str_eq(found.args[0], DS_STR("berlin-1.X")));
}

Test(router, v1_is_the_same)
{
    struct ds_match found = match(DS_GET, "/api/v1/orders/berlin-1.X");
    cr_assert_not_null(found.route);
    cr_assert_str_eq(found.route->operation, "order.get");
    cr_assert(ds_str_eq(found.args[0], DS_STR("berlin-1.X")));
    cr_assert_eq(match(DS_GET, "/v1/orders").allowed, 0);
}

Test(router, other_methods_are_told_and_other_paths_are_not)
{
    struct ds_match found = match(DS_PUT, "/api/orders");
    cr_assert_null(found.route);
    cr_assert_eq(found.allowed, DS_GET | DS_POST);
    static const char *const unknown[] = {"",
                                          "/",
                                          "/api",
                                          "/api/orders/",
                                          "/api/orders//cancel",
                                          "/api/orders/a/b/c",
                                          "api/orders",
                                          "/API/orders"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        cr_assert_eq(match(DS_GET, unknown[i]).allowed, 0, "%s", unknown[i]);
}

Test(router, head_finds_what_get_finds)
{
    cr_assert_eq(match(DS_HEAD, "/api/products").route, match(DS_GET, "/api/products").route);
}

Test(router, allow_lists_head_and_options)
{
    ds_buf_t text;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(&text, 256);
    cr_assert(ds_router_allow(DS_GET | DS_POST, &text, &error));
    cr_assert(ds_str_eq(ds_buf_str(&text), DS_STR("GET, HEAD, POST, OPTIONS")));
    ds_buf_cleanup(&text);
}

Test(router, every_operation_that_changes_something_needs_somebody)
{
    for (const struct ds_route *route = ds_routes; route->pattern != NULL; route++)
        if (route->method != DS_GET)
            cr_assert(route->roles != 0 || (route->flags & DS_ROUTE_WEBHOOK) != 0, "%s",
                      route->pattern);
}

Test(router, escapes_are_decoded_once_and_malformed_ones_refused)
{
    ds_arena_t *arena = ds_arena_new(256, 4096);
    ds_str_t text;
    cr_assert(ds_percent_decode(arena, DS_STR("a%20b%2525"), true, &text));
    cr_assert(ds_str_eq(text, DS_STR("a b%25")));
    static const char *const wrong[] = {"%", "%4", "%zz", "a%00b", "%2f", "%2F", "%ff"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_not(ds_percent_decode(arena, ds_str(wrong[i]), true, &text), "%s", wrong[i]);
    cr_assert(ds_percent_decode(arena, DS_STR("%2F"), false, &text));
    /* Forms and URLSearchParams write a blank of the query as '+'; in a path it is itself. */
    cr_assert(ds_percent_decode(arena, DS_STR("a+b%2B"), false, &text));
    cr_assert(ds_str_eq(text, DS_STR("a b+")));
    cr_assert(ds_percent_decode(arena, DS_STR("a+b"), true, &text));
    cr_assert(ds_str_eq(text, DS_STR("a+b")));
    ds_arena_destroy(arena);
}
