/* schemas/compiler/main.c - ds_schemac: schemas in, C out. Run by the build. */
#include "released.h"

#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "ds_schemac --out DIR [--released DIR] [--header PATH] [--list NAME] FILE.avsc...\n"
    "  --out       where generated.h, enums.c, layout.c, list.c and codec_<topic>.c go\n"
    "  --released  DIR/<topic>/v<N>.avsc are older versions that must stay readable\n"
    "  --header    how the generated code includes generated.h (schemas/generated.h)\n"
    "  --list      name of the array of all schemas (ds_schema_list)\n"
    "  --support   also write support.c: fill and compare functions for tests\n";

struct arguments {
    const char *out;
    const char *released;
    const char *header;
    const char *list;
    bool support;
    int first_file;
};

struct released_models {
    struct model *items[MODEL_MAX_FILES];
    size_t count;
};

static bool parse_arguments(int argc, char **argv, struct arguments *a)
{
    *a = (struct arguments){NULL, NULL, "schemas/generated.h", "ds_schema_list", false, 1};
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--support") == 0) {
            a->support = true;
            continue;
        }
        const char **to = strcmp(argv[i], "--out") == 0        ? &a->out
                          : strcmp(argv[i], "--released") == 0 ? &a->released
                          : strcmp(argv[i], "--header") == 0   ? &a->header
                          : strcmp(argv[i], "--list") == 0     ? &a->list
                                                               : NULL;
        if (to == NULL || i + 1 == argc)
            return false;
        *to = argv[++i];
    }
    a->first_file = i;
    return a->out != NULL && i < argc;
}

static bool gen_common(struct gen *gen)
{
    gen_types(gen);
    if (!gen_close(gen, "generated.h"))
        return false;
    gen_enums(gen);
    if (!gen_close(gen, "enums.c"))
        return false;
    gen_layout(gen);
    if (!gen_close(gen, "layout.c"))
        return false;
    gen_list(gen);
    return gen_close(gen, "list.c");
}

static bool gen_all(struct gen *gen, const char *released, struct released_models *models)
{
    bool ok = false;
    struct topic_versions *topic = calloc(1, sizeof(*topic));
    if (topic == NULL)
        return ds_error_set(gen->error, DS_DOMAIN_SCHEMA, DS_ERR_MEMORY, "out of memory");
    if (!names_assign(gen->model, gen->plan, gen->error) || !gen_common(gen))
        goto out;
    for (size_t i = 0; i < gen->model->file_count; i++) {
        if (!released_load(released, &gen->model->files[i], models->items, &models->count, topic,
                           gen->error) ||
            !gen_topic(gen, topic))
            goto out;
    }
    ok = true;
out:
    free(topic);
    return ok;
}

static bool run(const struct arguments *a, int argc, char **argv, ds_error_t *error)
{
    bool ok = false;
    struct released_models released = {.count = 0};
    struct gen gen = {.model = model_new(),
                      .plan = calloc(1, sizeof(*gen.plan)),
                      .out_dir = a->out,
                      .list_name = a->list,
                      .header = a->header,
                      .error = error};
    if (gen.model == NULL || gen.plan == NULL) {
        ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_MEMORY, "out of memory");
        goto out;
    }
    for (int i = a->first_file; i < argc; i++) {
        struct schema_file *file = NULL;
        if (!model_add_file(gen.model, argv[i], &file, error))
            goto out;
    }
    ok = gen_all(&gen, a->released, &released);
    if (ok && a->support) {
        gen_support(&gen);
        ok = gen_close(&gen, "support.c");
    }
out:
    for (size_t i = 0; i < released.count; i++)
        model_destroy(released.items[i]);
    free(gen.plan);
    model_destroy(gen.model);
    return ok;
}

int main(int argc, char **argv)
{
    ds_error_t error = DS_ERROR_INIT;
    struct arguments arguments;
    if (!parse_arguments(argc, argv, &arguments)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    if (run(&arguments, argc, argv, &error))
        return 0;
    (void)fprintf(stderr, "ds_schemac: %s\n", error.message);
    return 1;
}
