#include "gateways/sandbox/sandbox.h"

#include "gateways/sandbox/http.h"
#include "gateways/sandbox/postman.h"
#include "gateways/sandbox/service.h"

#include <pthread.h>
#include <stdlib.h>

#define TURN_MS 200

struct ds_sandbox {
    const struct ds_runtime *runtime;
    ds_postman_t *postman;
    ds_service_t *service;
    ds_sandbox_http_t *http;
    pthread_t office; /* sends webhooks, applies late charges */
    bool office_runs;
    atomic_bool stopping;
};

static void *run_office(void *context)
{
    ds_sandbox_t *sandbox = context;
    while (!atomic_load(&sandbox->stopping)) {
        int wait_ms = ds_service_settle(sandbox->service, TURN_MS);
        ds_postman_turn(sandbox->postman, wait_ms);
    }
    return NULL;
}

bool ds_sandbox_start(const struct ds_runtime *runtime, const struct ds_sandbox_settings *settings,
                      ds_sandbox_t **sandbox_out, ds_error_t *error)
{
    *sandbox_out = NULL;
    ds_sandbox_t *sandbox = calloc(1, sizeof *sandbox);
    if (sandbox == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "sandbox");
    sandbox->runtime = runtime;
    bool ok = settings->provider_key[0] != '\0' ||
              ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "provider-key: empty");
    ok = ok &&
         ds_postman_new(runtime, settings->webhook_url, settings->webhook_secret, &sandbox->postman,
                        error) &&
         ds_service_new(runtime, settings->dir, sandbox->postman, &sandbox->service, error) &&
         ds_sandbox_http_start(settings, sandbox->service, &sandbox->http, error);
    if (ok && pthread_create(&sandbox->office, NULL, run_office, sandbox) != 0)
        ok = ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "thread");
    sandbox->office_runs = ok;
    if (!ok) {
        ds_sandbox_stop(sandbox);
        return false;
    }
    *sandbox_out = sandbox;
    return true;
}

void ds_sandbox_stop(ds_sandbox_t *sandbox)
{
    if (sandbox == NULL)
        return;
    atomic_store(&sandbox->stopping, true);
    ds_sandbox_http_stop(sandbox->http);
    if (sandbox->office_runs) {
        ds_postman_wake(sandbox->postman);
        (void)pthread_join(sandbox->office, NULL);
    }
    ds_service_destroy(sandbox->service);
    ds_postman_destroy(sandbox->postman);
    free(sandbox);
}

int ds_sandbox_port(const ds_sandbox_t *sandbox)
{
    return ds_sandbox_http_port(sandbox->http);
}

bool ds_sandbox_healthy(ds_sandbox_t *sandbox)
{
    return !ds_service_broken(sandbox->service);
}
