/* cli/audit/audit.c - `doorstep audit verify`: do the invariants hold? */
#include "cli/audit/books.h"
#include "cli/audit/folds.h"
#include "cli/audit/read_models.h"
#include "cli/audit/snapshots.h"
#include "cli/audit/source.h"
#include "cli/roles.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXIT_NOT_DONE 3
#define OUTPUT_BYTES  ((size_t)4 * 1024 * 1024)
#define FAILURES_MAX  2 /* then it is away: each further partition would wait for as long */

struct settings {
    const char *brokers;
    const char *database_url;
    const char *mongodb_url;
    const char *provider_url;
    const char *provider_key;
    const char *dump;
    const char *from;
    int64_t timeout_us;
    int64_t patience_us;
    bool snapshots;
    bool read_models;
    bool provider;
    bool allow_skipped;
    bool json;
};

static const struct ds_option options[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct settings, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers."},
    {"database-url", "DATABASE_URL", DS_OPT_TEXT, offsetof(struct settings, database_url), "", 0, 0,
     false, true, "PostgreSQL of the read model (libpq URL); empty: not compared."},
    {"mongodb-url", "MONGODB_URL", DS_OPT_TEXT, offsetof(struct settings, mongodb_url), "", 0, 0,
     false, true, "MongoDB of the analytics; empty: not compared."},
    {"payment-provider-url", "PAYMENT_PROVIDER_URL", DS_OPT_TEXT,
     offsetof(struct settings, provider_url), "http://127.0.0.1:9500", 0, 0, false, false,
     "Where the payment provider shows its books."},
    {"payment-provider-key", "PAYMENT_PROVIDER_KEY", DS_OPT_TEXT,
     offsetof(struct settings, provider_key), "", 0, 0, false, true,
     "Bearer key for the provider; empty: its books are not compared."},
    {"dump", NULL, DS_OPT_TEXT, offsetof(struct settings, dump), "", 0, 0, false, false,
     "Write all records that are read into this folder, and audit nothing."},
    {"from", NULL, DS_OPT_TEXT, offsetof(struct settings, from), "", 0, 0, false, false,
     "Audit a folder that --dump wrote instead of Kafka; read models and provider are left alone."},
    {"timeout", NULL, DS_OPT_DURATION, offsetof(struct settings, timeout_us), "30s", DS_US_PER_S,
     3600 * DS_US_PER_S, false, false, "How long a server may be silent."},
    {"patience", NULL, DS_OPT_DURATION, offsetof(struct settings, patience_us), "10s", 0,
     3600 * DS_US_PER_S, false, false, "How long read models that are behind are waited for."},
    {"snapshots", NULL, DS_OPT_BOOL, offsetof(struct settings, snapshots), "1", 0, 0, false, false,
     "Compare the processors' snapshots (--no-snapshots leaves them alone)."},
    {"read-models", NULL, DS_OPT_BOOL, offsetof(struct settings, read_models), "1", 0, 0, false,
     false, "Compare PostgreSQL and MongoDB (--no-read-models leaves them alone)."},
    {"provider", NULL, DS_OPT_BOOL, offsetof(struct settings, provider), "1", 0, 0, false, false,
     "Compare the payment provider's books (--no-provider leaves them alone)."},
    {"allow-skipped", NULL, DS_OPT_BOOL, offsetof(struct settings, allow_skipped), "0", 0, 0, false,
     false, "Skipped records that no Claim explains are counted, but no anomaly."},
    {"json", NULL, DS_OPT_BOOL, offsetof(struct settings, json), "0", 0, 0, false, false,
     "Print one JSON object."},
    DS_OPTION_END,
};

struct audit {
    const struct ds_runtime *runtime;
    const struct settings *settings;
    struct ds_audit_source *source;
    struct ds_audit_report *report;
    struct ds_audit_part *part;
    ds_audit_snapshots_t *snapshots[DS_AUDIT_PROCESSORS]; /* of the partition; NULL: not compared */
    ds_audit_books_t *books; /* NULL: not compared, as the next three */
    ds_audit_postgres_t *postgres;
    ds_audit_rows_t *rows;
    ds_audit_mongo_t *mongo;
    int postgres_failures; /* in a row, of partitions */
    int rows_failures;
    int mongo_failures;
};

static int timeout_ms(const struct audit *audit)
{
    return (int)(audit->settings->timeout_us / DS_US_PER_MS);
}

/* A server that is away takes its part of the audit with it and nothing else. Out of memory is not
 * away, and one that refuses a question is not either. */
