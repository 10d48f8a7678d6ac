/* schemas/crc64.h - CRC-64-AVRO, apart from schema.h because the schema compiler runs before that
 * can be compiled. */
#ifndef DS_SCHEMAS_CRC64_H
#define DS_SCHEMAS_CRC64_H

#include "base/str.h"

/** @brief CRC-64-AVRO (Rabin fingerprint) of bytes; Avro 1.11 specification, "Schema Fingerprints".
 */
uint64_t ds_crc64_avro(ds_bytes_t data);

#endif
