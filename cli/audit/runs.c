/* Offsets with their (epoch, seq), as runs: see model.h. */
#include "cli/audit/folds.h"

#include <stdlib.h>

#define FIRST_RUNS 16

static bool is_next(const struct ds_audit_run *run, int64_t offset, int64_t epoch, int64_t shift)
{
    return run->epoch == epoch && run->shift == shift && run->last + 1 == offset;
}

bool ds_audit_runs_add(struct ds_audit_runs *runs, int64_t offset, int64_t epoch, int64_t seq,
                       ds_error_t *error)
{
    struct ds_audit_run *last = runs->count == 0 ? NULL : &runs->list[runs->count - 1];

    if (last != NULL && last->last >= offset)
        return true; /* it is in */
    if (last != NULL && is_next(last, offset, epoch, ds_audit_minus(offset, seq))) {
        last->last = offset;
        return true;
    }
    if (runs->count == runs->capacity) {
        size_t capacity = runs->capacity == 0 ? FIRST_RUNS : runs->capacity * 2;
        struct ds_audit_run *bigger = realloc(runs->list, capacity * sizeof *bigger);
        if (bigger == NULL)
            return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: %zu runs", capacity);
        runs->list = bigger;
        runs->capacity = capacity;
    }
    runs->list[runs->count++] =
        (struct ds_audit_run){offset, offset, epoch, ds_audit_minus(offset, seq)};
    return true;
}

const struct ds_audit_run *ds_audit_runs_find(const struct ds_audit_runs *runs, int64_t offset)
{
    size_t from = 0;
    size_t until = runs->count;

    while (from < until) {
        size_t middle = from + (until - from) / 2;
        if (runs->list[middle].last < offset)
            from = middle + 1;
        else
            until = middle;
    }
    return from < runs->count && runs->list[from].first <= offset ? &runs->list[from] : NULL;
}

void ds_audit_runs_cleanup(struct ds_audit_runs *runs)
{
    free(runs->list);
    *runs = (struct ds_audit_runs){0};
}

static bool goes_on(const struct ds_audit_named *named, const struct ds_audit_cause *cause,
                    int64_t shift)
{
    return !named->unreadable && cause->outcome != DS_AUDIT_UNREADABLE &&
           named->run.epoch == cause->cause_epoch && named->run.shift == shift &&
           cause->cause_offset > named->run.last;
}

bool ds_audit_name(struct ds_audit_stream *stream, const struct ds_audit_cause *cause,
                   ds_error_t *error)
{
    const int64_t shift = ds_audit_minus(cause->cause_offset, cause->cause_seq);
    size_t *last = &stream->named_last[cause->input];

    if (*last > 0 && goes_on(&stream->named[*last - 1], cause, shift)) {
        stream->named[*last - 1].run.last = cause->cause_offset;
        stream->named[*last - 1].last_by = cause->offset;
        return true;
    }
    if (stream->named_count == stream->named_capacity) {
        size_t capacity = stream->named_capacity == 0 ? FIRST_RUNS : stream->named_capacity * 2;
        struct ds_audit_named *bigger = realloc(stream->named, capacity * sizeof *bigger);
        if (bigger == NULL)
            return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: %zu runs", capacity);
        stream->named = bigger;
        stream->named_capacity = capacity;
    }
    stream->named[stream->named_count++] = (struct ds_audit_named){
        {cause->cause_offset, cause->cause_offset, cause->cause_epoch, shift},
        cause->offset,
        cause->offset,
        cause->input,
        cause->outcome == DS_AUDIT_UNREADABLE};
    *last = stream->named_count;
    return true;
}