static bool leave_out(struct audit *audit, const char *what, ds_error_t *error)
{
    if (error->code == DS_ERR_MEMORY ||
        (error->domain == DS_DOMAIN_PG && error->code == DS_ERR_INVALID))
        return false;
    audit->report->incomplete = true;
    ds_audit_note(audit->report, "%s not compared: %s", what, error->message);
    ds_error_clear(error);
    return true;
}

/* One that was too slow for a partition may be there for the next. */
static bool is_gone(int *failures, bool ok)
{
    *failures = ok ? 0 : *failures + 1;
    return *failures == FAILURES_MAX;
}

static bool leave_out_partition(struct audit *audit, const char *what, int32_t partition, bool gone,
                                ds_error_t *error)
{
    char which[64];

    (void)snprintf(which, sizeof which, "%s, partition %d%s,", what, (int)partition,
                   gone ? " and those behind it" : "");
    return leave_out(audit, which, error);
}

static bool read_books(struct audit *audit, int reading, ds_error_t *error)
{
    if (audit->books == NULL ||
        ds_audit_books_fetch(audit->books, reading, audit->settings->provider_url,
                             audit->settings->provider_key, timeout_ms(audit), error))
        return true;
    ds_audit_books_destroy(audit->books);
    audit->books = NULL;
    return leave_out(audit, "the provider's books", error);
}

static bool out_of_memory(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: out of memory");
}

static bool open_books(struct audit *audit, ds_error_t *error)
{
    if (!audit->settings->provider)
        return true;
    if (audit->settings->provider_key[0] == '\0') {
        ds_audit_note(audit->report, "the provider's books not compared: no PAYMENT_PROVIDER_KEY");
        return true;
    }
    audit->books = ds_audit_books_new(ds_now_us(audit->runtime->clock));
    return (audit->books != NULL || out_of_memory(error)) && read_books(audit, 0, error);
}

static bool open_read_models(struct audit *audit, ds_error_t *error)
{
    const struct settings *settings = audit->settings;
    if (!settings->read_models)
        return true;
    if (settings->database_url[0] == '\0')
        ds_audit_note(audit->report, "PostgreSQL not compared: no DATABASE_URL");
    else {
        audit->postgres =
            ds_audit_postgres_new(audit->runtime, settings->database_url, audit->source->partitions,
                                  timeout_ms(audit), settings->patience_us);
        if (audit->postgres == NULL)
            return out_of_memory(error);
        if (!ds_audit_rows_new(audit->runtime, settings->database_url, timeout_ms(audit),
                               &audit->rows, error))
            return false;
    }
    if (settings->mongodb_url[0] == '\0')
        ds_audit_note(audit->report, "MongoDB not compared: no MONGODB_URL");
    else if (!ds_audit_mongo_new(audit->runtime, settings->mongodb_url, timeout_ms(audit),
                                 settings->patience_us, &audit->mongo, error))
        return leave_out(audit, "MongoDB", error);
    return true;
}

static bool open_live(struct audit *audit, ds_error_t *error)
{
    return open_books(audit, error) &&
           ds_audit_source_kafka(audit->runtime, audit->settings->brokers, timeout_ms(audit),
                                 &audit->source, error) &&
           read_books(audit, 1, error) && open_read_models(audit, error);
}

static bool compare(struct audit *audit, ds_error_t *error)
{
    if (audit->books != NULL)
        ds_audit_books_judge(audit->books, audit->part);
    if (audit->postgres == NULL)
        return true;
    bool ok = ds_audit_postgres_judge(audit->postgres, audit->part, error);
    bool gone = is_gone(&audit->postgres_failures, ok);
    if (gone) {
        ds_audit_postgres_destroy(audit->postgres);
        audit->postgres = NULL;
    }
    return ok || leave_out_partition(audit, "PostgreSQL", audit->part->partition, gone, error);
}

static bool compare_rows(struct audit *audit, int32_t partition, ds_error_t *error)
{
    if (audit->rows == NULL)
        return true;
    bool ok = ds_audit_rows_judge(audit->rows, audit->source, partition, audit->report, error);
    bool gone = is_gone(&audit->rows_failures, ok);
    if (gone) {
        ds_audit_rows_destroy(audit->rows);
        audit->rows = NULL;
    }
    return ok || leave_out_partition(audit, "PostgreSQL's rows", partition, gone, error);
}

