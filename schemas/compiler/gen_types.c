/* schemas/compiler/gen_types.c - generated.h: enums, structs, and the texts of enums. */
#include "gen.h"

#include <string.h>

/* A doc becomes a comment; it must not end the comment. */
static void emit_doc(struct gen *gen, const char *doc)
{
    if (doc == NULL || strstr(doc, "*/") != NULL || strlen(doc) > 1500)
        return;
    emit(gen, "/** %s */\n", doc);
}

static void emit_enum(struct gen *gen, const struct type *type)
{
    emit(gen, "\n");
    emit_doc(gen, type->doc);
    emit(gen, "enum ds_%s {\n", type->c_name);
    for (size_t i = 0; i < type->symbols.count; i++)
        emit(gen, "    DS_%s_%s = %zu,\n", type->upper,
             upper_case(gen->model, type->symbols.items[i]), i);
    emit(gen, "};\n#define DS_%s_COUNT %zu\n", type->upper, type->symbols.count);
    emit(gen, "/** The symbol; \"\" for a number that is none. */\n");
    emit(gen, "const char *ds_%s_text(enum ds_%s value);\n", type->c_name, type->c_name);
    emit(gen, "bool ds_%s_parse(ds_str_t text, enum ds_%s *out);\n", type->c_name, type->c_name);
}

static void emit_union(struct gen *gen, const struct type *type)
{
    emit(gen, "\nenum ds_%s_kind {\n", type->c_name);
    for (size_t i = 0; i < type->branch_count; i++)
        emit(gen, "    %s_%s = %zu,\n", type->c_prefix, branch_upper(type->branches[i]), i);
    emit(gen, "};\nstruct ds_%s {\n    int32_t kind; /* enum ds_%s_kind */\n    union {\n",
         type->c_name, type->c_name);
    for (size_t i = 0; i < type->branch_count; i++) {
        if (type->branches[i]->kind != T_NULL)
            emit(gen, "        %s %s;\n", c_type(gen->model, type->branches[i]),
                 branch_member(type->branches[i]));
    }
    emit(gen, "    } as;\n};\n");
}

static void emit_record(struct gen *gen, const struct type *type)
{
    emit(gen, "\n");
    emit_doc(gen, type->doc);
    emit(gen, "struct ds_%s {\n", type->c_name);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        struct type *value = field->type;
        if (type_is_optional(field->type, &value, NULL))
            emit(gen, "    bool has_%s;\n", field->name);
        emit(gen, "    %s %s;%s\n", c_type(gen->model, value), field->name,
             value->time ? " /* us since 1970 */" : "");
    }
    emit(gen, "};\n");
}

static void emit_type(struct gen *gen, const struct type *type)
{
    switch (type->kind) {
    case T_ENUM:
        emit_enum(gen, type);
        break;
    case T_FIXED:
        emit(gen, "\n");
        emit_doc(gen, type->doc);
        emit(gen, "struct ds_%s {\n    uint8_t bytes[%zu];\n};\n", type->c_name, type->fixed_bytes);
        break;
    case T_ARRAY:
        emit(gen, "\nstruct ds_%s {\n    %s *items;\n    size_t count;\n};\n", type->c_name,
             c_type(gen->model, type->items));
        break;
    case T_UNION:
        emit_union(gen, type);
        break;
    case T_RECORD:
        emit_record(gen, type);
        break;
    case T_NULL:
    case T_BOOLEAN:
    case T_INT:
    case T_LONG:
    case T_FLOAT:
    case T_DOUBLE:
    case T_STRING:
    case T_BYTES:
        break;
    }
}

void gen_types(struct gen *gen)
{
    gen_open(gen, "generated.h - the structs and enums of all topics.");
    emit(gen, "#pragma once\n\n#include \"base/str.h\"\n\nstruct ds_schema;\n");
    for (size_t i = 0; i < gen->plan->count; i++)
        emit_type(gen, gen->plan->types[i]);
    emit(gen, "\n");
    for (size_t i = 0; i < gen->model->file_count; i++)
        emit(gen, "extern const struct ds_schema ds_schema_%s;\n",
             topic_c_name(gen, gen->model->files[i].top));
    emit(gen, "extern const struct ds_schema *const %s[]; /* ends with NULL */\n", gen->list_name);
}

