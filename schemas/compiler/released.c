#include "released.h"

#include "canon.h"
#include "resolve.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* "v12.avsc" -> 12; 0 for any other name. */
static unsigned version_of(const char *name)
{
    unsigned version = 0;
    if (name[0] != 'v')
        return 0;
    size_t i = 1;
    for (; name[i] >= '0' && name[i] <= '9' && version < 100000; i++)
        version = version * 10 + (unsigned)(name[i] - '0');
    return i > 1 && strcmp(name + i, ".avsc") == 0 ? version : 0;
}

static int newest_first(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a;
    unsigned y = *(const unsigned *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static bool list_versions(const char *folder, unsigned *numbers, size_t *count_out,
                          ds_error_t *error)
{
    bool ok = true;
    *count_out = 0;
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return true;
    for (struct dirent *entry = readdir(dir); entry != NULL && ok; entry = readdir(dir)) {
        unsigned version = version_of(entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        if (version == 0 || *count_out == MODEL_MAX_FILES)
            ok = ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID,
                              "%s/%s: only v1.avsc, v2.avsc, ..., at most %d", folder,
                              entry->d_name, MODEL_MAX_FILES);
        else
            numbers[(*count_out)++] = version;
    }
    (void)closedir(dir);
    if (ok && *count_out > 0)
        qsort(numbers, *count_out, sizeof(*numbers), newest_first);
    return ok;
}

static bool add_version(struct model *model, const char *folder, unsigned number,
                        struct topic_versions *topic, ds_error_t *error)
{
    struct schema_file *old = NULL;
    uint64_t fingerprint = 0;
    const char *path = model_text(model, "%s/v%u.avsc", folder, number);
    const struct schema_file *now = topic->file;
    if (path == NULL)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_LIMIT, "%s: path too long", folder);
    if (!model_add_file(model, path, &old, error))
        return false;
    if (strcmp(old->top->topic, now->top->topic) != 0)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID, "%s is of topic %s", path,
                            old->top->topic);
    if (!resolve_check(old->top, now->top, "$", error))
        return ds_error_prefix(error, "%s cannot read what %s wrote", now->path, path);
    if (!canon_fingerprint(old->top, &fingerprint, error))
        return false;
    bool known = fingerprint == topic->fingerprint;
    for (size_t i = 0; i < topic->count; i++)
        known = known || topic->versions[i].fingerprint == fingerprint;
    if (known)
        return true;
    topic->versions[topic->count].file = old;
    topic->versions[topic->count].fingerprint = fingerprint;
    topic->versions[topic->count].name = model_text(model, "v%u", number);
    topic->count++;
    return true;
}

bool released_load(const char *folder, const struct schema_file *file, struct model **models,
                   size_t *model_count, struct topic_versions *topic_out, ds_error_t *error)
{
    char path[1024];
    unsigned numbers[MODEL_MAX_FILES];
    size_t count = 0;
    memset(topic_out, 0, sizeof(*topic_out));
    topic_out->file = file;
    if (!canon_fingerprint(file->top, &topic_out->fingerprint, error))
        return false;
    if (folder == NULL)
        return true;
    int len = snprintf(path, sizeof(path), "%s/%s", folder, file->top->topic);
    if (len < 0 || (size_t)len >= sizeof(path))
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_LIMIT, "%s: path too long", folder);
    if (!list_versions(path, numbers, &count, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (*model_count == MODEL_MAX_FILES)
            return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_LIMIT,
                                "more than %d released files", MODEL_MAX_FILES);
        struct model *model = model_new();
        if (model == NULL)
            return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_MEMORY, "out of memory");
        models[(*model_count)++] = model;
        if (!add_version(model, path, numbers[i], topic_out, error))
            return false;
    }
    return true;
}