static bool compare_documents(struct audit *audit, int32_t partition, ds_error_t *error)
{
    if (audit->mongo == NULL)
        return true;
    bool ok = ds_audit_mongo_judge(audit->mongo, audit->source, partition, audit->report, error);
    bool gone = is_gone(&audit->mongo_failures, ok);
    if (gone) {
        ds_audit_mongo_destroy(audit->mongo);
        audit->mongo = NULL;
    }
    return ok || leave_out_partition(audit, "MongoDB", partition, gone, error);
}

/* What the read models have of partitions that there are none of. */
static bool compare_rest(struct audit *audit, ds_error_t *error)
{
    const int32_t partitions = audit->source->partitions;
    if (audit->rows != NULL &&
        !ds_audit_rows_judge_rest(audit->rows, partitions, audit->report, error) &&
        !leave_out(audit, "PostgreSQL's rows of no partition", error))
        return false;
    return audit->mongo == NULL ||
           ds_audit_mongo_judge_rest(audit->mongo, partitions, audit->report, error) ||
           leave_out(audit, "MongoDB's documents of no partition", error);
}

static bool take(void *context, const struct ds_audit_record *record, ds_error_t *error)
{
    return ds_audit_part_take(context, record, error);
}

/* By its name: the deciders stand in another order there. */
static const struct ds_decider *decider_of(int32_t processor)
{
    for (size_t i = 0; ds_deciders[i] != NULL; i++)
        if (ds_deciders[i]->events == ds_audit_schema(processor))
            return ds_deciders[i];
    return NULL;
}

static bool take_snapshot(void *context, const struct ds_audit_record *record, ds_error_t *error)
{
    const struct audit *audit = context;
    ds_audit_snapshots_t *snapshots = audit->snapshots[record->topic - DS_AUDIT_TOPICS];
    return snapshots == NULL || ds_audit_snapshots_take(snapshots, record, error);
}

static bool read_snapshots(struct audit *audit, int32_t partition, ds_error_t *error)
{
    if (!audit->settings->snapshots || audit->source->snapshots == NULL)
        return true;
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++) {
        const struct ds_decider *decider = decider_of(p);
        if (decider != NULL && decider->item != NULL &&
            !ds_audit_snapshots_new(audit->report, decider, p, partition, &audit->snapshots[p],
                                    error))
            return false;
    }
    bool ok = audit->source->read_snapshots(audit->source, partition, -1, 0, 0, take_snapshot,
                                            audit, error);
    for (int32_t p = 0; ok && p < DS_AUDIT_PROCESSORS; p++)
        ok = audit->snapshots[p] == NULL || ds_audit_snapshots_begin(audit->snapshots[p], error);
    return ok;
}

static bool judge_snapshots(struct audit *audit, ds_error_t *error)
{
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++)
        if (audit->snapshots[p] != NULL &&
            !ds_audit_snapshots_judge(audit->snapshots[p], audit->source,
                                      audit->part->streams[p].stopped, error))
            return false;
    return true;
}

static void drop_snapshots(struct audit *audit)
{
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++) {
        ds_audit_snapshots_destroy(audit->snapshots[p]);
        audit->snapshots[p] = NULL;
    }
}

static bool fold_for_snapshots(void *context, int32_t processor,
                               const struct ds_audit_event *events, size_t count, ds_error_t *error)
{
    const struct audit *audit = context;
    return audit->snapshots[processor] == NULL ||
           ds_audit_snapshots_decision(audit->snapshots[processor], events, count, error);
}

static void compare_leaving(void *context, const struct ds_audit_part *part,
                            const struct ds_audit_order *order)
{
    const struct audit *audit = context;
    if (audit->books != NULL)
        ds_audit_books_judge_order(audit->books, part, order);
}

static bool verify_partition(struct audit *audit, int32_t partition, ds_error_t *error)
{
    bool ok = ds_audit_source_begin(audit->source, partition, error) &&
              ds_audit_part_new(audit->report, partition, audit->source->partitions,
                                audit->source->ranges[partition], &audit->part, error);
    if (ok) {
        audit->part->framing = audit->runtime->framing;
        audit->part->also = fold_for_snapshots;
        audit->part->leaves = compare_leaving;
        audit->part->also_context = audit;
        if (audit->postgres != NULL)
            audit->part->sweep_at = SIZE_MAX; /* it is asked about all of them at the end */
    }
    ok = ok && read_snapshots(audit, partition, error) &&
         audit->source->read(audit->source, partition, NULL, take, audit->part, error) &&
         judge_snapshots(audit, error) && ds_audit_part_judge(audit->part, error) &&
         compare(audit, error);
    drop_snapshots(audit);
    ds_audit_part_destroy(audit->part);
    audit->part = NULL; /* before the rows are folded: memory is needed for one of the two */
    return ok && compare_rows(audit, partition, error) &&
           compare_documents(audit, partition, error);
}

