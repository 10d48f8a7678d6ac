#include "gateways/notifications/templates.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = {"who", "what", NULL};

static char *fill(const char *text, enum ds_template_format format, ds_str_t who, ds_str_t what)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_template_t *template;
    const ds_str_t values[] = {who, what};
    ds_buf_t out;
    ds_buf_init(&out, 64 * 1024);
    cr_assert(ds_template_parse(ds_str(text), "f", format, names, &template, &error), "%s",
              error.message);
    cr_assert(ds_template_fill(template, values, &out, &error));
    char *copy = ds_str_dup(ds_buf_str(&out));
    ds_template_destroy(template);
    ds_buf_cleanup(&out);
    return copy;
}

static void expect(const char *text, enum ds_template_format format, const char *who,
                   const char *wanted)
{
    char *got = fill(text, format, ds_str(who), DS_STR("things"));
    cr_expect_str_eq(got, wanted);
    free(got);
}

Test(template, places_are_filled)
{
    expect("Hello {{who}}, {{ what }}!", DS_FORMAT_SUBJECT, "Anna", "Hello Anna, things!");
    expect("{{who}}{{who}}", DS_FORMAT_SUBJECT, "A", "AA");
    expect("no place", DS_FORMAT_TEXT, "A", "no place");
    expect("Hello {{who|there}},\n", DS_FORMAT_TEXT, "", "Hello there,\n");
    expect("Hello {{who|there}},\n", DS_FORMAT_TEXT, "Anna", "Hello Anna,\n");
    expect("{{who}}\n", DS_FORMAT_SUBJECT, "A", "A"); /* the file's last line end is not its text */
}

/* A value is text: what looks like a place, or a line, in it is none. */
Test(template, values_are_never_read_again)
{
    expect("{{who}}", DS_FORMAT_TEXT, "{{what}}", "{{what}}");
    expect("Hi {{who}}.", DS_FORMAT_TEXT, "A\r\n.\r\nMAIL FROM:<x>\t\x7f",
           "Hi A  .  MAIL FROM:<x>  .");
    expect("S {{who}}", DS_FORMAT_SUBJECT, "A\r\nBcc: x@y.example", "S A  Bcc: x@y.example");
}

Test(template, values_are_escaped_in_json)
{
    static const char hostile[] = "\",\"token\":\"x\\\n\x01\xc3\xa4";
    char *got = fill("{\"a\": \"<{{who}}>\", \"b\": {\"c\": \"{{what}}\"}}", DS_FORMAT_JSON,
                     ds_str(hostile), DS_STR("1"));
    json_t *json = json_loads(got, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json, "%s", got);
    cr_expect_eq(json_object_size(json), 2);
    const char *a = json_string_value(json_object_get(json, "a"));
    cr_expect_eq(strncmp(a + 1, hostile, strlen(hostile)), 0, "%s", a);
    json_decref(json);
    free(got);
}

Test(template, bytes_that_are_no_utf8_do_not_get_through)
{
    char *got = fill("<{{who}}>", DS_FORMAT_TEXT, DS_STR("\xff\xfe"), DS_STR(""));
    cr_expect_str_eq(got, "<?>");
    free(got);
}

Test(template, wrong_ones_name_file_and_line)
{
    static const struct {
        enum ds_template_format format;
        const char *text;
        const char *message;
    } wrong[] = {
        {DS_FORMAT_TEXT, "a\nb\n{{whom}}\n", "f:3: there is no value 'whom'"},
        {DS_FORMAT_TEXT, "a\n{{who\n}}\n", "f:2: '{{' without '}}' in its line"},
        {DS_FORMAT_TEXT, "a\n\n{{who", "f:3: '{{' without '}}' in its line"},
        {DS_FORMAT_TEXT, "", "f:1: empty"},
        {DS_FORMAT_TEXT, "a\n\xff", "f:1: not UTF-8"},
        {DS_FORMAT_TEXT, "a\nb\r\n", "f:2: a control character"},
        {DS_FORMAT_SUBJECT, "a\nBcc: b\n", "f:2: a subject is one line"},
        {DS_FORMAT_JSON, "{\n\"a\": \"{{who}}\",\n}", "f:3: string or '}' expected near '}'"},
        {DS_FORMAT_JSON, "[]", "f:1: no JSON object"},
        {DS_FORMAT_JSON, "{\"a\":\n{{who}}}", "f:2: invalid token near 'a'"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ds_error_t error = DS_ERROR_INIT;
        ds_template_t *template;
        cr_assert_not(ds_template_parse(ds_str(wrong[i].text), "f", wrong[i].format, names,
                                        &template, &error));
        cr_expect_str_eq(error.message, wrong[i].message);
        cr_expect_eq(error.code, DS_ERR_INVALID);
        cr_expect_null(template);
    }
}

/* --- all of them -------------------------------------------------------------------------------
 */

static struct ds_notice notice_of(enum ds_notice_kind kind, const char *language)
{
    return (struct ds_notice){
        .kind = kind,
        .at_us = INT64_C(1800000000000000),
        .event_id = DS_STR("order-2-0-7-0"),
        .order_id = DS_STR("berlin-1.01K9"),
        .reason = DS_STR("OUT_OF_STOCK"),
        .amount = DS_STR("1.00 EUR"),
        .total = DS_STR("29.99 EUR"),
        .recipient = DS_STR("Anna \"A\""),
        .push_token = DS_STR("device:1"),
        .language = ds_str(language),
    };
}

static const char *language_of(const ds_templates_t *templates, const char *wanted)
{
    ds_error_t error = DS_ERROR_INIT;
    const char *language = "";
    struct ds_notice notice = notice_of(DS_NOTICE_CONFIRMED, wanted);
    ds_buf_t out;
    ds_buf_init(&out, 64 * 1024);
    cr_assert(ds_templates_fill(templates, &notice, DS_FORMAT_TEXT, &out, &language, &error));
    ds_buf_cleanup(&out);
    return language;
}

Test(templates, those_compiled_in_are_complete_in_every_language)
{
    static const char *const languages[] = {"en", "de"};
    for (size_t i = 0; i < 2; i++) {
        ds_error_t error = DS_ERROR_INIT;
        ds_templates_t *templates;
        cr_assert(ds_templates_load("", languages[i], &templates, &error), "%s", error.message);
        for (int k = 0; k < DS_NOTICE_KINDS; k++)
            for (int f = 0; f <= DS_FORMAT_JSON; f++) {
                struct ds_notice notice = notice_of((enum ds_notice_kind)k, languages[i]);
                ds_buf_t out;
                ds_buf_init(&out, 64 * 1024);
                cr_assert(ds_templates_fill(templates, &notice, (enum ds_template_format)f, &out,
                                            NULL, &error));
                cr_expect_gt(out.len, 10);
                ds_buf_cleanup(&out);
            }
        ds_templates_destroy(templates);
    }
}

Test(templates, a_language_falls_back_to_its_first_part_then_to_the_default)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_templates_t *templates;
    cr_assert(ds_templates_load(NULL, "EN", &templates, &error));
    cr_expect_str_eq(language_of(templates, "de"), "de");
    cr_expect_str_eq(language_of(templates, "DE-at-1996"), "de");
    cr_expect_str_eq(language_of(templates, "fr-CA"), "en");
    cr_expect_str_eq(language_of(templates, ""), "en");
    cr_expect_str_eq(language_of(templates, "../de"), "en");
    ds_templates_destroy(templates);
}

