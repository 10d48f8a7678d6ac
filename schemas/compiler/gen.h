/* schemas/compiler/gen.h - what the generators share: the model, its plan, and one output file at a
 * time. */
#ifndef DS_SCHEMAS_COMPILER_GEN_H
#define DS_SCHEMAS_COMPILER_GEN_H

#include "names.h"
#include "released.h"

struct gen {
    struct model *model;
    struct plan *plan;
    const char *out_dir;
    const char *list_name; /* of the array of all schemas */
    const char *header;    /* how generated code includes the generated header */
    ds_buf_t text;         /* the file being written */
    ds_error_t *error;     /* the first failure of any emit() */
};

/** @brief Append; a failure stays in gen->error and is seen by gen_close(). */
void emit(struct gen *gen, const char *format, ...) DS_PRINTF(2, 3);
/** @brief A text as a C string literal, quotes included. */
void emit_literal(struct gen *gen, const char *text, size_t len);
void gen_open(struct gen *gen, const char *what);
/** @brief Write the text to out_dir/name, unless the file says the same already (then it keeps its
 * age). */
DS_MUST_CHECK bool gen_close(struct gen *gen, const char *name);

/** @brief "order.events" -> "order_events". */
const char *topic_c_name(struct gen *gen, const struct type *top);
bool is_events(const struct type *top);
bool is_commands(const struct type *top);
/** @brief The union "body" of an events or commands topic; NULL for others. */
struct type *body_of(const struct type *top);

/** @brief Whether `top` holds a value of the C type of `wanted`, at any depth. */
bool type_reaches(const struct type *top, const struct type *wanted);

void gen_types(struct gen *gen);
void gen_enums(struct gen *gen);
void gen_layout(struct gen *gen);
void gen_list(struct gen *gen);
/** @brief support.c: fill and compare functions, see tests/unit/schemas/fill.h. */
void gen_support(struct gen *gen);
/** @brief codec_<topic>.c: encoder, decoders, printer, the schema constant. */
DS_MUST_CHECK bool gen_topic(struct gen *gen, const struct topic_versions *topic);

/* Of one C type, into the file that is open. */
void gen_encoder(struct gen *gen, const struct type *type);
void gen_encoder_top(struct gen *gen, const struct type *top);
void gen_printer(struct gen *gen, const struct type *type);
void gen_printer_top(struct gen *gen, const struct type *top);

#endif
