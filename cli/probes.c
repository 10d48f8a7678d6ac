#include "cli/probes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>

#define STUCK_US     (30 * DS_US_PER_S)
#define ANSWER_BYTES (4 * 1024 * 1024)

struct ds_probes {
    const struct ds_runtime *runtime;
    struct MHD_Daemon *daemon;
};

static bool is_stuck(const struct ds_runtime *runtime)
{
    int64_t turn = atomic_load_explicit(&runtime->health->progress_us, memory_order_relaxed);
    return turn != 0 && ds_monotonic_us(runtime->clock) - turn > STUCK_US;
}

static unsigned readiness(const struct ds_runtime *runtime, const char **text_out)
{
    const struct ds_health *health = runtime->health;
    const char *waiting = atomic_load(&health->waiting);
    *text_out = "ok\n";
    if (atomic_load(&health->draining))
        *text_out = "draining\n";
    else if (!atomic_load(&health->ready))
        *text_out = waiting == NULL ? "starting\n" : waiting;
    else
        return MHD_HTTP_OK;
    return MHD_HTTP_SERVICE_UNAVAILABLE;
}

static enum MHD_Result answer_with(struct MHD_Connection *connection, unsigned status,
                                   const char *type, const void *body, size_t len)
{
    /* The response copies the body, and is ours until it is queued. */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status,
                                   const char *text)
{
    return answer_with(connection, status, "text/plain", text, strlen(text));
}

static enum MHD_Result answer_metrics(const struct ds_probes *probes,
                                      struct MHD_Connection *connection)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t text;
    ds_buf_init(&text, ANSWER_BYTES);
    enum MHD_Result result;
    if (ds_metrics_prometheus(probes->runtime->metrics, &text, &error))
        result =
            answer_with(connection, MHD_HTTP_OK, "text/plain; version=0.0.4", text.data, text.len);
    else
        result = answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, error.message);
    ds_buf_cleanup(&text);
    return result;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **state)
{
    (void)version, (void)upload, (void)upload_bytes, (void)state;
    const struct ds_probes *probes = context;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
    if (strcmp(url, "/livez") == 0) {
        bool stuck = is_stuck(probes->runtime);
        return answer_text(connection, stuck ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK,
                           stuck ? "stuck\n" : "ok\n");
    }
    if (strcmp(url, "/readyz") == 0) {
        const char *text;
        unsigned status = readiness(probes->runtime, &text);
        return answer_text(connection, status, text);
    }
    if (strcmp(url, "/metrics") == 0)
        return answer_metrics(probes, connection);
    return answer_text(connection, MHD_HTTP_NOT_FOUND, "try /livez, /readyz or /metrics\n");
}

bool ds_probes_start(const struct ds_runtime *runtime, const char *bind_address, uint16_t port,
                     ds_probes_t **probes_out, ds_error_t *error)
{
    *probes_out = NULL;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, bind_address, &address.sin_addr) != 1)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "metrics-bind: %s is not an IPv4 address", bind_address);
    ds_probes_t *probes = calloc(1, sizeof *probes);
    if (probes == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "probes");
    probes->runtime = runtime;
    probes->daemon =
        MHD_start_daemon(MHD_USE_POLL | MHD_USE_INTERNAL_POLLING_THREAD, port, NULL, NULL, handle,
                         probes, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_TIMEOUT, 5u,
                         MHD_OPTION_CONNECTION_LIMIT, 32u, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
                         MHD_OPTION_END);
    if (probes->daemon == NULL) {
        int code = errno;
        free(probes);
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_IO,
                            "probes: cannot listen on %s:%u (%s); --metrics-port chooses another",
                            bind_address, port, strerror(code));
    }
    *probes_out = probes;
    return true;
}

void ds_probes_stop(ds_probes_t *probes)
{
    if (probes == NULL)
        return;
    MHD_stop_daemon(probes->daemon);
    free(probes);
}
