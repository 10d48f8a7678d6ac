#include "cli/env_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_FILE ".doorstep/run/shop.env"
#define LINE_BYTES   4096

/* Undo the shell's quoting in place: 'a b', "a b" and \x. */
static void unquote(char *value)
{
    char *to = value;
    char quote = '\0';
    for (const char *from = value; *from != '\0'; from++) {
        if (quote != '\0' ? *from == quote : (*from == '\'' || *from == '"'))
            quote = quote == '\0' ? *from : '\0';
        else if (*from == '\\' && quote != '\'' && from[1] != '\0')
            *to++ = *++from;
        else
            *to++ = *from;
    }
    *to = '\0';
}

static bool is_name(const char *text, size_t len)
{
    if (len == 0 || isdigit((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '_')
            return false;
    return true;
}

static bool take_line(char *line, const char *path, unsigned number, ds_error_t *error)
{
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0' || line[0] == '#')
        return true;
    char *equals = strchr(line, '=');
    if (equals == NULL || !is_name(line, (size_t)(equals - line)))
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "%s:%u is not NAME=value", path,
                            number);
    *equals = '\0';
    unquote(equals + 1);
    if (setenv(line, equals + 1, 0) != 0)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "environment");
    return true;
}

bool ds_env_file_load(ds_error_t *error)
{
    const char *named = getenv("DOORSTEP_ENV_FILE");
    const char *path = named == NULL ? DEFAULT_FILE : named;
    if (path[0] == '\0')
        return true;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return named == NULL ? true
                             : ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_IO, "cannot read %s: %s",
                                            path, strerror(errno));
    char line[LINE_BYTES];
    bool ok = true;
    for (unsigned number = 1; ok && fgets(line, sizeof line, file) != NULL; number++)
        ok = take_line(line, path, number, error);
    (void)fclose(file);
    return ok;
}
