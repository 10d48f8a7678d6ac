/* schemas/schema.c - finding a schema, and what can be asked of its values. */
#include "schemas/schema.h"

#include "schemas/framing.h"

#include <stddef.h>

const struct ds_schema *const *ds_schemas(void)
{
    return ds_schema_list;
}

const struct ds_schema *ds_schema_of_topic(ds_str_t topic)
{
    for (const struct ds_schema *const *s = ds_schema_list; *s != NULL; s++) {
        if (ds_str_eq(ds_str((*s)->topic), topic))
            return *s;
    }
    return NULL;
}

bool ds_schema_encode(const struct ds_schema *schema, const void *value, ds_buf_t *out,
                      ds_error_t *error)
{
    return ds_framing_encode(NULL, schema, value, out, error);
}

bool ds_schema_decode(const struct ds_schema *schema, ds_bytes_t message, ds_arena_t *arena,
                      void *value_out, bool *head_ok_out, ds_error_t *error)
{
    return ds_framing_decode(NULL, schema, message, arena, value_out, head_ok_out, error);
}

bool ds_schema_print_json(const struct ds_schema *schema, const void *value, ds_buf_t *out,
                          ds_error_t *error)
{
    return schema->print_json(value, out, error);
}

/* Where the kind stands is the same in all events and in all commands: generated layout.c asserts
 * it. */
int32_t ds_schema_body_kind(const struct ds_schema *schema, const void *value)
{
    int32_t kind = -1;
    const uint8_t *bytes = value;
    switch (schema->kind) {
    case DS_SCHEMA_EVENTS:
        memcpy(&kind, bytes + offsetof(struct ds_protocol_event, body.kind), sizeof(kind));
        break;
    case DS_SCHEMA_COMMANDS:
        memcpy(&kind, bytes + sizeof(struct ds_command_envelope), sizeof(kind));
        break;
    case DS_SCHEMA_PLAIN:
    case DS_SCHEMA_STATE:
        break;
    }
    return kind;
}

const char *ds_schema_ce_type(const struct ds_schema *schema, const void *value)
{
    int32_t kind = ds_schema_body_kind(schema, value);
    return kind >= 0 && kind < schema->body_kinds ? schema->ce_types[kind] : "";
}
