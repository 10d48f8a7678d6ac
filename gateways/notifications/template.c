#include "gateways/notifications/template.h"

#include "gateways/notifications/limits.h"

#include <jansson.h>
#include <stdlib.h>

#define MAX_PARTS  256
#define SHOWN_NAME 40

/** A piece of the text, and the value behind it. */
struct part {
    ds_str_t literal;
    int value; /* -1: none, the last part */
    ds_str_t instead;
};

struct ds_template {
    enum ds_template_format format;
    char *text;
    size_t part_count;
    struct part parts[MAX_PARTS];
};

/* --- parsing -----------------------------------------------------------------------------------
 */

struct parser {
    const char *file;
    const char *const *names;
    ds_str_t text;
    uint32_t at;
    unsigned line;
};

static bool wrong(const struct parser *parser, ds_error_t *error, const char *what)
{
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "%s:%u: %s", parser->file,
                        parser->line, what);
}

static bool stands_here(const struct parser *parser, const char *two)
{
    return parser->text.len - parser->at >= 2 &&
           memcmp(parser->text.data + parser->at, two, 2) == 0;
}

/* Up to `two`, or to the end; counts lines. */
static ds_str_t take_until(struct parser *parser, const char *two, bool *found_out)
{
    uint32_t from = parser->at;
    while (parser->at < parser->text.len && !stands_here(parser, two)) {
        parser->line += parser->text.data[parser->at] == '\n';
        parser->at++;
    }
    *found_out = parser->at < parser->text.len;
    ds_str_t taken = {parser->text.data + from, parser->at - from};
    if (*found_out)
        parser->at += 2;
    return taken;
}

static ds_str_t trimmed(ds_str_t text)
{
    while (text.len > 0 && text.data[0] == ' ')
        text = (ds_str_t){text.data + 1, text.len - 1};
    while (text.len > 0 && text.data[text.len - 1] == ' ')
        text.len--;
    return text;
}

static bool find_name(const struct parser *parser, ds_str_t name, int *value_out, ds_error_t *error)
{
    for (int i = 0; parser->names[i] != NULL; i++) {
        if (!ds_str_eq(name, ds_str(parser->names[i])))
            continue;
        *value_out = i;
        return true;
    }
    ds_str_t shown = ds_utf8_cut(name, SHOWN_NAME);
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "%s:%u: there is no value '%.*s'",
                        parser->file, parser->line, DS_STR_ARG(shown));
}

static bool take_place(struct parser *parser, struct part *part, ds_error_t *error)
{
    bool closed;
    unsigned line = parser->line;
    ds_str_t inside = take_until(parser, "}}", &closed);
    if (!closed || parser->line != line) {
        parser->line = line;
        return wrong(parser, error, "'{{' without '}}' in its line");
    }
    part->instead = ds_str_after(inside, '|');
    return find_name(parser, trimmed(ds_str_before(inside, '|')), &part->value, error);
}

static bool take_parts(struct parser *parser, struct ds_template *template, ds_error_t *error)
{
    bool opened = true;
    while (opened) {
        struct part *part = &template->parts[template->part_count];
        if (template->part_count++ == MAX_PARTS)
            return wrong(parser, error, "too many places");
        part->literal = take_until(parser, "{{", &opened);
        part->value = -1;
        if (opened && !take_place(parser, part, error))
            return false;
    }
    return true;
}

/* Bytes that no message may hold, or that would make two lines of one. */
static bool check_bytes(const struct parser *parser, enum ds_template_format format,
                        ds_error_t *error)
{
    struct parser at = *parser;
    if (!ds_utf8_valid(at.text))
        return wrong(&at, error, "not UTF-8");
    for (uint32_t i = 0; i < at.text.len; i++) {
        unsigned char c = (unsigned char)at.text.data[i];
        if (c == '\n' && format == DS_FORMAT_SUBJECT) {
            at.line++;
            return wrong(&at, error, "a subject is one line");
        }
        if ((c < ' ' && c != '\n' && (c != '\t' || format != DS_FORMAT_JSON)) || c == 0x7f)
            return wrong(&at, error, "a control character");
        at.line += c == '\n';
    }
    return true;
}

