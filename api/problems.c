#include "api/problems.h"

#include <stdarg.h>
#include <stdio.h>

void ds_problems_cleanup(struct ds_problems *problems)
{
    json_decref(problems->details);
    *problems = (struct ds_problems){0};
}

static void append(struct ds_problems *problems, json_t *detail)
{
    if (problems->details == NULL)
        problems->details = json_array();
    /* Without memory the detail is lost, the refusal is not. */
    if (json_array_size(problems->details) >= DS_MAX_PROBLEMS ||
        json_array_append(problems->details, detail) != 0)
        return;
}

void ds_problem(struct ds_problems *problems, const char *field, const char *code,
                const char *format, ...)
{
    char message[200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (strcmp(code, "required") == 0)
        problems->missing = true;
    else if (strcmp(code, "unknown") == 0)
        problems->unknown = true;
    else
        problems->other = true;
    json_t *detail = json_pack("{s:s,s:s,s:s}", "field", field, "code", code, "message", message);
    if (detail == NULL) /* the message was cut inside a character */
        detail = json_pack("{s:s,s:s,s:s}", "field", "", "code", code, "message", "not valid");
    append(problems, detail);
    json_decref(detail);
}

const char *ds_problems_code(const struct ds_problems *problems)
{
    if (problems->code != NULL)
        return problems->code;
    if (problems->missing && !problems->unknown && !problems->other)
        return "missing_field";
    if (problems->unknown && !problems->missing && !problems->other)
        return "unknown_field";
    return "invalid_field";
}
