#include "cli/audit/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const count_names[DS_AUDIT_COUNTS] = {
    "partitions",  "events",  "commands", "orders",    "products",
    "pricedLines", "charges", "rows",     "snapshots",
};
static const char *const skip_names[DS_AUDIT_SKIPS] = {
    "oldEpoch", "gap", "lostClaim", "stranger", "torn", "unexplained",
};
static const char *const unchecked_names[DS_AUDIT_UNCHECKEDS] = {
    "otherFormat",
    "incomplete",
    "tooMany",
    "notReached",
};

struct ds_audit_report *ds_audit_report_new(void)
{
    return calloc(1, sizeof(struct ds_audit_report));
}

void ds_audit_report_destroy(struct ds_audit_report *report)
{
    free(report);
}

/* Cuts at a character's end, so that the text stays UTF-8. */
static void copy_cut(ds_str_t text, char *to, size_t bytes)
{
    (void)ds_str_to_array(ds_utf8_cut(text, (uint32_t)bytes - 1), to, bytes);
}

void ds_audit_found(struct ds_audit_report *report, const char *invariant,
                    struct ds_audit_place place, const char *format, ...)
{
    char what[2 * DS_AUDIT_WHAT_BYTES];
    va_list args;

    report->anomalies++;
    if (report->listed == DS_AUDIT_LISTED)
        return;
    struct ds_audit_anomaly *anomaly = &report->list[report->listed++];
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args); /* longer ones are cut, as documented */
    va_end(args);
    copy_cut(ds_str(what), anomaly->what, sizeof anomaly->what);
    copy_cut(ds_str(invariant), anomaly->invariant, sizeof anomaly->invariant);
    copy_cut(ds_str(place.topic), anomaly->topic, sizeof anomaly->topic);
    copy_cut(place.order_id, anomaly->order_id, sizeof anomaly->order_id);
    anomaly->partition = place.partition;
    anomaly->offset = place.offset;
}

void ds_audit_note(struct ds_audit_report *report, const char *format, ...)
{
    char what[DS_AUDIT_WHAT_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    for (size_t i = 0; i < report->noted; i++)
        if (strcmp(report->notes[i], what) == 0)
            return;
    if (report->noted < DS_AUDIT_NOTES)
        copy_cut(ds_str(what), report->notes[report->noted++], sizeof what);
}

static bool print_counts(const char *const *names, const int64_t *values, size_t count,
                         ds_buf_t *out, ds_error_t *error)
{
    for (size_t i = 0; i < count; i++)
        if (!ds_buf_printf(out, error, "%s\"%s\":%" PRId64, i == 0 ? "" : ",", names[i], values[i]))
            return false;
    return true;
}

static bool print_anomaly(const struct ds_audit_anomaly *anomaly, ds_buf_t *out, ds_error_t *error)
{
    return ds_buf_printf(out, error,
                         "{\"invariant\":\"%s\",\"topic\":\"%s\",\"partition\":%" PRId32,
                         anomaly->invariant, anomaly->topic, anomaly->partition) &&
           ds_buf_printf(out, error, ",\"offset\":%" PRId64 ",\"orderId\":", anomaly->offset) &&
           ds_buf_append_json(out, ds_str(anomaly->order_id), error) &&
           ds_buf_append_text(out, ",\"what\":", error) &&
           ds_buf_append_json(out, ds_str(anomaly->what), error) &&
           ds_buf_append_char(out, '}', error);
}

bool ds_audit_print_json(const struct ds_audit_report *report, ds_buf_t *out, ds_error_t *error)
{
    if (!ds_buf_printf(out, error, "{\"anomalies\": %" PRId64 ",\"complete\":%s,\"checked\":{",
                       report->anomalies, report->incomplete ? "false" : "true") ||
        !print_counts(count_names, report->checked, DS_AUDIT_COUNTS, out, error) ||
        !ds_buf_printf(out, error, "},\"inFlight\":%" PRId64 ",\"skipped\":{", report->in_flight) ||
        !print_counts(skip_names, report->skipped, DS_AUDIT_SKIPS, out, error) ||
        !ds_buf_append_text(out, "},\"snapshotsNotChecked\":{", error) ||
        !print_counts(unchecked_names, report->unchecked, DS_AUDIT_UNCHECKEDS, out, error) ||
        !ds_buf_append_text(out, "},\"notes\":[", error))
        return false;
    for (size_t i = 0; i < report->noted; i++)
        if ((i > 0 && !ds_buf_append_char(out, ',', error)) ||
            !ds_buf_append_json(out, ds_str(report->notes[i]), error))
            return false;
    if (!ds_buf_append_text(out, "],\"list\":[", error))
        return false;
    for (size_t i = 0; i < report->listed; i++)
        if ((i > 0 && !ds_buf_append_char(out, ',', error)) ||
            !print_anomaly(&report->list[i], out, error))
            return false;
    return ds_buf_append_text(out, "]}", error);
}

static bool print_line(const struct ds_audit_anomaly *anomaly, ds_buf_t *out, ds_error_t *error)
{
    if (!ds_buf_printf(out, error, "%-5s", anomaly->invariant))
        return false;
    if (anomaly->topic[0] != '\0' &&
        !ds_buf_printf(out, error, " %s/%" PRId32, anomaly->topic, anomaly->partition))
        return false;
    if (anomaly->offset >= 0 && !ds_buf_printf(out, error, "/%" PRId64, anomaly->offset))
        return false;
    return ds_buf_printf(out, error, "%s%s: %s\n", anomaly->order_id[0] == '\0' ? "" : " ",
                         anomaly->order_id, anomaly->what);
}

static bool print_words(const char *what, const char *const *names, const int64_t *values,
                        size_t count, ds_buf_t *out, ds_error_t *error)
{
    if (!ds_buf_printf(out, error, "%s:", what))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!ds_buf_printf(out, error, " %" PRId64 " %s%s", values[i], names[i],
                           i + 1 < count ? "," : "\n"))
            return false;
    return true;
}

bool ds_audit_print_text(const struct ds_audit_report *report, ds_buf_t *out, ds_error_t *error)
{
    for (size_t i = 0; i < report->listed; i++)
        if (!print_line(&report->list[i], out, error))
            return false;
    if (report->anomalies > (int64_t)report->listed &&
        !ds_buf_printf(out, error, "... and %" PRId64 " more\n",
                       report->anomalies - (int64_t)report->listed))
        return false;
    for (size_t i = 0; i < report->noted; i++)
        if (!ds_buf_printf(out, error, "note: %s\n", report->notes[i]))
            return false;
    if (!print_words("checked", count_names, report->checked, DS_AUDIT_COUNTS, out, error) ||
        !print_words("skipped", skip_names, report->skipped, DS_AUDIT_SKIPS, out, error) ||
        !print_words("snapshots not checked", unchecked_names, report->unchecked,
                     DS_AUDIT_UNCHECKEDS, out, error))
        return false;
    return ds_buf_printf(out, error, "%" PRId64 " orders in flight, %" PRId64 " anomalies%s\n",
                         report->in_flight, report->anomalies,
                         report->incomplete ? "; not all was compared" : "");
}
