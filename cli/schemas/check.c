#include "cli/schemas/check.h"

#include "schemas/compiler/canon.h"
#include "schemas/compiler/released.h"
#include "schemas/compiler/resolve.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define PATH_BYTES 1024

struct check {
    const char *folder;
    struct model *model; /* of today's files */
    json_t *topics;
    json_int_t errors;
    json_int_t notes;
};

/* ---- the files ---- */

static int has_suffix(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 5 && strcmp(entry->d_name + len - 5, ".avsc") == 0;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strchr(entry->d_name, '.') != NULL &&
           strcmp(entry->d_name, "README.md") != 0;
}

static bool path_of(const struct check *check, const char *name, char path[PATH_BYTES],
                    ds_error_t *error)
{
    int len = snprintf(path, PATH_BYTES, "%s/%s", check->folder, name);
    return (len > 0 && len < PATH_BYTES) ||
           ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT, "%s: path too long", check->folder);
}

typedef bool (*entry_fn)(struct check *check, const char *path, const char *name,
                         ds_error_t *error);

/* In the order of names. `needed`: a folder that is not there is an error. */
static bool each_entry(struct check *check, const char *name, int (*wanted)(const struct dirent *),
                       bool needed, entry_fn visit, ds_error_t *error)
{
    char path[PATH_BYTES];
    struct dirent **list = NULL;
    if (!path_of(check, name, path, error))
        return false;
    int count = scandir(path, &list, wanted, alphasort);
    if (count < 0)
        return !needed ||
               ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_IO, "%s: %s", path, strerror(errno));
    bool ok = true;
    for (int i = 0; i < count; i++) {
        ok = ok && visit(check, path, list[i]->d_name, error);
        free(list[i]);
    }
    free(list);
    return ok;
}

static bool read_now(struct check *check, const char *folder, const char *name, ds_error_t *error)
{
    struct schema_file *file = NULL;
    const char *path = model_text(check->model, "%s/%s", folder, name);
    if (path == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT, "%s: path too long", folder);
    return model_add_file(check->model, path, &file, error);
}

/* ---- one topic ---- */

static json_t *texts_of(const struct resolve_problems *found)
{
    json_t *list = json_array();
    for (size_t i = 0; i < found->count && i < RESOLVE_MAX_PROBLEMS; i++)
        (void)json_array_append_new(list, json_string(found->texts[i]));
    if (found->count > RESOLVE_MAX_PROBLEMS)
        (void)json_array_append_new(list, json_sprintf("and %zu more",
                                                       found->count - RESOLVE_MAX_PROBLEMS));
    return list;
}

static json_t *hex(uint64_t fingerprint)
{
    return json_sprintf("%016" PRIx64, fingerprint);
}

static void compare(struct check *check, const struct schema_file *now, uint64_t fingerprint,
                    const struct released_version *old, json_t *versions)
{
    struct resolve_problems back = {.count = 0};
    struct resolve_problems forth = {.count = 0};
    resolve_compare(old->file->top, now->top, "$", &back);
    resolve_compare(now->top, old->file->top, "$", &forth);
    json_t *notes = texts_of(&forth);
    /* Our own readers know the schemas they were built with, and no others. */
    if (forth.count == 0 && fingerprint != old->fingerprint)
        (void)json_array_append_new(notes, json_string("it is another schema"));
    check->errors += (json_int_t)back.count;
    check->notes += (json_int_t)json_array_size(notes);
    (void)json_array_append_new(
        versions, json_pack("{s:i,s:o,s:o,s:o}", "version", (int)old->number, "fingerprint",
                            hex(old->fingerprint), "errors", texts_of(&back), "notes", notes));
}

static bool check_topic(struct check *check, const struct schema_file *now, ds_error_t *error)
{
    bool ok = false;
    char path[PATH_BYTES];
    uint64_t fingerprint = 0;
    json_t *versions = json_array();
    struct released *released = calloc(1, sizeof *released);
    if (released == NULL) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "out of memory");
        goto out;
    }
    if (!path_of(check, "released", path, error) ||
        !canon_fingerprint(now->top, &fingerprint, error) ||
        !released_read(path, now, released, error))
        goto out;
    for (size_t i = 0; i < released->count; i++)
        compare(check, now, fingerprint, &released->items[i], versions);
    (void)json_array_append_new(
        check->topics, json_pack("{s:s,s:o,s:[],s:O}", "topic", now->top->topic, "fingerprint",
                                 hex(fingerprint), "errors", "versions", versions));
    ok = true;
out:
    if (released != NULL)
        released_cleanup(released);
    free(released);
    json_decref(versions);
    return ok;
}

/* What was released and has no schema any more: nobody could read its records. */
static bool check_kept(struct check *check, const char *folder, const char *name, ds_error_t *error)
{
    (void)folder, (void)error;
    for (size_t i = 0; i < check->model->file_count; i++) {
        if (strcmp(check->model->files[i].top->topic, name) == 0)
            return true;
    }
    check->errors++;
    (void)json_array_append_new(
        check->topics, json_pack("{s:s,s:n,s:[s],s:[]}", "topic", name, "fingerprint", "errors",
                                 "it was released, and has no schema any more", "versions"));
    return true;
}

bool ds_schemas_check(const char *folder, json_t **result_out, ds_error_t *error)
{
    struct check check = {.folder = folder, .model = model_new(), .topics = json_array()};
    bool ok = check.model != NULL && check.topics != NULL;
    if (!ok)
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "out of memory");
    ok = ok && each_entry(&check, "avsc", has_suffix, true, read_now, error);
    for (size_t i = 0; ok && i < check.model->file_count; i++)
        ok = is_state(check.model->files[i].top) || /* it is never released */
             check_topic(&check, &check.model->files[i], error);
    ok = ok && each_entry(&check, "released", is_visible, false, check_kept, error);
    *result_out = ok ? json_pack("{s:I,s:I,s:O}", "errors", check.errors, "notes", check.notes,
                                 "topics", check.topics)
                     : NULL;
    json_decref(check.topics);
    model_destroy(check.model);
    return ok && (*result_out != NULL ||
                  ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "out of memory"));
}
