#include "cli/payments/statement.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 64 * 1024, COLUMNS_MAX = 64 };

enum field { KIND, KEY, ID, STATUS, AMOUNT, CURRENCY, FIELDS };
static const char *const field_names[FIELDS] = {"kind",   "key",    "id",
                                                "status", "amount", "currency"};

struct ds_statement {
    FILE *file;
    char line[LINE_BYTES];
    int64_t number;
    bool has_heading;
    int columns[COLUMNS_MAX]; /* the field of each; FIELDS: passed over */
    size_t column_count;
    json_t *object; /* of the line that was read last */
};

ds_statement_t *ds_statement_new(FILE *file)
{
    ds_statement_t *statement = calloc(1, sizeof *statement);
    if (statement != NULL)
        statement->file = file;
    return statement;
}

void ds_statement_destroy(ds_statement_t *statement)
{
    if (statement == NULL)
        return;
    json_decref(statement->object);
    free(statement);
}

static bool wrong(const ds_statement_t *statement, ds_error_t *error, const char *what)
{
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "line %lld: %s",
                        (long long)statement->number, what);
}

/* @param text_out NULL at the end. Empty lines are passed over. */
static bool read_line(ds_statement_t *statement, char **text_out, ds_error_t *error)
{
    *text_out = NULL;
    while (fgets(statement->line, sizeof statement->line, statement->file) != NULL) {
        size_t len = strlen(statement->line);
        statement->number++;
        if (len + 1 == sizeof statement->line)
            return wrong(statement, error, "longer than 64 KiB");
        while (len > 0 && (statement->line[len - 1] == '\n' || statement->line[len - 1] == '\r'))
            statement->line[--len] = '\0';
        *text_out = statement->line;
        if (len > 0)
            return true;
    }
    *text_out = NULL;
    return !ferror(statement->file) ||
           ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_IO, "the list cannot be read to its end");
}

/* ---- CSV */

/* Split in place; "" in a quoted field is one quote. */
static bool split(const ds_statement_t *statement, char *text, char *cells[COLUMNS_MAX],
                  size_t *count_out, ds_error_t *error)
{
    *count_out = 0;
    for (char *from = text; from != NULL;) {
        char *to = from;
        bool quoted = *from == '"';
        if (*count_out == COLUMNS_MAX)
            return wrong(statement, error, "more than 64 columns");
        cells[(*count_out)++] = to;
        from += quoted ? 1 : 0;
        while (*from != '\0' && (quoted || *from != ',')) {
            if (quoted && *from == '"' && *++from != '"')
                break;
            *to++ = *from++;
        }
        if (quoted && (*from != ',' && *from != '\0'))
            return wrong(statement, error, "text behind a closing quote");
        bool more = *from == ',';
        *to = '\0';
        from = more ? from + 1 : NULL;
    }
    return true;
}

static bool take_heading(ds_statement_t *statement, char *text, ds_error_t *error)
{
    char *cells[COLUMNS_MAX];
    bool there[FIELDS] = {false};
    if (!split(statement, text, cells, &statement->column_count, error))
        return false;
    for (size_t i = 0; i < statement->column_count; i++) {
        statement->columns[i] = FIELDS;
        for (int f = 0; f < FIELDS; f++)
            if (strcmp(cells[i], field_names[f]) == 0) {
                if (there[f])
                    return wrong(statement, error, "a column stands there twice");
                statement->columns[i] = f;
                there[f] = true;
            }
    }
    for (int f = 0; f < FIELDS; f++)
        if (!there[f] && f != ID)
            return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                                "line %lld: the heading has no column %s",
                                (long long)statement->number, field_names[f]);
    statement->has_heading = true;
    return true;
}

static bool csv_fields(ds_statement_t *statement, char *text, ds_str_t fields[FIELDS],
                       ds_error_t *error)
{
    char *cells[COLUMNS_MAX];
    size_t count;
    if (!split(statement, text, cells, &count, error))
        return false;
    if (count != statement->column_count)
        return wrong(statement, error, "not as many columns as the heading");
    for (size_t i = 0; i < count; i++)
        if (statement->columns[i] < FIELDS)
            fields[statement->columns[i]] = ds_str(cells[i]);
    return true;
}

/* ---- JSON lines */

static bool json_fields(ds_statement_t *statement, const char *text, ds_str_t fields[FIELDS],
                        char amount[32], ds_error_t *error)
{
    json_decref(statement->object);
    statement->object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(statement->object))
        return wrong(statement, error, "not a JSON object");
    for (int f = 0; f < FIELDS; f++) {
        const json_t *value = json_object_get(statement->object, field_names[f]);
        if (json_is_string(value))
            fields[f] = ds_str(json_string_value(value));
        else if (f == AMOUNT && json_is_integer(value)) {
            (void)snprintf(amount, 32, "%lld", (long long)json_integer_value(value));
            fields[f] = ds_str(amount);
        }
    }
    return true;
}

/* ---- both */

static bool take(const ds_statement_t *statement, const ds_str_t fields[FIELDS],
                 struct ds_statement_entry *entry, ds_error_t *error)
{
    *entry = (struct ds_statement_entry){.key = fields[KEY],
                                         .id = fields[ID],
                                         .currency = fields[CURRENCY],
                                         .line = statement->number};
    entry->refund = ds_str_eq(fields[KIND], DS_STR("refund"));
    entry->succeeded = ds_str_eq(fields[STATUS], DS_STR("succeeded"));
    if (!entry->refund && !ds_str_eq(fields[KIND], DS_STR("charge")))
        return wrong(statement, error, "kind is neither charge nor refund");
    if (fields[KEY].len == 0)
        return wrong(statement, error, "there is no key");
    if (fields[STATUS].len == 0)
        return wrong(statement, error, "there is no status");
    if (fields[CURRENCY].len != 3)
        return wrong(statement, error, "currency is not three letters");
    if (!ds_str_to_i64(fields[AMOUNT], &entry->amount_minor) || entry->amount_minor < 0)
        return wrong(statement, error, "amount is not a number of minor units");
    return true;
}

bool ds_statement_next(ds_statement_t *statement, struct ds_statement_entry *entry_out,
                       bool *more_out, ds_error_t *error)
{
    ds_str_t fields[FIELDS] = {{NULL, 0}};
    char amount[32];
    char *text;
    *more_out = false;
    if (!read_line(statement, &text, error))
        return false;
    if (text != NULL && text[0] != '{' && !statement->has_heading)
        if (!take_heading(statement, text, error) || !read_line(statement, &text, error))
            return false;
    if (text == NULL)
        return true;
    if (text[0] == '{' ? !json_fields(statement, text, fields, amount, error)
                       : !csv_fields(statement, text, fields, error))
        return false;
    *more_out = true;
    return take(statement, fields, entry_out, error);
}
