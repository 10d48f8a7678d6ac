#include "fake_registry.h"

#include "base/clock.h"
#include "http_server.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *with_schema(struct fake_registry *fake, int id, const char *text)
{
    json_t *body =
        json_pack("{s:i,s:s,s:s}", "id", id, "subject", "courier.locations-value", "schema", text);
    char *json = json_dumps(body, JSON_COMPACT);
    (void)snprintf(fake->answer, sizeof fake->answer, FAKE_JSON("200 OK", "%s"), json);
    free(json);
    json_decref(body);
    return fake->answer;
}

static const char *answer_to(void *context, const char *request)
{
    struct fake_registry *fake = context;
    const char *bad = atomic_load(&fake->bad);
    const char *text = atomic_load(&fake->text);
    if (bad != NULL && atomic_load(&fake->bad_left) != 0) {
        atomic_fetch_sub(&fake->bad_left, 1);
        return bad;
    }
    if (strstr(request, "/config/") != NULL)
        return FAKE_JSON("200 OK", "{\"compatibility\":\"BACKWARD_TRANSITIVE\"}");
    if (strstr(request, "/subjects/courier.locations-value") != NULL ||
        strstr(request, "/schemas/ids/7 ") != NULL)
        return with_schema(fake, FAKE_ID, ds_schema_courier_locations.json);
    return text == NULL ? FAKE_ABSENT : with_schema(fake, 1, text);
}

void fake_registry_start(struct fake_registry *fake, const char *path)
{
    *fake = (struct fake_registry){.server = NULL};
    /* One answer a connection: a client that goes leaves nothing to be waited for. */
    const struct http_script script = {
        .close_after = true, .answer_to = answer_to, .context = fake};
    fake->server = http_server_start(&script);
    (void)snprintf(fake->url, sizeof fake->url, "%s", http_server_url(fake->server, path));
    fake->config = (struct ds_registry_config){fake->url, 30 * DS_US_PER_S};
}

void fake_registry_stop(struct fake_registry *fake)
{
    http_server_stop(fake->server);
}

void fake_registry_spoil(struct fake_registry *fake, const char *answer, int times)
{
    atomic_store(&fake->bad_left, times);
    atomic_store(&fake->bad, answer);
}
