/* Rows of PostgreSQL against the audit's fold, with answers made here. */
#include "cli/audit/read_models.h"
#include "projections/postgres/link.h"
#include "story.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#define ANSWERS     7 /* BEGIN, positions, orders, payments, deliveries, stock, COMMIT */
#define COLUMNS_MAX 6

static PGresult *answers[ANSWERS];

/* In the place of a server's (the linker's --wrap). */
bool __wrap_ds_pg_connect(ds_pg_t *pg, ds_error_t *error);
bool __wrap_ds_pg_connect(ds_pg_t *pg, ds_error_t *error)
{
    (void)pg;
    (void)error;
    return true;
}

bool __wrap_ds_pg_queue_sql(ds_pg_t *pg, const char *sql, const char *param, ds_error_t *error);
bool __wrap_ds_pg_queue_sql(ds_pg_t *pg, const char *sql, const char *param, ds_error_t *error)
{
    (void)pg;
    (void)sql;
    (void)param;
    (void)error;
    return true;
}

bool __wrap_ds_pg_sync(ds_pg_t *pg, PGresult **results_out, size_t count, ds_error_t *error);
bool __wrap_ds_pg_sync(ds_pg_t *pg, PGresult **results_out, size_t count, ds_error_t *error)
{
    (void)pg;
    (void)error;
    cr_assert_eq(count, ANSWERS);
    memcpy(results_out, answers, sizeof answers); /* the caller's now */
    return true;
}

static void add_row(int answer, int row, const char *const *cells)
{
    char names[] = "c";
    PGresAttDesc columns[COLUMNS_MAX] = {{0}};
    int count = 0;

    for (; count < COLUMNS_MAX && cells[count] != NULL; count++)
        columns[count].name = names;
    if (row == 0)
        cr_assert(PQsetResultAttrs(answers[answer], count, columns));
    for (int i = 0; i < count; i++)
        cr_assert(PQsetvalue(answers[answer], row, i, (char *)(uintptr_t)cells[i],
                             (int)strlen(cells[i])));
}

static void answer_positions(const struct ds_audit_part *part)
{
    for (int32_t t = 0; t < DS_AUDIT_PROCESSORS; t++) {
        char offset[24];
        const char *const cells[] = {ds_audit_topic(t), offset, NULL};
        (void)snprintf(offset, sizeof offset, "%" PRId64, part->streams[t].fence.delivered.offset);
        add_row(1, t, cells);
    }
}

static void read_all(struct story *s, bool order_last, struct ds_audit_part *part)
{
    ds_error_t error = DS_ERROR_INIT;
    for (int32_t i = 0; i < DS_AUDIT_TOPICS; i++) {
        int32_t t = order_last ? DS_AUDIT_TOPICS - 1 - i : i;
        for (size_t k = 0; k < s->h->counts[t]; k++)
            cr_assert(ds_audit_part_take(part, &s->h->records[t][k].record, &error));
    }
}

/* What is said of s.order1 when its rows are these; NULL: there is none. */
static int64_t anomalies_of(struct story *s, bool order_last, const char *const *order,
                            const char *const *payment, const char *const *delivery)
{
    static const char *const stock[] = {"s.milk", "s", "10", "4", "2", "4", NULL};
    const volatile sig_atomic_t stop = 0;
    const struct ds_runtime runtime = {.clock = ds_system_clock(), .stop = &stop};
    struct ds_audit_range ranges[DS_AUDIT_TOPICS];
    struct ds_audit_report *report = ds_audit_report_new();
    struct ds_audit_part *part;
    ds_error_t error = DS_ERROR_INIT;

    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++)
        ranges[t] = (struct ds_audit_range){0, (int64_t)s->h->counts[t], (int64_t)s->h->counts[t]};
    cr_assert(ds_audit_part_new(report, s->h->partition, HIST_PARTITIONS, ranges, &part, &error));
    read_all(s, order_last, part);
    cr_assert_eq(report->anomalies, 0, "%s", report->list[0].what);
    for (int i = 0; i < ANSWERS; i++)
        answers[i] = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    answer_positions(part);
    if (order != NULL)
        add_row(2, 0, order);
    if (payment != NULL)
        add_row(3, 0, payment);
    if (delivery != NULL)
        add_row(4, 0, delivery);
    add_row(5, 0, stock);
    ds_audit_postgres_t *postgres =
        ds_audit_postgres_new(&runtime, "postgresql://nowhere", HIST_PARTITIONS, 1000, 0);
    cr_assert(ds_audit_postgres_judge(postgres, part, &error), "%s", error.message);
    int64_t anomalies = report->anomalies;
    ds_audit_postgres_destroy(postgres);
    ds_audit_part_destroy(part);
    ds_audit_report_destroy(report);
    return anomalies;
}

static const char *const paid[] = {"s.order1", "250", "0", "250", NULL};
static const char *const charging[] = {"s.order1", "0", "0", "250", NULL};
static const char *const awaiting[] = {"s.order1", "awaiting_payment", "250", NULL};
static const char *const fulfilled[] = {"s.order1", "fulfilled", "250", NULL};
static const char *const completed[] = {"s.order1", "completed", NULL};

/* Two orders were handed over, the second of which begins anew under its old id or another. */
static struct story story_again(const char *id)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    s.h->now_us += 241 * 3600 * HIST_SECOND;
    s.id = DS_STR("s.order2");
    story_card(&s);
    s.h->now_us += 25 * 3600 * HIST_SECOND;
    s.id = ds_str(id);
    story_place(&s);
    story_reserve(&s);
    story_request_payment(&s);
    story_initiate(&s);
    return s;
}

Test(audit_postgres, rows_of_an_order_that_was_placed_again_are_of_its_second_life)
{
    struct story s = story_again("s.order1");
    /* Of s.order2 there are no rows: in orders, payments, deliveries. */
    cr_assert_eq(anomalies_of(&s, true, awaiting, charging, completed), 3);
    cr_assert_eq(anomalies_of(&s, false, awaiting, charging, completed), 3);
    story_end(&s);
}

Test(audit_postgres, rows_of_an_order_that_was_placed_once_are_compared)
{
    struct story s = story_again("s.order3");
    cr_assert_eq(anomalies_of(&s, true, fulfilled, paid, completed), 4, "three, and a payment");
    cr_assert_eq(anomalies_of(&s, true, awaiting, paid, completed), 5);
    cr_assert_eq(anomalies_of(&s, true, fulfilled, charging, completed), 5);
    cr_assert_eq(anomalies_of(&s, true, fulfilled, paid, awaiting), 5);
    cr_assert_eq(anomalies_of(&s, true, fulfilled, NULL, completed), 5);
    story_end(&s);
}
