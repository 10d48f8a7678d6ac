/* schemas/schema.h - the schemas of all topics at run time: framing, decoding, encoding, printing.
 *
 * The .avsc files in schemas/avsc are the contract. The schema compiler turns them at build time
 * into schemas/generated.h (all structs and enums) and one `const struct ds_schema` a topic. What
 * stands in front of the Avro body of a record of the log: schemas/framing.h; the functions here
 * write and read the single-object frame.
 *
 * Decoding is zero-copy: texts point into the message, arrays live in the arena. It checks every
 * length, item count, enum symbol, union index, boolean and UTF-8, and refuses trailing bytes; it
 * never allocates more than the message justifies. An older writer schema is read by name, missing
 * fields take their defaults. Threads: schemas are constants; everything else belongs to the
 * caller. */
#ifndef DS_SCHEMAS_SCHEMA_H
#define DS_SCHEMAS_SCHEMA_H

#include "base/buf.h"
#include "schemas/crc64.h" /* ds_crc64_avro */
#include "schemas/generated.h"

/** What every struct of an events topic begins with. */
struct ds_event_head {
    struct ds_meta meta;
    struct ds_context context;
};

/** What every struct of a commands topic begins with. */
struct ds_command_envelope {
    struct ds_command_head head;
};

enum ds_schema_kind {
    DS_SCHEMA_COMMANDS,
    DS_SCHEMA_EVENTS,
    DS_SCHEMA_PLAIN,
    DS_SCHEMA_STATE, /* no topic's: what snapshots are made of. Not in ds_schemas(), never released:
                        who does not know the very fingerprint reads the log instead */
};

/** The body kinds of the protocol's own records: the first fourteen of every events topic, so that
 * code that knows no order can tell them. */
enum ds_protocol_kind {
    DS_PROTOCOL_CLAIM,
    DS_PROTOCOL_OPEN,
    DS_PROTOCOL_PROGRESS,
    DS_PROTOCOL_INPUT_REJECTED,
    DS_PROTOCOL_INPUT_GAP,
    DS_PROTOCOL_INPUT_ATTACHED,
    DS_PROTOCOL_AGGREGATE_QUARANTINED,
    DS_PROTOCOL_INPUT_HELD,
    DS_PROTOCOL_AGGREGATE_RELEASED,
    DS_PROTOCOL_INPUT_PASSED,
    DS_PROTOCOL_INPUT_DROPPED,
    DS_PROTOCOL_INPUT_EDITED,
    DS_PROTOCOL_COMMAND_REJECTED,
    DS_PROTOCOL_COMMAND_REPEATED,
    DS_PROTOCOL_KINDS, /* from here on: events of the shop */
};

/** The layout all event structs share for their first fourteen kinds (checked by static asserts in
 * the generated code). */
struct ds_protocol_event {
    struct ds_event_head head;
    struct {
        int32_t kind; /* enum ds_protocol_kind; the topic's own enum has the same numbers */
        union {
            struct ds_claim claim;
            struct ds_open open;
            struct ds_progress progress;
            struct ds_input_rejected input_rejected;
            struct ds_input_gap input_gap;
            struct ds_input_attached input_attached;
            struct ds_aggregate_quarantined aggregate_quarantined;
            struct ds_input_held input_held;
            struct ds_aggregate_released aggregate_released;
            struct ds_input_passed input_passed;
            struct ds_input_dropped input_dropped;
            struct ds_input_edited input_edited;
            struct ds_command_rejected command_rejected;
            struct ds_command_repeated command_repeated;
        } as;
    } body;
};

/** What an operator asks of any processor: the first three of every commands topic. The host
 * answers them, not the decider. */
enum ds_operator_kind {
    DS_OPERATOR_RELEASE_AGGREGATE,
    DS_OPERATOR_DROP_INPUT,
    DS_OPERATOR_EDIT_INPUT,
    DS_OPERATOR_KINDS, /* from here on: commands of the shop */
};

