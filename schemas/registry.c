/* schemas/registry.c - questions to a schema registry, and what its answers mean. See registry.h.
 */
#include "schemas/registry.h"

#include "base/clock.h"
#include "base/http_client.h"
#include "schemas/compiler/canon.h"
#include "schemas/compiler/model.h"

#include <inttypes.h>
#include <stdlib.h>

#define URL_MAX_BYTES    1024
#define SCHEMA_MAX_BYTES (512 * 1024) /* ours are a tenth of it */
/* Quoting a schema in JSON doubles it at most, but for control characters. */
#define ANSWER_MAX_BYTES (3 * SCHEMA_MAX_BYTES)
#define CONTENT_TYPE     "application/vnd.schemaregistry.v1+json"

/* The registry's own codes for "there is no such thing". */
enum { NO_SUBJECT = 40401, NO_VERSION = 40402, NO_SCHEMA = 40403, NO_CONFIG = 40408 };

struct ds_registry {
    ds_http_client_t *http;
    int64_t timeout_ms;
    size_t base_bytes; /* of the url without slashes at its end */
    ds_buf_t url;      /* begins with that */
    ds_buf_t request;
    struct ds_http_response response;
};

static size_t base_length(const char *url)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    return len;
}

bool ds_registry_check_url(const char *url, ds_error_t *error)
{
    const char *host = strncmp(url, "http://", 7) == 0    ? url + 7
                       : strncmp(url, "https://", 8) == 0 ? url + 8
                                                          : NULL;
    if (host == NULL || host[0] == '\0' || host[0] == '/' || strlen(url) > URL_MAX_BYTES / 2 ||
        url[strcspn(url, "?# \t\r\n\"<>\\")] != '\0')
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID,
                            "schema registry: not a URL such as http://registry:8081, with a path "
                            "if need be");
    return true;
}

bool ds_registry_new(const struct ds_registry_config *config, ds_registry_t **registry_out,
                     ds_error_t *error)
{
    *registry_out = NULL;
    if (!ds_registry_check_url(config->url, error))
        return false;
    ds_registry_t *registry = calloc(1, sizeof *registry);
    if (registry == NULL)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_MEMORY, "a registry client");
    ds_buf_init(&registry->url, URL_MAX_BYTES);
    ds_buf_init(&registry->request, ANSWER_MAX_BYTES);
    ds_http_response_init(&registry->response, ANSWER_MAX_BYTES);
    registry->timeout_ms = config->timeout_us / DS_US_PER_MS;
    registry->base_bytes = base_length(config->url);
    registry->http = ds_http_client_new(ANSWER_MAX_BYTES);
    bool ok = registry->http != NULL ||
              ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_MEMORY, "a registry client");
    if (!ok || !ds_buf_append(&registry->url, config->url, registry->base_bytes, error)) {
        ds_registry_destroy(registry);
        return false;
    }
    *registry_out = registry;
    return true;
}

void ds_registry_destroy(ds_registry_t *registry)
{
    if (registry == NULL)
        return;
    ds_http_client_destroy(registry->http);
    ds_http_response_cleanup(&registry->response);
    ds_buf_cleanup(&registry->request);
    ds_buf_cleanup(&registry->url);
    free(registry);
}

/* ---- one exchange ---- */

/** What came back, in the words of a registry. */
struct answer {
    int status;
    json_t *body;      /* an object; NULL: none */
    int64_t code;      /* its "error_code"; 0: none */
    const char *words; /* its "message"; "" */
};

static bool garbage(const struct answer *answer, const char *what, const char *why,
                    ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_UNAVAILABLE,
                        "schema registry: %s: status %d, %s", what, answer->status, why);
}

