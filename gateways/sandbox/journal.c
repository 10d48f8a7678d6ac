#include "gateways/sandbox/journal.h"

#include "base/buf.h"
#include "gateways/exchange/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct ds_journal {
    int fd;
    pthread_mutex_t lock;
    pthread_cond_t written;
    ds_buf_t filling; /* lines not yet handed to the disk */
    ds_buf_t writing; /* empty, or with whoever writes */
    uint64_t appended;
    uint64_t durable;
    bool busy; /* somebody writes */
    bool broken;
};

/* --- reading at start --------------------------------------------------------------------------
 */

struct replay {
    FILE *file;
    const char *path;
    const ds_log_t *log;
    ds_journal_apply_fn apply;
    void *context;
    int64_t good_bytes; /* end of the last line that made sense */
    int64_t lines;
};

static bool is_last(FILE *file)
{
    int c = fgetc(file);
    if (c == EOF)
        return true;
    (void)ungetc(c, file);
    return false;
}

struct line {
    char text[DS_MAX_JOURNAL_LINE_BYTES];
    int64_t bytes; /* in the file, newline included; more than the text holds: too long */
    bool complete; /* a newline ends it */
};

static void read_line(FILE *file, struct line *line)
{
    int c;
    line->bytes = 0;
    line->complete = false;
    while (!line->complete && (c = getc(file)) != EOF) {
        if (line->bytes < DS_MAX_JOURNAL_LINE_BYTES)
            line->text[line->bytes] = (char)c;
        line->bytes++;
        line->complete = c == '\n';
    }
}

/* One line. *more_out is false at the end, or where a torn line begins. */
static bool replay_line(struct replay *replay, struct line *line, bool *more_out, ds_error_t *error)
{
    ds_error_t cause = DS_ERROR_INIT;
    *more_out = false;
    read_line(replay->file, line);
    if (ferror(replay->file))
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "read %s", replay->path);
    if (line->bytes == 0)
        return true;
    bool fits = line->bytes <= DS_MAX_JOURNAL_LINE_BYTES;
    if (line->complete && fits &&
        replay->apply(replay->context, (ds_str_t){line->text, (uint32_t)(line->bytes - 1)},
                      &cause)) {
        replay->lines++;
        replay->good_bytes += line->bytes;
        *more_out = true;
        return true;
    }
    bool torn = !line->complete || cause.code == DS_ERR_TRUNCATED;
    if (torn && is_last(replay->file))
        return true;
    return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_DAMAGE, "%s line %lld: %s", replay->path,
                        (long long)replay->lines + 1, fits ? cause.message : "too long");
}

static bool replay_all(struct replay *replay, int fd, ds_error_t *error)
{
    struct line line;
    bool ok = true, more = true;
    struct stat status;
    while (ok && more)
        ok = replay_line(replay, &line, &more, error);
    if (!ok)
        return false;
    if (fstat(fd, &status) != 0)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "stat %s: %s", replay->path,
                            strerror(errno));
    if (status.st_size == replay->good_bytes)
        return true;
    ds_log(replay->log, DS_LOG_WARN, "journal.torn", "the last line was torn by a crash: cut off",
           DS_F_CSTR("file", replay->path), DS_F_INT("line", replay->lines + 1),
           DS_F_INT("bytes", status.st_size - replay->good_bytes));
    if (ftruncate(fd, replay->good_bytes) != 0 || fdatasync(fd) != 0)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "truncate %s: %s", replay->path,
                            strerror(errno));
    return true;
}

static bool open_file(const char *path, int *fd_out, ds_error_t *error)
{
    *fd_out = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (*fd_out < 0)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "open %s: %s", path, strerror(errno));
    if (flock(*fd_out, LOCK_EX | LOCK_NB) != 0)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_BUSY, "%s is in use by another process",
                            path);
    return true;
}

