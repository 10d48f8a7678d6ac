/* What several threads may do at once, as a plain program: ThreadSanitizer does not start inside
 * Criterion. Ends with 0, or says which condition failed. */
#include "base/log.h"
#include "base/metrics.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 4, TIMES = 2000 };

struct shared {
    ds_metrics_t *metrics;
    ds_log_t log;
};

static void require(bool condition, const char *what)
{
    if (condition)
        return;
    (void)fprintf(stderr, "failed: %s\n", what);
    exit(1);
}

static void *work(void *context)
{
    const struct shared *shared = context;
    for (int i = 0; i < TIMES; i++) {
        ds_metric_add(ds_metrics_get(shared->metrics, DS_COUNTER, "a_total", "A.", NULL), 1);
        ds_metric_observe_us(ds_metrics_get(shared->metrics, DS_HISTOGRAM, "w_seconds", "W.", NULL),
                             i);
        ds_log(&shared->log, DS_LOG_INFO, "worked", "one more", DS_F_INT("i", i));
    }
    return NULL;
}

int main(void)
{
    struct shared shared = {ds_metrics_new(), ds_log_root("test", DS_LOG_INFO)};
    pthread_t threads[THREADS];
    ds_buf_t buf;
    ds_buf_init(&buf, 100000);
    shared.log.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    require(shared.metrics != NULL && shared.log.fd >= 0, "set up");
    for (int i = 0; i < THREADS; i++)
        require(pthread_create(&threads[i], NULL, work, &shared) == 0, "pthread_create");
    for (int i = 0; i < 50; i++) {
        ds_buf_clear(&buf);
        require(ds_metrics_prometheus(shared.metrics, &buf, NULL), "scrape while counting");
    }
    for (int i = 0; i < THREADS; i++)
        require(pthread_join(threads[i], NULL) == 0, "pthread_join");
    ds_metric_t *a = ds_metrics_get(shared.metrics, DS_COUNTER, "a_total", "A.", NULL);
    ds_metric_t *w = ds_metrics_get(shared.metrics, DS_HISTOGRAM, "w_seconds", "W.", NULL);
    require(ds_metric_value(a) == THREADS * TIMES, "no count is lost");
    require(ds_metric_value(w) == THREADS * TIMES, "no observation is lost");
    ds_metrics_destroy(shared.metrics);
    ds_buf_cleanup(&buf);
    return 0;
}
