/* base/metrics.h - counters, gauges and histograms in Prometheus text format 0.0.4, and as JSON.
 *
 * A registry is created by a role and handed down. Registering is done at start (takes a lock);
 * updating is lock-free (C11 atomics) and may be done from any thread. Label values are fixed at
 * registration: never an order id. */
#ifndef DS_BASE_METRICS_H
#define DS_BASE_METRICS_H

#include "base/buf.h"

typedef struct ds_metrics ds_metrics_t;
typedef struct ds_metric ds_metric_t; /* owned by the registry; valid as long as it */

enum ds_metric_type { DS_COUNTER, DS_GAUGE, DS_HISTOGRAM };

struct ds_label {
    const char *name;
    const char *value;
};

#define DS_METRIC_MAX_LABELS 4

ds_metrics_t *ds_metrics_new(void);
void ds_metrics_destroy(ds_metrics_t *metrics);

/** @brief Register, or find the one registered before under the same name and labels. Histograms
 * have fixed buckets in seconds, 0.0005 ... 60.
 *  @param name    [A-Za-z_][A-Za-z0-9_]*. As `promtool check metrics` wants it: counters end in
 * "_total" and nothing else does; no name ends in "_bucket", "_count" or "_sum" (also no gauge:
 * "orders_open", not "open_orders_count"). Histograms end in "_seconds".
 *  @param help    one sentence, copied; the first one of a name counts.
 *  @param labels ends with {NULL, NULL}; may be NULL. @return NULL: no memory, a bad name,
 *  or the name has another type, labels wrong or too many, DS_MAX_METRICS reached; updates through
 * NULL do nothing, so callers need not check. */
ds_metric_t *ds_metrics_get(ds_metrics_t *metrics, enum ds_metric_type type, const char *name,
                            const char *help, const struct ds_label *labels);
void ds_metric_add(ds_metric_t *metric, int64_t amount);    /* counter (not below 0), gauge */
void ds_metric_set(ds_metric_t *metric, int64_t value);     /* gauge */
void ds_metric_observe_us(ds_metric_t *metric, int64_t us); /* histogram */
int64_t ds_metric_value(const ds_metric_t *metric);         /* counter, gauge; histogram: count */

/** @brief Append the text format 0.0.4. DS_ERR_LIMIT, DS_ERR_MEMORY: the buffer is as it was. */
DS_MUST_CHECK bool ds_metrics_prometheus(const ds_metrics_t *metrics, ds_buf_t *out,
                                         ds_error_t *error);
/** @brief Append {"name": {"type", "help", "series": [{"labels": {}, "value"}]}}; a histogram's
 * series has "buckets" (cumulative, by upper bound in seconds), "count" and "sum" instead of
 * "value". Errors as above. */
DS_MUST_CHECK bool ds_metrics_json(const ds_metrics_t *metrics, ds_buf_t *out, ds_error_t *error);

#endif
