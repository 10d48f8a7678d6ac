/* Dumps: see source.h. */
#include "cli/audit/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC         "DSDUMP1\n"
#define HEAD_BYTES    (sizeof(MAGIC) - 1 + 3 * 8)
#define RECORD_BYTES  (8 + 8 + 4 + 4)
#define MAX_PATH      4096
#define MAX_PART      (INT32_C(64) * 1024 * 1024) /* of a key or value: above any broker's limit */
#define MAX_PARTITION DS_MAX_PARTITIONS

static void put(uint8_t *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static int64_t get(const uint8_t *from, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return bytes == 4 ? (int32_t)(uint32_t)value : (int64_t)value;
}

static bool path_of(const char *folder, int32_t topic, int32_t partition, char path_out[MAX_PATH],
                    ds_error_t *error)
{
    int len = snprintf(path_out, MAX_PATH, "%s/%s-%" PRId32 ".dump", folder, ds_audit_topic(topic),
                       partition);
    if (len > 0 && len < MAX_PATH)
        return true;
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT, "a path of %d bytes", len);
}

static bool io_error(ds_error_t *error, const char *what, const char *path)
{
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_IO, "%s %s: %s", what, path, strerror(errno));
}

/* ---- writing */

struct ds_audit_file {
    FILE *file;
    char path[MAX_PATH];
};

/* A log is personal data: for its owner alone, also where somebody has made the file before. */
static FILE *create(const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return NULL;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (file == NULL && fd >= 0)
        (void)close(fd);
    return file;
}

bool ds_audit_file_create(const char *folder, int32_t topic, int32_t partition,
                          struct ds_audit_range range, ds_audit_file_t **file_out,
                          ds_error_t *error)
{
    uint8_t head[HEAD_BYTES] = MAGIC;
    ds_audit_file_t *file = calloc(1, sizeof *file);

    *file_out = NULL;
    if (file == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "a dump's file");
    if (!path_of(folder, topic, partition, file->path, error))
        goto out;
    put(head + 8, (uint64_t)range.low, 8);
    put(head + 16, (uint64_t)range.settled, 8);
    put(head + 24, (uint64_t)range.end, 8);
    file->file = create(file->path);
    if (file->file == NULL || fwrite(head, sizeof head, 1, file->file) != 1) {
        (void)io_error(error, "write", file->path);
        goto out;
    }
    *file_out = file;
    return true;
out:
    if (file->file != NULL)
        (void)fclose(file->file);
    free(file);
    return false;
}

bool ds_audit_file_add(ds_audit_file_t *file, const struct ds_audit_record *record,
                       ds_error_t *error)
{
    uint8_t head[RECORD_BYTES];
    put(head, (uint64_t)record->offset, 8);
    put(head + 8, (uint64_t)record->appended_us, 8);
    put(head + 16, record->has_key ? record->key.len : UINT32_MAX, 4);
    put(head + 20, record->has_value ? record->value.len : UINT32_MAX, 4);
    if (fwrite(head, sizeof head, 1, file->file) != 1 ||
        (record->has_key && record->key.len > 0 &&
         fwrite(record->key.data, record->key.len, 1, file->file) != 1) ||
        (record->has_value && record->value.len > 0 &&
         fwrite(record->value.data, record->value.len, 1, file->file) != 1))
        return io_error(error, "write", file->path);
    return true;
}

bool ds_audit_file_close(ds_audit_file_t *file, ds_error_t *error)
{
    bool ok = true;
    if (file == NULL)
        return true;
    if (fclose(file->file) != 0)
        ok = io_error(error, "write", file->path);
    free(file);
    return ok;
}

#define ALL_TOPICS (DS_AUDIT_TOPICS + DS_AUDIT_PROCESSORS)

struct writer {
    ds_audit_file_t *files[ALL_TOPICS];
};

static bool write_one(void *context, const struct ds_audit_record *record, ds_error_t *error)
{
    struct writer *writer = context;
    return ds_audit_file_add(writer->files[record->topic], record, error);
}

static bool dump_snapshots(struct ds_audit_source *source, int32_t partition, const char *folder,
                           struct writer *writer, ds_error_t *error)
{
    if (source->snapshots == NULL)
        return true;
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++)
        if (!ds_audit_file_create(folder, DS_AUDIT_TOPICS + p, partition,
                                  source->snapshots[partition][p],
                                  &writer->files[DS_AUDIT_TOPICS + p], error))
            return false;
    return source->read_snapshots(source, partition, -1, 0, 0, write_one, writer, error);
}

