/* A log can be kept in files and audited from them. */
#include "cli/audit/source.h"
#include "story.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct from_history {
    struct ds_audit_source base;
    struct history *h;
};

static bool read_history(struct ds_audit_source *source, int32_t partition, const int64_t *ends,
                         ds_audit_take_fn take, void *context, ds_error_t *error)
{
    const struct history *h = ((struct from_history *)source)->h;
    (void)partition;
    (void)ends;
    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++)
        for (size_t i = 0; i < h->counts[t]; i++)
            if (!take(context, &h->records[t][i].record, error))
                return false;
    return true;
}

struct counted {
    const struct history *h;
    size_t counts[DS_AUDIT_TOPICS];
};

static bool compare(void *context, const struct ds_audit_record *record, ds_error_t *error)
{
    struct counted *counted = context;
    size_t at = counted->counts[record->topic]++;
    const struct ds_audit_record *want = &counted->h->records[record->topic][at].record;
    (void)error;
    cr_assert_eq(record->offset, want->offset);
    cr_assert_eq(record->appended_us, want->appended_us);
    cr_assert_eq(record->has_value, want->has_value);
    cr_assert(ds_str_eq(record->key, want->key));
    cr_assert_eq(record->value.len, want->value.len);
    cr_assert(want->value.len == 0 ||
              memcmp(record->value.data, want->value.data, want->value.len) == 0);
    return true;
}

static void make_folder(char folder[64])
{
    (void)snprintf(folder, 64, "/tmp/ds-dump-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(const char *folder)
{
    char path[128];
    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++) {
        (void)snprintf(path, sizeof path, "%s/%s-0.dump", folder, ds_audit_schema(t)->topic);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

Test(audit_dump, what_is_read_back_is_what_was_written)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_audit_range ranges[1][DS_AUDIT_TOPICS] = {{{0}}};
    struct from_history from = {{.partitions = 1, .ranges = ranges, .read = read_history}, s.h};
    struct ds_audit_source *dump;
    struct counted counted = {s.h, {0}};
    ds_error_t error = DS_ERROR_INIT;
    char folder[64];

    story_card(&s);
    s.h->records[DS_AUDIT_PROCESSORS][0].record.has_value = false; /* a tombstone */
    s.h->records[DS_AUDIT_PROCESSORS][0].record.value.len = 0;
    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++)
        ranges[0][t].settled = ranges[0][t].end = (int64_t)s.h->counts[t];
    make_folder(folder);
    cr_assert(ds_audit_dump(&from.base, folder, &error), "%s", error.message);
    cr_assert(ds_audit_source_dump(folder, &dump, &error), "%s", error.message);
    cr_assert_eq(dump->partitions, 1);
    cr_assert_eq(dump->ranges[0][DS_AUDIT_ORDER].end, (int64_t)s.h->counts[DS_AUDIT_ORDER]);
    cr_assert(dump->read(dump, 0, NULL, compare, &counted, &error), "%s", error.message);
    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++)
        cr_assert_eq(counted.counts[t], s.h->counts[t]);
    const int64_t ends[DS_AUDIT_TOPICS] = {[DS_AUDIT_ORDER] = 3};
    counted = (struct counted){s.h, {0}};
    cr_assert(dump->read(dump, 0, ends, compare, &counted, &error), "%s", error.message);
    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++)
        cr_assert_eq((int64_t)counted.counts[t], ends[t]);
    ds_audit_source_destroy(dump);
    remove_folder(folder);
    story_end(&s);
}

Test(audit_dump, a_file_that_is_cut_off_is_an_error)
{
    struct history *h = hist_new();
    struct ds_audit_range ranges[1][DS_AUDIT_TOPICS] = {{{0}}};
    struct from_history from = {{.partitions = 1, .ranges = ranges, .read = read_history}, h};
    struct ds_audit_source *dump;
    struct counted counted = {h, {0}};
    ds_error_t error = DS_ERROR_INIT;
    char folder[64];
    char path[128];

    make_folder(folder);
    cr_assert(ds_audit_dump(&from.base, folder, &error), "%s", error.message);
    (void)snprintf(path, sizeof path, "%s/order.events-0.dump", folder);
    cr_assert_eq(truncate(path, 70), 0);
    cr_assert(ds_audit_source_dump(folder, &dump, &error), "%s", error.message);
    cr_assert_not(dump->read(dump, 0, NULL, compare, &counted, &error));
    cr_assert_eq(error.code, DS_ERR_TRUNCATED);
    ds_audit_source_destroy(dump);
    ds_error_clear(&error);
    cr_assert_eq(truncate(path, 5), 0);
    cr_assert_not(ds_audit_source_dump(folder, &dump, &error));
    cr_assert_eq(error.code, DS_ERR_INVALID);
    remove_folder(folder);
    ds_error_clear(&error);
    cr_assert_not(ds_audit_source_dump(folder, &dump, &error));
    cr_assert_eq(error.code, DS_ERR_IO);
    hist_destroy(h);
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    cr_assert_eq(stat(path, &status), 0, "%s", path);
    return status.st_mode & 0777;
}

/* Orders are addresses and telephone numbers. */
Test(audit_dump, it_is_for_its_owner_alone)
{
    struct history *h = hist_new();
    struct ds_audit_range ranges[1][DS_AUDIT_TOPICS] = {{{0}}};
    struct from_history from = {{.partitions = 1, .ranges = ranges, .read = read_history}, h};
    ds_error_t error = DS_ERROR_INIT;
    char parent[64];
    char folder[80];
    char path[128];

    (void)umask(0);
    make_folder(parent);
    (void)snprintf(folder, sizeof folder, "%s/log", parent);
    (void)snprintf(path, sizeof path, "%s/order.events-0.dump", folder);
    cr_assert(ds_audit_dump(&from.base, folder, &error), "%s", error.message);
    cr_assert_eq(mode_of(folder), 0700, "%o", mode_of(folder));
    cr_assert_eq(mode_of(path), 0600, "%o", mode_of(path));
    cr_assert_eq(chmod(path, 0644), 0);
    cr_assert(ds_audit_dump(&from.base, folder, &error), "a second one: %s", error.message);
    cr_assert_eq(mode_of(path), 0600, "%o", mode_of(path));
    remove_folder(folder);
    (void)rmdir(parent);
    hist_destroy(h);
}
