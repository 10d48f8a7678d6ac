#include "api/idempotency.h"

#include <criterion/criterion.h>

static bool key_is(const char *header, const char *wanted)
{
    char buffer[DS_KEY_MAX_CHARS];
    ds_str_t key;
    bool ok = ds_key_parse(ds_str(header), buffer, &key);
    return wanted == NULL ? !ok : ok && ds_str_eq(key, ds_str(wanted));
}

Test(idempotency, keys_come_bare_or_quoted)
{
    cr_assert(key_is("abc-1", "abc-1"));
    cr_assert(key_is("\"abc-1\"", "abc-1"));
    cr_assert(key_is("\"a\\\"b\\\\c\"", "a\"b\\c"));
    cr_assert(key_is("a b", "a b"));
}

Test(idempotency, empty_long_and_strange_keys_are_refused)
{
    char longest[DS_KEY_MAX_CHARS + 2];
    memset(longest, 'k', sizeof longest);
    longest[DS_KEY_MAX_CHARS] = '\0';
    cr_assert(key_is(longest, longest));
    longest[DS_KEY_MAX_CHARS] = 'k';
    longest[DS_KEY_MAX_CHARS + 1] = '\0';
    cr_assert(key_is(longest, NULL));
    cr_assert(key_is("", NULL));
    cr_assert(key_is("\"\"", NULL));
    cr_assert(key_is("a\tb", NULL));
    cr_assert(key_is("\xc3\xa4", NULL));
    cr_assert(key_is("\"a\"b\"", NULL));
}

static ds_id_t derive(const char *caller, const char *operation, const char *target,
                      const char *key)
{
    ds_id_t id;
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_command_id_derive(ds_str(caller), ds_str(operation), ds_str(target), ds_str(key),
                                   &id, &error));
    return id;
}

Test(idempotency, the_id_depends_on_each_part_and_on_where_it_ends)
{
    ds_id_t id = derive("anna", "order.place", "berlin-1", "k");
    cr_assert_str_eq(id.text, derive("anna", "order.place", "berlin-1", "k").text);
    cr_assert(ds_id_valid(ds_str(id.text)));
    cr_assert_str_neq(id.text, derive("eva", "order.place", "berlin-1", "k").text);
    cr_assert_str_neq(id.text, derive("anna", "order.cancel", "berlin-1", "k").text);
    cr_assert_str_neq(id.text, derive("anna", "order.place", "paris-1", "k").text);
    cr_assert_str_neq(id.text, derive("anna", "order.place", "berlin-1", "l").text);
    cr_assert_str_neq(derive("ab", "c", "", "k").text, derive("a", "bc", "", "k").text);
}

static ds_id_t hash_of(const char *text)
{
    ds_id_t hash;
    ds_error_t error = DS_ERROR_INIT;
    json_t *json = json_loads(text, 0, NULL);
    cr_assert(ds_body_hash(json, &hash, &error));
    json_decref(json);
    return hash;
}

Test(idempotency, bodies_are_compared_as_parsed)
{
    ds_id_t none;
    ds_error_t error = DS_ERROR_INIT;
    cr_assert_str_eq(hash_of("{\"a\":1,\"b\":[{\"x\":1,\"y\":2}]}").text,
                     hash_of(" { \"b\" : [ {\"y\":2, \"x\":1} ], \"a\":1 }").text);
    cr_assert_str_neq(hash_of("{\"a\":1}").text, hash_of("{\"a\":2}").text);
    cr_assert_str_neq(hash_of("{\"a\":[1,2]}").text, hash_of("{\"a\":[2,1]}").text);
    cr_assert(ds_body_hash(NULL, &none, &error));
    cr_assert_str_eq(none.text, hash_of("{}").text);
}
