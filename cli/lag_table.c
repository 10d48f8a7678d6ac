#include "cli/lag_table.h"

#include <inttypes.h>
#include <stdio.h>

#define NUMBER_BYTES 24

int64_t ds_lag_of(const struct ds_lag_row *row)
{
    int64_t from = row->position > row->low ? row->position : row->low;

    if (!row->is_known)
        return -1;
    return row->end > from ? row->end - from : 0;
}

size_t ds_lag_unknown(const struct ds_lag_row *rows, size_t count)
{
    size_t unknown = 0;

    for (size_t i = 0; i < count; i++)
        unknown += !rows[i].is_known;
    return unknown;
}

/* ---- JSON */

static const char *number_or(bool is_known, int64_t number, const char *otherwise,
                             char text[NUMBER_BYTES])
{
    (void)snprintf(text, NUMBER_BYTES, "%" PRId64, number);
    return is_known ? text : otherwise;
}

static bool print_row(const struct ds_lag_row *row, ds_buf_t *out, ds_error_t *error)
{
    char end[NUMBER_BYTES];
    char lag[NUMBER_BYTES];

    return ds_buf_printf(out, error,
                         "{\"group\":\"%s\",\"topic\":\"%s\",\"partition\":%" PRId32
                         ",\"end\":%s,\"position\":%" PRId64 ",\"lag\":%s}",
                         row->reader, row->topic, row->partition,
                         number_or(row->is_known, row->end, "null", end), row->position,
                         number_or(row->is_known, ds_lag_of(row), "null", lag));
}

bool ds_lag_print_json(const struct ds_lag_row *rows, size_t count,
                       const struct ds_audit_report *notes, ds_buf_t *out, ds_error_t *error)
{
    int64_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += rows[i].is_known ? ds_lag_of(&rows[i]) : 0;
    if (!ds_buf_printf(out, error, "{\"lag\":%" PRId64 ",\"unknown\":%zu,\"rows\":[", total,
                       ds_lag_unknown(rows, count)))
        return false;
    for (size_t i = 0; i < count; i++)
        if ((i > 0 && !ds_buf_append_char(out, ',', error)) || !print_row(&rows[i], out, error))
            return false;
    if (!ds_buf_append_text(out, "],\"notes\":[", error))
        return false;
    for (size_t i = 0; i < notes->noted; i++)
        if ((i > 0 && !ds_buf_append_char(out, ',', error)) ||
            !ds_buf_append_json(out, ds_str(notes->notes[i]), error))
            return false;
    return ds_buf_append_text(out, "]}\n", error);
}

/* ---- text */

/* The rows of a reader and topic stand beside each other, or at least under one reader. */
static bool print_line(const struct ds_lag_row *first, const struct ds_lag_row *end, ds_buf_t *out,
                       ds_error_t *error)
{
    int64_t all = 0;
    int64_t sum = 0;
    int64_t worst = 0;
    size_t known = 0;
    size_t unknown = 0;
    char texts[3][NUMBER_BYTES];

    for (const struct ds_lag_row *row = first; row < end; row++) {
        if (row->reader != first->reader || row->topic != first->topic)
            continue;
        if (!row->is_known) {
            unknown++;
            continue;
        }
        known++;
        all += row->end - row->low;
        sum += ds_lag_of(row);
        worst = ds_lag_of(row) > worst ? ds_lag_of(row) : worst;
    }
    return ds_buf_printf(out, error, "%-26s %-20s %12s %12s %10s %8zu\n", first->reader,
                         first->topic, number_or(known > 0, all, "-", texts[0]),
                         number_or(known > 0, sum, "-", texts[1]),
                         number_or(known > 0, worst, "-", texts[2]), unknown);
}

bool ds_lag_print_text(const struct ds_lag_row *rows, size_t count,
                       const struct ds_audit_report *notes, ds_buf_t *out, ds_error_t *error)
{
    if (!ds_buf_printf(out, error, "%-26s %-20s %12s %12s %10s %8s\n", "READER", "TOPIC", "RECORDS",
                       "LAG", "WORST", "UNKNOWN"))
        return false;
    for (size_t i = 0; i < count; i++)
        if (rows[i].partition == 0 && !print_line(&rows[i], rows + count, out, error))
            return false;
    for (size_t i = 0; i < notes->noted; i++)
        if (!ds_buf_printf(out, error, "note: %s\n", notes->notes[i]))
            return false;
    return true;
}
