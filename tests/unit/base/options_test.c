#include "base/option_value.h"
#include "base/options.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>

struct settings {
    const char *brokers;
    const char *password;
    int64_t port;
    int64_t linger_us;
    bool verbose;
    bool tls;
};

#define SETTING(member) offsetof(struct settings, member)

static const struct ds_option TABLE[] = {
    {"brokers", "DS_T_BROKERS", DS_OPT_TEXT, SETTING(brokers), "localhost:9092", 0, 0, false, false,
     "Where Kafka is."},
    {"password", "DS_T_PASSWORD", DS_OPT_TEXT, SETTING(password), "hunter2", 0, 0, false, true,
     "What opens the | door."},
    {"port", "DS_T_PORT", DS_OPT_INT, SETTING(port), "3000", 1, 65535, false, false,
     "Where to listen."},
    {"linger", "DS_T_LINGER", DS_OPT_DURATION, SETTING(linger_us), "2ms", 0, 60 * 1000000, false,
     false, "How long to wait for more."},
    {"verbose", "DS_T_VERBOSE", DS_OPT_BOOL, SETTING(verbose), NULL, 0, 0, false, false,
     "Say more."},
    {"tls", NULL, DS_OPT_BOOL, SETTING(tls), "1", 0, 0, false, false, "Encrypt."},
    DS_OPTION_END,
};

struct outcome {
    bool ok;
    bool help;
    struct settings settings;
    const char *positional[16];
    int positional_count;
    ds_error_t error;
};

static struct outcome parse_with(const struct ds_option *table, const char *const *arguments)
{
    char *argv[16];
    int argc = 0;
    for (; arguments[argc] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)arguments[argc];
    struct outcome outcome;
    memset(&outcome, 0xA5, sizeof outcome); /* nothing may stay as it was */
    ds_error_clear(&outcome.error);
    outcome.ok = ds_options_parse(table, argc, argv, &outcome.settings, outcome.positional,
                                  &outcome.positional_count, &outcome.help, &outcome.error);
    cr_assert_eq(outcome.ok, !outcome.help && !ds_error_is_set(&outcome.error));
    return outcome;
}

#define PARSE(...)      parse_with(TABLE, (const char *const[]){__VA_ARGS__, NULL})
#define PARSE_NOTHING() parse_with(TABLE, (const char *const[]){NULL})

Test(options, defaults_apply_when_nothing_is_given)
{
    struct outcome got = PARSE_NOTHING();
    cr_assert(got.ok, "%s", got.error.message);
    cr_assert_str_eq(got.settings.brokers, "localhost:9092");
    cr_assert_eq(got.settings.port, 3000);
    cr_assert_eq(got.settings.linger_us, 2000);
    cr_assert_not(got.settings.verbose);
    cr_assert(got.settings.tls);
    cr_assert_eq(got.positional_count, 0);
}

Test(options, flags_are_read_in_both_forms)
{
    struct outcome got =
        PARSE("--brokers", "a:1", "--port=80", "--linger", "5s", "--verbose", "--no-tls");
    cr_assert(got.ok, "%s", got.error.message);
    cr_assert_str_eq(got.settings.brokers, "a:1");
    cr_assert_eq(got.settings.port, 80);
    cr_assert_eq(got.settings.linger_us, 5000000);
    cr_assert(got.settings.verbose);
    cr_assert_not(got.settings.tls);
    got = PARSE("--brokers=x=y", "--verbose=true", "--tls=0", "--brokers", "-");
    cr_assert(got.ok, "%s", got.error.message);
    cr_assert_str_eq(got.settings.brokers, "-", "the last one wins");
    cr_assert(got.settings.verbose);
    cr_assert_not(got.settings.tls);
    got = PARSE("--brokers=", "--verbose", "--no-verbose");
    cr_assert_str_empty(got.settings.brokers);
    cr_assert_not(got.settings.verbose);
}

Test(options, boolean_does_not_swallow_the_next_argument)
{
    struct outcome got = PARSE("--verbose", "0", "file");
    cr_assert(got.settings.verbose);
    cr_assert_eq(got.positional_count, 2);
    cr_assert_str_eq(got.positional[0], "0");
    cr_assert_str_eq(got.positional[1], "file");
}