static void show_progress(const struct audit *audit, int32_t done)
{
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\raudit: partition %d of %d%s", (int)done,
                      (int)audit->source->partitions,
                      done == audit->source->partitions ? "\n" : "");
}

/* What was found so far is told all the same. */
static bool not_finished(struct audit *audit, int32_t partition, const ds_error_t *error)
{
    audit->report->incomplete = true;
    ds_audit_note(audit->report, "partition %" PRId32 " and those behind it not audited: %s",
                  partition, error->message);
    return false;
}

static bool verify(struct audit *audit, ds_error_t *error)
{
    for (int32_t p = 0; p < audit->source->partitions; p++) {
        if (!verify_partition(audit, p, error))
            return not_finished(audit, p, error);
        show_progress(audit, p + 1);
    }
    if (audit->books != NULL)
        ds_audit_books_judge_rest(audit->books, audit->report);
    return compare_rest(audit, error);
}

static bool print(const struct audit *audit, ds_error_t *error)
{
    ds_buf_t text;
    ds_buf_init(&text, OUTPUT_BYTES);
    bool ok = audit->settings->json ? ds_audit_print_json(audit->report, &text, error) &&
                                          ds_buf_append_char(&text, '\n', error)
                                    : ds_audit_print_text(audit->report, &text, error);
    if (ok)
        printf("%.*s", DS_STR_ARG(ds_buf_str(&text)));
    ds_buf_cleanup(&text);
    return ok;
}

static bool work(struct audit *audit, ds_error_t *error)
{
    const struct settings *settings = audit->settings;
    if (settings->dump[0] != '\0')
        return ds_audit_source_kafka(audit->runtime, settings->brokers, timeout_ms(audit),
                                     &audit->source, error) &&
               ds_audit_dump(audit->source, settings->dump, error);
    bool opened = settings->from[0] != '\0'
                      ? ds_audit_source_dump(settings->from, &audit->source, error)
                      : open_live(audit, error);
    if (!opened)
        return false;
    ds_error_t why = DS_ERROR_INIT; /* the first error is the one to be told */
    bool ok = verify(audit, error);
    return print(audit, ok ? error : &why) && ok;
}

/* What was found is found, also when not all was looked at. */
static int code_of(const struct ds_audit_report *report)
{
    if (report->anomalies > 0)
        return EXIT_FAILURE;
    return report->incomplete ? EXIT_NOT_DONE : EXIT_SUCCESS;
}

static int run(const struct ds_runtime *runtime, const void *settings_, int argc,
               const char *const *argv, ds_error_t *error)
{
    const struct settings *settings = settings_;
    struct audit audit = {.runtime = runtime, .settings = settings};
    if (argc != 1 || strcmp(argv[0], "verify") != 0 ||
        (settings->dump[0] != '\0' && settings->from[0] != '\0')) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                     argc == 1 && strcmp(argv[0], "verify") == 0
                         ? "--dump writes from Kafka, --from reads instead of it: not both"
                         : "what is to be done? doorstep audit verify");
        return 2;
    }
    audit.report = ds_audit_report_new();
    bool ok = audit.report != NULL || out_of_memory(error);
    if (ok) {
        audit.report->allow_skipped = settings->allow_skipped;
        ok = work(&audit, error);
    }
    int code = ok ? code_of(audit.report) : EXIT_NOT_DONE;
    ds_audit_mongo_destroy(audit.mongo);
    ds_audit_postgres_destroy(audit.postgres);
    ds_audit_rows_destroy(audit.rows);
    ds_audit_books_destroy(audit.books);
    ds_audit_source_destroy(audit.source);
    ds_audit_report_destroy(audit.report);
    return code;
}

const struct ds_role ds_role_audit = {
    .name = "audit",
    .summary = "check the invariants I1-I9 from the log, and the read models against it",
    .usage = "verify",
    .examples =
        "  doorstep audit verify\n"
        "  doorstep audit verify --json | jq .list\n"
        "  doorstep audit verify --no-read-models --no-provider\n"
        "  doorstep audit verify --dump /tmp/log && doorstep audit verify --from /tmp/log\n"
        "\nExit code: 0 no anomaly, 1 anomalies, 2 wrong usage, 3 it could not be finished\n"
        "(a topic, a partition or an answer of Kafka is missing: what was found before is said;\n"
        "or no anomaly, but PostgreSQL, MongoDB or the provider was away: a note says which).\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .run = run,
};
