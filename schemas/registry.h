/* schemas/registry.h - a Confluent-compatible schema registry over HTTP.
 *
 * Subjects are `<topic>-value`. Every exchange has a finite timeout, and every answer is judged
 * before it is believed: only a registry's own error code means that something is not there, and an
 * id is taken only with the text it stands for. Anything else that is no answer (a proxy's page, an
 * HTML 404 of a wrong path, half a document, 401, 503) is UNAVAILABLE: to be asked again.
 *
 * Threads: one client, one thread. */
#ifndef DS_SCHEMAS_REGISTRY_H
#define DS_SCHEMAS_REGISTRY_H

#include "schemas/schema.h"

struct ds_registry_config {
    const char *url; /* with a path and a user, if need be: http://u:p@host:8080/apis/ccompat/v7 */
    int64_t timeout_us; /* of one exchange */
};

typedef struct ds_registry ds_registry_t;

/** @brief http or https, no query, no fragment; a slash at the end is fine. INVALID; the message
 * does not show what may be a password. */
DS_MUST_CHECK bool ds_registry_check_url(const char *url, ds_error_t *error);

/** @param config  borrowed. @param error  INVALID: the url. MEMORY. */
DS_MUST_CHECK bool ds_registry_new(const struct ds_registry_config *config,
                                   ds_registry_t **registry_out, ds_error_t *error);
void ds_registry_destroy(ds_registry_t *registry);

/** @brief The id of the schema as it stands in this build, by its text; nothing is registered.
 *  @param error  UNKNOWN: it is not registered. UNAVAILABLE: see above. */
DS_MUST_CHECK bool ds_registry_find(ds_registry_t *registry, const struct ds_schema *schema,
                                    uint32_t *id_out, ds_error_t *error);
/** @brief The fingerprint of the schema behind an id. *ours_out false: it is no Avro schema that we
 * could ever have written with.
 *  @param error  UNKNOWN: the registry has no such id. UNAVAILABLE: see above. */
DS_MUST_CHECK bool ds_registry_fingerprint(ds_registry_t *registry, uint32_t id, bool *ours_out,
                                           uint64_t *fingerprint_out, ds_error_t *error);
/** @brief Set the subject's compatibility to BACKWARD_TRANSITIVE. */
DS_MUST_CHECK bool ds_registry_set_compatibility(ds_registry_t *registry,
                                                 const struct ds_schema *schema, ds_error_t *error);
/** @brief Register the schema as it stands; the same text again gives the same id.
 *  @param error  CONFLICT: not compatible with what is registered. INVALID: refused otherwise. */
DS_MUST_CHECK bool ds_registry_register(ds_registry_t *registry, const struct ds_schema *schema,
                                        uint32_t *id_out, ds_error_t *error);

#endif
