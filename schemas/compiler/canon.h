/* schemas/compiler/canon.h - Parsing Canonical Form and its CRC-64-AVRO. */
#ifndef DS_SCHEMAS_COMPILER_CANON_H
#define DS_SCHEMAS_COMPILER_CANON_H

#include "model.h"

/** @brief Append the canonical form: no doc, defaults, aliases, logical types or spaces; full
 * names. */
DS_MUST_CHECK bool canon_write(const struct type *type, ds_buf_t *out, ds_error_t *error);
DS_MUST_CHECK bool canon_fingerprint(const struct type *type, uint64_t *fingerprint_out,
                                     ds_error_t *error);

#endif
