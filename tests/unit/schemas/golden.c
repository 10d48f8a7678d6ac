/* tests/unit/schemas/golden.c - ds_schema_golden DIR: write the golden files, one .bin and .json an
 * event and command.
 *
 * Run it for a new type, look at the difference, commit. A changed file of an old type means that
 * records in the log read differently: that is what the test is there to catch. */
#include "kit.h"

#include <stdio.h>

static bool write_file(const char *folder, const struct ds_schema *schema, const char *ce_type,
                       const char *ending, const ds_buf_t *content)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s.%s.%s", folder, schema->topic, ce_type, ending);
    FILE *out = fopen(path, "wb");
    if (out == NULL)
        return false;
    bool ok = fwrite(content->data, 1, content->len, out) == content->len;
    return fclose(out) == 0 && ok;
}

static bool write_kind(struct kit *kit, const struct ds_test_type *type, int32_t kind,
                       const char *folder)
{
    const struct ds_schema *schema = type->schema;
    const char *ce_type = kit_ce_type(schema, kind);
    kit_clear(kit);
    kit_fill(kit, type, kind, kit_seed(schema, ce_type));
    return ds_schema_encode(schema, kit->value, &kit->bytes, &kit->error) &&
           ds_schema_print_json(schema, kit->value, &kit->json, &kit->error) &&
           ds_buf_append_char(&kit->json, '\n', &kit->error) &&
           write_file(folder, schema, ce_type, "bin", &kit->bytes) &&
           write_file(folder, schema, ce_type, "json", &kit->json);
}

int main(int argc, char **argv)
{
    int files = 0;
    if (argc != 2) {
        (void)fputs("ds_schema_golden DIR\n", stderr);
        return 2;
    }
    struct kit *kit = kit_new();
    bool ok = true;
    for (const struct ds_test_type *type = ds_schema_list_support; type->schema != NULL; type++) {
        for (int32_t kind = 0; ok && kind < kit_kinds(type->schema); kind++, files++)
            ok = write_kind(kit, type, kind, argv[1]);
    }
    if (ok)
        (void)printf("%d values\n", files);
    else
        (void)fprintf(stderr, "ds_schema_golden: %s\n", kit->error.message);
    kit_destroy(kit);
    return ok ? 0 : 1;
}