bool ds_journal_open(const char *path, const ds_log_t *log, ds_journal_apply_fn apply,
                     void *context, ds_journal_t **journal_out, ds_error_t *error)
{
    bool ok = false;
    int fd = -1;
    struct replay replay = {.path = path, .log = log, .apply = apply, .context = context};
    *journal_out = NULL;
    if (!open_file(path, &fd, error))
        goto out;
    replay.file = fopen(path, "re");
    if (replay.file == NULL) {
        ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "open %s: %s", path, strerror(errno));
        goto out;
    }
    if (!replay_all(&replay, fd, error))
        goto out;
    ds_journal_t *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "journal");
        goto out;
    }
    journal->fd = fd;
    pthread_mutex_init(&journal->lock, NULL);
    pthread_cond_init(&journal->written, NULL);
    ds_buf_init(&journal->filling, DS_MAX_JOURNAL_BUFFER_BYTES);
    ds_buf_init(&journal->writing, DS_MAX_JOURNAL_BUFFER_BYTES);
    *journal_out = journal;
    fd = -1;
    ok = true;
out:
    if (replay.file != NULL)
        (void)fclose(replay.file);
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

/* --- writing -----------------------------------------------------------------------------------
 */

static bool write_all(int fd, ds_bytes_t data)
{
    size_t done = 0;
    while (done < data.len) {
        ssize_t n = write(fd, data.data + done, data.len - done);
        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return fdatasync(fd) == 0;
}

/* Write all that waits. The lock is held before and after, not meanwhile. */
static void write_group(ds_journal_t *journal)
{
    ds_buf_t group = journal->filling;
    uint64_t last = journal->appended;
    journal->filling = journal->writing;
    journal->busy = true;
    pthread_mutex_unlock(&journal->lock);
    bool ok = write_all(journal->fd, ds_buf_bytes(&group));
    pthread_mutex_lock(&journal->lock);
    ds_buf_clear(&group);
    journal->writing = group;
    journal->busy = false;
    if (ok)
        journal->durable = last;
    else
        journal->broken = true;
    pthread_cond_broadcast(&journal->written);
}

bool ds_journal_append(ds_journal_t *journal, ds_str_t line, uint64_t *number_out,
                       ds_error_t *error)
{
    *number_out = 0;
    pthread_mutex_lock(&journal->lock);
    bool ok = line.len < DS_MAX_JOURNAL_LINE_BYTES ||
              ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_LIMIT, "a line of %u bytes", line.len);
    ok = ok && ds_buf_reserve(&journal->filling, (size_t)line.len + 1, error) &&
         ds_buf_append_str(&journal->filling, line, error) &&
         ds_buf_append_char(&journal->filling, '\n', error);
    if (ok)
        *number_out = ++journal->appended;
    pthread_mutex_unlock(&journal->lock);
    return ok;
}

bool ds_journal_wait(ds_journal_t *journal, uint64_t number, ds_error_t *error)
{
    pthread_mutex_lock(&journal->lock);
    while (journal->durable < number && !journal->broken) {
        if (!journal->busy)
            write_group(journal);
        else
            pthread_cond_wait(&journal->written, &journal->lock); /* ends when that write does */
    }
    bool ok = journal->durable >= number;
    pthread_mutex_unlock(&journal->lock);
    return ok || ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "the journal cannot be written");
}

bool ds_journal_broken(ds_journal_t *journal)
{
    pthread_mutex_lock(&journal->lock);
    bool broken = journal->broken;
    pthread_mutex_unlock(&journal->lock);
    return broken;
}

void ds_journal_close(ds_journal_t *journal)
{
    if (journal == NULL)
        return;
    bool written = ds_journal_wait(journal, journal->appended, NULL);
    (void)written; /* nobody was promised what is lost here */
    ds_buf_cleanup(&journal->filling);
    ds_buf_cleanup(&journal->writing);
    (void)close(journal->fd);
    pthread_cond_destroy(&journal->written);
    pthread_mutex_destroy(&journal->lock);
    free(journal);
}