Test(options, environment_lies_between_default_and_flag)
{
    setenv("DS_T_PORT", "81", 1);
    setenv("DS_T_VERBOSE", "true", 1);
    setenv("DS_T_BROKERS", "", 1);
    struct outcome got = PARSE("--linger=1m");
    cr_assert(got.ok, "%s", got.error.message);
    cr_assert_eq(got.settings.port, 81);
    cr_assert(got.settings.verbose);
    cr_assert_str_eq(got.settings.brokers, "localhost:9092", "an empty variable is none");
    cr_assert_eq(got.settings.linger_us, 60000000);
    got = PARSE("--port", "82", "--no-verbose");
    cr_assert_eq(got.settings.port, 82);
    cr_assert_not(got.settings.verbose);
}

Test(options, environment_does_not_disturb_where_a_flag_wins)
{
    setenv("DS_T_PORT", "nonsense", 1);
    struct outcome got = PARSE("--port", "82");
    cr_assert(got.ok, "%s", got.error.message);
    got = PARSE_NOTHING();
    cr_assert_eq(got.error.code, DS_ERR_INVALID);
    cr_assert_not_null(strstr(got.error.message, "DS_T_PORT"));
}

Test(options, double_dash_ends_the_options)
{
    struct outcome got = PARSE("one", "--verbose", "--", "--port", "--", "-x");
    cr_assert(got.ok, "%s", got.error.message);
    cr_assert(got.settings.verbose);
    cr_assert_eq(got.positional_count, 4);
    cr_assert_str_eq(got.positional[0], "one");
    cr_assert_str_eq(got.positional[1], "--port");
    cr_assert_str_eq(got.positional[2], "--");
    cr_assert_str_eq(got.positional[3], "-x");
}

Test(options, help_wins_over_errors_and_sets_none)
{
    struct outcome got = PARSE("--port", "wrong", "--help", "--nope");
    cr_assert_not(got.ok);
    cr_assert(got.help);
    cr_assert_not(ds_error_is_set(&got.error));
    cr_assert(PARSE("-h").help);
    cr_assert_not(PARSE("--", "--help").help);
    cr_assert_not(PARSE("--brokers", "-h").help);
}

Test(options, all_errors_come_in_one_message)
{
    struct outcome got =
        PARSE("--port=0", "--linger", "5", "--nope=1", "--verbose=yes", "-q", "--brokers");
    cr_assert_not(got.ok);
    cr_assert_eq(got.error.code, DS_ERR_INVALID);
    cr_assert_str_eq(got.error.message, "--port: \"0\" is out of range (1 to 65535); "
                                        "--linger: \"5\" is not a duration like 5s (0s to 1m); "
                                        "--nope: unknown option; "
                                        "--verbose: \"yes\" is none of 0, 1, true, false; "
                                        "-q: unknown option; --brokers: no value given");
}

Test(options, errors_beyond_the_message_are_counted)
{
    struct outcome got =
        PARSE("--a-rather-long-name-number-1", "--a-rather-long-name-number-2",
              "--a-rather-long-name-number-3", "--a-rather-long-name-number-4",
              "--a-rather-long-name-number-5", "--a-rather-long-name-number-6", "--a", "--b");
    const char *tail = "--a-rather-long-name-number-5: unknown option; and 3 more";
    size_t len = strlen(got.error.message);
    cr_assert_gt(len, strlen(tail));
    cr_assert_str_eq(got.error.message + len - strlen(tail), tail);
}

