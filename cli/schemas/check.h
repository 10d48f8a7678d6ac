/* cli/schemas/check.h - today's schemas against every version ever released, from files alone.
 *
 * Both ways of DESIGN section 5. Today's readers must read all that was ever written, for a replay
 * starts at offset 0: what is in the way is an error. Readers that are still out there meet what
 * today's writers write: what they could not take is a note, since readers are deployed first. */
#ifndef DS_CLI_SCHEMAS_CHECK_H
#define DS_CLI_SCHEMAS_CHECK_H

#include "base/error.h"

#include <jansson.h>

/** @brief Compare DIR/avsc/<topic>.avsc with DIR/released/<topic>/v<N>.avsc, by the rules of the
 * build (schemas/compiler/resolve.h).
 *  @param result_out  {"errors", "notes", "topics": [{"topic", "fingerprint", "errors": [text],
 * "versions": [{"version", "fingerprint", "errors": [text], "notes": [text]}]}]}; the caller's.
 *  @param error  IO: a folder cannot be read. INVALID: a file is no schema of ours. */
DS_MUST_CHECK bool ds_schemas_check(const char *folder, json_t **result_out, ds_error_t *error);

#endif
