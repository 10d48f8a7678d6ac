#include "gateways/sandbox/journal.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINES 1000

struct fixture {
    char path[64];
    ds_log_t log;
    char lines[MAX_LINES][32];
    size_t count;
    ds_journal_t *journal;
    ds_error_t error;
};

/* "bad" makes no sense, "torn..." is no JSON. */
static bool take(void *context, ds_str_t line, ds_error_t *error)
{
    struct fixture *fixture = context;
    if (line.len >= 4 && memcmp(line.data, "torn", 4) == 0)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_TRUNCATED, "no JSON");
    if (ds_str_eq(line, DS_STR("bad")))
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "no sense");
    cr_assert_lt(fixture->count, (size_t)MAX_LINES);
    return ds_str_to_array(line, fixture->lines[fixture->count++], sizeof fixture->lines[0]);
}

static struct fixture *start(void)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    (void)snprintf(fixture->path, sizeof fixture->path, "/tmp/ds_journal_XXXXXX");
    int fd = mkstemp(fixture->path);
    cr_assert_geq(fd, 0);
    (void)close(fd);
    fixture->log = ds_log_root("test", DS_LOG_ERROR);
    return fixture;
}

static void stop(struct fixture *fixture)
{
    ds_journal_close(fixture->journal);
    (void)unlink(fixture->path);
    free(fixture);
}

static bool open_again(struct fixture *fixture)
{
    ds_journal_close(fixture->journal);
    fixture->journal = NULL;
    fixture->count = 0;
    ds_error_clear(&fixture->error);
    return ds_journal_open(fixture->path, &fixture->log, take, fixture, &fixture->journal,
                           &fixture->error);
}

static void write_file(const struct fixture *fixture, const char *text)
{
    FILE *file = fopen(fixture->path, "w");
    cr_assert_not_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static int64_t file_bytes(const struct fixture *fixture)
{
    struct stat status;
    cr_assert_eq(stat(fixture->path, &status), 0);
    return status.st_size;
}

static void keep(struct fixture *fixture, const char *line)
{
    uint64_t number;
    cr_assert(ds_journal_append(fixture->journal, ds_str(line), &number, &fixture->error));
    cr_assert(ds_journal_wait(fixture->journal, number, &fixture->error));
}

Test(journal, lines_are_read_back_in_order)
{
    struct fixture *fixture = start();
    cr_assert(open_again(fixture));
    keep(fixture, "one");
    keep(fixture, "two");
    cr_assert(open_again(fixture));
    cr_assert_eq(fixture->count, 2);
    cr_expect_str_eq(fixture->lines[0], "one");
    cr_expect_str_eq(fixture->lines[1], "two");
    stop(fixture);
}

Test(journal, torn_last_line_is_cut_and_the_next_stands_alone)
{
    static const char *const torn[] = {"one\ntwo", "one\ntorn half", "one\ntorn\n",
                                       "one\n\xff\xff"};
    for (size_t i = 0; i < sizeof torn / sizeof *torn; i++) {
        struct fixture *fixture = start();
        write_file(fixture, torn[i]);
        cr_assert(open_again(fixture), "%s", fixture->error.message);
        cr_expect_eq(fixture->count, 1);
        cr_expect_eq(file_bytes(fixture), 4);
        keep(fixture, "three");
        cr_assert(open_again(fixture));
        cr_assert_eq(fixture->count, 2);
        cr_expect_str_eq(fixture->lines[1], "three");
        stop(fixture);
    }
}

Test(journal, line_in_the_middle_that_cannot_be_read_stops_it)
{
    static const char *const damaged[] = {"one\ntorn\nthree\n", "one\nbad\nthree\n", "one\nbad\n"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        struct fixture *fixture = start();
        write_file(fixture, damaged[i]);
        cr_expect_not(open_again(fixture));
        cr_expect_eq(fixture->error.code, DS_ERR_DAMAGE);
        cr_expect_not_null(strstr(fixture->error.message, "line 2"), "%s", fixture->error.message);
        cr_expect_eq(file_bytes(fixture), (int64_t)strlen(damaged[i]));
        stop(fixture);
    }
}

Test(journal, second_process_is_kept_out)
{
    struct fixture *fixture = start();
    ds_journal_t *second = NULL;
    cr_assert(open_again(fixture));
    cr_expect_not(
        ds_journal_open(fixture->path, &fixture->log, take, fixture, &second, &fixture->error));
    cr_expect_eq(fixture->error.code, DS_ERR_BUSY);
    stop(fixture);
}

static void *keep_many(void *context)
{
    struct fixture *fixture = context;
    for (int i = 0; i < 100; i++) {
        ds_error_t error = DS_ERROR_INIT;
        uint64_t number;
        cr_assert(ds_journal_append(fixture->journal, DS_STR("line"), &number, &error));
        cr_assert(ds_journal_wait(fixture->journal, number, &error));
    }
    return NULL;
}

Test(journal, threads_share_the_disk_and_lose_nothing)
{
    struct fixture *fixture = start();
    pthread_t threads[8];
    cr_assert(open_again(fixture));
    for (size_t i = 0; i < 8; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, keep_many, fixture), 0);
    for (size_t i = 0; i < 8; i++)
        (void)pthread_join(threads[i], NULL);
    cr_assert(open_again(fixture));
    cr_expect_eq(fixture->count, 800);
    stop(fixture);
}

/* The disk is full: no file may grow beyond what this one has. */
static void fill_disk(const struct fixture *fixture)
{
    struct rlimit limit = {(rlim_t)file_bytes(fixture), (rlim_t)file_bytes(fixture)};
    (void)signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(journal, failed_disk_is_told_to_all_who_wait)
{
    struct fixture *fixture = start();
    uint64_t number;
    cr_assert(open_again(fixture), "%s", fixture->error.message);
    keep(fixture, "one");
    fill_disk(fixture);
    cr_assert(ds_journal_append(fixture->journal, DS_STR("lost"), &number, &fixture->error));
    cr_expect_not(ds_journal_wait(fixture->journal, number, &fixture->error));
    cr_expect_eq(fixture->error.code, DS_ERR_IO);
    cr_expect(ds_journal_broken(fixture->journal));
    stop(fixture);
}
