/* schemas/crc64.c - the Rabin fingerprint of Avro. Also part of the schema compiler. */
#include "schemas/crc64.h"

/* Bit by bit, without a table: run once a schema, not once a record. */
uint64_t ds_crc64_avro(ds_bytes_t data)
{
    const uint64_t empty = UINT64_C(0xC15D213AA4D7A795);
    uint64_t crc = empty;
    for (uint32_t i = 0; i < data.len; i++) {
        uint64_t step = (crc ^ data.data[i]) & 0xFF;
        for (int bit = 0; bit < 8; bit++)
            step = (step >> 1) ^ ((step & 1) != 0 ? empty : 0);
        crc = (crc >> 8) ^ step;
    }
    return crc;
}
