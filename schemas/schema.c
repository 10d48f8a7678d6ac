/* schemas/schema.c - finding a schema, framing, and the entry into generated code. */
#include "schemas/schema.h"

#include "base/limits.h"
#include "schemas/avro.h"

#include <inttypes.h>
#include <stddef.h>

const struct ds_schema *const *ds_schemas(void)
{
    return ds_schema_list;
}

const struct ds_schema *ds_schema_of_topic(ds_str_t topic)
{
    for (const struct ds_schema *const *s = ds_schema_list; *s != NULL; s++) {
        if (ds_str_eq(ds_str((*s)->topic), topic))
            return *s;
    }
    return NULL;
}

bool ds_schema_encode(const struct ds_schema *schema, const void *value, ds_buf_t *out,
                      ds_error_t *error)
{
    return schema->encode(value, out, error);
}

static uint64_t read_be(const uint8_t *p, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return value;
}

static bool refuse_registry(const struct ds_schema *schema, ds_bytes_t message, ds_error_t *error)
{
    if (message.data[0] == 0x00 && message.len >= 5)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_UNKNOWN,
                            "%s: registry id %" PRIu64 ": no registry configured", schema->topic,
                            read_be(message.data + 1, 4));
    if (message.data[0] == 0x01 && message.len >= 17)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_UNKNOWN,
                            "%s: registry GUID %016" PRIx64 "%016" PRIx64
                            ": schemas by GUID are not supported",
                            schema->topic, read_be(message.data + 1, 8),
                            read_be(message.data + 9, 8));
    return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_TRUNCATED,
                        "%s: a registry header cut off after %u bytes", schema->topic, message.len);
}

static bool find_version(const struct ds_schema *schema, ds_bytes_t message,
                         const struct ds_schema_version **version_out, ds_error_t *error)
{
    uint64_t fingerprint = 0;
    if (message.len == 0)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_TRUNCATED, "%s: no value",
                            schema->topic);
    if (message.data[0] == 0x00 || message.data[0] == 0x01)
        return refuse_registry(schema, message, error);
    if (message.data[0] != 0xC3 || (message.len > 1 && message.data[1] != 0x01))
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID,
                            "%s: neither a single-object nor a registry header: first byte %02x",
                            schema->topic, (unsigned)message.data[0]);
    if (message.len < DS_AVRO_FRAME_BYTES)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_TRUNCATED,
                            "%s: single-object header cut off after %u bytes", schema->topic,
                            message.len);
    for (unsigned i = 0; i < 8; i++)
        fingerprint |= (uint64_t)message.data[2 + i] << (8 * i);
    for (size_t i = 0; i < schema->version_count; i++) {
        if (schema->versions[i].fingerprint == fingerprint) {
            *version_out = &schema->versions[i];
            return true;
        }
    }
    return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_UNKNOWN,
                        "%s: unknown schema fingerprint %016" PRIx64, schema->topic, fingerprint);
}

/* The offset is counted in the message, frame included: that is what a hex dump shows. */
static bool report(const struct ds_schema *schema, const struct ds_avro_reader *r,
                   ds_error_t *error)
{
    if (r->code == DS_OK) /* the arena spoke already */
        return ds_error_prefix(error, "%s: decode %s", schema->topic, r->path);
    return ds_error_set(error, DS_DOMAIN_SCHEMA, r->code, "%s: %s%sat byte %zu: %s", schema->topic,
                        r->path, r->path[0] == '\0' ? "" : " ", r->offset + DS_AVRO_FRAME_BYTES,
                        r->what);
}

bool ds_schema_decode(const struct ds_schema *schema, ds_bytes_t message, ds_arena_t *arena,
                      void *value_out, bool *head_ok_out, ds_error_t *error)
{
    const struct ds_schema_version *version = NULL;
    if (head_ok_out != NULL)
        *head_ok_out = false;
    if (!find_version(schema, message, &version, error))
        return false;
    struct ds_avro_reader r;
    r.start = message.data + DS_AVRO_FRAME_BYTES;
    r.end = message.data + message.len;
    r.arena = arena;
    r.error = error;
    r.head_ok = false;
    r.code = DS_OK;
    r.what = "";
    r.offset = 0;
    r.path[0] = '\0';
    const uint8_t *end = version->decode(&r, r.start, value_out);
    if (end != NULL && end != r.end)
        end = ds_avro_fail(&r, end, DS_ERR_INVALID, "trailing bytes");
    if (head_ok_out != NULL)
        *head_ok_out = r.head_ok;
    return end != NULL || report(schema, &r, error);
}

bool ds_schema_print_json(const struct ds_schema *schema, const void *value, ds_buf_t *out,
                          ds_error_t *error)
{
    return schema->print_json(value, out, error);
}

/* Where the kind stands is the same in all events and in all commands: generated layout.c asserts
 * it. */
int32_t ds_schema_body_kind(const struct ds_schema *schema, const void *value)
{
    int32_t kind = -1;
    const uint8_t *bytes = value;
    switch (schema->kind) {
    case DS_SCHEMA_EVENTS:
        memcpy(&kind, bytes + offsetof(struct ds_protocol_event, body.kind), sizeof(kind));
        break;
    case DS_SCHEMA_COMMANDS:
        memcpy(&kind, bytes + sizeof(struct ds_command_envelope), sizeof(kind));
        break;
    case DS_SCHEMA_PLAIN:
    case DS_SCHEMA_STATE:
        break;
    }
    return kind;
}

const char *ds_schema_ce_type(const struct ds_schema *schema, const void *value)
{
    int32_t kind = ds_schema_body_kind(schema, value);
    return kind >= 0 && kind < schema->body_kinds ? schema->ce_types[kind] : "";
}
