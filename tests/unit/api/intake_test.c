#include "api/ids_in.h"
#include "api/intake.h"
#include "api/response.h"

#include <criterion/criterion.h>

static const char *address(const char *peer, const char *forwarded, const char *trusted)
{
    static char text[64];
    ds_client_address(peer, ds_str(forwarded), trusted, text);
    return text;
}

Test(address, forwarded_addresses_are_believed_from_trusted_proxies_only)
{
    cr_assert_str_eq(address("10.0.0.1", "1.2.3.4", ""), "10.0.0.1");
    cr_assert_str_eq(address("10.0.0.1", "1.2.3.4", "10.0.0.0/8"), "1.2.3.4");
    cr_assert_str_eq(address("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.2.0.1", "10.0.0.0/8"), "1.2.3.4");
    cr_assert_str_eq(address("11.0.0.1", "1.2.3.4", "10.0.0.0/8"), "11.0.0.1");
    cr_assert_str_eq(address("10.0.0.1", "not an address", "10.0.0.1"), "10.0.0.1");
    cr_assert_str_eq(address("10.0.0.1", "1.2.3.4", "192.168.0.0/16, 10.0.0.1"), "1.2.3.4");
}

Test(address, ipv6_counts_as_its_network)
{
    cr_assert_str_eq(address("2001:db8:1:2:3:4:5:6", "", ""), "2001:db8:1:2::");
}

Test(address, an_ipv4_address_written_as_ipv6_counts_as_ipv4)
{
    cr_assert_str_eq(address("::ffff:10.0.0.1", "", ""), "10.0.0.1");
    cr_assert_str_eq(address("10.0.0.1", "::ffff:1.2.3.4", "10.0.0.1"), "1.2.3.4");
    cr_assert_str_eq(address("::ffff:10.0.0.1", "1.2.3.4", "10.0.0.0/8"), "1.2.3.4");
}

Test(address, a_hop_may_name_its_port)
{
    cr_expect_str_eq(address("10.0.0.1", "203.0.113.7:51234", "10.0.0.1"), "203.0.113.7");
    cr_expect_str_eq(address("10.0.0.1", "1.2.3.4:1, 10.0.0.2:65535", "10.0.0.0/8"), "1.2.3.4");
    cr_expect_str_eq(address("10.0.0.1", "[2001:db8::1]:443", "10.0.0.1"), "2001:db8::");
    cr_expect_str_eq(address("10.0.0.1", "[2001:db8::1] ", "10.0.0.1"), "2001:db8::");
    cr_expect_str_eq(address("10.0.0.1", "2001:db8:0:1::443", "10.0.0.1"), "2001:db8:0:1::");
}

Test(address, what_is_no_port_is_not_taken_off)
{
    static const char *const hops[] = {
        "1.2.3.4:",     "1.2.3.4:x",      "1.2.3.4:65536", "1.2.3.4:1:2", "[2001:db8::1]443",
        "[2001:db8::1", "[2001:db8::1]:", "[]:1",          "[",           "unknown"};
    for (size_t i = 0; i < sizeof hops / sizeof *hops; i++)
        cr_expect_str_eq(address("10.0.0.1", hops[i], "10.0.0.1"), "10.0.0.1", "%s", hops[i]);
    cr_expect_not(ds_trusted_proxies_check("10.0.0.1:80", &(ds_error_t)DS_ERROR_INIT));
}

Test(cors, only_listed_origins_are_allowed)
{
    cr_assert(
        ds_origin_allowed("https://a.example, https://b.example", DS_STR("https://b.example")));
    cr_assert_not(ds_origin_allowed("https://a.example", DS_STR("https://a.example.evil")));
    cr_assert_not(ds_origin_allowed("", DS_STR("https://a.example")));
    cr_assert_not(ds_origin_allowed("https://a.example", (ds_str_t){0}));
}

Test(etag, tags_are_compared_weakly_in_a_list)
{
    cr_assert(ds_etag_matches(DS_STR("\"a\""), DS_STR("\"a\"")));
    cr_assert(ds_etag_matches(DS_STR("\"x\", W/\"a\""), DS_STR("\"a\"")));
    cr_assert(ds_etag_matches(DS_STR("*"), DS_STR("\"a\"")));
    cr_assert_not(ds_etag_matches(DS_STR("\"b\""), DS_STR("\"a\"")));
    cr_assert_not(ds_etag_matches(DS_STR("a"), DS_STR("\"a\"")));
    cr_assert_not(ds_etag_matches((ds_str_t){0}, DS_STR("\"a\"")));
}

Test(ids, ids_begin_with_their_store)
{
    ds_str_t order;
    cr_assert(ds_entity_id_valid(DS_STR("berlin-1.01ARZ3NDEKTSV4RRFFQ69G5FAV")));
    cr_assert(ds_entity_id_valid(DS_STR("berlin-1.milk-1l")));
    cr_assert_not(ds_entity_id_valid(DS_STR("berlin-1")));
    cr_assert_not(ds_entity_id_valid(DS_STR("berlin-1.")));
    cr_assert_not(ds_entity_id_valid(DS_STR(".milk")));
    cr_assert_not(ds_entity_id_valid(DS_STR("Berlin.milk")));
    cr_assert_not(ds_entity_id_valid(DS_STR("berlin-1.a.b")));
    cr_assert(ds_offer_id_valid(DS_STR("berlin-1.X-12"), &order));
    cr_assert(ds_str_eq(order, DS_STR("berlin-1.X")));
    cr_assert_not(ds_offer_id_valid(DS_STR("berlin-1.X"), &order));
    cr_assert_not(ds_offer_id_valid(DS_STR("berlin-1.X-0"), &order));
}
