/* schemas/compiler/released.c - older versions from their files, and whether today's schema reads
 * them. */
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

static bool read_version(const char *folder, unsigned number, const struct schema_file *now,
                         struct released_version *version, ds_error_t *error)
{
    version->number = number;
    version->model = model_new();
    if (version->model == NULL)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_MEMORY, "out of memory");
    const char *path = model_text(version->model, "%s/v%u.avsc", folder, number);
    if (path == NULL)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_LIMIT, "%s: path too long", folder);
    if (!model_add_file(version->model, path, &version->file, error))
        return false;
    if (strcmp(version->file->top->topic, now->top->topic) != 0)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID, "%s is of topic %s", path,
                            version->file->top->topic);
    return canon_fingerprint(version->file->top, &version->fingerprint, error);
}

bool released_read(const char *folder, const struct schema_file *now, struct released *out,
                   ds_error_t *error)
{
    char path[1024];
    unsigned numbers[MODEL_MAX_FILES];
    size_t count = 0;
    out->count = 0;
    int len = snprintf(path, sizeof(path), "%s/%s", folder, now->top->topic);
    if (len < 0 || (size_t)len >= sizeof(path))
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_LIMIT, "%s: path too long", folder);
    if (!list_versions(path, numbers, &count, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!read_version(path, numbers[i], now, &out->items[out->count++], error)) {
            released_cleanup(out);
            return false;
        }
    }
    return true;
}

void released_cleanup(struct released *released)
{
    for (size_t i = 0; i < released->count; i++)
        model_destroy(released->items[i].model);
    released->count = 0;
}

static bool add_version(const struct released_version *old, struct topic_versions *topic,
                        ds_error_t *error)
{
    const struct schema_file *now = topic->file;
    if (!resolve_check(old->file->top, now->top, "$", error))
        return ds_error_prefix(error, "%s cannot read what %s wrote", now->path, old->file->path);
    bool known = old->fingerprint == topic->fingerprint;
    for (size_t i = 0; i < topic->count; i++)
        known = known || topic->versions[i].fingerprint == old->fingerprint;
    if (known)
        return true;
    topic->versions[topic->count].file = old->file;
    topic->versions[topic->count].fingerprint = old->fingerprint;
    topic->versions[topic->count].name = model_text(old->model, "v%u", old->number);
    topic->count++;
    return true;
}

bool released_load(const char *folder, const struct schema_file *file, struct released *released,
                   struct topic_versions *topic_out, ds_error_t *error)
{
    released->count = 0;
    memset(topic_out, 0, sizeof(*topic_out));
    topic_out->file = file;
    if (!canon_fingerprint(file->top, &topic_out->fingerprint, error) ||
        (folder != NULL && !released_read(folder, file, released, error)))
        return false;
    for (size_t i = 0; i < released->count; i++) {
        if (!add_version(&released->items[i], topic_out, error))
            return false;
    }
    return true;
}
