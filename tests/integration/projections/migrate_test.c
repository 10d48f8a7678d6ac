#include "projections/postgres/migrate.h"
#include "projections/postgres/rows.h"
#include "tests/integration/projections/pg_kit.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct ds_pg_kit kit;

static void setup(void)
{
    ds_pg_kit_init(&kit, "migrate");
}

static void teardown(void)
{
    ds_pg_kit_cleanup(&kit);
}

TestSuite(migrate, .init = setup, .fini = teardown);

static bool migrate(const struct ds_migration *migrations, size_t count, int *applied,
                    ds_error_t *error)
{
    ds_pg_t *pg = ds_pg_kit_link(&kit, DS_PG_KIT_PATIENCE_MS);
    bool ok = ds_migrate(pg, &kit.log, migrations, count, applied, error);
    ds_pg_destroy(pg);
    return ok;
}

Test(migrate, a_second_run_does_nothing)
{
    ds_error_t error = DS_ERROR_INIT;
    int applied = 0;
    cr_assert(migrate(ds_migrations, ds_migration_count, &applied, &error), "%s", error.message);
    cr_assert_eq((size_t)applied, ds_migration_count);
    cr_assert(migrate(ds_migrations, ds_migration_count, &applied, &error), "%s", error.message);
    cr_assert_eq(applied, 0);
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT count(*) FROM shop.orders"), "0");
}

Test(migrate, a_migration_that_fails_leaves_no_trace)
{
    static const struct ds_migration broken[] = {
        {1, "0001_good", "CREATE TABLE good (x int)"},
        {2, "0002_broken", "CREATE TABLE half (x int); SELECT 1 / 0"},
    };
    ds_error_t error = DS_ERROR_INIT;
    int applied = 0;
    cr_assert_not(migrate(broken, 2, &applied, &error));
    cr_assert_eq(error.code, DS_ERR_INVALID);
    cr_assert_not_null(strstr(error.message, "0002_broken"), "%s", error.message);
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT to_regclass('good')"), "good");
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT to_regclass('half')"), "");
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT max(version) FROM doorstep_migrations"), "1");
}

Test(migrate, a_file_that_was_changed_after_it_ran_stops)
{
    static const struct ds_migration before[] = {{1, "0001_a", "CREATE TABLE a (x int)"}};
    static const struct ds_migration after[] = {{1, "0001_a", "CREATE TABLE a (x bigint)"}};
    ds_error_t error = DS_ERROR_INIT;
    int applied = 0;
    cr_assert(migrate(before, 1, &applied, &error), "%s", error.message);
    cr_assert_not(migrate(after, 1, &applied, &error));
    cr_assert_eq(error.code, DS_ERR_INVALID);
    cr_assert_not_null(strstr(error.message, "changed"), "%s", error.message);
}

Test(migrate, two_runs_at_once_do_not_meet)
{
    ds_error_t error = DS_ERROR_INIT;
    int applied = 0;
    ds_pg_kit_run(&kit, "SELECT pg_advisory_lock(7237125663561639280)");
    cr_assert_not(migrate(ds_migrations, ds_migration_count, &applied, &error));
    cr_assert_eq(error.code, DS_ERR_CONFLICT);
    cr_assert(error.retriable);
    ds_pg_kit_run(&kit, "SELECT pg_advisory_unlock(7237125663561639280)");
    error = (ds_error_t)DS_ERROR_INIT;
    cr_assert(migrate(ds_migrations, ds_migration_count, &applied, &error), "%s", error.message);
}

Test(migrate, the_reader_role_reads_views_and_nothing_else)
{
    ds_pg_kit_migrate(&kit);
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT has_table_privilege('doorstep_reader', "
                                         "'shop.orders', 'SELECT')"),
                     "t");
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT has_table_privilege('doorstep_reader', "
                                         "'shop.order_addresses', 'SELECT')"),
                     "f", "personal data");
    cr_assert_str_eq(
        ds_pg_kit_ask(&kit, "SELECT has_schema_privilege('doorstep_reader', 'read_v1', 'USAGE')"),
        "f");
    cr_assert_str_eq(
        ds_pg_kit_ask(&kit, "SELECT count(*) FROM (SELECT unnest(rolconfig) c FROM pg_roles WHERE "
                            "rolname = 'doorstep_reader') s WHERE c LIKE 'statement_timeout=%' OR "
                            "c LIKE 'idle_in_transaction_session_timeout=%'"),
        "2");
}

Test(migrate, the_rows_in_c_are_the_columns_of_the_tables)
{
    ds_pg_kit_migrate(&kit);
    for (int t = 0; t < DS_TABLES; t++) {
        const struct ds_table *table = &ds_tables[t];
        char sql[256];
        for (size_t c = 0; c < table->column_count; c++) {
            (void)snprintf(
                sql, sizeof sql,
                "SELECT column_name || ' ' || is_nullable FROM information_schema.columns "
                "WHERE table_schema = 'read_v1' AND table_name = '%s' "
                "AND ordinal_position = %zu",
                table->name, c + 1);
            char expected[128];
            (void)snprintf(expected, sizeof expected, "%s %s", table->columns[c].name,
                           table->columns[c].nullable ? "YES" : "NO");
            cr_assert_str_eq(ds_pg_kit_ask(&kit, sql), expected, "column %zu of %s", c + 1,
                             table->name);
        }
        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM information_schema.columns WHERE table_schema = "
                       "'read_v1' AND table_name = '%s'",
                       table->name);
        cr_assert_eq((size_t)strtol(ds_pg_kit_ask(&kit, sql), NULL, 10), table->column_count, "%s",
                     table->name);
    }
}
