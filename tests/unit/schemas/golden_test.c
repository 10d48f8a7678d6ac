/* Golden files: what stands in the log today must read the same for ever. */
#include "kit.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void read_golden(const struct ds_schema *schema, const char *ce_type, const char *ending,
                        ds_buf_t *out)
{
    char path[512];
    char part[4096];
    (void)snprintf(path, sizeof(path), "%s/%s.%s.%s", DS_GOLDEN_DIR, schema->topic, ce_type,
                   ending);
    FILE *in = fopen(path, "rb");
    cr_assert_not_null(in, "%s is missing: run ds_schema_golden", path);
    ds_buf_clear(out);
    for (size_t len = fread(part, 1, sizeof(part), in); len > 0;
         len = fread(part, 1, sizeof(part), in))
        cr_assert(ds_buf_append(out, part, len, NULL));
    (void)fclose(in);
}

static void check_kind(struct kit *kit, const struct ds_test_type *type, int32_t kind)
{
    const struct ds_schema *schema = type->schema;
    const char *ce_type = kit_ce_type(schema, kind);
    kit_clear(kit);
    kit_fill(kit, type, kind, kit_seed(schema, ce_type));

    read_golden(schema, ce_type, "bin", &kit->bytes);
    cr_assert(ds_schema_encode(schema, kit->value, &kit->again, &kit->error), "%s",
              kit->error.message);
    cr_assert(kit->bytes.len == kit->again.len &&
                  memcmp(kit->bytes.data, kit->again.data, kit->bytes.len) == 0,
              "%s %s is written differently", schema->topic, ce_type);
    cr_assert(kit_decode(kit, schema, kit->bytes.data, kit->bytes.len, NULL), "%s",
              kit->error.message);
    cr_assert(type->equal(kit->value, kit->back), "%s %s is read differently", schema->topic,
              ce_type);

    read_golden(schema, ce_type, "json", &kit->again);
    cr_assert(ds_schema_print_json(schema, kit->back, &kit->json, &kit->error), "%s",
              kit->error.message);
    cr_assert(ds_buf_append_char(&kit->json, '\n', NULL));
    cr_assert(ds_str_eq(ds_buf_str(&kit->again), ds_buf_str(&kit->json)),
              "%s %s is printed differently:\n%.*s", schema->topic, ce_type,
              DS_STR_ARG(ds_buf_str(&kit->json)));
}

Test(golden, every_event_and_command_reads_and_writes_as_it_always_did)
{
    struct kit *kit = kit_new();
    for (const struct ds_test_type *type = ds_schema_list_support; type->schema != NULL; type++) {
        for (int32_t kind = 0; kind < kit_kinds(type->schema); kind++)
            check_kind(kit, type, kind);
    }
    kit_destroy(kit);
}
