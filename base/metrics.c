#include "base/metrics.h"

#include "base/limits.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Families hold the metrics of one name, in the order of registration. Both lists only grow, and
 * only under the lock; the numbers are atomics, so that counting never waits for a scrape. A
 * histogram's count is the sum of its buckets and is not kept apart: one scrape can therefore not
 * show a count that differs from the bucket "+Inf". */
static const struct {
    int64_t us;
    const char *text;
} BUCKETS[] = {
    {500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},
    {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},
    {250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"},
    {5000000, "5"},   {10000000, "10"}, {30000000, "30"}, {60000000, "60"},
};
#define BUCKET_COUNT (sizeof BUCKETS / sizeof *BUCKETS)

struct ds_metric {
    struct ds_metric *next;
    enum ds_metric_type type;
    struct ds_label labels[DS_METRIC_MAX_LABELS]; /* sorted by name, owned */
    size_t label_count;
    _Atomic int64_t value;   /* counter, gauge; histogram: sum in us */
    _Atomic int64_t *counts; /* histogram: BUCKET_COUNT + 1, not cumulative; otherwise NULL */
};

struct family {
    struct family *next;
    char *name;
    char *help;
    enum ds_metric_type type;
    struct ds_metric *first;
};

struct ds_metrics {
    pthread_mutex_t lock;
    struct family *first;
    size_t count;
};

ds_metrics_t *ds_metrics_new(void)
{
    ds_metrics_t *metrics = calloc(1, sizeof *metrics);
    if (metrics != NULL && pthread_mutex_init(&metrics->lock, NULL) != 0) {
        free(metrics);
        return NULL;
    }
    return metrics;
}

static void destroy_metric(struct ds_metric *metric)
{
    for (size_t i = 0; i < metric->label_count; i++) {
        free((void *)(uintptr_t)metric->labels[i].name);
        free((void *)(uintptr_t)metric->labels[i].value);
    }
    free(metric->counts);
    free(metric);
}

static void destroy_family(struct family *family)
{
    while (family->first != NULL) {
        struct ds_metric *next = family->first->next;
        destroy_metric(family->first);
        family->first = next;
    }
    free(family->name);
    free(family->help);
    free(family);
}

void ds_metrics_destroy(ds_metrics_t *metrics)
{
    if (metrics == NULL)
        return;
    while (metrics->first != NULL) {
        struct family *next = metrics->first->next;
        destroy_family(metrics->first);
        metrics->first = next;
    }
    (void)pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

/* --- registering ------------------------------------------------------------------------------ */

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool name_chars_valid(const char *name)
{
    if (name == NULL || (name[0] >= '0' && name[0] <= '9'))
        return false;
    return name[0] != '\0' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] ==
               '\0';
}

/* The rules of `promtool check metrics` that concern single names: "_total" is for counters and for
 * them only; the endings of a histogram's series are for histograms, whose own name does not carry
 * them either. */
static bool name_valid(const char *name, enum ds_metric_type type)
{
    return name_chars_valid(name) && ends_with(name, "_total") == (type == DS_COUNTER) &&
           !ends_with(name, "_bucket") && !ends_with(name, "_count") && !ends_with(name, "_sum");
}

static bool label_valid(const struct ds_label *label)
{
    return name_chars_valid(label->name) && strncmp(label->name, "__", 2) != 0 &&
           strcmp(label->name, "le") != 0 && label->value != NULL &&
           ds_utf8_valid(ds_str(label->value));
}

/* Copy the caller's labels (still borrowed text) in the order of their names. */
static bool sort_labels(const struct ds_label *labels, struct ds_label sorted[DS_METRIC_MAX_LABELS],
                        size_t *count_out)
{
    size_t count = 0;
    for (; labels != NULL && labels->name != NULL; labels++) {
        if (count == DS_METRIC_MAX_LABELS || !label_valid(labels))
            return false;
        size_t at = count++;
        for (; at > 0 && strcmp(sorted[at - 1].name, labels->name) > 0; at--)
            sorted[at] = sorted[at - 1];
        if (at > 0 && strcmp(sorted[at - 1].name, labels->name) == 0)
            return false;
        sorted[at] = *labels;
    }
    *count_out = count;
    return true;
}

static bool same_labels(const struct ds_metric *metric, const struct ds_label *labels, size_t count)
{
    if (metric->label_count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(metric->labels[i].name, labels[i].name) != 0 ||
            strcmp(metric->labels[i].value, labels[i].value) != 0)
            return false;
    return true;
}

static struct ds_metric *new_metric(enum ds_metric_type type, const struct ds_label *labels,
                                    size_t label_count)
{
    struct ds_metric *metric = calloc(1, sizeof *metric);
    if (metric == NULL)
        return NULL;
    metric->type = type;
    bool ok = true;
    if (type == DS_HISTOGRAM) {
        metric->counts = calloc(BUCKET_COUNT + 1, sizeof *metric->counts);
        ok = metric->counts != NULL;
    }
    for (size_t i = 0; ok && i < label_count; i++) {
        struct ds_label *label = &metric->labels[metric->label_count++];
        label->name = ds_str_dup(ds_str(labels[i].name));
        label->value = ds_str_dup(ds_str(labels[i].value));
        ok = label->name != NULL && label->value != NULL;
    }
    if (ok)
        return metric;
    destroy_metric(metric);
    return NULL;
}

static struct family *new_family(enum ds_metric_type type, const char *name, const char *help)
{
    struct family *family = calloc(1, sizeof *family);
    if (family == NULL)
        return NULL;
    family->type = type;
    family->name = ds_str_dup(ds_str(name));
    family->help = ds_str_dup(ds_str(help == NULL || help[0] == '\0' ? name : help));
    if (family->name != NULL && family->help != NULL)
        return family;
    destroy_family(family);
    return NULL;
}

/* The place of the pointer to the family of that name: the end of the list when there is none. */
static struct family **find_family(ds_metrics_t *metrics, const char *name)
{
    struct family **at = &metrics->first;
    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

static struct ds_metric *find_or_add(ds_metrics_t *metrics, struct family *family,
                                     const struct ds_label *labels, size_t label_count)
{
    struct ds_metric **at = &family->first;
    while (*at != NULL && !same_labels(*at, labels, label_count))
        at = &(*at)->next;
    if (*at == NULL && metrics->count < DS_MAX_METRICS) {
        *at = new_metric(family->type, labels, label_count);
        metrics->count += *at != NULL;
    }
    return *at;
}

ds_metric_t *ds_metrics_get(ds_metrics_t *metrics, enum ds_metric_type type, const char *name,
                            const char *help, const struct ds_label *labels)
{
    struct ds_label sorted[DS_METRIC_MAX_LABELS];
    size_t label_count = 0;
    if (metrics == NULL || !name_valid(name, type) || !sort_labels(labels, sorted, &label_count))
        return NULL;
    ds_metric_t *found = NULL;
    pthread_mutex_lock(&metrics->lock);
    struct family **family = find_family(metrics, name);
    if (*family == NULL && metrics->count < DS_MAX_METRICS)
        *family = new_family(type, name, help);
    if (*family != NULL && (*family)->type == type)
        found = find_or_add(metrics, *family, sorted, label_count);
    pthread_mutex_unlock(&metrics->lock);
    return found;
}

/* --- counting ----------------------------------------------------------------------------------
 */

void ds_metric_add(ds_metric_t *metric, int64_t amount)
{
    if (metric == NULL || metric->type == DS_HISTOGRAM)
        return;
    if (metric->type == DS_COUNTER && amount < 0)
        return; /* a counter that goes down reads as a restart */
    atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}

void ds_metric_set(ds_metric_t *metric, int64_t value)
{
    if (metric != NULL && metric->type == DS_GAUGE)
        atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void ds_metric_observe_us(ds_metric_t *metric, int64_t us)
{
    if (metric == NULL || metric->type != DS_HISTOGRAM)
        return;
    us = us < 0 ? 0 : us;
    size_t bucket = 0;
    while (bucket < BUCKET_COUNT && us > BUCKETS[bucket].us)
        bucket++;
    atomic_fetch_add_explicit(&metric->value, us, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->counts[bucket], 1, memory_order_relaxed);
}

static int64_t load(const _Atomic int64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

int64_t ds_metric_value(const ds_metric_t *metric)
{
    if (metric == NULL)
        return 0;
    if (metric->type != DS_HISTOGRAM)
        return load(&metric->value);
    int64_t count = 0;
    for (size_t i = 0; i <= BUCKET_COUNT; i++)
        count += load(&metric->counts[i]);
    return count;
}

/* --- showing -----------------------------------------------------------------------------------
 */

static const char *type_text(enum ds_metric_type type)
{
    switch (type) {
    case DS_COUNTER:
        return "counter";
    case DS_GAUGE:
        return "gauge";
    case DS_HISTOGRAM:
        return "histogram";
    }
    return "untyped";
}

/* Backslash and newline are escaped everywhere, the quote in label values only (text format 0.0.4).
 */
static bool escaped(ds_buf_t *out, const char *text, bool quotes, ds_error_t *error)
{
    bool ok = true;
    for (; ok && *text != '\0'; text++) {
        if (*text == '\n')
            ok = ds_buf_append_text(out, "\\n", error);
        else if (*text == '\\' || (quotes && *text == '"'))
            ok = ds_buf_append_char(out, '\\', error) && ds_buf_append_char(out, *text, error);
        else
            ok = ds_buf_append_char(out, *text, error);
    }
    return ok;
}

static bool label_text(ds_buf_t *out, const char *comma, const char *name, const char *value,
                       ds_error_t *error)
{
    return ds_buf_printf(out, error, "%s%s=\"", comma, name) && escaped(out, value, true, error) &&
           ds_buf_append_char(out, '"', error);
}

/* `name_suffix{a="b",le="c"} `, everything before the number. */
static bool series(ds_buf_t *out, const struct family *family, const char *suffix,
                   const struct ds_metric *metric, const char *le, ds_error_t *error)
{
    bool ok = ds_buf_printf(out, error, "%s%s", family->name, suffix);
    const char *comma = "{";
    for (size_t i = 0; ok && i < metric->label_count; i++, comma = ",")
        ok = label_text(out, comma, metric->labels[i].name, metric->labels[i].value, error);
    if (ok && le != NULL) {
        ok = label_text(out, comma, "le", le, error);
        comma = ",";
    }
    if (ok && comma[0] == ',')
        ok = ds_buf_append_char(out, '}', error);
    return ok && ds_buf_append_char(out, ' ', error);
}

static bool number_line(ds_buf_t *out, int64_t number, ds_error_t *error)
{
    return ds_buf_printf(out, error, "%" PRId64 "\n", number);
}

static bool seconds(ds_buf_t *out, int64_t us, ds_error_t *error)
{
    return ds_buf_printf(out, error, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
}

static bool histogram(ds_buf_t *out, const struct family *family, const struct ds_metric *metric,
                      ds_error_t *error)
{
    int64_t sum_us = load(&metric->value);
    int64_t total = 0;
    bool ok = true;
    for (size_t i = 0; ok && i <= BUCKET_COUNT; i++) {
        const char *le = i < BUCKET_COUNT ? BUCKETS[i].text : "+Inf";
        total += load(&metric->counts[i]);
        ok = series(out, family, "_bucket", metric, le, error) && number_line(out, total, error);
    }
    return ok && series(out, family, "_sum", metric, NULL, error) && seconds(out, sum_us, error) &&
           ds_buf_append_char(out, '\n', error) &&
           series(out, family, "_count", metric, NULL, error) && number_line(out, total, error);
}

static bool prometheus_family(ds_buf_t *out, const struct family *family, ds_error_t *error)
{
    bool ok = ds_buf_printf(out, error, "# HELP %s ", family->name) &&
              escaped(out, family->help, false, error) &&
              ds_buf_printf(out, error, "\n# TYPE %s %s\n", family->name, type_text(family->type));
    for (const struct ds_metric *metric = family->first; ok && metric != NULL;
         metric = metric->next) {
        if (family->type == DS_HISTOGRAM)
            ok = histogram(out, family, metric, error);
        else
            ok = series(out, family, "", metric, NULL, error) &&
                 number_line(out, load(&metric->value), error);
    }
    return ok;
}

static bool json_labels(ds_buf_t *out, const struct ds_metric *metric, ds_error_t *error)
{
    bool ok = ds_buf_append_text(out, "\"labels\":{", error);
    for (size_t i = 0; ok && i < metric->label_count; i++)
        ok = (i == 0 || ds_buf_append_char(out, ',', error)) &&
             ds_buf_append_json(out, ds_str(metric->labels[i].name), error) &&
             ds_buf_append_char(out, ':', error) &&
             ds_buf_append_json(out, ds_str(metric->labels[i].value), error);
    return ok && ds_buf_append_char(out, '}', error);
}

static bool json_buckets(ds_buf_t *out, const struct ds_metric *metric, ds_error_t *error)
{
    int64_t sum_us = load(&metric->value);
    int64_t total = 0;
    bool ok = ds_buf_append_text(out, "\"buckets\":{", error);
    for (size_t i = 0; ok && i <= BUCKET_COUNT; i++) {
        total += load(&metric->counts[i]);
        ok = ds_buf_printf(out, error, "%s\"%s\":%" PRId64, i == 0 ? "" : ",",
                           i < BUCKET_COUNT ? BUCKETS[i].text : "+Inf", total);
    }
    return ok && ds_buf_printf(out, error, "},\"count\":%" PRId64 ",\"sum\":", total) &&
           seconds(out, sum_us, error);
}

static bool json_family(ds_buf_t *out, const struct family *family, ds_error_t *error)
{
    bool ok = ds_buf_append_json(out, ds_str(family->name), error) &&
              ds_buf_printf(out, error, ":{\"type\":\"%s\",\"help\":", type_text(family->type)) &&
              ds_buf_append_json(out, ds_str(family->help), error) &&
              ds_buf_append_text(out, ",\"series\":[", error);
    for (const struct ds_metric *metric = family->first; ok && metric != NULL;
         metric = metric->next) {
        ok = (metric == family->first || ds_buf_append_char(out, ',', error)) &&
             ds_buf_append_char(out, '{', error) && json_labels(out, metric, error) &&
             ds_buf_append_char(out, ',', error);
        if (ok && family->type == DS_HISTOGRAM)
            ok = json_buckets(out, metric, error);
        else if (ok)
            ok = ds_buf_printf(out, error, "\"value\":%" PRId64, load(&metric->value));
        ok = ok && ds_buf_append_char(out, '}', error);
    }
    return ok && ds_buf_append_text(out, "]}", error);
}

/* The lock guards the lists; for a reader the registry is const all the same. */
static pthread_mutex_t *lock_of(const ds_metrics_t *metrics)
{
    return (pthread_mutex_t *)(uintptr_t)&metrics->lock;
}

bool ds_metrics_prometheus(const ds_metrics_t *metrics, ds_buf_t *out, ds_error_t *error)
{
    size_t start = out->len;
    bool ok = true;
    pthread_mutex_lock(lock_of(metrics));
    for (const struct family *family = metrics->first; ok && family != NULL; family = family->next)
        if (family->first != NULL)
            ok = prometheus_family(out, family, error);
    pthread_mutex_unlock(lock_of(metrics));
    if (!ok)
        out->len = start;
    return ok;
}

bool ds_metrics_json(const ds_metrics_t *metrics, ds_buf_t *out, ds_error_t *error)
{
    size_t start = out->len;
    const char *comma = "";
    bool ok = ds_buf_append_char(out, '{', error);
    pthread_mutex_lock(lock_of(metrics));
    for (const struct family *family = metrics->first; ok && family != NULL;
         family = family->next) {
        if (family->first == NULL)
            continue;
        ok = ds_buf_append_text(out, comma, error) && json_family(out, family, error);
        comma = ",";
    }
    pthread_mutex_unlock(lock_of(metrics));
    ok = ok && ds_buf_append_char(out, '}', error);
    if (!ok)
        out->len = start;
    return ok;
}
