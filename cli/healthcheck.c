/* cli/healthcheck.c - asks a role's probe, so that an image needs no curl. */
#include "base/http_client.h"
#include "cli/roles.h"

#include <stdio.h>

struct settings {
    const char *url;
    int64_t timeout_us;
};

static const struct ds_option options[] = {
    {"url", "HEALTHCHECK_URL", DS_OPT_TEXT, offsetof(struct settings, url),
     "http://127.0.0.1:3000/readyz", 0, 0, false, false, "The probe to ask."},
    {"timeout", NULL, DS_OPT_DURATION, offsetof(struct settings, timeout_us), "3s", DS_US_PER_MS,
     60 * DS_US_PER_S, false, false, "How long to wait for the answer."},
    DS_OPTION_END,
};

static int run(const struct ds_runtime *runtime, const void *settings_, int argc,
               const char *const *argv, ds_error_t *error)
{
    (void)runtime, (void)argc, (void)argv;
    const struct settings *settings = settings_;
    struct ds_http_response response;
    ds_http_response_init(&response, 4096);
    ds_http_client_t *client = ds_http_client_new(4096);
    struct ds_http_request request = {
        .method = "GET", .url = settings->url, .timeout_ms = settings->timeout_us / DS_US_PER_MS};
    bool ok = client != NULL && ds_http_exchange(client, &request, &response, error);
    if (ok && response.status != 200)
        ok = ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_UNAVAILABLE, "%s answered %d: %.*s",
                          settings->url, response.status, DS_STR_ARG(ds_buf_str(&response.body)));
    ds_http_response_cleanup(&response);
    ds_http_client_destroy(client);
    return ok ? 0 : 1;
}

const struct ds_role ds_role_healthcheck = {
    .name = "healthcheck",
    .summary = "ask a role's probe; exit 0 when it is ready",
    .examples = "  doorstep healthcheck --url http://127.0.0.1:9400/readyz\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .run = run,
};
