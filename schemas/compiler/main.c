/* schemas/compiler/main.c - ds_schemac: schemas in, C out. Run by the build. */
#include "gen.h"

#include <stdlib.h>
#include <string.h>

static bool run(struct gen *gen, ds_error_t *error)
{
    if (!names_assign(gen->model, gen->plan, error))
        return false;
    gen_types(gen);
    if (!gen_close(gen, "generated.h"))
        return false;
    gen_enums(gen);
    if (!gen_close(gen, "enums.c"))
        return false;
    gen_layout(gen);
    return gen_close(gen, "layout.c");
}

int main(int argc, char **argv)
{
    ds_error_t error = DS_ERROR_INIT;
    struct gen gen = {
        .list_name = "ds_schema_list", .header = "schemas/generated.h", .error = &error};
    bool ok = false;
    gen.model = model_new();
    gen.plan = calloc(1, sizeof(*gen.plan));
    if (gen.model == NULL || gen.plan == NULL)
        goto out;
    gen.out_dir = argv[1];
    for (int i = 2; i < argc; i++) {
        struct schema_file *file = NULL;
        if (!model_add_file(gen.model, argv[i], &file, &error))
            goto out;
    }
    ok = run(&gen, &error);
out:
    if (!ok)
        (void)fprintf(stderr, "ds_schemac: %s\n", error.message);
    model_destroy(gen.model);
    free(gen.plan);
    return ok ? 0 : 1;
}
