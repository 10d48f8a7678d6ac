#include "api/idempotency.h"

#include "base/crypto.h"

#include <stdlib.h>

bool ds_key_parse(ds_str_t header, char buffer[DS_KEY_MAX_CHARS], ds_str_t *key_out)
{
    bool quoted = header.len >= 2 && header.data[0] == '"' && header.data[header.len - 1] == '"';
    uint32_t from = quoted ? 1 : 0;
    uint32_t to = quoted ? header.len - 1 : header.len;
    uint32_t len = 0;
    *key_out = (ds_str_t){0};
    for (uint32_t i = from; i < to; i++) {
        char c = header.data[i];
        if (quoted && c == '\\' && i + 1 < to)
            c = header.data[++i];
        else if (quoted && (c == '"' || c == '\\'))
            return false;
        if (c < 0x20 || c > 0x7e || len == DS_KEY_MAX_CHARS)
            return false;
        buffer[len++] = c;
    }
    *key_out = (ds_str_t){buffer, len};
    return len > 0;
}

static ds_bytes_t bytes_of(ds_str_t text)
{
    return (ds_bytes_t){(const uint8_t *)text.data, text.len};
}

bool ds_command_id_derive(ds_str_t caller, ds_str_t operation, ds_str_t target, ds_str_t key,
                          ds_id_t *id_out, ds_error_t *error)
{
    const ds_bytes_t parts[] = {bytes_of(DS_STR("1")), bytes_of(caller), bytes_of(operation),
                                bytes_of(target), bytes_of(key)};
    return ds_id_derive(parts, sizeof parts / sizeof *parts, id_out, error);
}

bool ds_body_hash(const json_t *body, ds_id_t *hash_out, ds_error_t *error)
{
    uint8_t digest[DS_SHA256_BYTES];
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
    if (body != NULL && text == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "no memory for a body's hash");
    ds_str_t canonical = text == NULL ? DS_STR("{}") : ds_str(text);
    bool ok = ds_sha256(bytes_of(canonical), digest, error);
    if (ok)
        ds_id_from_bytes(digest, hash_out);
    free(text);
    return ok;
}
