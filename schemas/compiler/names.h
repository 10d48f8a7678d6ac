/* schemas/compiler/names.h - what the types are called in C, and in which order C wants them
 * declared.
 *
 * ["null", T] as the type of a field is two members (`bool has_x; T x;`) and has no C type of its
 * own; every other union is a struct {int32_t kind; union {...} as;}. A union that two fields share
 * has one name, so that its values can be assigned from one to the other; the body of a topic never
 * shares. */
#ifndef DS_SCHEMAS_COMPILER_NAMES_H
#define DS_SCHEMAS_COMPILER_NAMES_H

#include "model.h"

struct plan {
    struct type *types[MODEL_MAX_TYPES]; /* each C type once, members before what holds them */
    size_t count;
};

/** @brief Name everything the model's files reach. DS_ERR_INVALID: two things would have one C
 * name, or a field would be called like a word of C. */
DS_MUST_CHECK bool names_assign(struct model *model, struct plan *plan, ds_error_t *error);

/** @brief "int64_t", "ds_str_t", "struct ds_order_line", "enum ds_actor_kind". */
const char *c_type(struct model *model, const struct type *type);
/** @brief The member of `as` for a branch: "order_created", "long_value". */
const char *branch_member(const struct type *branch);
/** @brief The last part of a branch's enumerator: "ORDER_CREATED", "LONG". */
const char *branch_upper(const struct type *branch);
/** @brief A text in upper case. */
const char *upper_case(struct model *model, const char *text);

#endif