void gen_enums(struct gen *gen)
{
    gen_open(gen, "enums.c - the texts of all enums.");
    emit(gen, "#include \"%s\"\n\n#include \"schemas/avro.h\"\n", gen->header);
    for (size_t i = 0; i < gen->plan->count; i++) {
        const struct type *type = gen->plan->types[i];
        if (type->kind != T_ENUM)
            continue;
        emit(gen, "\nstatic const char *const %s_texts[] = {\n", type->c_name);
        for (size_t k = 0; k < type->symbols.count; k++)
            emit(gen, "    \"%s\",\n", type->symbols.items[k]);
        emit(gen, "};\n\nconst char *ds_%s_text(enum ds_%s value)\n{\n", type->c_name,
             type->c_name);
        emit(gen, "    return ds_avro_enum_text(%s_texts, %zu, (int64_t)value);\n}\n", type->c_name,
             type->symbols.count);
        emit(gen,
             "\nbool ds_%s_parse(ds_str_t text, enum ds_%s *out)\n{\n    int32_t found = "
             "ds_avro_enum_find(%s_texts, %zu, text);\n",
             type->c_name, type->c_name, type->c_name, type->symbols.count);
        emit(gen,
             "    if (found < 0)\n        return false;\n    *out = (enum ds_%s)found;\n    "
             "return true;\n}\n",
             type->c_name);
    }
}

/* Code that knows no topic reads every event through struct ds_protocol_event: the layouts must
 * agree. */
static void layout_of_events(struct gen *gen, const struct type *top)
{
    static const char *const kinds[] = {"CLAIM",
                                        "OPEN",
                                        "PROGRESS",
                                        "INPUT_REJECTED",
                                        "INPUT_GAP",
                                        "INPUT_ATTACHED",
                                        "AGGREGATE_QUARANTINED",
                                        "INPUT_HELD",
                                        "AGGREGATE_RELEASED",
                                        "INPUT_PASSED",
                                        "INPUT_DROPPED",
                                        "INPUT_EDITED",
                                        "COMMAND_REJECTED",
                                        "COMMAND_REPEATED"};
    const char *name = top->c_name;
    emit(gen,
         "\n_Static_assert(offsetof(struct ds_%s, meta) == offsetof(struct ds_event_head, "
         "meta), \"meta first\");\n",
         name);
    emit(gen,
         "_Static_assert(offsetof(struct ds_%s, context) == offsetof(struct ds_event_head, "
         "context), \"context\");\n",
         name);
    emit(gen,
         "_Static_assert(offsetof(struct ds_%s, body) == offsetof(struct ds_protocol_event, "
         "body), \"body\");\n",
         name);
    emit(gen,
         "_Static_assert(offsetof(struct ds_%s, body.as) == offsetof(struct "
         "ds_protocol_event, body.as), \"body.as\");\n",
         name);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        emit(gen, "_Static_assert((int)DS_%s_%s == (int)DS_PROTOCOL_%s, \"kind\");\n", top->upper,
             kinds[i], kinds[i]);
}

/* The same for what an operator asks of any processor: struct ds_operator_command. */
static void layout_of_commands(struct gen *gen, const struct type *top)
{
    static const char *const kinds[] = {"RELEASE_AGGREGATE", "DROP_INPUT", "EDIT_INPUT"};

    emit(gen, "\n_Static_assert(offsetof(struct ds_%s, head) == 0, \"head first\");\n",
         top->c_name);
    emit(gen,
         "_Static_assert(offsetof(struct ds_%s, body) == sizeof(struct "
         "ds_command_envelope), \"body\");\n",
         top->c_name);
    emit(gen,
         "_Static_assert(offsetof(struct ds_%s, body.as) == offsetof(struct "
         "ds_operator_command, body.as), \"body.as\");\n",
         top->c_name);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        emit(gen, "_Static_assert((int)DS_%s_%s == (int)DS_OPERATOR_%s, \"kind\");\n", top->upper,
             kinds[i], kinds[i]);
}

void gen_layout(struct gen *gen)
{
    gen_open(gen, "layout.c - what code that knows no topic may rely on, checked by the compiler.");
    emit(gen, "#include \"schemas/schema.h\"\n\n#include <stddef.h>\n");
    for (size_t i = 0; i < gen->model->file_count; i++) {
        const struct type *top = gen->model->files[i].top;
        if (is_events(top))
            layout_of_events(gen, top);
        if (is_commands(top))
            layout_of_commands(gen, top);
    }
}
