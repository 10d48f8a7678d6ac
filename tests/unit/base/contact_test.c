#include "base/contact.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(contact, ordinary_addresses_pass)
{
    static const char *const right[] = {
        "anna@shop.example", "a@b.co", "first.last+tag@mail.shop.example", "o'neill@example.org",
        "x_y=z@a-b.example", "1@2.de",
    };
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        cr_expect(ds_email_valid(ds_str(right[i])), "%s", right[i]);
}

Test(contact, what_could_be_read_as_something_else_is_refused)
{
    static const char *const wrong[] = {
        "",
        "anna",
        "@shop.example",
        "anna@",
        "anna@localhost",
        "anna@@shop.example",
        "a@b@c.example",
        ".anna@shop.example",
        "anna.@shop.example",
        "an..na@shop.example",
        "anna@shop..example",
        "anna@.example",
        "anna@shop.example.",
        "anna@-shop.example",
        "anna@shop-.example",
        "anna@[127.0.0.1]",
        "\"an na\"@shop.example",
        "an na@shop.example",
        "<anna@shop.example>",
        "anna@shop.example>",
        "anna@shop.example,bob@shop.example",
        "anna@shop.example\r\nRCPT TO:<bob@shop.example>",
        "anna\n@shop.example",
        "anna@shop.example\n",
        "anna(bob)@shop.example",
        "\xc3\xa4nna@shop.example",
        "anna@sh\xc3\xb6p.example",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_not(ds_email_valid(ds_str(wrong[i])), "%s", wrong[i]);
    cr_expect_not(ds_email_valid((ds_str_t){"a\0b@shop.example", 16}));
}

Test(contact, an_address_has_its_maximum)
{
    char text[400];
    (void)snprintf(text, sizeof text, "%0*d@shop.example", 64, 0);
    cr_expect(ds_email_valid(ds_str(text)));
    (void)snprintf(text, sizeof text, "%0*d@shop.example", 65, 0);
    cr_expect_not(ds_email_valid(ds_str(text)));
    (void)snprintf(text, sizeof text, "a@%0*d.example", 63, 0);
    cr_expect(ds_email_valid(ds_str(text)));
    (void)snprintf(text, sizeof text, "a@%0*d.example", 64, 0);
    cr_expect_not(ds_email_valid(ds_str(text)));
    (void)snprintf(text, sizeof text, "a@%0*d.%0*d.%0*d.%0*d.de", 63, 0, 63, 0, 63, 0, 58, 0);
    cr_expect_eq(strlen(text), 255);
    cr_expect_not(ds_email_valid(ds_str(text)));
    (void)snprintf(text, sizeof text, "a@%0*d.%0*d.%0*d.%0*d.de", 63, 0, 63, 0, 63, 0, 57, 0);
    cr_expect(ds_email_valid(ds_str(text)));
}

Test(contact, tokens_are_one_visible_word)
{
    char text[DS_PUSH_TOKEN_MAX_BYTES + 2];
    cr_expect(ds_push_token_valid(DS_STR("dQw4w9:APA91b-x_Y")));
    cr_expect_not(ds_push_token_valid(DS_STR("")));
    cr_expect_not(ds_push_token_valid(DS_STR("two words")));
    cr_expect_not(ds_push_token_valid(DS_STR("a\"b")));
    cr_expect_not(ds_push_token_valid(DS_STR("a\\b")));
    cr_expect_not(ds_push_token_valid(DS_STR("a\nb")));
    cr_expect_not(ds_push_token_valid((ds_str_t){"a\0b", 3}));
    cr_expect_not(ds_push_token_valid(DS_STR("\xc3\xa4")));
    memset(text, 'a', sizeof text);
    cr_expect(ds_push_token_valid((ds_str_t){text, DS_PUSH_TOKEN_MAX_BYTES}));
    cr_expect_not(ds_push_token_valid((ds_str_t){text, DS_PUSH_TOKEN_MAX_BYTES + 1}));
}

Test(contact, languages_are_well_formed)
{
    static const char *const right[] = {"de", "de-AT", "EN", "zh-Hant-TW", "sl-rozaj-biske-1994"};
    static const char *const wrong[] = {"",   "d",     "de_AT",    "de-",          "-de", "de--AT",
                                        "1e", "de/AT", "../../de", "de-toolong99", "d\n", "de\n"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        cr_expect(ds_language_valid(ds_str(right[i])), "%s", right[i]);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_not(ds_language_valid(ds_str(wrong[i])), "%s", wrong[i]);
    cr_expect_not(ds_language_valid(DS_STR("de-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaaaa")));
}
