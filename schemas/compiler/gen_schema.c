/* schemas/compiler/gen_schema.c - one .c file a topic, and the list of all topics. */
#include "canon.h"
#include "gen_decode.h"

#include <inttypes.h>
#include <string.h>

/* Whether `top` holds a value of the C type of `wanted`, at any depth. */
bool type_reaches(const struct type *top, const struct type *wanted)
{
    if (top->kind == wanted->kind && top->kind >= T_FIXED &&
        strcmp(top->c_name == NULL ? "" : top->c_name, wanted->c_name) == 0)
        return true;
    for (size_t i = 0; i < top->field_count; i++) {
        if (type_reaches(top->fields[i].type, wanted))
            return true;
    }
    for (size_t i = 0; i < top->branch_count; i++) {
        if (type_reaches(top->branches[i], wanted))
            return true;
    }
    return top->kind == T_ARRAY && type_reaches(top->items, wanted);
}

/* "order_id" or "store.store_id": the text field of that name, in the record or in a record it
 * holds. */
static const char *find_text(struct gen *gen, const struct type *record, const char *name)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];
        if (field->type->kind == T_STRING && strcmp(field->name, name) == 0)
            return name;
    }
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];
        const char *inner =
            field->type->kind == T_RECORD ? find_text(gen, field->type, name) : NULL;
        if (inner != NULL)
            return model_text(gen->model, "%s.%s", field->name, inner);
    }
    return NULL;
}

static void accessor_return(struct gen *gen, const struct type *record, const char *lv,
                            const char *const *names, size_t count)
{
    const char *found = NULL;
    for (size_t i = 0; i < count && found == NULL; i++)
        found = find_text(gen, record, names[i]);
    if (found != NULL)
        emit(gen, "return %s%s;\n", lv, found);
    else
        emit(gen, "return (ds_str_t){\"\", 0};\n");
}

static void accessor(struct gen *gen, const struct type *top, const char *function,
                     const char *const *names, size_t count)
{
    const struct type *body = body_of(top);
    emit(gen, "\nstatic ds_str_t %s(const void *value)\n{\n    const struct ds_%s *v = value;\n",
         function, top->c_name);
    emit(gen, "    (void)v;\n");
    if (body == NULL) {
        emit(gen, "    ");
        accessor_return(gen, top, "v->", names, count);
        emit(gen, "}\n");
        return;
    }
    emit(gen, "    switch (v->body.kind) {\n");
    for (size_t i = 0; i < body->branch_count; i++) {
        const struct type *branch = body->branches[i];
        emit(gen, "    case %zu:\n        ", i);
        accessor_return(gen, branch,
                        model_text(gen->model, "v->body.as.%s.", branch_member(branch)), names,
                        count);
    }
    emit(gen, "    default:\n        return (ds_str_t){\"\", 0};\n    }\n}\n");
}

static void accessors(struct gen *gen, const struct type *top)
{
    static const char *const aggregates[] = {"order_id", "courier_id", "offer_id", "product_id",
                                             "store_id", "aggregate",  "target"};
    accessor(gen, top, "order_id_of", aggregates, 1);
    accessor(gen, top, "aggregate_of", aggregates, sizeof(aggregates) / sizeof(aggregates[0]));
}

static bool ce_types(struct gen *gen, const struct type *top)
{
    const struct type *body = body_of(top);
    if (body == NULL)
        return true;
    emit(gen, "\nstatic const char *const ce_types[] = {\n");
    for (size_t i = 0; i < body->branch_count; i++) {
        const struct type *branch = body->branches[i];
        if (branch->kind != T_RECORD || branch->ce_type == NULL)
            return ds_error_set(gen->error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID,
                                "%s: branch %s of the body is no record with a \"ceType\"",
                                top->file, type_label(branch));
        emit(gen, "    \"%s\",\n", branch->ce_type);
    }
    emit(gen, "};\n");
    return true;
}

