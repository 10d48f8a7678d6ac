/* cli/schemas/schemas.c - `doorstep schemas register|check|list|show`.
 *
 * Registering is for a deploy job; a running role only looks ids up. */
#include "cli/roles.h"
#include "cli/schemas/check.h"
#include "schemas/framing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct settings {
    const char *folder;
    int64_t timeout_us;
    bool json;
};

static const struct ds_option options[] = {
    {"schemas", NULL, DS_OPT_TEXT, offsetof(struct settings, folder), "schemas", 0, 0, false, false,
     "check: the folder with avsc/ and released/."},
    {"timeout", NULL, DS_OPT_DURATION, offsetof(struct settings, timeout_us), "30s",
     10 * DS_US_PER_MS, 600 * DS_US_PER_S, false, false,
     "register: how long one answer of the registry may take."},
    {"json", NULL, DS_OPT_BOOL, offsetof(struct settings, json), "0", 0, 0, false, false,
     "Print one JSON object."},
    DS_OPTION_END,
};

static bool print_json(json_t *value, ds_error_t *error)
{
    char *text = json_dumps(value, JSON_COMPACT);
    if (text == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "out of memory");
    printf("%s\n", text);
    free(text);
    return true;
}

/* ---- register ---- */

/* The compatibility first: a registry may have none by itself, or one that only looks at the last
 * version. */
static bool register_one(ds_registry_t *registry, const struct ds_schema *schema, uint32_t *id_out,
                         ds_error_t *error)
{
    return (ds_registry_set_compatibility(registry, schema, error) &&
            ds_registry_register(registry, schema, id_out, error)) ||
           ds_error_prefix(error, "%s-value", schema->topic);
}

static bool register_all(ds_registry_t *registry, bool json, json_t *subjects, ds_error_t *error)
{
    for (const struct ds_schema *const *schema = ds_schemas(); *schema != NULL; schema++) {
        char subject[96];
        uint32_t id = 0;
        (void)snprintf(subject, sizeof subject, "%s-value", (*schema)->topic);
        if (!register_one(registry, *schema, &id, error))
            return false;
        (void)json_array_append_new(subjects, json_pack("{s:s,s:I}", "subject", subject, "id",
                                                        (json_int_t)id));
        if (!json)
            printf("%-26s %" PRIu32 "\n", subject, id);
    }
    return true;
}

static int run_register(const struct ds_runtime *runtime, const struct settings *settings,
                        ds_error_t *error)
{
    ds_registry_t *registry = NULL;
    if (runtime->framing == NULL) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "SCHEMA_REGISTRY_URL is not set");
        return 2;
    }
    const struct ds_registry_config config = {ds_framing_registry(runtime->framing)->url,
                                              settings->timeout_us};
    json_t *subjects = json_array();
    bool ok = ds_registry_new(&config, &registry, error) &&
              register_all(registry, settings->json, subjects, error);
    json_t *all = json_pack("{s:O}", "subjects", subjects);
    if (ok && settings->json)
        ok = print_json(all, error);
    json_decref(all);
    json_decref(subjects);
    ds_registry_destroy(registry);
    return ok ? 0 : 1;
}

/* ---- check ---- */

static void print_texts(const char *topic, const char *version, const char *kind,
                        const json_t *texts)
{
    size_t i;
    json_t *text;
    json_array_foreach(texts, i, text)
    {
        printf("%s%s: %s%s\n", topic, version, kind, json_string_value(text));
    }
}

static void print_topic(const json_t *topic)
{
    size_t i;
    json_t *version;
    const char *name = json_string_value(json_object_get(topic, "topic"));
    print_texts(name, "", "error: ", json_object_get(topic, "errors"));
    json_array_foreach(json_object_get(topic, "versions"), i, version)
    {
        char number[32];
        (void)snprintf(number, sizeof number, " v%" PRId64,
                       (int64_t)json_integer_value(json_object_get(version, "version")));
        print_texts(name, number,
                    "error: what it wrote cannot be read: ", json_object_get(version, "errors"));
        print_texts(name, number,
                    "note: deploy readers first: ", json_object_get(version, "notes"));
    }
}

static void print_check(const json_t *result)
{
    size_t i;
    json_t *topic;
    size_t versions = 0;
    json_array_foreach(json_object_get(result, "topics"), i, topic)
    {
        print_topic(topic);
        versions += json_array_size(json_object_get(topic, "versions"));
    }
    printf("%zu topics, %zu released versions, %" PRId64 " errors, %" PRId64 " notes\n",
           json_array_size(json_object_get(result, "topics")), versions,
           (int64_t)json_integer_value(json_object_get(result, "errors")),
           (int64_t)json_integer_value(json_object_get(result, "notes")));
}

static int run_check(const struct settings *settings, ds_error_t *error)
{
    json_t *result = NULL;
    if (!ds_schemas_check(settings->folder, &result, error))
        return 1;
    bool good = json_integer_value(json_object_get(result, "errors")) == 0;
    bool printed = true;
    if (settings->json)
        printed = print_json(result, error);
    else
        print_check(result);
    json_decref(result);
    return good && printed ? 0 : 1;
}

/* ---- list, show ---- */

static int run_list(const struct settings *settings, ds_error_t *error)
{
    json_t *list = json_array();
    for (const struct ds_schema *const *s = ds_schemas(); *s != NULL; s++) {
        (void)json_array_append_new(list, json_pack("{s:s,s:s,s:o,s:I}", "topic", (*s)->topic,
                                                    "name", (*s)->full_name, "fingerprint",
                                                    json_sprintf("%016" PRIx64, (*s)->fingerprint),
                                                    "versions", (json_int_t)(*s)->version_count));
        if (!settings->json)
            printf("%-20s %016" PRIx64 "  %zu read  %s\n", (*s)->topic, (*s)->fingerprint,
                   (*s)->version_count, (*s)->full_name);
    }
    json_t *all = json_pack("{s:O}", "schemas", list);
    bool ok = !settings->json || print_json(all, error);
    json_decref(all);
    json_decref(list);
    return ok ? 0 : 1;
}

static int run_show(const char *topic, ds_error_t *error)
{
    const struct ds_schema *schema = ds_schema_of_topic(ds_str(topic));
    if (schema == NULL) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN, "there is no schema of topic '%s'",
                     topic);
        return 2;
    }
    return fputs(schema->json, stdout) >= 0 ? 0 : 1;
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    const char *what = argc > 0 ? argv[0] : "";
    if (argc == 1 && strcmp(what, "register") == 0)
        return run_register(runtime, settings, error);
    if (argc == 1 && strcmp(what, "check") == 0)
        return run_check(settings, error);
    if (argc == 1 && strcmp(what, "list") == 0)
        return run_list(settings, error);
    if (argc == 2 && strcmp(what, "show") == 0)
        return run_show(argv[1], error);
    ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "say register, check, list or show TOPIC");
    return 2;
}

const struct ds_role ds_role_schemas = {
    .name = "schemas",
    .summary = "register the schemas, or check them against all that were released",
    .usage = "register|check|list|show TOPIC",
    .examples = "  SCHEMA_REGISTRY_URL=http://127.0.0.1:8081 doorstep schemas register\n"
                "  doorstep schemas check --schemas ./schemas\n"
                "  doorstep schemas show order.events | jq .fields\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .run = run,
};