static bool dump_partition(struct ds_audit_source *source, int32_t partition, const char *folder,
                           ds_error_t *error)
{
    struct writer writer = {{NULL}};
    bool ok = ds_audit_source_begin(source, partition, error);

    for (int32_t t = 0; ok && t < DS_AUDIT_TOPICS; t++)
        ok = ds_audit_file_create(folder, t, partition, source->ranges[partition][t],
                                  &writer.files[t], error);
    ok = ok && dump_snapshots(source, partition, folder, &writer, error) &&
         source->read(source, partition, NULL, write_one, &writer, error);
    for (int32_t t = 0; t < ALL_TOPICS; t++)
        ok = ds_audit_file_close(writer.files[t], error) && ok;
    return ok;
}

bool ds_audit_dump(struct ds_audit_source *source, const char *folder, ds_error_t *error)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return io_error(error, "make", folder);
    for (int32_t p = 0; p < source->partitions; p++)
        if (!dump_partition(source, p, folder, error))
            return false;
    return true;
}

/* ---- reading */

struct dump_source {
    struct ds_audit_source base; /* first */
    char folder[MAX_PATH];
};

static bool open_file(const char *folder, int32_t topic, int32_t partition, FILE **file_out,
                      struct ds_audit_range *range_out, ds_error_t *error)
{
    char path[MAX_PATH];
    uint8_t head[HEAD_BYTES];

    *file_out = NULL;
    if (!path_of(folder, topic, partition, path, error))
        return false;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return io_error(error, "read", path);
    if (fread(head, sizeof head, 1, file) == 1 && memcmp(head, MAGIC, sizeof(MAGIC) - 1) == 0)
        *range_out =
            (struct ds_audit_range){get(head + 8, 8), get(head + 16, 8), get(head + 24, 8)};
    else
        *range_out = (struct ds_audit_range){-1, -1, -1};
    if (range_out->low < 0 || range_out->low > range_out->end ||
        range_out->settled > range_out->end || range_out->end > INT64_C(1) << 40) {
        (void)fclose(file);
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "%s is not a dump", path);
    }
    *file_out = file;
    return true;
}

/* @return false with the error not set: the file ends here. */
static bool read_record(FILE *file, ds_buf_t *bytes, struct ds_audit_record *record,
                        ds_error_t *error)
{
    uint8_t head[RECORD_BYTES];
    size_t got = fread(head, 1, sizeof head, file);

    if (got == 0 && feof(file))
        return false;
    int64_t key_len = got == sizeof head ? get(head + 16, 4) : MAX_PART + INT64_C(1);
    int64_t value_len = got == sizeof head ? get(head + 20, 4) : 0;
    if (key_len < -1 || key_len > MAX_PART || value_len < -1 || value_len > MAX_PART)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_TRUNCATED,
                            "a record is cut off or broken");
    size_t key_bytes = key_len > 0 ? (size_t)key_len : 0;
    size_t bytes_all = key_bytes + (value_len > 0 ? (size_t)value_len : 0);
    ds_buf_clear(bytes);
    if (!ds_buf_reserve(bytes, bytes_all + 1, error))
        return false;
    if (bytes_all > 0 && fread(bytes->data, bytes_all, 1, file) != 1)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_TRUNCATED, "a record is cut off");
    record->offset = get(head, 8);
    record->appended_us = get(head + 8, 8);
    record->has_key = key_len >= 0;
    record->has_value = value_len >= 0;
    record->key = (ds_str_t){(const char *)bytes->data, (uint32_t)key_bytes};
    record->value = (ds_bytes_t){bytes->data + key_bytes, (uint32_t)(bytes_all - key_bytes)};
    return true;
}

static bool read_file(struct dump_source *source, int32_t topic, int32_t partition, int64_t from,
                      int64_t end, ds_audit_take_fn take, void *context, ds_error_t *error)
{
    struct ds_audit_record record = {.topic = topic, .partition = partition};
    struct ds_audit_range range;
    FILE *file;
    ds_buf_t bytes;
    bool ok = true;

    if (!open_file(source->folder, topic, partition, &file, &range, error))
        return false;
    ds_buf_init(&bytes, 2 * (size_t)MAX_PART + 1);
    while (ok && read_record(file, &bytes, &record, error))
        if (record.offset >= from && record.offset < end)
            ok = take(context, &record, error);
    if (ds_error_is_set(error))
        ds_error_prefix(error, "dump of %s/%" PRId32, ds_audit_topic(topic), partition);
    ds_buf_cleanup(&bytes);
    (void)fclose(file);
    return ok && !ds_error_is_set(error);
}

