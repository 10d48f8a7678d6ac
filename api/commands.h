/* api/commands.h - from a checked request to a command in Kafka, and its answer.
 *
 * A handler fills a struct ds_command_job (in the request's arena) and submits it:
 *   1. the replica's own memory: a repeat with the same body gets the same 202, with another body
 * 422;
 *   2. with an Idempotency-Key, the read model (50 ms, left out while the database is away);
 *   3. the producer; the delivery report answers: 202, or 503 kafka_unavailable, or 503
 * outcome_unknown. */
#ifndef DS_API_COMMANDS_H
#define DS_API_COMMANDS_H

#include "api/request.h"
#include "schemas/schema.h"

struct ds_command_job {
    const struct ds_schema *schema;
    enum ds_commands_topic topic;
    struct ds_command_envelope *command; /* the schema's struct, in the arena */
    ds_str_t key;                        /* store id: decides the partition */
    ds_id_t id;
    ds_id_t body_hash;
    const char *status_path; /* "/api/orders/..." or "/api/commands/..." */
    const char *order_id;    /* of PlaceOrder; NULL otherwise */
    const char *names[3];    /* what the answer names: "orderId" ... */
    ds_str_t values[3];
    json_t *list;      /* "productIds"; borrowed: request->owned */
    ds_str_t currency; /* of the products; compared with the store's */
    bool plain_ok;     /* a webhook: 200 {} instead of 202 */
    bool looked_up;
    bool end_unknown;
    /* A refusal that only counts when this is not a repeat (prices have moved since). */
    int refusal_status;
    const char *refusal_code;
    const char *refusal_message;
};

/** @brief A job with its command (zeroed, of schema->struct_bytes) and a filled head: id from the
 * Idempotency-Key, else random; who asks: as the strongest of `roles` they have. NULL: answered
 * 500.
 *  @param target  what it is about (for the id): the aggregate, or the store for an order. */
struct ds_command_job *ds_command_new(ds_request_t *request, const struct ds_schema *schema,
                                      enum ds_commands_topic topic, ds_str_t key, ds_str_t target,
                                      unsigned roles);
/** @brief The answer names it. */
void ds_command_name(struct ds_command_job *job, const char *name, ds_str_t value);
/** @brief Whether this replica knows the command already; then the answer stands in the request. */
bool ds_command_known(ds_request_t *request, struct ds_command_job *job);
/** @brief Send, or find out that it is a repeat. The request is held, then answered. */
void ds_command_submit(ds_request_t *request, struct ds_command_job *job);
/** @brief The same for a request that is held already. */
void ds_command_submit_held(ds_request_t *request, struct ds_command_job *job);
/** @brief The catalogue refuses: at once without a key; with one, only when it is not a repeat of
 * what was kept. */
void ds_command_refuse(ds_request_t *request, struct ds_command_job *job, int status,
                       const char *code, const char *message);
/** @brief statusUrl without its token; NULL when there is no command. */
const char *ds_command_status_path(const ds_request_t *request);

#endif
