#include "base/contact.h"

#define LOCAL_MAX_BYTES 64
#define LABEL_MAX_BYTES 63

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_atom(char c)
{
    return is_letter(c) || is_digit(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Atoms with single dots between them. */
static bool local_valid(ds_str_t local)
{
    char before = '.';
    for (uint32_t i = 0; i < local.len; i++) {
        char c = local.data[i];
        if (c == '.' ? before == '.' : !is_atom(c))
            return false;
        before = c;
    }
    return before != '.' && local.len <= LOCAL_MAX_BYTES;
}

static bool label_valid(ds_str_t label)
{
    if (label.len == 0 || label.len > LABEL_MAX_BYTES || label.data[0] == '-' ||
        label.data[label.len - 1] == '-')
        return false;
    for (uint32_t i = 0; i < label.len; i++)
        if (!is_letter(label.data[i]) && !is_digit(label.data[i]) && label.data[i] != '-')
            return false;
    return true;
}

static bool domain_valid(ds_str_t domain)
{
    size_t labels = 0;
    uint32_t start = 0;
    for (uint32_t i = 0; i <= domain.len; i++) {
        if (i < domain.len && domain.data[i] != '.')
            continue;
        if (!label_valid((ds_str_t){domain.data + start, i - start}))
            return false;
        labels++;
        start = i + 1;
    }
    return labels >= 2;
}

bool ds_email_valid(ds_str_t text)
{
    ds_str_t local = ds_str_before(text, '@');
    return text.len <= DS_EMAIL_MAX_BYTES && local.len < text.len && local_valid(local) &&
           domain_valid(ds_str_after(text, '@'));
}

bool ds_push_token_valid(ds_str_t text)
{
    for (uint32_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~' || strchr("\"\\<>", text.data[i]) != NULL)
            return false;
    return text.len > 0 && text.len <= DS_PUSH_TOKEN_MAX_BYTES;
}

static bool subtag_valid(ds_str_t subtag, bool first)
{
    for (uint32_t i = 0; i < subtag.len; i++)
        if (!is_letter(subtag.data[i]) && (first || !is_digit(subtag.data[i])))
            return false;
    return subtag.len >= (first ? 2U : 1U) && subtag.len <= 8;
}

bool ds_language_valid(ds_str_t text)
{
    bool first = true;
    uint32_t start = 0;
    for (uint32_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.data[i] != '-')
            continue;
        if (!subtag_valid((ds_str_t){text.data + start, i - start}, first))
            return false;
        first = false;
        start = i + 1;
    }
    return text.len <= DS_LANGUAGE_MAX_BYTES;
}