Test(options, every_kind_of_mistake_is_named)
{
    static const struct {
        const char *argument;
        const char *message;
    } rows[] = {
        {"--port", "--port: no value given"},
        {"--port=", "--port: \"\" is not a whole number (1 to 65535)"},
        {"--port=65536", "--port: \"65536\" is out of range (1 to 65535)"},
        {"--port=8x", "--port: \"8x\" is not a whole number (1 to 65535)"},
        {"--port=99999999999999999999",
         "--port: \"99999999999999999999\" is not a whole number (1 to 65535)"},
        {"--linger=61s", "--linger: \"61s\" is out of range (0s to 1m)"},
        {"--linger=-1s", "--linger: \"-1s\" is not a duration like 5s (0s to 1m)"},
        {"--no-port", "--no-port: unknown option"},
        {"--no-tls=1", "--no-tls takes no value"},
        {"--no-", "--no-: unknown option"},
        {"--=x", "--: unknown option"},
        {"---port", "---port: unknown option"},
        {"--PORT=1", "--PORT: unknown option"},
        {"-port", "-p: unknown option"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct outcome got = PARSE(rows[i].argument);
        cr_assert_not(got.ok, "%s", rows[i].argument);
        cr_assert_str_eq(got.error.message, rows[i].message);
    }
}

Test(options, forgotten_value_does_not_swallow_the_next_option)
{
    struct outcome got = PARSE("--brokers", "--port", "80");
    cr_assert_str_eq(got.error.message, "--brokers: no value given");
    cr_assert_eq(got.settings.port, 80);
    got = PARSE("--brokers=--port");
    cr_assert_str_eq(got.settings.brokers, "--port");
}

Test(options, required_options_must_be_given)
{
    static const struct ds_option table[] = {
        {"brokers", "DS_T_BROKERS", DS_OPT_TEXT, SETTING(brokers), NULL, 0, 0, true, false, "B."},
        {"port", NULL, DS_OPT_INT, SETTING(port), NULL, -5, 5, true, false, "P."},
        DS_OPTION_END,
    };
    struct outcome got = parse_with(table, (const char *const[]){NULL});
    cr_assert_str_eq(got.error.message,
                     "--brokers or DS_T_BROKERS is required; --port is required");
    got = parse_with(table, (const char *const[]){"--brokers=", "--port", "-3", NULL});
    cr_assert_str_eq(got.error.message, "--brokers is required and may not be empty");
    cr_assert_eq(got.settings.port, -3);
    setenv("DS_T_BROKERS", "a:1", 1);
    got = parse_with(table, (const char *const[]){"--port=5", NULL});
    cr_assert(got.ok, "%s", got.error.message);
}

Test(options, optional_values_without_default_are_zero)
{
    static const struct ds_option table[] = {
        {"brokers", NULL, DS_OPT_TEXT, SETTING(brokers), NULL, 0, 0, false, false, "B."},
        {"port", NULL, DS_OPT_INT, SETTING(port), NULL, 1, 5, false, false, "P."},
        {"linger", NULL, DS_OPT_DURATION, SETTING(linger_us), NULL, 0, 0, false, false, "L."},
        DS_OPTION_END,
    };
    struct outcome got = parse_with(table, (const char *const[]){NULL});
    cr_assert(got.ok, "%s", got.error.message);
    cr_assert_null(got.settings.brokers);
    cr_assert_eq(got.settings.port, 0);
    cr_assert_eq(got.settings.linger_us, 0);
    got = parse_with(table, (const char *const[]){"--linger=100000d", NULL});
    cr_assert_eq(got.settings.linger_us, INT64_C(8640000000) * 1000000, "0 and 0: no bounds");
}

Test(options, wrong_default_of_a_table_is_reported)
{
    static const struct ds_option table[] = {
        {"port", NULL, DS_OPT_INT, SETTING(port), "0", 1, 5, false, false, "P."},
        DS_OPTION_END,
    };
    struct outcome got = parse_with(table, (const char *const[]){NULL});
    cr_assert_str_eq(got.error.message, "default of --port: \"0\" is out of range (1 to 5)");
    cr_assert(parse_with(table, (const char *const[]){"--port=2", NULL}).ok);
}

Test(options, secrets_are_never_shown)
{
    static const struct ds_option table[] = {
        {"pin", "DS_T_PIN", DS_OPT_INT, SETTING(port), "4711", 1, 9999, false, true, "The pin."},
        DS_OPTION_END,
    };
    struct outcome got =
        parse_with(table, (const char *const[]){"--pin=sesame", "--pni=sesame", "-psesame", NULL});
    cr_assert_str_eq(got.error.message, "--pin: its value is not a whole number (1 to 9999); "
                                        "--pni: unknown option; -p: unknown option");
    setenv("DS_T_PIN", "sesame", 1);
    got = parse_with(table, (const char *const[]){NULL});
    cr_assert_null(strstr(got.error.message, "sesame"));
    ds_buf_t buf;
    const char *text;
    ds_buf_init(&buf, 10000);
    cr_assert(ds_options_help(table, &buf, NULL) && ds_options_markdown(table, &buf, NULL));
    cr_assert(ds_buf_cstr(&buf, &text, NULL));
    cr_assert_null(strstr(text, "4711"), "%s", text);
    cr_assert_null(strstr(text, "sesame"), "%s", text);
    ds_buf_cleanup(&buf);
}

Test(options, long_values_are_cut_in_messages_between_characters)
{
    char argument[200] = "--port=a";
    for (size_t i = 8; i + 2 < sizeof argument; i += 2)
        memcpy(argument + i, "\xc3\xa9", 3);
    struct outcome got = PARSE(argument);
    cr_assert(ds_utf8_valid(ds_str(got.error.message)));
    cr_assert_lt(strlen(got.error.message), 100);
}

Test(options, help_is_aligned_and_complete)
{
    ds_buf_t buf;
    const char *text;
    ds_buf_init(&buf, 10000);
    cr_assert(ds_options_help(TABLE, &buf, NULL));
    cr_assert(ds_buf_cstr(&buf, &text, NULL));
    cr_assert_str_eq(
        text,
        "  --brokers TEXT     Where Kafka is. Default: localhost:9092. [DS_T_BROKERS]\n"
        "  --password TEXT    What opens the | door. Default: (secret). [DS_T_PASSWORD]\n"
        "  --port INT         Where to listen. Range: 1 to 65535. Default: 3000. [DS_T_PORT]\n"
        "  --linger DURATION  How long to wait for more. Range: 0s to 1m. Default: 2ms. "
        "[DS_T_LINGER]\n"
        "  --[no-]verbose     Say more. [DS_T_VERBOSE]\n"
        "  --[no-]tls         Encrypt. Default: 1.\n"
        "  --help             Show this text.\n");
    ds_buf_cleanup(&buf);
}

Test(options, markdown_has_one_row_an_option)
{
    ds_buf_t buf;
    const char *text;
    ds_buf_init(&buf, 10000);
    cr_assert(ds_options_markdown(TABLE, &buf, NULL));
    cr_assert(ds_buf_cstr(&buf, &text, NULL));
    cr_assert_str_eq(
        text, "| Flag | Environment | Type | Default | Range | Meaning |\n"
              "|---|---|---|---|---|---|\n"
              "| `--brokers` | `DS_T_BROKERS` | TEXT | `localhost:9092` |  | Where Kafka is. |\n"
              "| `--password` | `DS_T_PASSWORD` | TEXT | (secret) |  | What opens the \\| door. |\n"
              "| `--port` | `DS_T_PORT` | INT | `3000` | 1 to 65535 | Where to listen. |\n"
              "| `--linger` | `DS_T_LINGER` | DURATION | `2ms` | 0s to 1m | How long to wait for "
              "more. |\n"
              "| `--verbose` | `DS_T_VERBOSE` | BOOL |  |  | Say more. |\n"
              "| `--tls` |  | BOOL | `1` |  | Encrypt. |\n");
    ds_buf_cleanup(&buf);
}

Test(options, help_respects_the_buffers_maximum)
{
    ds_buf_t buf;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(&buf, 100);
    cr_assert_not(ds_options_help(TABLE, &buf, &error));
    cr_assert_eq(error.code, DS_ERR_LIMIT);
    ds_error_clear(&error);
    cr_assert_not(ds_options_markdown(TABLE, &buf, &error));
    cr_assert_eq(error.code, DS_ERR_LIMIT);
    ds_buf_cleanup(&buf);
}

Test(options, durations_are_read_with_their_unit)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t us;
        const char *shown;
    } rows[] = {
        {"250ms", true, 250000, "250ms"},
        {"5s", true, 5000000, "5s"},
        {"15m", true, INT64_C(900) * 1000000, "15m"},
        {"3h", true, INT64_C(10800) * 1000000, "3h"},
        {"2d", true, INT64_C(172800) * 1000000, "2d"},
        {"7us", true, 7, "7us"},
        {"0s", true, 0, "0s"},
        {"90s", true, 90000000, "90s"},
        {"120s", true, 120000000, "2m"},
        {"1000ms", true, 1000000, "1s"},
        {"9223372036854775807us", true, INT64_MAX, "9223372036854775807us"},
        {"9223372036854775808us", false, 0, ""},
        {"106751992d", false, 0, ""},
        {"5", false, 0, ""},
        {"s", false, 0, ""},
        {"", false, 0, ""},
        {"5 s", false, 0, ""},
        {"5S", false, 0, ""},
        {"5sec", false, 0, ""},
        {"1.5s", false, 0, ""},
        {"+5s", false, 0, ""},
        {"1h30m", false, 0, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t us = 99;
        cr_assert_eq(ds_duration_parse(rows[i].text, &us), rows[i].ok, "%s", rows[i].text);
        cr_assert_eq(us, rows[i].us, "%s", rows[i].text);
        char shown[DS_DURATION_TEXT_BYTES] = "";
        if (rows[i].ok)
            ds_duration_text(us, shown);
        cr_assert_str_eq(shown, rows[i].shown);
    }
}
