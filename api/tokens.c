#include "api/tokens.h"

#include "base/crypto.h"

#include <inttypes.h>

enum { MAC_BYTES = 16 };

static const char *const commands_topics[DS_TOPICS] = {
    [DS_TOPIC_CATALOG] = "catalog.commands",   [DS_TOPIC_ORDER] = "order.commands",
    [DS_TOPIC_PAYMENT] = "payment.commands",   [DS_TOPIC_INVENTORY] = "inventory.commands",
    [DS_TOPIC_DELIVERY] = "delivery.commands",
};
static const char *const events_topics[DS_TOPICS] = {
    [DS_TOPIC_CATALOG] = "catalog.events",   [DS_TOPIC_ORDER] = "order.events",
    [DS_TOPIC_PAYMENT] = "payment.events",   [DS_TOPIC_INVENTORY] = "inventory.events",
    [DS_TOPIC_DELIVERY] = "delivery.events",
};

const char *ds_topic_commands(enum ds_commands_topic topic)
{
    return commands_topics[topic];
}

const char *ds_topic_events(enum ds_commands_topic topic)
{
    return events_topics[topic];
}

/* "<kind>.<payload>.<mac>"; the mac covers kind and payload, so that a cursor is never taken for a
 * token. */
static bool seal(const char *kind, ds_str_t payload, ds_bytes_t key, ds_buf_t *out,
                 ds_error_t *error)
{
    uint8_t mac[DS_SHA256_BYTES];
    size_t start = out->len;
    if (!ds_buf_append_text(out, kind, error) || !ds_buf_append_char(out, '.', error) ||
        !ds_base64url_append(out, (ds_bytes_t){(const uint8_t *)payload.data, payload.len}, error))
        return false;
    ds_bytes_t body = {out->data + start, (uint32_t)(out->len - start)};
    return ds_hmac_sha256(key, body, mac, error) && ds_buf_append_char(out, '.', error) &&
           ds_base64url_append(out, (ds_bytes_t){mac, MAC_BYTES}, error);
}

static bool invalid(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "not one of ours");
}

static bool unseal(const char *kind, ds_str_t text, ds_bytes_t key, ds_buf_t *payload_out,
                   ds_error_t *error)
{
    bool ok = false;
    uint8_t mac[DS_SHA256_BYTES];
    ds_buf_t claimed;
    ds_error_t wrong = DS_ERROR_INIT;
    ds_buf_init(&claimed, 64);
    ds_str_t rest = ds_str_after(text, '.');
    ds_str_t payload = ds_str_before(rest, '.');
    ds_str_t tail = ds_str_after(rest, '.');
    if (!ds_str_eq(ds_str_before(text, '.'), ds_str(kind)) || tail.len == 0)
        goto out;
    ds_bytes_t body = {(const uint8_t *)text.data,
                       (uint32_t)(payload.data + payload.len - text.data)};
    if (!ds_base64_decode(&claimed, tail, &wrong) || !ds_hmac_sha256(key, body, mac, &wrong) ||
        !ds_equal_constant_time(ds_buf_bytes(&claimed), (ds_bytes_t){mac, MAC_BYTES}))
        goto out;
    ok = ds_base64_decode(payload_out, payload, &wrong);
out:
    ds_buf_cleanup(&claimed);
    return ok ? true : invalid(error);
}

bool ds_token_write(const struct ds_token *token, ds_bytes_t key, ds_buf_t *out, ds_error_t *error)
{
    ds_buf_t payload;
    ds_buf_init(&payload, DS_TOKEN_MAX_CHARS);
    bool ok = ds_buf_printf(&payload, error, "%s|%d|%" PRId32 "|%" PRId64, token->identity,
                            (int)token->topic, token->partition, token->offset) &&
              seal("ct1", ds_buf_str(&payload), key, out, error);
    ds_buf_cleanup(&payload);
    return ok;
}

static ds_str_t next_part(ds_str_t *rest)
{
    ds_str_t part = ds_str_before(*rest, '|');
    *rest = ds_str_after(*rest, '|');
    return part;
}

bool ds_token_read(ds_str_t text, ds_bytes_t key, struct ds_token *token_out, ds_error_t *error)
{
    ds_buf_t payload;
    bool ok = false;
    int64_t topic;
    int64_t partition;
    int64_t offset;
    *token_out = (struct ds_token){.offset = -1};
    ds_buf_init(&payload, DS_TOKEN_MAX_CHARS);
    if (text.len > DS_TOKEN_MAX_CHARS || !unseal("ct1", text, key, &payload, error))
        goto out;
    ds_str_t rest = ds_buf_str(&payload);
    ds_str_t identity = next_part(&rest);
    if (!ds_str_to_array(identity, token_out->identity, sizeof token_out->identity) ||
        !ds_str_to_i64(next_part(&rest), &topic) || topic < 0 || topic >= DS_TOPICS ||
        !ds_str_to_i64(next_part(&rest), &partition) || partition < 0 || partition > INT32_MAX ||
        !ds_str_to_i64(rest, &offset) || offset < 0)
        goto out;
    token_out->topic = (enum ds_commands_topic)topic;
    token_out->partition = (int32_t)partition;
    token_out->offset = offset;
    ok = true;
out:
    ds_buf_cleanup(&payload);
    return ok ? true : invalid(error);
}

bool ds_cursor_write(const struct ds_cursor *cursor, ds_bytes_t mac_key, ds_buf_t *out,
                     ds_error_t *error)
{
    ds_buf_t payload;
    ds_buf_init(&payload, DS_CURSOR_MAX_CHARS);
    /* The id comes before the key: a key (a product's name) may hold a '|', an id may not. */
    bool ok = ds_buf_printf(&payload, error, "%016" PRIx64 "|%.*s|%.*s", cursor->filter,
                            DS_STR_ARG(cursor->id), DS_STR_ARG(cursor->key)) &&
              seal("cu1", ds_buf_str(&payload), mac_key, out, error);
    ds_buf_cleanup(&payload);
    return ok;
}

bool ds_cursor_read(ds_str_t text, ds_bytes_t mac_key, uint64_t filter, ds_arena_t *arena,
                    struct ds_cursor *cursor_out, ds_error_t *error)
{
    ds_buf_t payload;
    ds_buf_t wanted;
    bool ok = false;
    *cursor_out = (struct ds_cursor){0};
    ds_buf_init(&payload, DS_CURSOR_MAX_CHARS);
    ds_buf_init(&wanted, 32);
    if (text.len > DS_CURSOR_MAX_CHARS || !unseal("cu1", text, mac_key, &payload, error) ||
        !ds_buf_printf(&wanted, error, "%016" PRIx64, filter))
        goto out;
    ds_str_t rest = ds_buf_str(&payload);
    if (!ds_str_eq(next_part(&rest), ds_buf_str(&wanted)))
        goto out;
    cursor_out->filter = filter;
    ok = ds_arena_dup(arena, next_part(&rest), &cursor_out->id, error) &&
         ds_arena_dup(arena, rest, &cursor_out->key, error);
out:
    ds_buf_cleanup(&wanted);
    ds_buf_cleanup(&payload);
    return ok ? true : invalid(error);
}
