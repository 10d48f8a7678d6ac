/* cli/audit/hash.h - 128 bits of a text or of bytes, sixteen bytes a step, for sets and sums that
 * need not keep what they are of. Against mistakes, not against somebody who looks for two texts of
 * one hash. Pure, any thread. */
#ifndef DS_CLI_AUDIT_HASH_H
#define DS_CLI_AUDIT_HASH_H

#include "base/str.h"

/** @brief Never all zero: a set may use that for "free". */
void ds_audit_hash(ds_str_t text, uint64_t hash_out[2]);
void ds_audit_hash_bytes(ds_bytes_t bytes, uint64_t hash_out[2]);

#endif