static bool read_partition(struct ds_audit_source *base, int32_t partition, const int64_t *ends,
                           ds_audit_take_fn take, void *context, ds_error_t *error)
{
    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++) {
        /* A broken file may hold more than its range says: all of it is looked at. */
        int64_t end = ends == NULL ? INT64_MAX : ends[t];
        if (end > base->ranges[partition][t].low &&
            !read_file((struct dump_source *)base, t, partition, INT64_MIN, end, take, context,
                       error))
            return false;
    }
    return true;
}

static bool read_snapshots(struct ds_audit_source *base, int32_t partition, int32_t processor,
                           int64_t from, int64_t until, ds_audit_take_fn take, void *context,
                           ds_error_t *error)
{
    struct dump_source *source = (struct dump_source *)base;
    if (processor >= 0)
        return read_file(source, DS_AUDIT_TOPICS + processor, partition, from, until, take, context,
                         error);
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++) {
        const struct ds_audit_range *range = &base->snapshots[partition][p];
        if (range->end > range->low && !read_file(source, DS_AUDIT_TOPICS + p, partition,
                                                  range->low, range->end, take, context, error))
            return false;
    }
    return true;
}

static bool tell_ends(struct ds_audit_source *base, int32_t partition,
                      int64_t ends_out[DS_AUDIT_TOPICS], ds_error_t *error)
{
    (void)error;
    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++)
        ends_out[t] = base->ranges[partition][t].end;
    return true;
}

static void destroy(struct ds_audit_source *source)
{
    free(source->ranges);
    free(source->snapshots);
    free(source);
}

static bool has_file(const char *folder, int32_t topic, int32_t partition)
{
    char path[MAX_PATH];
    struct stat status;
    ds_error_t why = DS_ERROR_INIT;
    return path_of(folder, topic, partition, path, &why) && stat(path, &status) == 0;
}

static bool load_range(struct dump_source *source, int32_t topic, int32_t partition,
                       struct ds_audit_range *range_out, ds_error_t *error)
{
    FILE *file;
    if (!open_file(source->folder, topic, partition, &file, range_out, error))
        return false;
    (void)fclose(file);
    return true;
}

static bool load_ranges(struct dump_source *source, ds_error_t *error)
{
    while (source->base.partitions < MAX_PARTITION &&
           has_file(source->folder, 0, source->base.partitions))
        source->base.partitions++;
    if (source->base.partitions == 0)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_IO, "%s holds no dump: no %s-0.dump",
                            source->folder, ds_audit_schema(0)->topic);
    source->base.ranges = calloc((size_t)source->base.partitions, sizeof *source->base.ranges);
    source->base.snapshots =
        calloc((size_t)source->base.partitions, sizeof *source->base.snapshots);
    if (source->base.ranges == NULL || source->base.snapshots == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: a source");
    for (int32_t p = 0; p < source->base.partitions; p++) {
        for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++)
            if (!load_range(source, t, p, &source->base.ranges[p][t], error))
                return false;
        for (int32_t i = 0; i < DS_AUDIT_PROCESSORS; i++)
            if (has_file(source->folder, DS_AUDIT_TOPICS + i, p) &&
                !load_range(source, DS_AUDIT_TOPICS + i, p, &source->base.snapshots[p][i], error))
                return false;
    }
    return true;
}

bool ds_audit_source_dump(const char *folder, struct ds_audit_source **source_out,
                          ds_error_t *error)
{
    struct dump_source *source = calloc(1, sizeof *source);

    *source_out = NULL;
    if (source == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: a source");
    source->base.read = read_partition;
    source->base.read_snapshots = read_snapshots;
    source->base.ends = tell_ends;
    source->base.destroy = destroy;
    if (!ds_str_to_array(ds_str(folder), source->folder, sizeof source->folder))
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT, "a path of %zu bytes", strlen(folder));
    else if (load_ranges(source, error)) {
        *source_out = &source->base;
        return true;
    }
    destroy(&source->base);
    return false;
}

bool ds_audit_source_begin(struct ds_audit_source *source, int32_t partition, ds_error_t *error)
{
    return source->begin == NULL || source->begin(source, partition, error);
}

void ds_audit_source_destroy(struct ds_audit_source *source)
{
    if (source != NULL)
        source->destroy(source);
}
