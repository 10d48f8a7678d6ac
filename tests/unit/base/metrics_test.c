#include "base/limits.h"
#include "base/metrics.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>

#define LABELS(...) ((const struct ds_label[]){__VA_ARGS__, {NULL, NULL}})

static const char *shown(const ds_metrics_t *metrics, ds_buf_t *buf)
{
    const char *text;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(buf, 1 << 20);
    cr_assert(ds_metrics_prometheus(metrics, buf, &error), "%s", error.message);
    cr_assert(ds_buf_cstr(buf, &text, &error));
    return text;
}

Test(metrics, counters_and_gauges_count)
{
    ds_metrics_t *metrics = ds_metrics_new();
    ds_metric_t *orders = ds_metrics_get(metrics, DS_COUNTER, "ds_orders_total", "Orders.", NULL);
    ds_metric_t *lag = ds_metrics_get(metrics, DS_GAUGE, "ds_lag_records", "Lag.", NULL);
    ds_metric_add(orders, 2);
    ds_metric_add(orders, 3);
    ds_metric_add(orders, -4); /* refused */
    ds_metric_set(orders, 99); /* refused */
    ds_metric_observe_us(orders, 1);
    cr_assert_eq(ds_metric_value(orders), 5);
    ds_metric_set(lag, 10);
    ds_metric_add(lag, -15);
    cr_assert_eq(ds_metric_value(lag), -5);
    ds_metrics_destroy(metrics);
    ds_metrics_destroy(NULL);
}

Test(metrics, same_name_and_labels_are_the_same_metric_in_any_order)
{
    ds_metrics_t *metrics = ds_metrics_new();
    ds_metric_t *one =
        ds_metrics_get(metrics, DS_COUNTER, "a_total", "A.", LABELS({"x", "1"}, {"y", "2"}));
    ds_metric_t *same =
        ds_metrics_get(metrics, DS_COUNTER, "a_total", "ignored", LABELS({"y", "2"}, {"x", "1"}));
    ds_metric_t *other =
        ds_metrics_get(metrics, DS_COUNTER, "a_total", "A.", LABELS({"x", "2"}, {"y", "1"}));
    cr_assert_not_null(one);
    cr_assert_eq(one, same);
    cr_assert_neq(one, other);
    cr_assert_null(ds_metrics_get(metrics, DS_HISTOGRAM, "a_total", "A.", NULL));
    cr_assert_null(ds_metrics_get(metrics, DS_GAUGE, "a_total", "A.", NULL));
    ds_metrics_destroy(metrics);
}

Test(metrics, labels_are_copied)
{
    ds_metrics_t *metrics = ds_metrics_new();
    char value[] = "before";
    ds_metric_t *one = ds_metrics_get(metrics, DS_GAUGE, "a", "A.", LABELS({"x", value}));
    value[0] = 'X';
    cr_assert_eq(ds_metrics_get(metrics, DS_GAUGE, "a", "A.", LABELS({"x", "before"})), one);
    ds_metrics_destroy(metrics);
}

