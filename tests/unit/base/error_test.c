#include "base/error.h"
#include "base/str.h"

#include <criterion/criterion.h>

Test(error, first_error_wins)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert_not(ds_error_set(&error, DS_DOMAIN_PG, DS_ERR_CONFLICT, "row %d", 7));
    cr_assert_not(ds_error_set(&error, DS_DOMAIN_BASE, DS_ERR_DAMAGE, "cleanup failed too"));
    cr_assert_eq(error.domain, DS_DOMAIN_PG);
    cr_assert_eq(error.code, DS_ERR_CONFLICT);
    cr_assert_str_eq(error.message, "row 7");
}

Test(error, only_passing_faults_are_retriable_and_only_damage_is_fatal)
{
    for (int code = DS_ERR_MEMORY; code <= DS_ERR_SHUTDOWN; code++) {
        ds_error_t error = DS_ERROR_INIT;
        (void)ds_error_set(&error, DS_DOMAIN_BASE, (enum ds_error_code)code, "x");
        bool passing = code == DS_ERR_UNAVAILABLE || code == DS_ERR_TIMEOUT ||
                       code == DS_ERR_BUSY || code == DS_ERR_CONFLICT;
        cr_assert_eq(error.retriable, passing, "code %d", code);
        cr_assert_eq(error.fatal, code == DS_ERR_DAMAGE, "code %d", code);
    }
}

Test(error, null_error_is_accepted)
{
    cr_assert_not(ds_error_set(NULL, DS_DOMAIN_BASE, DS_ERR_IO, "nobody asks"));
    cr_assert_not(ds_error_prefix(NULL, "nobody"));
    ds_error_clear(NULL);
}

Test(error, cleared_error_can_be_set_again)
{
    ds_error_t error = DS_ERROR_INIT;
    (void)ds_error_set(&error, DS_DOMAIN_BASE, DS_ERR_DAMAGE, "old");
    ds_error_clear(&error);
    cr_assert_not(ds_error_is_set(&error));
    cr_assert_not(error.fatal);
    cr_assert_str_empty(error.message);
    (void)ds_error_set(&error, DS_DOMAIN_BASE, DS_ERR_IO, "new");
    cr_assert_str_eq(error.message, "new");
}

Test(error, prefix_puts_the_callers_context_in_front)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert_not(ds_error_prefix(&error, "nothing yet"));
    cr_assert_str_empty(error.message);
    (void)ds_error_set(&error, DS_DOMAIN_KAFKA, DS_ERR_TIMEOUT, "no answer");
    cr_assert_not(ds_error_prefix(&error, "topic %s", "order.events"));
    cr_assert_str_eq(error.message, "topic order.events: no answer");
    cr_assert_eq(error.code, DS_ERR_TIMEOUT);
}

Test(error, longest_message_is_kept_whole)
{
    char text[DS_ERROR_MESSAGE_BYTES];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    ds_error_t error = DS_ERROR_INIT;
    (void)ds_error_set(&error, DS_DOMAIN_BASE, DS_ERR_IO, "%s", text);
    cr_assert_str_eq(error.message, text);
}

static void expect_cut(const ds_error_t *error)
{
    size_t len = strnlen(error->message, DS_ERROR_MESSAGE_BYTES);
    cr_assert_lt(len, DS_ERROR_MESSAGE_BYTES);
    cr_assert_gt(len, DS_ERROR_MESSAGE_BYTES - 8);
    cr_assert_str_eq(error->message + len - 3, "...");
    cr_assert(ds_utf8_valid(ds_str(error->message)), "%s", error->message);
}

Test(error, too_long_message_is_cut_with_dots_between_characters)
{
    char text[2 * DS_ERROR_MESSAGE_BYTES];
    for (size_t shift = 0; shift < 5; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "\xF0\x9F\x9B\x92", 5); /* a shopping cart */
        ds_error_t error = DS_ERROR_INIT;
        (void)ds_error_set(&error, DS_DOMAIN_BASE, DS_ERR_IO, "%s", text);
        expect_cut(&error);
        (void)ds_error_prefix(&error, "context");
        expect_cut(&error);
        (void)ds_error_prefix(&error, "%s", text);
        expect_cut(&error);
    }
}

Test(error, every_code_and_domain_has_a_word_of_its_own)
{
    for (int a = DS_OK; a <= DS_ERR_SHUTDOWN; a++)
        for (int b = a + 1; b <= DS_ERR_SHUTDOWN; b++)
            cr_assert_str_neq(ds_error_code_text((enum ds_error_code)a),
                              ds_error_code_text((enum ds_error_code)b));
    for (int a = DS_DOMAIN_NONE; a <= DS_DOMAIN_CLI; a++)
        for (int b = a + 1; b <= DS_DOMAIN_CLI; b++)
            cr_assert_str_neq(ds_error_domain_text((enum ds_error_domain)a),
                              ds_error_domain_text((enum ds_error_domain)b));
}