static void schema_constant(struct gen *gen, const struct schema_file *file)
{
    const struct type *top = file->top;
    const struct type *body = body_of(top);
    const char *topic = topic_c_name(gen, top);
    const char *kind = is_events(top)     ? "EVENTS"
                       : is_commands(top) ? "COMMANDS"
                       : is_state(top)    ? "STATE"
                                          : "PLAIN";
    emit(gen, "\nconst struct ds_schema ds_schema_%s = {\n    .topic = \"%s\",\n", topic,
         top->topic);
    emit(gen, "    .full_name = \"%s\",\n    .kind = DS_SCHEMA_%s,\n", top->full, kind);
    emit(gen, "    .json = schema_json,\n    .fingerprint = FINGERPRINT,\n");
    emit(gen, "    .struct_bytes = sizeof(struct ds_%s),\n    .body_kinds = %zu,\n", top->c_name,
         body == NULL ? 0 : body->branch_count);
    emit(gen, "    .ce_types = %s,\n    .versions = versions,\n",
         body == NULL ? "NULL" : "ce_types");
    emit(gen, "    .version_count = sizeof(versions) / sizeof(versions[0]),\n");
    emit(gen, "    .encode = encode_%s,\n    .print_json = print_%s,\n", topic, topic);
    emit(gen, "    .order_id = order_id_of,\n    .aggregate = aggregate_of,\n};\n");
}

static void versions(struct gen *gen, const struct topic_versions *topic)
{
    for (size_t i = 0; i < topic->count; i++)
        gen_decoder(gen, topic->versions[i].file->top, topic->file->top, topic->versions[i].name);
    emit(gen, "\nstatic const struct ds_schema_version versions[] = {\n"
              "    {FINGERPRINT, \"current\", decode_current},\n");
    for (size_t i = 0; i < topic->count; i++)
        emit(gen, "    {UINT64_C(0x%016" PRIx64 "), \"%s\", decode_%s},\n",
             topic->versions[i].fingerprint, topic->versions[i].name, topic->versions[i].name);
    emit(gen, "};\n");
}

bool gen_topic(struct gen *gen, const struct topic_versions *topic)
{
    const struct type *top = topic->file->top;
    char name[200];
    gen_open(gen, model_text(gen->model, "codec of %s", top->topic));
    emit(gen, "#include \"schemas/schema.h\"\n\n#include \"schemas/avro.h\"\n#include \"%s\"\n",
         gen->header);
    emit(gen, "\n#define FINGERPRINT UINT64_C(0x%016" PRIx64 ")\n", topic->fingerprint);
    emit(gen, "\nstatic const char schema_json[] =\n    ");
    emit_literal(gen, topic->file->text, topic->file->text_bytes);
    emit(gen, ";\n");
    for (size_t i = 0; i < gen->plan->count; i++) {
        if (!type_reaches(top, gen->plan->types[i]))
            continue;
        gen_encoder(gen, gen->plan->types[i]);
        gen_printer(gen, gen->plan->types[i]);
    }
    gen_encoder_top(gen, top);
    gen_printer_top(gen, top);
    gen_decoder(gen, top, top, "current");
    versions(gen, topic);
    accessors(gen, top);
    bool ok = ce_types(gen, top);
    schema_constant(gen, topic->file);
    (void)snprintf(name, sizeof(name), "codec_%s.c", topic_c_name(gen, top));
    return gen_close(gen, name) && ok;
}

void gen_list(struct gen *gen)
{
    gen_open(gen, "list.c - all topics.");
    emit(gen, "#include \"%s\"\n\n#include <stddef.h>\n\nconst struct ds_schema *const %s[] = {\n",
         gen->header, gen->list_name);
    for (size_t i = 0; i < gen->model->file_count; i++)
        if (!is_state(gen->model->files[i].top))
            emit(gen, "    &ds_schema_%s,\n", topic_c_name(gen, gen->model->files[i].top));
    emit(gen, "    NULL,\n};\n");
}
