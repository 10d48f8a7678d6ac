/* schemas/framing.c - frames: which version of a schema a record was written with. See framing.h.
 */
#include "schemas/framing.h"

#include "schemas/avro.h"
#include "schemas/ids.h"

#include <inttypes.h>

#define SINGLE_OBJECT_BYTES 10
#define REGISTRY_BYTES      5
#define REGISTRY_GUID_BYTES 17

/* ---- writing ---- */

static ds_bytes_t single_object_frame(const struct ds_schema *schema, uint8_t *to)
{
    to[0] = 0xC3;
    to[1] = 0x01;
    memcpy(to + 2, &schema->fingerprint, sizeof schema->fingerprint); /* little-endian: avro.c */
    return (ds_bytes_t){to, SINGLE_OBJECT_BYTES};
}

static ds_bytes_t registry_frame(uint32_t id, uint8_t *to)
{
    to[0] = 0x00;
    for (unsigned i = 0; i < 4; i++)
        to[1 + i] = (uint8_t)(id >> (24 - 8 * i));
    return (ds_bytes_t){to, REGISTRY_BYTES};
}

bool ds_framing_encode(ds_framing_t *framing, const struct ds_schema *schema, const void *value,
                       ds_buf_t *out, ds_error_t *error)
{
    uint8_t frame[DS_AVRO_FRAME_BYTES];
    uint32_t id = 0;

    if (framing == NULL)
        return schema->encode(single_object_frame(schema, frame), value, out, error);
    if (!ds_ids_own(framing, schema, &id))
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_UNAVAILABLE,
                            "%s: the registry has not told the schema's id yet", schema->topic);
    return schema->encode(registry_frame(id, frame), value, out, error);
}

/* ---- reading ---- */

/** What a frame says. */
struct frame {
    const struct ds_schema_version *version;
    uint32_t bytes;
};

static uint64_t read_be(const uint8_t *p, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return value;
}

static bool version_of(const struct ds_schema *schema, uint64_t fingerprint, struct frame *frame)
{
    for (size_t i = 0; i < schema->version_count; i++) {
        if (schema->versions[i].fingerprint == fingerprint) {
            frame->version = &schema->versions[i];
            return true;
        }
    }
    return false;
}

static bool cut_off(const struct ds_schema *schema, ds_bytes_t message, const char *kind,
                    ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_TRUNCATED,
                        "%s: %s header cut off after %u bytes", schema->topic, kind, message.len);
}

static bool read_single_object(const struct ds_schema *schema, ds_bytes_t message,
                               struct frame *frame, ds_error_t *error)
{
    uint64_t fingerprint = 0;
    if (message.len < SINGLE_OBJECT_BYTES)
        return cut_off(schema, message, "single-object", error);
    memcpy(&fingerprint, message.data + 2, sizeof fingerprint);
    frame->bytes = SINGLE_OBJECT_BYTES;
    if (version_of(schema, fingerprint, frame))
        return true;
    return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_UNKNOWN,
                        "%s: unknown schema fingerprint %016" PRIx64, schema->topic, fingerprint);
}

static bool refuse_id(const struct ds_schema *schema, uint32_t id, enum ds_ids_answer answer,
                      ds_error_t *error)
{
    static const char *const reasons[] = {
        [DS_IDS_KNOWN] = "its schema is not one of this topic",
        [DS_IDS_WANTED] = "its schema is not known yet, the registry is asked",
        [DS_IDS_ABSENT] = "the registry has no such schema",
        [DS_IDS_FOREIGN] = "its schema is none that is known here",
        [DS_IDS_NOBODY] = "no registry configured",
    };
    return ds_error_set(error, DS_DOMAIN_SCHEMA,
                        answer == DS_IDS_WANTED ? DS_ERR_UNAVAILABLE : DS_ERR_UNKNOWN,
                        "%s: registry id %" PRIu32 ": %s", schema->topic, id, reasons[answer]);
}

static bool read_registry(ds_framing_t *framing, const struct ds_schema *schema, ds_bytes_t message,
                          struct frame *frame, ds_error_t *error)
{
    uint64_t fingerprint = 0;
    if (message.len < REGISTRY_BYTES)
        return cut_off(schema, message, "registry", error);
    uint32_t id = (uint32_t)read_be(message.data + 1, 4);
    enum ds_ids_answer answer =
        framing == NULL ? DS_IDS_NOBODY : ds_ids_find(framing, id, &fingerprint);
    frame->bytes = REGISTRY_BYTES;
    if (answer == DS_IDS_KNOWN && version_of(schema, fingerprint, frame))
        return true;
    return refuse_id(schema, id, answer, error);
}

static bool refuse_guid(const struct ds_schema *schema, ds_bytes_t message, ds_error_t *error)
{
    if (message.len < REGISTRY_GUID_BYTES)
        return cut_off(schema, message, "registry", error);
    return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_UNKNOWN,
                        "%s: registry GUID %016" PRIx64 "%016" PRIx64
                        ": schemas by GUID are not supported",
                        schema->topic, read_be(message.data + 1, 8), read_be(message.data + 9, 8));
}

static bool read_frame(ds_framing_t *framing, const struct ds_schema *schema, ds_bytes_t message,
                       struct frame *frame, ds_error_t *error)
{
    if (message.len == 0)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_TRUNCATED, "%s: no value",
                            schema->topic);
    if (message.data[0] == 0xC3 && (message.len == 1 || message.data[1] == 0x01))
        return read_single_object(schema, message, frame, error);
    if (message.data[0] == 0x00)
        return read_registry(framing, schema, message, frame, error);
    if (message.data[0] == 0x01)
        return refuse_guid(schema, message, error);
    return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID,
                        "%s: neither a single-object nor a registry header: first byte %02x",
                        schema->topic, (unsigned)message.data[0]);
}

/* The offset is counted in the message, frame included: that is what a hex dump shows. */
static bool report(const struct ds_schema *schema, const struct frame *frame,
                   const struct ds_avro_reader *r, ds_error_t *error)
{
    if (r->code == DS_OK) /* the arena spoke already */
        return ds_error_prefix(error, "%s: decode %s", schema->topic, r->path);
    return ds_error_set(error, DS_DOMAIN_SCHEMA, r->code, "%s: %s%sat byte %zu: %s", schema->topic,
                        r->path, r->path[0] == '\0' ? "" : " ", r->offset + frame->bytes, r->what);
}

bool ds_framing_decode(ds_framing_t *framing, const struct ds_schema *schema, ds_bytes_t message,
                       ds_arena_t *arena, void *value_out, bool *head_ok_out, ds_error_t *error)
{
    struct frame frame = {NULL, 0};
    if (head_ok_out != NULL)
        *head_ok_out = false;
    if (!read_frame(framing, schema, message, &frame, error))
        return false;
    struct ds_avro_reader r;
    r.start = message.data + frame.bytes;
    r.end = message.data + message.len;
    r.arena = arena;
    r.error = error;
    r.head_ok = false;
    r.code = DS_OK;
    r.what = "";
    r.offset = 0;
    r.path[0] = '\0';
    const uint8_t *end = frame.version->decode(&r, r.start, value_out);
    if (end != NULL && end != r.end)
        end = ds_avro_fail(&r, end, DS_ERR_INVALID, "trailing bytes");
    if (head_ok_out != NULL)
        *head_ok_out = r.head_ok;
    return end != NULL || report(schema, &frame, &r, error);
}