/* A place that does not stand inside a JSON string would break with this value. */
static bool check_json(const ds_template_t *template, const char *const *names, const char *file,
                       ds_error_t *error)
{
    ds_str_t values[64];
    json_error_t why;
    ds_buf_t out;
    for (size_t i = 0; names[i] != NULL && i < sizeof values / sizeof *values; i++)
        values[i] = DS_STR("a\"\\\n1");
    ds_buf_init(&out, DS_MAX_RENDERED_BYTES);
    bool ok = ds_template_fill(template, values, &out, error);
    json_t *json =
        ok ? json_loadb((const char *)out.data, out.len, JSON_REJECT_DUPLICATES, &why) : NULL;
    if (ok && !json_is_object(json))
        ok = json != NULL
                 ? ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "%s:1: no JSON object", file)
                 : ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "%s:%d: %s", file, why.line,
                                why.text);
    json_decref(json);
    ds_buf_cleanup(&out);
    return ok;
}

/* A file ends with a line's end; a subject does not. */
static ds_str_t content_of(ds_str_t text, enum ds_template_format format)
{
    if (format == DS_FORMAT_SUBJECT && text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    return text;
}

bool ds_template_parse(ds_str_t text, const char *file, enum ds_template_format format,
                       const char *const *names, ds_template_t **template_out, ds_error_t *error)
{
    struct parser parser = {.file = file, .names = names, .line = 1};
    *template_out = NULL;
    if (text.len > DS_MAX_TEMPLATE_BYTES)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "%s:1: more than %d bytes", file,
                            DS_MAX_TEMPLATE_BYTES);
    ds_template_t *template = calloc(1, sizeof *template);
    char *copy = template == NULL ? NULL : ds_str_dup(content_of(text, format));
    if (copy == NULL) {
        free(template);
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "template %s", file);
    }
    template->format = format;
    template->text = copy;
    parser.text = (ds_str_t){copy, content_of(text, format).len};
    bool ok = check_bytes(&parser, format, error) && take_parts(&parser, template, error) &&
              (format != DS_FORMAT_JSON || check_json(template, names, file, error));
    if (ok && parser.text.len == 0)
        ok = wrong(&parser, error, "empty");
    if (!ok) {
        ds_template_destroy(template);
        return false;
    }
    *template_out = template;
    return true;
}

void ds_template_destroy(ds_template_t *template)
{
    if (template == NULL)
        return;
    free(template->text);
    free(template);
}

/* --- filling -----------------------------------------------------------------------------------
 */

static bool append_json(ds_buf_t *out, ds_str_t value, ds_error_t *error)
{
    ds_buf_t quoted;
    ds_buf_init(&quoted, out->max_bytes);
    bool ok = ds_buf_append_json(&quoted, value, error) &&
              ds_buf_append(out, quoted.data + 1, quoted.len - 2, error);
    ds_buf_cleanup(&quoted);
    return ok;
}

static bool append_plain(ds_buf_t *out, ds_str_t value, ds_error_t *error)
{
    for (uint32_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if (!ds_buf_append_char(out, c < ' ' || c == 0x7f ? ' ' : (char)c, error))
            return false;
    }
    return true;
}

static bool append_value(const ds_template_t *template, ds_buf_t *out, ds_str_t value,
                         ds_error_t *error)
{
    if (!ds_utf8_valid(value))
        value = DS_STR("?");
    return template->format == DS_FORMAT_JSON ? append_json(out, value, error)
                                              : append_plain(out, value, error);
}

bool ds_template_fill(const ds_template_t *template, const ds_str_t *values, ds_buf_t *out,
                      ds_error_t *error)
{
    for (size_t i = 0; i < template->part_count; i++) {
        const struct part *part = &template->parts[i];
        if (!ds_buf_append_str(out, part->literal, error))
            return false;
        if (part->value < 0)
            continue;
        ds_str_t value = values[part->value];
        /* `instead` is the template's own text, but stands where a value does. */
        if (!append_value(template, out, value.len > 0 ? value : part->instead, error))
            return false;
    }
    return true;
}
