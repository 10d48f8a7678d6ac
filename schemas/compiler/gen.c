#include "gen.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GEN_MAX_FILE_BYTES (32 * 1024 * 1024)

void emit(struct gen *gen, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(text))
        ds_error_set(gen->error, DS_DOMAIN_SCHEMA, DS_ERR_LIMIT, "generated line too long: %.60s",
                     format);
    else if (!ds_buf_append(&gen->text, text, (size_t)len, gen->error))
        return; /* gen_close() sees it */
}

void emit_literal(struct gen *gen, const char *text, size_t len)
{
    emit(gen, "\"");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            emit(gen, "\\%c", c);
        else if (c == '\n')
            emit(gen, "\\n%s", i + 1 < len ? "\"\n    \"" : "");
        else if (c < 0x20 || c >= 0x7F || c == '?')
            emit(gen, "\\%03o", c);
        else
            emit(gen, "%c", c);
    }
    emit(gen, "\"");
}

void gen_open(struct gen *gen, const char *what)
{
    ds_buf_init(&gen->text, GEN_MAX_FILE_BYTES);
    emit(gen, "/* %s\n *\n * Generated from schemas/avsc by ds_schemac; do not edit. */\n", what);
}

static bool says_the_same(const struct gen *gen, const char *path)
{
    bool same = false;
    char *old = NULL;
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        return false;
    old = malloc(gen->text.len + 1);
    if (old != NULL)
        same = fread(old, 1, gen->text.len + 1, in) == gen->text.len &&
               memcmp(old, gen->text.data, gen->text.len) == 0;
    free(old);
    (void)fclose(in);
    return same;
}

static bool write_file(struct gen *gen, const char *path)
{
    FILE *out = fopen(path, "wb");
    if (out == NULL)
        return ds_error_set(gen->error, DS_DOMAIN_SCHEMA, DS_ERR_IO, "%s: cannot be written", path);
    bool ok = fwrite(gen->text.data, 1, gen->text.len, out) == gen->text.len;
    ok = fclose(out) == 0 && ok;
    return ok || ds_error_set(gen->error, DS_DOMAIN_SCHEMA, DS_ERR_IO, "%s: short write", path);
}

bool gen_close(struct gen *gen, const char *name)
{
    char path[1024];
    bool ok = !ds_error_is_set(gen->error);
    int len = snprintf(path, sizeof(path), "%s/%s", gen->out_dir, name);
    if (ok && (len < 0 || (size_t)len >= sizeof(path)))
        ok = ds_error_set(gen->error, DS_DOMAIN_SCHEMA, DS_ERR_LIMIT, "path too long: %s", name);
    ok = ok && (says_the_same(gen, path) || write_file(gen, path));
    ds_buf_cleanup(&gen->text);
    return ok;
}

const char *topic_c_name(struct gen *gen, const struct type *top)
{
    size_t len = strlen(top->topic);
    char *name = ds_arena_alloc(gen->model->arena, len + 1, gen->error);
    for (size_t i = 0; name != NULL && i < len; i++)
        name[i] = top->topic[i] == '.' || top->topic[i] == '-' ? '_' : top->topic[i];
    return name == NULL ? "" : name;
}

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text);
    size_t b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

bool is_events(const struct type *top)
{
    return ends_with(top->topic, ".events");
}

bool is_commands(const struct type *top)
{
    return ends_with(top->topic, ".commands");
}

struct type *body_of(const struct type *top)
{
    if (!is_events(top) && !is_commands(top))
        return NULL;
    for (size_t i = 0; i < top->field_count; i++) {
        if (strcmp(top->fields[i].name, "body") == 0)
            return top->fields[i].type;
    }
    return NULL;
}
