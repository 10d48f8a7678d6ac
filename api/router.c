#include "api/router.h"

static ds_str_t take_segment(ds_str_t *path)
{
    /* path begins with '/' */
    ds_str_t rest = {path->data + 1, path->len - 1};
    ds_str_t segment = ds_str_before(rest, '/');
    path->data = rest.data + segment.len;
    path->len = rest.len - segment.len;
    return segment;
}

static bool match_path(const char *pattern_text, ds_str_t path, struct ds_match *match)
{
    ds_str_t pattern = ds_str(pattern_text);
    match->arg_count = 0;
    while (pattern.len > 0 && path.len > 0) {
        ds_str_t wanted = take_segment(&pattern);
        ds_str_t segment = take_segment(&path);
        if (wanted.len > 0 && wanted.data[0] == '{') {
            if (segment.len == 0 || match->arg_count == DS_ROUTE_MAX_ARGS)
                return false;
            match->args[match->arg_count++] = segment;
        } else if (!ds_str_eq(wanted, segment)) {
            return false;
        }
    }
    return pattern.len == 0 && path.len == 0;
}

static ds_str_t without_version(ds_str_t path, char buffer[], size_t buffer_bytes)
{
    static const char versioned[] = "/api/v1/";
    size_t len = sizeof versioned - 1;
    if (path.len < len || memcmp(path.data, versioned, len) != 0 || path.len >= buffer_bytes)
        return path;
    memcpy(buffer, "/api/", 5);
    memcpy(buffer + 5, path.data + len, path.len - len);
    return (ds_str_t){buffer, (uint32_t)(path.len - 3)};
}

/* The parameters were found in a copy: point them into the path of the caller, where the same bytes
 * stand 3 further. */
static void rebase(struct ds_match *match, ds_str_t path, ds_str_t plain)
{
    for (size_t i = 0; path.data != plain.data && i < match->arg_count; i++)
        match->args[i].data = path.data + (match->args[i].data - plain.data) + 3;
}

void ds_router_match(const struct ds_route *routes, enum ds_method method, ds_str_t path,
                     struct ds_match *match_out)
{
    char buffer[2100];
    ds_str_t plain = without_version(path, buffer, sizeof buffer);
    enum ds_method wanted = method == DS_HEAD ? DS_GET : method;
    *match_out = (struct ds_match){0};
    if (plain.len == 0 || plain.data[0] != '/')
        return;
    for (const struct ds_route *route = routes; route->pattern != NULL; route++) {
        struct ds_match found = {0};
        if (!match_path(route->pattern, plain, &found))
            continue;
        match_out->allowed |= (unsigned)route->method;
        /* A literal path stands before a pattern that would match it too. */
        if (route->method == wanted && match_out->route == NULL) {
            match_out->route = route;
            match_out->arg_count = found.arg_count;
            memcpy(match_out->args, found.args, sizeof found.args);
        }
    }
    rebase(match_out, path, plain);
}

static const struct {
    const char *text;
    enum ds_method method;
} methods[] = {
    {"GET", DS_GET},     {"HEAD", DS_HEAD},     {"POST", DS_POST},       {"PUT", DS_PUT},
    {"PATCH", DS_PATCH}, {"DELETE", DS_DELETE}, {"OPTIONS", DS_OPTIONS},
};

enum ds_method ds_method_parse(const char *text)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(text, methods[i].text) == 0)
            return methods[i].method;
    return DS_OTHER_METHOD;
}

bool ds_router_allow(unsigned allowed, ds_buf_t *out, ds_error_t *error)
{
    allowed |= (unsigned)DS_OPTIONS;
    if ((allowed & (unsigned)DS_GET) != 0)
        allowed |= (unsigned)DS_HEAD;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if ((allowed & (unsigned)methods[i].method) == 0)
            continue;
        if (out->len > 0 && !ds_buf_append_text(out, ", ", error))
            return false;
        if (!ds_buf_append_text(out, methods[i].text, error))
            return false;
    }
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool ds_percent_decode(ds_arena_t *arena, ds_str_t text, bool is_path, ds_str_t *text_out)
{
    ds_error_t error = DS_ERROR_INIT;
    char *to = ds_arena_alloc(arena, text.len + 1U, &error);
    uint32_t len = 0;
    *text_out = (ds_str_t){0};
    if (to == NULL)
        return false;
    for (uint32_t i = 0; i < text.len; i++) {
        int c = (unsigned char)text.data[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.data[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.data[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = high * 16 + low;
            i += 2;
            if (c == 0 || (is_path && c == '/'))
                return false;
        } else if (c == '+' && !is_path) {
            c = ' '; /* as forms, URLSearchParams and most clients' libraries write a blank */
        }
        to[len++] = (char)c;
    }
    *text_out = (ds_str_t){to, len};
    return ds_utf8_valid(*text_out);
}
