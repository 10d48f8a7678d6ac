/* schemas/compiler/main.c - ds_schemac: schemas in, C out. Run by the build. */
#include "gen.h"

#include <avro.h>
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

static bool gen_all(struct gen *gen, const char *folder)
{
    bool ok = false;
    struct topic_versions *topic = calloc(1, sizeof(*topic));
    struct released *released = calloc(1, sizeof(*released));
    if (topic == NULL || released == NULL) {
        ds_error_set(gen->error, DS_DOMAIN_SCHEMA, DS_ERR_MEMORY, "out of memory");
        goto out;
    }
    if (!names_assign(gen->model, gen->plan, gen->error) || !gen_common(gen))
        goto out;
    for (size_t i = 0; i < gen->model->file_count; i++) {
        if (!released_load(folder, &gen->model->files[i], released, topic, gen->error) ||
            !gen_topic(gen, topic))
            goto out;
        released_cleanup(released);
    }
    ok = true;
out:
    if (released != NULL)
        released_cleanup(released);
    free(released);
    free(topic);
    return ok;
}

/* Other readers of our topics use Avro libraries; what avro-c cannot parse is no contract. */
static bool avro_takes_it(const struct schema_file *file, ds_error_t *error)
{
    avro_schema_t schema = NULL;
    if (avro_schema_from_json_length(file->text, file->text_bytes, &schema) != 0)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID, "%s: avro-c: %s", file->path,
                            avro_strerror());
    avro_schema_decref(schema);
    return true;
}

static bool run(const struct arguments *a, int argc, char **argv, ds_error_t *error)
{
    bool ok = false;
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
        if (!model_add_file(gen.model, argv[i], &file, error) || !avro_takes_it(file, error))
            goto out;
    }
    ok = gen_all(&gen, a->released);
    if (ok && a->support) {
        gen_support(&gen);
        ok = gen_close(&gen, "support.c");
    }
out:
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