static bool exchange(ds_registry_t *registry, const char *method, const char *what,
                     struct answer *answer_out, ds_error_t *error)
{
    static const char *const headers[] = {"Content-Type: " CONTENT_TYPE,
                                          "Accept: " CONTENT_TYPE ", application/json", NULL};
    ds_error_t why = DS_ERROR_INIT;
    const char *url = NULL;
    if (!ds_buf_cstr(&registry->url, &url, error))
        return false;
    const struct ds_http_request request = {.method = method,
                                            .url = url,
                                            .headers = headers,
                                            .body = ds_buf_bytes(&registry->request),
                                            .timeout_ms = registry->timeout_ms};
    if (!ds_http_exchange(registry->http, &request, &registry->response, &why))
        return ds_error_set(error, DS_DOMAIN_SCHEMA,
                            why.code == DS_ERR_MEMORY ? DS_ERR_MEMORY : DS_ERR_UNAVAILABLE,
                            "schema registry: %s: %s", what, why.message);
    const ds_buf_t *body = &registry->response.body;
    *answer_out = (struct answer){.status = registry->response.status, .words = ""};
    answer_out->body = json_loadb((const char *)body->data, body->len, 0, NULL);
    if (!json_is_object(answer_out->body)) {
        json_decref(answer_out->body);
        answer_out->body = NULL;
        return garbage(answer_out, what, "no JSON object", error);
    }
    answer_out->code = json_integer_value(json_object_get(answer_out->body, "error_code"));
    const char *words = json_string_value(json_object_get(answer_out->body, "message"));
    answer_out->words = words == NULL ? "" : words;
    return true;
}

/* What is no success. Only a code of the registry's own says that something is not there: a 404
 * alone may be a wrong path. */
static bool refused(const struct answer *answer, const char *what, ds_error_t *error)
{
    bool absent = answer->status == 404 && answer->code >= NO_SUBJECT && answer->code <= NO_CONFIG;
    bool clash = answer->status == 409;
    bool invalid = answer->status == 422;
    if (!absent && !clash && !invalid)
        return garbage(answer, what, answer->words[0] != '\0' ? answer->words : "no answer", error);
    return ds_error_set(error, DS_DOMAIN_SCHEMA,
                        absent  ? DS_ERR_UNKNOWN
                        : clash ? DS_ERR_CONFLICT
                                : DS_ERR_INVALID,
                        "schema registry: %s: %" PRId64 " %s", what, answer->code, answer->words);
}

static bool set_url(ds_registry_t *registry, const char *before, const char *topic,
                    const char *after, ds_error_t *error)
{
    registry->url.len = registry->base_bytes;
    ds_buf_clear(&registry->request);
    return ds_buf_printf(&registry->url, error, "%s%s%s", before, topic, after);
}

static bool set_schema(ds_registry_t *registry, const struct ds_schema *schema, ds_error_t *error)
{
    return ds_buf_append_text(&registry->request, "{\"schema\":", error) &&
           ds_buf_append_json(&registry->request, ds_str(schema->json), error) &&
           ds_buf_append_char(&registry->request, '}', error);
}

/* Registries number from 1, in what fits into the four bytes and Java's int. */
static bool take_id(const struct answer *answer, const char *what, uint32_t *id_out,
                    ds_error_t *error)
{
    json_int_t id = json_integer_value(json_object_get(answer->body, "id"));
    if (answer->status != 200)
        return refused(answer, what, error);
    if (id < 1 || id > INT32_MAX)
        return garbage(answer, what, "no id", error);
    *id_out = (uint32_t)id;
    return true;
}

/* ---- the text behind an id ---- */

/* Maps, recursion, other languages than Avro: a schema, but none that a topic of ours could have.
 */
static bool read_fingerprint(ds_str_t text, bool *ours_out, uint64_t *fingerprint_out,
                             ds_error_t *error)
{
    ds_error_t why = DS_ERROR_INIT;
    struct schema_file *file = NULL;
    struct model *model = model_new();
    if (model == NULL)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_MEMORY, "a schema");
    *ours_out = model_add_text(model, "the registry's schema", text, &file, &why) &&
                canon_fingerprint(file->top, fingerprint_out, &why);
    model_destroy(model);
    if (why.code == DS_ERR_MEMORY)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_MEMORY, "%s", why.message);
    return true;
}

