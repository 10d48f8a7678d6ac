#include "base/limits.h"
#include "base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

struct capture {
    int fds[2];
    ds_log_t log;
    char text[4 * DS_MAX_LOG_LINE_BYTES];
    size_t len;
};

static void start(struct capture *capture, enum ds_log_level level)
{
    cr_assert_eq(pipe(capture->fds), 0);
    capture->log = ds_log_root("processor order", level);
    capture->log.fd = capture->fds[1];
}

/* What was written so far; the pipe holds 64 KiB, so no writer ever waited. */
static void finish(struct capture *capture)
{
    close(capture->fds[1]);
    capture->len = 0;
    ssize_t got;
    while ((got = read(capture->fds[0], capture->text + capture->len,
                       sizeof capture->text - 1 - capture->len)) > 0)
        capture->len += (size_t)got;
    capture->text[capture->len] = '\0';
    close(capture->fds[0]);
}

static json_t *finish_json(struct capture *capture)
{
    finish(capture);
    cr_assert_gt(capture->len, 0);
    cr_assert_leq(capture->len, DS_MAX_LOG_LINE_BYTES);
    cr_assert_eq(strchr(capture->text, '\n'), capture->text + capture->len - 1);
    json_error_t error;
    json_t *line = json_loads(capture->text, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(line, "%s in %s", error.text, capture->text);
    return line;
}

static const char *text_of(const json_t *line, const char *name)
{
    return json_string_value(json_object_get(line, name));
}

Test(log, root_writes_to_stderr)
{
    ds_log_t log = ds_log_root("api", DS_LOG_WARN);
    cr_assert_eq(log.fd, STDERR_FILENO);
    cr_assert_eq(log.level, DS_LOG_WARN);
    cr_assert_str_eq(log.role, "api");
    cr_assert_eq(log.partition, -1);
}

Test(log, line_holds_context_then_code_then_fields)
{
    static struct capture capture;
    start(&capture, DS_LOG_INFO);
    capture.log.topic = "order.events";
    capture.log.partition = 3;
    capture.log.offset = 812;
    capture.log.order_id = DS_STR("berlin-1.01K9");
    capture.log.correlation_id = DS_STR("c-1");
    ds_log(&capture.log, DS_LOG_WARN, "fence.skipped", "a record of an old epoch",
           DS_F_INT("epoch", INT64_MIN), DS_F_BOOL("own", true), DS_F_REAL("lag", 0.25),
           DS_F_CSTR("who", "a \"b\"\n"), DS_F_TEXT("none", ((ds_str_t){NULL, 0})));
    json_t *line = finish_json(&capture);
    cr_assert_str_eq(text_of(line, "level"), "warn");
    cr_assert_str_eq(text_of(line, "role"), "processor order");
    cr_assert_str_eq(text_of(line, "code"), "fence.skipped");
    cr_assert_str_eq(text_of(line, "msg"), "a record of an old epoch");
    cr_assert_str_eq(text_of(line, "topic"), "order.events");
    cr_assert_eq(json_integer_value(json_object_get(line, "partition")), 3);
    cr_assert_eq(json_integer_value(json_object_get(line, "offset")), 812);
    cr_assert_str_eq(text_of(line, "order"), "berlin-1.01K9");
    cr_assert_str_eq(text_of(line, "correlation"), "c-1");
    cr_assert_eq(json_integer_value(json_object_get(line, "epoch")), INT64_MIN);
    cr_assert(json_is_true(json_object_get(line, "own")));
    cr_assert_float_eq(json_real_value(json_object_get(line, "lag")), 0.25, 1e-12);
    cr_assert_str_eq(text_of(line, "who"), "a \"b\"\n");
    cr_assert_str_empty(text_of(line, "none"));
    cr_assert_eq(strlen(text_of(line, "ts")), 27);
    cr_assert_null(json_object_get(line, "cut"));
    json_decref(line);
}

Test(log, what_does_not_apply_is_left_out)
{
    static struct capture capture;
    start(&capture, DS_LOG_DEBUG);
    capture.log.partition = 0;
    capture.log.offset = 0;
    capture.log.role = NULL;
    ds_log_write(&capture.log, DS_LOG_DEBUG, "x", NULL, NULL);
    json_t *line = finish_json(&capture);
    cr_assert_eq(json_object_size(line), 3);
    json_decref(line);
}

Test(log, lines_below_the_level_are_not_written)
{
    static struct capture capture;
    start(&capture, DS_LOG_WARN);
    ds_log_write(&capture.log, DS_LOG_INFO, "quiet", NULL, NULL);
    ds_log_write(NULL, DS_LOG_ERROR, "nowhere", NULL, NULL);
    finish(&capture);
    cr_assert_eq(capture.len, 0);
}

Test(log, hostile_text_stays_inside_its_string)
{
    static struct capture capture;
    start(&capture, DS_LOG_INFO);
    ds_log(&capture.log, DS_LOG_INFO, "x", "m",
           DS_F_TEXT("bytes", ((ds_str_t){"\"}\n{\0\x1f\x7f\xff\xc3(\xe2\x82", 12})),
           DS_F_REAL("nan", NAN), DS_F_REAL("infinite", -INFINITY));
    finish(&capture);
    json_t *line = json_loads(capture.text, JSON_ALLOW_NUL, NULL);
    cr_assert_not_null(line, "%s", capture.text);
    json_t *bytes = json_object_get(line, "bytes");
    cr_assert_str_eq(json_string_value(bytes), "\"}\n{");
    cr_assert_eq(memcmp(json_string_value(bytes) + 4,
                        "\0\x1f\x7f\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd", 16),
                 0);
    cr_assert(json_is_null(json_object_get(line, "nan")));
    cr_assert(json_is_null(json_object_get(line, "infinite")));
    json_decref(line);
}

/* Every length around the limit, with characters of every size and with escapes: always one line of
 * JSON. */
Test(log, too_long_line_is_cut_and_stays_json, .timeout = 60)
{
    static const char *const fillers[] = {"a",  "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x9b\x92",
                                          "\"", "\x01",     "\xff"};
    static char text[2 * DS_MAX_LOG_LINE_BYTES];
    for (size_t f = 0; f < sizeof fillers / sizeof *fillers; f++) {
        size_t step = strlen(fillers[f]), len = 0;
        while (len + step <= sizeof text) {
            memcpy(text + len, fillers[f], step);
            len += step;
        }
        size_t shown = fillers[f][0] == '"' ? 2 : fillers[f][0] == 1 || step == 1 ? 6 : step;
        shown = fillers[f][0] == 'a' ? 1 : fillers[f][0] == '"' ? 2 : shown;
        for (size_t count = DS_MAX_LOG_LINE_BYTES / shown - 200 / shown - 2;
             count < DS_MAX_LOG_LINE_BYTES / shown + 10; count++) {
            static struct capture capture;
            start(&capture, DS_LOG_INFO);
            ds_log(&capture.log, DS_LOG_INFO, "x", "m",
                   DS_F_TEXT("long", ((ds_str_t){text, (uint32_t)(count * step)})),
                   DS_F_INT("after", 123456789), DS_F_BOOL("last", true));
            json_t *line = finish_json(&capture);
            bool whole = json_object_get(line, "last") != NULL;
            cr_assert_neq(json_is_true(json_object_get(line, "cut")), whole);
            cr_assert_str_eq(text_of(line, "code"), "x");
            json_decref(line);
        }
    }
}

Test(log, line_at_the_limit_uses_all_of_it)
{
    static struct capture capture;
    static char text[2 * DS_MAX_LOG_LINE_BYTES];
    memset(text, 'a', sizeof text);
    start(&capture, DS_LOG_INFO);
    ds_log(&capture.log, DS_LOG_INFO, "x", "m", DS_F_TEXT("long", ((ds_str_t){text, sizeof text})));
    json_t *line = finish_json(&capture);
    cr_assert_eq(capture.len, DS_MAX_LOG_LINE_BYTES);
    json_decref(line);
}

Test(log, error_is_logged_with_its_domain_and_code)
{
    static struct capture capture;
    ds_error_t error = DS_ERROR_INIT;
    (void)ds_error_set(&error, DS_DOMAIN_KAFKA, DS_ERR_TIMEOUT, "no answer in %d ms", 5);
    start(&capture, DS_LOG_INFO);
    ds_log_error(&capture.log, DS_LOG_ERROR, "writer.failed", &error);
    json_t *line = finish_json(&capture);
    cr_assert_str_eq(text_of(line, "code"), "writer.failed");
    cr_assert_str_eq(text_of(line, "msg"), "no answer in 5 ms");
    cr_assert_str_eq(text_of(line, "error_domain"), "kafka");
    cr_assert_str_eq(text_of(line, "error_code"), "TIMEOUT");
    cr_assert(json_is_true(json_object_get(line, "retriable")));
    cr_assert(json_is_false(json_object_get(line, "fatal")));
    json_decref(line);
}

Test(log, failing_write_does_not_touch_errno)
{
    ds_log_t log = ds_log_root("api", DS_LOG_INFO);
    log.fd = -1;
    errno = ENOENT;
    ds_log_write(&log, DS_LOG_ERROR, "x", "m", NULL);
    cr_assert_eq(errno, ENOENT);
}

static void *write_lines(void *context)
{
    for (int i = 0; i < 100; i++)
        ds_log(context, DS_LOG_INFO, "x", "a line of one of several threads", DS_F_INT("i", i));
    return NULL;
}

Test(log, lines_of_several_threads_do_not_mix)
{
    char path[] = "/tmp/ds-log-test-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    unlink(path);
    cr_assert_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
    ds_log_t log = ds_log_root("api", DS_LOG_INFO);
    log.fd = fd;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, write_lines, &log), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    FILE *file = fdopen(fd, "r");
    rewind(file);
    char line[1024];
    int lines = 0;
    for (; fgets(line, sizeof line, file) != NULL; lines++) {
        json_t *json = json_loads(line, 0, NULL);
        cr_assert_not_null(json, "%s", line);
        json_decref(json);
    }
    cr_assert_eq(lines, 400);
    fclose(file);
}

Test(log, levels_are_read_from_their_words)
{
    static const char *const words[] = {"debug", "info", "warn", "error"};
    enum ds_log_level level;
    for (int i = 0; i < 4; i++) {
        cr_assert(ds_log_level_parse(ds_str(words[i]), &level));
        cr_assert_eq(level, (enum ds_log_level)i);
    }
    cr_assert_not(ds_log_level_parse(DS_STR("WARN"), &level));
    cr_assert_eq(level, DS_LOG_INFO);
    cr_assert_not(ds_log_level_parse(DS_STR(""), &level));
}