Test(templates, the_reason_is_told_in_words)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_templates_t *templates;
    struct ds_notice notice = notice_of(DS_NOTICE_CANCELLED, "de");
    ds_buf_t out;
    ds_buf_init(&out, 64 * 1024);
    cr_assert(ds_templates_load(NULL, "en", &templates, &error));
    cr_assert(ds_templates_fill(templates, &notice, DS_FORMAT_TEXT, &out, NULL, &error));
    cr_assert(ds_buf_append_char(&out, '\0', &error));
    cr_expect_not_null(strstr((const char *)out.data, "nicht mehr vorrätig"), "%s", out.data);
    ds_buf_cleanup(&out);
    ds_templates_destroy(templates);
}

/* --- a folder ----------------------------------------------------------------------------------
 */

static char folder[64];

static void write_file(const char *name, const void *data, size_t bytes)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(data, 1, bytes, file), bytes);
    (void)fclose(file);
}

static void make_folder(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/templates-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    for (size_t i = 0; i < ds_template_file_count; i++)
        write_file(ds_template_files[i].name, ds_template_files[i].text,
                   ds_template_files[i].bytes);
}

static void remove_file(const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)unlink(path);
}

static void remove_folder(void)
{
    static const char *const more[] = {"confirmed.fr.txt", "confirm.en.txt", "notes.md",
                                       "confirmed.EN.txt"};
    for (size_t i = 0; i < ds_template_file_count; i++)
        remove_file(ds_template_files[i].name);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        remove_file(more[i]);
    cr_assert_eq(rmdir(folder), 0);
}

TestSuite(folder, .init = make_folder, .fini = remove_folder);

/** @param file  the file in front of the message; "" for none. @param message  NULL: it loads. */
static void expect_load(const char *language, const char *file, const char *message)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_templates_t *templates;
    char wanted[512];
    bool ok = ds_templates_load(folder, language, &templates, &error);
    cr_expect_eq(ok, message == NULL, "%s", error.message);
    if (message != NULL) {
        (void)snprintf(wanted, sizeof wanted, "%s%s%s%s", file[0] == '\0' ? "" : folder,
                       file[0] == '\0' ? "" : "/", file, message);
        cr_expect_str_eq(error.message, wanted);
    }
    ds_templates_destroy(templates);
}

Test(folder, a_part_of_a_further_language_is_enough)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_templates_t *templates;
    write_file("confirmed.fr.txt", "Bonjour\n", 8);
    cr_assert(ds_templates_load(folder, "en", &templates, &error), "%s", error.message);
    cr_expect_str_eq(language_of(templates, "fr-CA"), "fr");
    ds_templates_destroy(templates);
    expect_load("fr", "",
                "templates: confirmed.fr.subject is missing, and fr is the default language");
}

Test(folder, a_wrong_file_is_named_with_its_line)
{
    write_file("delivered.de.txt", "a\n{{nobody}}\n", 13);
    expect_load("en", "delivered.de.txt", ":2: there is no value 'nobody'");
}

Test(folder, a_missing_file_of_the_default_language_is_named)
{
    remove_file("arriving.en.json");
    expect_load("de", "", NULL);
    expect_load("en", "", "templates: arriving.en.json is missing, and en is the default language");
    expect_load("it", "", "templates: there are none in the default language 'it'");
}

Test(folder, a_file_that_would_never_be_used_is_an_error)
{
    static const char *const wrong[] = {"confirm.en.txt", "notes.md", "confirmed.EN.txt"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_file(wrong[i], "x\n", 2);
        expect_load("en", wrong[i],
                    ":1: the name is not <event>.<language>.{subject,txt,json} or "
                    "reasons.<language>.words");
        remove_file(wrong[i]);
    }
    write_file("reasons.de.words", "OUT_OF_STOCK: x\nno words\n", 25);
    expect_load("en", "reasons.de.words", ":2: wanted SYMBOL: words");
}
