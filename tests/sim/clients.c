/* The api's side of the log: a command is sent until it is acknowledged. After an outcome that
 * nobody knows it is sent again under the same id; now and then also without a reason, or with
 * another body. Garbage comes from elsewhere. */
#include "sim.h"

enum { THE_OTHER = 1, WITH_ACK = 2 };

static bool hit(struct sim *sim, unsigned of_1000)
{
    return !sim->healed && sim_hit(&sim->chance, of_1000);
}

static void again(struct sim *sim, struct sim_command *command)
{
    sim_at(sim, sim->now_us + sim_time(&sim->chance, 100 * SIM_MS, SIM_S), SIM_SEND, command, 0);
}

void sim_command_send(struct sim *sim, struct sim_command *command)
{
    int64_t land_us = sim->now_us + sim_time(&sim->chance, 300, 4 * SIM_MS);

    if (command->acked)
        return;
    command->tries++;
    if (hit(sim, 30)) { /* lost, and the api knows it, or not */
        again(sim, command);
    } else if (hit(sim, 30)) { /* it arrives, and nobody knows */
        sim_at(sim, sim->now_us + sim_time(&sim->chance, 300, 2 * SIM_S), SIM_COMMAND, command, 0);
        again(sim, command);
    } else {
        sim_at(sim, land_us, SIM_COMMAND, command, WITH_ACK);
        if (hit(sim, sim->plan.repeat))
            sim_at(sim, land_us + sim_time(&sim->chance, 0, 2 * SIM_S), SIM_COMMAND, command,
                   hit(sim, 300) ? THE_OTHER : 0);
    }
}

/* ---- garbage ---- */

static ds_bytes_t random_bytes(struct sim *sim, uint32_t len)
{
    uint8_t *bytes = sim_alloc(sim, len + 1);

    for (uint32_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)sim_next(&sim->chance);
    return (ds_bytes_t){bytes, len};
}

static void garbage(struct sim *sim, const struct sim_command *like)
{
    int32_t topic = DS_AUDIT_PROCESSORS + like->processor;
    int32_t partition = like->partition;
    struct sim_record r = {.has_key = true, .has_value = true, .key = like->key};
    uint64_t way = sim_roll(&sim->chance, 11);

    if (way < 3) {
        r.value = random_bytes(sim, 1 + (uint32_t)sim_roll(&sim->chance, 40));
    } else if (way < 6) { /* cut off */
        r.value = like->value;
        r.value.len -= 1 + (uint32_t)sim_roll(&sim->chance, 12);
    } else if (way < 7) { /* a schema that nobody knows */
        uint8_t *bytes = sim_copy(sim, like->value.data, like->value.len);

        bytes[3] ^= 0x55;
        r.value = (ds_bytes_t){bytes, like->value.len};
    } else if (way < 8) {
        r.has_value = false;
    } else if (way < 10) { /* a stranger writes to an events topic */
        topic = like->processor;
        r.value = random_bytes(sim, 3);
    } else { /* by a producer that partitions by another rule, or not at all */
        r.value = like->value;
        partition = (partition + 1) % sim->plan.partitions;
        r.has_key = partition != like->partition;
    }
    sim_append(sim, topic, partition, &r);
}

/* ---- reaching the log ---- */

void sim_command_land(struct sim *sim, struct sim_command *command, int how)
{
    const struct sim_record r = {.has_key = true,
                                 .has_value = true,
                                 .key = command->key,
                                 .value = (how & THE_OTHER) != 0 ? command->other : command->value};
    int64_t offset;

    if (hit(sim, sim->plan.garbage))
        garbage(sim, command);
    offset = sim_append(sim, DS_AUDIT_PROCESSORS + command->processor, command->partition, &r);
    if ((how & WITH_ACK) == 0)
        return;
    command->offset = offset;
    sim_at(sim, sim->now_us + sim_time(&sim->chance, 300, 3 * SIM_MS), SIM_ACK, command, 0);
}

static void keep_accepted(struct sim *sim, struct sim_command *command)
{
    struct sim_people *people = &sim->people;

    people->accepted = sim_grow(sim, people->accepted, people->accepted_count,
                                &people->accepted_capacity, sizeof(struct sim_command *));
    people->accepted[people->accepted_count++] = command;
}

/* 202: the client has a token now, and may ask with it. */
void sim_command_ack(struct sim *sim, struct sim_command *command)
{
    if (command->acked) {
        sim_token_ask(sim, command, false);
        return;
    }
    command->acked = true;
    sim->people.open_commands--;
    keep_accepted(sim, command);
    sim_at(sim, sim->now_us + sim_time(&sim->chance, 0, 300 * SIM_MS), SIM_ACK, command, 0);
}

/* ---- handing one in ---- */

static ds_bytes_t encode(struct sim *sim, int32_t processor, const void *command)
{
    ds_buf_t buf;
    ds_error_t error = DS_ERROR_INIT;
    ds_bytes_t bytes = {NULL, 0};

    ds_buf_init(&buf, DS_MAX_RECORD_BYTES);
    if (!ds_schema_encode(ds_audit_schema(DS_AUDIT_PROCESSORS + processor), command, &buf, &error))
        sim_fail(sim, "a command cannot be encoded: %s", error.message);
    else
        bytes = (ds_bytes_t){sim_copy(sim, buf.data, buf.len), (uint32_t)buf.len};
    ds_buf_cleanup(&buf);
    return bytes;
}

ds_str_t sim_new_id(struct sim *sim)
{
    uint8_t bytes[16];
    ds_id_t id;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)sim_next(&sim->chance);
    ds_id_from_bytes(bytes, &id);
    return (ds_str_t){sim_copy(sim, id.text, DS_ID_CHARS), DS_ID_CHARS};
}

void sim_give_command(struct sim *sim, int32_t processor, int32_t partition, void *message)
{
    struct ds_command_envelope *envelope = message;
    struct sim_command *command = sim_alloc(sim, sizeof(*command));

    if (envelope->head.command_id.len == 0)
        envelope->head.command_id = sim_new_id(sim);
    envelope->head.correlation_id = DS_STR("sim");
    envelope->head.body_hash = DS_STR("another body");
    *command = (struct sim_command){.processor = processor,
                                    .partition = partition,
                                    .key = ds_str(sim->people.store[partition]),
                                    .other = encode(sim, processor, message)};
    envelope->head.body_hash = DS_STR("the body");
    command->value = encode(sim, processor, message);
    sim->people.open_commands++;
    sim_at(sim, sim->now_us, SIM_SEND, command, 0);
}
