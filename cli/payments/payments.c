/* cli/payments/payments.c - `doorstep payments reconcile FILE`: does the provider's list agree with
 * the log? */
#include "cli/log_span.h"
#include "cli/payments/reconcile.h"
#include "cli/roles.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

enum { POLL_MS = 100, ASK_MS = 5000 };

struct settings {
    const char *brokers;
    int64_t timeout_us;
    bool partial;
    bool json;
};

static const struct ds_option options[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct settings, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers."},
    {"timeout", NULL, DS_OPT_DURATION, offsetof(struct settings, timeout_us), "10m", DS_US_PER_S,
     24 * 3600 * DS_US_PER_S, false, false, "How long reading the log may take."},
    {"partial", NULL, DS_OPT_BOOL, offsetof(struct settings, partial), "0", 0, 0, false, false,
     "The list covers a day or some shops: what it does not name is not missing."},
    {"json", NULL, DS_OPT_BOOL, offsetof(struct settings, json), "0", 0, 0, false, false,
     "Print JSON lines."},
    DS_OPTION_END,
};

struct run {
    const struct settings *settings;
    ds_reconcile_t *reconcile;
    size_t differences[DS_DIFFERENCE_KINDS];
    size_t difference_count;
};

static json_t *money(bool there, int64_t minor, ds_str_t currency)
{
    if (!there)
        return json_null();
    return json_pack("{s:I,s:s%}", "amount", (json_int_t)minor, "currency", currency.data,
                     (size_t)currency.len);
}

static void print_json(const struct ds_difference *d)
{
    json_t *line =
        json_pack("{s:s,s:s,s:s%,s:o,s:o,s:I}", "difference", ds_difference_name(d->kind), "kind",
                  d->refund ? "refund" : "charge", "key", d->key.data, (size_t)d->key.len, "log",
                  money(d->has_log, d->log_minor, d->log_currency), "provider",
                  money(d->has_provider, d->provider_minor, d->provider_currency), "line",
                  (json_int_t)d->line);
    (void)json_dumpf(line, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(line);
}

static void print_text(const struct ds_difference *d)
{
    printf("%-16s %s %.*s", ds_difference_name(d->kind), d->refund ? "refund" : "charge",
           DS_STR_ARG(d->key));
    if (d->has_log)
        printf("  log %" PRId64 " %.*s", d->log_minor, DS_STR_ARG(d->log_currency));
    if (d->has_provider)
        printf("  provider %" PRId64 " %.*s (line %" PRId64 "%s%.*s)", d->provider_minor,
               DS_STR_ARG(d->provider_currency), d->line, d->provider_id.len > 0 ? ", " : "",
               DS_STR_ARG(d->provider_id));
    printf("\n");
}

static void on_difference(const struct ds_difference *difference, void *context)
{
    struct run *run = context;
    run->differences[difference->kind]++;
    run->difference_count++;
    if (run->settings->json)
        print_json(difference);
    else
        print_text(difference);
}

/* ---- the log */

static bool take_batch(struct run *run, const struct ds_read_batch *batch, ds_error_t *error)
{
    for (size_t i = 0; i < batch->count; i++)
        if (!ds_reconcile_record(run->reconcile, &batch->records[i], error))
            return false;
    return true;
}

static bool read_log(struct run *run, const struct ds_runtime *runtime, ds_error_t *error)
{
    static const struct ds_schema *const topics[] = {&ds_schema_payment_events};
    struct ds_reader_config config = {.brokers = run->settings->brokers,
                                      .client_id = "doorstep-reconcile",
                                      .topics = topics,
                                      .topic_count = 1};
    int64_t deadline_us = ds_monotonic_us(runtime->clock) + run->settings->timeout_us;
    struct ds_log_span span = {0};
    int32_t partitions;
    ds_reader_t *reader = NULL;
    bool ok = ds_reader_new(runtime, &config, &reader, error) &&
              ds_reader_partitions(reader, ASK_MS, &partitions, error) &&
              ds_log_span_begin(&span, reader, 1, 0, partitions, error);
    while (ok && !ds_log_span_is_read(&span)) {
        struct ds_read_batch batch;
        if (ds_stopping(runtime) || ds_monotonic_us(runtime->clock) > deadline_us)
            ok = ds_log_span_not_read(&span, "the log was not read to its end", error);
        else
            ok = ds_reader_poll(reader, POLL_MS, &batch, error) && take_batch(run, &batch, error);
    }
    ds_log_span_cleanup(&span);
    ds_reader_destroy(reader);
    return ok;
}

/* ---- the list */

static bool read_list(struct run *run, const char *path, ds_error_t *error)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    ds_statement_t *statement = file == NULL ? NULL : ds_statement_new(file);
    struct ds_statement_entry entry;
    bool more = true;
    bool ok = statement != NULL;
    if (file == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_IO, "%s cannot be opened", path);
    if (!ok)
        (void)ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "no memory for the list");
    while (ok && more)
        ok = ds_statement_next(statement, &entry, &more, error) &&
             (!more || ds_reconcile_entry(run->reconcile, &entry, error));
    ds_statement_destroy(statement);
    if (file != stdin)
        (void)fclose(file);
    return ok;
}

static void print_end(const struct run *run)
{
    size_t log_count;
    size_t list_count;
    ds_reconcile_counts(run->reconcile, &log_count, &list_count);
    if (run->settings->json)
        printf("{\"log\":%zu,\"list\":%zu,\"differences\":%zu}\n", log_count, list_count,
               run->difference_count);
    else
        printf("%zu charges and refunds in the log, %zu in the list, %zu differences\n", log_count,
               list_count, run->difference_count);
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    struct run all = {.settings = settings};
    if (argc != 2 || strcmp(argv[0], "reconcile") != 0) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "payments reconcile FILE");
        return 2;
    }
    all.reconcile = ds_reconcile_new(on_difference, &all);
    bool ok = all.reconcile != NULL ||
              ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "no memory for the books");
    ok = ok && read_log(&all, runtime, error) && read_list(&all, argv[1], error);
    if (ok) {
        ds_reconcile_end(all.reconcile, all.settings->partial);
        print_end(&all);
    }
    ds_reconcile_destroy(all.reconcile);
    return ok && all.difference_count == 0 ? 0 : 1;
}

const struct ds_role ds_role_payments = {
    .name = "payments",
    .summary = "compare a provider's list of charges and refunds with the log",
    .usage = "reconcile FILE",
    .examples = "  doorstep payments reconcile list.csv\n"
                "  doorstep payments reconcile yesterday.jsonl --partial --json\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .run = run,
};