static bool take_schema(const struct answer *answer, const char *what, bool *ours_out,
                        uint64_t *fingerprint_out, ds_error_t *error)
{
    const json_t *text = json_object_get(answer->body, "schema");
    const char *type = json_string_value(json_object_get(answer->body, "schemaType"));
    *ours_out = false;
    *fingerprint_out = 0;
    if (!json_is_string(text))
        return garbage(answer, what, "no schema", error);
    if (type != NULL && strcmp(type, "AVRO") != 0)
        return true;
    json_t *parsed =
        json_loadb(json_string_value(text), json_string_length(text), JSON_DECODE_ANY, NULL);
    json_decref(parsed);
    if (parsed == NULL)
        return garbage(answer, what, "its schema is no JSON", error);
    if (json_string_length(text) > SCHEMA_MAX_BYTES)
        return true;
    return read_fingerprint((ds_str_t){json_string_value(text), (uint32_t)json_string_length(text)},
                            ours_out, fingerprint_out, error);
}

bool ds_registry_fingerprint(ds_registry_t *registry, uint32_t id, bool *ours_out,
                             uint64_t *fingerprint_out, ds_error_t *error)
{
    char number[16];
    struct answer answer = {0};
    (void)snprintf(number, sizeof number, "%" PRIu32, id);
    bool ok = set_url(registry, "/schemas/ids/", number, "", error) &&
              exchange(registry, "GET", "the schema of an id", &answer, error);
    if (ok && answer.status != 200)
        ok = refused(&answer, "the schema of an id", error);
    ok = ok && take_schema(&answer, "the schema of an id", ours_out, fingerprint_out, error);
    json_decref(answer.body);
    return ok;
}

/* ---- by schema ---- */

/* The text comes back with the id: so the id is that of our schema, and not of some other. */
static bool check_found(const struct ds_schema *schema, const struct answer *answer,
                        ds_error_t *error)
{
    bool ours = false;
    uint64_t fingerprint = 0;
    if (!take_schema(answer, schema->topic, &ours, &fingerprint, error))
        return false;
    if (ours && fingerprint == schema->fingerprint)
        return true;
    return garbage(answer, schema->topic, "it names the id of another schema", error);
}

bool ds_registry_find(ds_registry_t *registry, const struct ds_schema *schema, uint32_t *id_out,
                      ds_error_t *error)
{
    struct answer answer = {0};
    bool ok = set_url(registry, "/subjects/", schema->topic, "-value", error) &&
              set_schema(registry, schema, error) &&
              exchange(registry, "POST", schema->topic, &answer, error) &&
              take_id(&answer, schema->topic, id_out, error) && check_found(schema, &answer, error);
    json_decref(answer.body);
    return ok;
}

bool ds_registry_set_compatibility(ds_registry_t *registry, const struct ds_schema *schema,
                                   ds_error_t *error)
{
    struct answer answer = {0};
    bool ok = set_url(registry, "/config/", schema->topic, "-value", error) &&
              ds_buf_append_text(&registry->request, "{\"compatibility\":\"BACKWARD_TRANSITIVE\"}",
                                 error) &&
              exchange(registry, "PUT", schema->topic, &answer, error);
    if (ok && answer.status != 200)
        ok = refused(&answer, schema->topic, error);
    json_decref(answer.body);
    return ok;
}

bool ds_registry_register(ds_registry_t *registry, const struct ds_schema *schema, uint32_t *id_out,
                          ds_error_t *error)
{
    struct answer answer = {0};
    bool ok = set_url(registry, "/subjects/", schema->topic, "-value/versions", error) &&
              set_schema(registry, schema, error) &&
              exchange(registry, "POST", schema->topic, &answer, error) &&
              take_id(&answer, schema->topic, id_out, error);
    json_decref(answer.body);
    return ok;
}