Test(metrics, bad_names_and_labels_give_null)
{
    static const struct {
        enum ds_metric_type type;
        const char *name;
    } names[] = {
        {DS_GAUGE, ""},          {DS_GAUGE, "1a"},      {DS_GAUGE, "a-b"},
        {DS_GAUGE, "a b"},       {DS_GAUGE, "a:b"},     {DS_GAUGE, "\xc3\xa9"},
        {DS_COUNTER, "orders"},  {DS_GAUGE, "a_total"}, {DS_HISTOGRAM, "a_total"},
        {DS_GAUGE, "a_count"},   {DS_GAUGE, "a_sum"},   {DS_GAUGE, "a_bucket"},
        {DS_HISTOGRAM, "a_sum"},
    };
    ds_metrics_t *metrics = ds_metrics_new();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert_null(ds_metrics_get(metrics, names[i].type, names[i].name, "x", NULL), "%s",
                       names[i].name);
    cr_assert_null(ds_metrics_get(metrics, DS_GAUGE, NULL, "x", NULL));
    cr_assert_null(ds_metrics_get(NULL, DS_GAUGE, "a", "x", NULL));
    cr_assert_null(ds_metrics_get(metrics, DS_GAUGE, "a", "x", LABELS({"le", "1"})));
    cr_assert_null(ds_metrics_get(metrics, DS_GAUGE, "a", "x", LABELS({"__x", "1"})));
    cr_assert_null(ds_metrics_get(metrics, DS_GAUGE, "a", "x", LABELS({"", "1"})));
    cr_assert_null(ds_metrics_get(metrics, DS_GAUGE, "a", "x", LABELS({"x", NULL})));
    cr_assert_null(ds_metrics_get(metrics, DS_GAUGE, "a", "x", LABELS({"x", "\xff"})));
    cr_assert_null(ds_metrics_get(metrics, DS_GAUGE, "a", "x", LABELS({"x", "1"}, {"x", "2"})));
    cr_assert_null(
        ds_metrics_get(metrics, DS_GAUGE, "a", "x",
                       LABELS({"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"e", "5"})));
    cr_assert_not_null(ds_metrics_get(metrics, DS_GAUGE, "a", "x",
                                      LABELS({"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"})));
    ds_metrics_destroy(metrics);
}

Test(metrics, updates_through_null_do_nothing)
{
    ds_metric_add(NULL, 1);
    ds_metric_set(NULL, 1);
    ds_metric_observe_us(NULL, 1);
    cr_assert_eq(ds_metric_value(NULL), 0);
}

Test(metrics, number_of_series_is_bounded)
{
    ds_metrics_t *metrics = ds_metrics_new();
    char value[16];
    for (int i = 0; i < DS_MAX_METRICS; i++) {
        (void)snprintf(value, sizeof value, "%d", i);
        cr_assert_not_null(ds_metrics_get(metrics, DS_GAUGE, "a", "A.", LABELS({"x", value})));
    }
    cr_assert_null(ds_metrics_get(metrics, DS_GAUGE, "a", "A.", LABELS({"x", "more"})));
    cr_assert_null(ds_metrics_get(metrics, DS_GAUGE, "b", "B.", NULL));
    cr_assert_not_null(ds_metrics_get(metrics, DS_GAUGE, "a", "A.", LABELS({"x", "7"})));
    ds_metrics_destroy(metrics);
}

Test(metrics, empty_registry_shows_nothing)
{
    ds_metrics_t *metrics = ds_metrics_new();
    ds_buf_t buf;
    cr_assert_str_empty(shown(metrics, &buf));
    ds_buf_clear(&buf);
    cr_assert(ds_metrics_json(metrics, &buf, NULL));
    cr_assert(ds_str_eq(ds_buf_str(&buf), DS_STR("{}")));
    ds_buf_cleanup(&buf);
    ds_metrics_destroy(metrics);
}

Test(metrics, help_and_type_come_once_a_name_and_series_together)
{
    ds_metrics_t *metrics = ds_metrics_new();
    ds_buf_t buf;
    ds_metric_add(ds_metrics_get(metrics, DS_COUNTER, "a_total", "A.", LABELS({"x", "1"})), 1);
    ds_metric_set(ds_metrics_get(metrics, DS_GAUGE, "b", NULL, NULL), -2);
    ds_metric_add(ds_metrics_get(metrics, DS_COUNTER, "a_total", "A.", LABELS({"x", "2"})), 3);
    cr_assert_str_eq(shown(metrics, &buf), "# HELP a_total A.\n"
                                           "# TYPE a_total counter\n"
                                           "a_total{x=\"1\"} 1\n"
                                           "a_total{x=\"2\"} 3\n"
                                           "# HELP b b\n"
                                           "# TYPE b gauge\n"
                                           "b -2\n");
    ds_buf_cleanup(&buf);
    ds_metrics_destroy(metrics);
}

Test(metrics, help_and_label_values_are_escaped)
{
    ds_metrics_t *metrics = ds_metrics_new();
    ds_buf_t buf;
    (void)ds_metrics_get(metrics, DS_GAUGE, "a", "back\\slash \"quote\"\nline",
                         LABELS({"x", "back\\slash \"quote\"\nline"}));
    cr_assert_str_eq(shown(metrics, &buf), "# HELP a back\\\\slash \"quote\"\\nline\n"
                                           "# TYPE a gauge\n"
                                           "a{x=\"back\\\\slash \\\"quote\\\"\\nline\"} 0\n");
    ds_buf_cleanup(&buf);
    ds_metrics_destroy(metrics);
}

Test(metrics, histogram_is_cumulative_in_seconds)
{
    ds_metrics_t *metrics = ds_metrics_new();
    ds_metric_t *wait =
        ds_metrics_get(metrics, DS_HISTOGRAM, "w_seconds", "W.", LABELS({"op", "put"}));
    ds_metric_observe_us(wait, 0);
    ds_metric_observe_us(wait, -7); /* a clock that went back counts as 0 */
    ds_metric_observe_us(wait, 500);
    ds_metric_observe_us(wait, 501);
    ds_metric_observe_us(wait, 60000000);
    ds_metric_observe_us(wait, 60000001);
    ds_metric_add(wait, 5);
    ds_metric_set(wait, 5);
    cr_assert_eq(ds_metric_value(wait), 6);
    ds_buf_t buf;
    const char *text = shown(metrics, &buf);
    cr_assert_not_null(strstr(text, "# TYPE w_seconds histogram\n"
                                    "w_seconds_bucket{op=\"put\",le=\"0.0005\"} 3\n"
                                    "w_seconds_bucket{op=\"put\",le=\"0.001\"} 4\n"));
    cr_assert_not_null(strstr(text, "w_seconds_bucket{op=\"put\",le=\"30\"} 4\n"
                                    "w_seconds_bucket{op=\"put\",le=\"60\"} 5\n"
                                    "w_seconds_bucket{op=\"put\",le=\"+Inf\"} 6\n"
                                    "w_seconds_sum{op=\"put\"} 120.001002\n"
                                    "w_seconds_count{op=\"put\"} 6\n"));
    ds_buf_cleanup(&buf);
    ds_metrics_destroy(metrics);
}

Test(metrics, json_can_be_read_back)
{
    ds_metrics_t *metrics = ds_metrics_new();
    ds_buf_t buf;
    ds_metric_add(ds_metrics_get(metrics, DS_COUNTER, "a_total", "A \"a\".",
                                 LABELS({"x", "q\"\\\n"}, {"y", "2"})),
                  7);
    (void)ds_metrics_get(metrics, DS_COUNTER, "a_total", "A.", NULL);
    ds_metric_observe_us(ds_metrics_get(metrics, DS_HISTOGRAM, "w_seconds", "W.", NULL), 1500);
    ds_buf_init(&buf, 1 << 20);
    cr_assert(ds_metrics_json(metrics, &buf, NULL));
    json_t *json = json_loadb((const char *)buf.data, buf.len, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json, "%.*s", (int)buf.len, (char *)buf.data);
    const char *type, *value;
    json_int_t count, a;
    double sum;
    cr_assert_eq(json_unpack(json, "{s:{s:s,s:[{s:{s:s},s:I},{}]},s:{s:[{s:I,s:f}]}}", "a_total",
                             "type", &type, "series", "labels", "x", &value, "value", &a,
                             "w_seconds", "series", "count", &count, "sum", &sum),
                 0);
    cr_assert_str_eq(type, "counter");
    cr_assert_str_eq(value, "q\"\\\n");
    cr_assert_eq(a, 7);
    cr_assert_eq(count, 1);
    cr_assert_float_eq(sum, 0.0015, 1e-9);
    json_decref(json);
    ds_buf_cleanup(&buf);
    ds_metrics_destroy(metrics);
}

Test(metrics, text_that_does_not_fit_leaves_the_buffer_as_it_was)
{
    ds_metrics_t *metrics = ds_metrics_new();
    ds_buf_t buf;
    ds_error_t error = DS_ERROR_INIT;
    (void)ds_metrics_get(metrics, DS_HISTOGRAM, "w_seconds", "W.", NULL);
    for (size_t max = 4; max < 1200; max += 13) {
        ds_buf_init(&buf, max);
        cr_assert(ds_buf_append_text(&buf, "kept", NULL));
        if (!ds_metrics_prometheus(metrics, &buf, &error))
            cr_assert_eq(buf.len, 4);
        ds_buf_cleanup(&buf);
        ds_buf_init(&buf, max);
        cr_assert(ds_buf_append_text(&buf, "kept", NULL));
        if (!ds_metrics_json(metrics, &buf, &error))
            cr_assert_eq(buf.len, 4);
        ds_buf_cleanup(&buf);
    }
    cr_assert_eq(error.code, DS_ERR_LIMIT);
    ds_metrics_destroy(metrics);
}

struct shared {
    ds_metrics_t *metrics;
    int times;
};

static void *count_up(void *context)
{
    const struct shared *shared = context;
    for (int i = 0; i < shared->times; i++) {
        ds_metric_t *a = ds_metrics_get(shared->metrics, DS_COUNTER, "a_total", "A.", NULL);
        ds_metric_t *w = ds_metrics_get(shared->metrics, DS_HISTOGRAM, "w_seconds", "W.", NULL);
        ds_metric_add(a, 1);
        ds_metric_observe_us(w, i);
    }
    return NULL;
}

Test(metrics, several_threads_lose_no_count)
{
    struct shared shared = {ds_metrics_new(), 5000};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, count_up, &shared), 0);
    ds_buf_t buf;
    (void)shown(shared.metrics, &buf); /* a scrape in the middle */
    ds_buf_cleanup(&buf);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(ds_metric_value(ds_metrics_get(shared.metrics, DS_COUNTER, "a_total", "A.", NULL)),
                 20000);
    cr_assert_eq(
        ds_metric_value(ds_metrics_get(shared.metrics, DS_HISTOGRAM, "w_seconds", "W.", NULL)),
        20000);
    ds_metrics_destroy(shared.metrics);
}
