/* api/problems.h - what is wrong with a request, field by field: error.details of an answer.
 *
 * All wrong fields are gathered before anything is answered. The code of the whole follows from
 * them: missing_field or unknown_field when there is nothing else, an overriding code
 * (mixed_stores, card_number_refused) when one was set, else invalid_field. Threads: belongs to one
 * request. */
#ifndef DS_API_PROBLEMS_H
#define DS_API_PROBLEMS_H

#include "base/error.h"
#include "base/str.h"

#include <jansson.h>

#define DS_MAX_PROBLEMS 100 /* a body of 500 wrong items is not answered with 500 details */

struct ds_problems {
    json_t *details; /* owned; NULL while there are none */
    bool missing;
    bool unknown;
    bool other;
    const char *code; /* overriding; a literal */
};

void ds_problems_cleanup(struct ds_problems *problems);
/** @brief Note one. `code`: "required", "unknown", or what is wrong ("out_of_range", "too_long",
 * ...). */
void ds_problem(struct ds_problems *problems, const char *field, const char *code,
                const char *format, ...) DS_PRINTF(4, 5);
static inline bool ds_problems_any(const struct ds_problems *problems)
{
    return problems->missing || problems->unknown || problems->other;
}
const char *ds_problems_code(const struct ds_problems *problems);

#endif
