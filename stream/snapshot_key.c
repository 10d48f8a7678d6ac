/* Keys, format and manifests of snapshots. See snapshot.h. */
#include "base/crypto.h"
#include "base/planted.h"
#include "stream/host_logic.h"
#include "stream/snapshot.h"

#include <inttypes.h>
#include <stdio.h>

void ds_snapshot_key_print(const struct ds_snapshot_key *key, char out[DS_SNAPSHOT_KEY_BYTES])
{
    if (key->chunk < 0)
        (void)snprintf(out, DS_SNAPSHOT_KEY_BYTES, "%" PRId32 "/%" PRId64 "/%" PRId32 "/manifest",
                       key->partition, key->epoch, key->slot);
    else
        (void)snprintf(out, DS_SNAPSHOT_KEY_BYTES, "%" PRId32 "/%" PRId64 "/%" PRId32 "/%" PRId32,
                       key->partition, key->epoch, key->slot, key->chunk);
}

static bool small(ds_str_t text, int32_t *value_out)
{
    int64_t value = 0;
    bool ok = ds_str_to_i64(text, &value) && value >= 0 && value <= INT32_MAX;

    *value_out = ok ? (int32_t)value : 0;
    return ok;
}

bool ds_snapshot_key_parse(ds_str_t text, struct ds_snapshot_key *key_out)
{
    ds_str_t rest = ds_str_after(text, '/');
    ds_str_t last = ds_str_after(ds_str_after(rest, '/'), '/');

    *key_out = (struct ds_snapshot_key){.chunk = -1};
    return small(ds_str_before(text, '/'), &key_out->partition) &&
           ds_str_to_i64(ds_str_before(rest, '/'), &key_out->epoch) &&
           small(ds_str_before(ds_str_after(rest, '/'), '/'), &key_out->slot) &&
           key_out->slot < 2 &&
           (ds_str_eq(last, DS_STR("manifest")) || small(last, &key_out->chunk));
}

int64_t ds_snapshot_format(const struct ds_decider *decider)
{
    const uint64_t parts[] = {decider->item->fingerprint, decider->logic,
                              ds_schema_host_state.fingerprint, DS_LOGIC_HOST};
    uint64_t hash = ds_schema_host_snapshot_state.fingerprint;
    int64_t format;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        hash = (hash ^ parts[i]) * UINT64_C(0x9E3779B97F4A7C15) + (hash >> 29);
    memcpy(&format, &hash, sizeof(format));
    return format;
}

/* The last bytes of the record are the checksum itself: a zigzag varint. */
static size_t checksum_bytes(int64_t checksum)
{
    size_t bytes = 1;

    for (uint64_t rest = (uint64_t)checksum << 1; rest >= 0x80; rest >>= 7)
        bytes++;
    return bytes;
}

bool ds_snapshot_manifest_encode(struct ds_snapshot_record *record, ds_buf_t *value_out,
                                 ds_error_t *error)
{
    struct ds_snapshot_manifest *manifest = &record->body.as.snapshot_manifest;

    manifest->checksum = 0;
    if (!ds_schema_encode(&ds_schema_host_snapshot_state, record, value_out, error))
        return false;
    manifest->checksum =
        (int64_t)ds_crc32c((ds_bytes_t){value_out->data, (uint32_t)value_out->len - 1});
    ds_buf_clear(value_out);
    return ds_schema_encode(&ds_schema_host_snapshot_state, record, value_out, error);
}

bool ds_snapshot_manifest_check(const struct ds_snapshot_record *record, ds_bytes_t value,
                                ds_error_t *error)
{
    int64_t checksum;

    if (record->body.kind != DS_SNAPSHOT_RECORD_SNAPSHOT_MANIFEST)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_INVALID, "a manifest is none");
    checksum = record->body.as.snapshot_manifest.checksum;
    if (checksum < 0 || checksum > UINT32_MAX)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_INVALID, "its checksum is none");
    value.len -= (uint32_t)checksum_bytes(checksum);
    return (int64_t)ds_crc32c(value) == checksum || DS_PLANTED(CHECKSUM) ||
           ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_INVALID, "it is damaged");
}

bool ds_snapshot_is_of(ds_bytes_t message, const struct ds_schema *schema)
{
    uint64_t fingerprint = 0;

    if (message.len < 10 || message.data[0] != 0xC3 || message.data[1] != 0x01)
        return false;
    for (unsigned i = 0; i < 8; i++)
        fingerprint |= (uint64_t)message.data[2 + i] << (8 * i);
    return fingerprint == schema->fingerprint;
}