struct ds_operator_command {
    struct ds_command_head head;
    struct {
        int32_t kind; /* enum ds_operator_kind; the topic's own enum has the same numbers */
        union {
            struct ds_release_aggregate release_aggregate;
            struct ds_drop_input drop_input;
            struct ds_edit_input edit_input;
        } as;
    } body;
};

struct ds_schema_version; /* one released writer schema and its decoder; generated */

struct ds_schema {
    const char *topic;     /* "order.events" */
    const char *full_name; /* "doorstep.order.OrderEvent" */
    enum ds_schema_kind kind;
    const char *json;            /* the .avsc as it stands */
    uint64_t fingerprint;        /* CRC-64-AVRO of its parsing canonical form */
    size_t struct_bytes;         /* of the topic's struct */
    int32_t body_kinds;          /* how many branches the body has; 0 for PLAIN and STATE */
    const char *const *ce_types; /* per body kind, such as "order.created" */
    const struct ds_schema_version *versions; /* newest first */
    size_t version_count;
    /** Frame and value. */
    bool (*encode)(ds_bytes_t frame, const void *value, ds_buf_t *out, ds_error_t *error);
    bool (*print_json)(const void *value, ds_buf_t *out, ds_error_t *error);
    /** The order the record is about: the body's `order_id`, else empty. */
    ds_str_t (*order_id)(const void *value);
    /** The aggregate: order_id, else courier_id, offer_id, product_id, store_id, aggregate, target;
     * else empty. */
    ds_str_t (*aggregate)(const void *value);
};

/** @brief The schemas of all topics, ends with NULL. */
const struct ds_schema *const *ds_schemas(void);
/** @brief By topic; NULL when unknown. */
const struct ds_schema *ds_schema_of_topic(ds_str_t topic);

/** @brief Append single-object frame and value. On failure `out` is as it was.
 *  @param error  INVALID: an enum value or a body kind that is none, a text that is not UTF-8
 * (nobody could read the record). LIMIT: more than DS_MAX_RECORD_BYTES, or than `out` may hold. */
DS_MUST_CHECK bool ds_schema_encode(const struct ds_schema *schema, const void *value,
                                    ds_buf_t *out, ds_error_t *error);

/** @brief Decode a message with a single-object frame into the schema's struct.
 *  @param message    borrowed; value_out's texts point into it.
 *  @param value_out  at least struct_bytes, 16-byte aligned; need not be zeroed. An absent optional
 * member is all zero; the branches of a union that are not selected are undefined. All undefined on
 * failure, except as said below.
 *  @param error  UNKNOWN: a fingerprint or registry id nobody here knows. TRUNCATED, INVALID,
 * LIMIT: broken bytes; the message names the field and the byte offset.
 *  @param head_ok_out  may be NULL. For events: on failure, true when at least the meta block was
 * read (and stands in value_out), so that rule F can be kept up. */
DS_MUST_CHECK bool ds_schema_decode(const struct ds_schema *schema, ds_bytes_t message,
                                    ds_arena_t *arena, void *value_out, bool *head_ok_out,
                                    ds_error_t *error);

/** @brief Append the value as one line of JSON (no newline). Enums by symbol, times RFC 3339, a
 * union body as
 *  {"order.created": {...}} by ce_type. */
DS_MUST_CHECK bool ds_schema_print_json(const struct ds_schema *schema, const void *value,
                                        ds_buf_t *out, ds_error_t *error);

/** @brief The body kind of an event or command struct (where the kind stands is the same in all);
 * -1 for PLAIN and STATE. */
int32_t ds_schema_body_kind(const struct ds_schema *schema, const void *value);
/** @brief Its wire name, such as "order.created"; "" for PLAIN and STATE. */
const char *ds_schema_ce_type(const struct ds_schema *schema, const void *value);

#endif
