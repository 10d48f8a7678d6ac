/* schemas/framing.h - what stands in front of the Avro body of a record in the log.
 *
 *   C3 01  fingerprint: 8 bytes, little-endian  body     Avro single-object; CRC-64-AVRO of the
 *                                                        writer's schema
 *   00     id: 4 bytes, big-endian              body     Confluent; the id a registry gave the
 * schema
 *
 * A framing is what a process knows of a registry's ids. Where there is one (SCHEMA_REGISTRY_URL)
 * the second form is written, else the first; both are read, always. NULL stands for "no registry":
 * then an id is nothing that anybody could look up.
 *
 * Nothing here waits. An id that is not known yet is asked for by a thread of the framing
 * (resolver.c), encoding or decoding says UNAVAILABLE meanwhile, and the caller comes back when
 * ds_framing_answers() has moved. An id is believed only when its schema's fingerprint is one this
 * build has a decoder for; what is believed is kept for ever, since ids never change their meaning.
 * What the registry does not know, or knows and we do not, is refused (UNKNOWN) and asked for again
 * after a minute. Questions are limited in number and rate, whatever ids a topic may hold.
 *
 * Threads: a framing is shared by all threads of a process. Encoding and decoding with known ids
 * takes no lock; no lock is ever held during an HTTP exchange. */
#ifndef DS_SCHEMAS_FRAMING_H
#define DS_SCHEMAS_FRAMING_H

#include "base/runtime.h"
#include "schemas/registry.h"

typedef struct ds_framing ds_framing_t;

/** @brief For a registry. No exchange takes place before an id is wanted.
 *  @param runtime  log, metrics, clock and random are borrowed for the framing's life.
 *  @param config  its text is borrowed. A url NULL: nobody is asked (tests).
 *  @param error  INVALID: not a URL of a registry. MEMORY. */
DS_MUST_CHECK bool ds_framing_new(const struct ds_runtime *runtime,
                                  const struct ds_registry_config *config,
                                  ds_framing_t **framing_out, ds_error_t *error);
/** @brief Waits for an exchange under way, at most the config's timeout. NULL is fine. */
void ds_framing_destroy(ds_framing_t *framing);
/** @brief The registry it asks. */
const struct ds_registry_config *ds_framing_registry(const ds_framing_t *framing);

/** @brief As ds_schema_encode(), with this process's frame. UNAVAILABLE: ds_framing_ready() is not
 * true. */
DS_MUST_CHECK bool ds_framing_encode(ds_framing_t *framing, const struct ds_schema *schema,
                                     const void *value, ds_buf_t *out, ds_error_t *error);
/** @brief As ds_schema_decode(), either frame.
 *  @param error  UNAVAILABLE: the id is not known yet and was asked for. UNKNOWN: nobody here knows
 * the fingerprint, or the registry does not know the id, or its schema is none of this topic. */
DS_MUST_CHECK bool ds_framing_decode(ds_framing_t *framing, const struct ds_schema *schema,
                                     ds_bytes_t message, ds_arena_t *arena, void *value_out,
                                     bool *head_ok_out, ds_error_t *error);

/** @brief Whether values of this schema can be written; asks for what is missing. */
bool ds_framing_ready(ds_framing_t *framing, const struct ds_schema *schema);
/** @brief Moves with every answer: what was not known before may be now. */
unsigned ds_framing_answers(const ds_framing_t *framing);
/** @brief What is being waited for, a literal for people; NULL: nothing. */
const char *ds_framing_waiting(const ds_framing_t *framing);
/** @brief For tools: wait until the answers have moved on from `seen`.
 *  @param error  UNAVAILABLE: not within timeout_ms. */
DS_MUST_CHECK bool ds_framing_wait(ds_framing_t *framing, unsigned seen, int64_t timeout_ms,
                                   ds_error_t *error);

/** @brief ds_framing_decode() for tools, which have nothing else to do: waits for the registry.
 *  @param timeout_ms  without any answer. @param error  UNAVAILABLE: none came. */
DS_MUST_CHECK bool ds_framing_decode_patiently(ds_framing_t *framing,
                                               const struct ds_schema *schema, ds_bytes_t message,
                                               ds_arena_t *arena, void *value_out,
                                               bool *head_ok_out, int64_t timeout_ms,
                                               ds_error_t *error);

#endif
