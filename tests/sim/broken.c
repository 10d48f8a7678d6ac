/* A planted bug of the domain: for a while, what is about some aggregates is found impossible, by
 * every processor that meets one of them. Then it is mended, and somebody releases what is
 * quarantined. In the end nothing may wait, and the log must be right by all its invariants. */
#include "base/id.h"
#include "sim.h"
#include "stream/partition.h"

/* The same in every run over the seed, whoever asks. */
static bool is_unlucky(const struct sim *sim, int processor, ds_str_t aggregate)
{
    uint64_t hash = sim->plan.seed * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)processor;

    for (uint32_t i = 0; i < aggregate.len; i++)
        hash = (hash ^ (uint8_t)aggregate.data[i]) * UINT64_C(0x100000001b3);
    hash ^= hash >> 29;
    return hash % 1000 < sim->plan.broken;
}

static void note(struct sim *sim, int processor, ds_str_t aggregate)
{
    for (size_t i = 0; i < sim->broken_count; i++)
        if (sim->broken[i].processor == processor && ds_str_eq(sim->broken[i].aggregate, aggregate))
            return;
    sim->broken =
        sim_grow(sim, sim->broken, sim->broken_count, &sim->broken_capacity, sizeof(*sim->broken));
    sim->broken[sim->broken_count++] = (struct sim_broken){
        .processor = processor,
        .partition = ds_partition_of(ds_id_store(aggregate), sim->plan.partitions),
        .aggregate = {sim_copy(sim, aggregate.data, aggregate.len), aggregate.len}};
}

/* Half-way through: what was decided so far must not happen. */
static bool decide(int processor, const void *state, const struct ds_input *input, int64_t now_us,
                   ds_decision_t *decision, ds_error_t *error)
{
    struct sim *sim = sim_world;
    const struct ds_decider *real = sim_decider(processor);
    ds_str_t aggregate = ds_decider_aggregate(real, input);

    if (!real->decide(state, input, now_us, decision, error))
        return false;
    if (sim->plan.broken == 0 || sim->now_us >= SIM_START_US + sim->plan.mended_us ||
        aggregate.len == 0 || !is_unlucky(sim, processor, aggregate))
        return true;
    note(sim, processor, aggregate);
    return ds_impossible(error, "%.*s is broken", DS_STR_ARG(aggregate));
}

#define DECIDE(processor)                                                                          \
    static bool decide_##processor(const void *state, const struct ds_input *input,                \
                                   int64_t now_us, ds_decision_t *decision, ds_error_t *error)     \
    {                                                                                              \
        return decide(DS_AUDIT_##processor, state, input, now_us, decision, error);                \
    }
DECIDE(CATALOG)
DECIDE(ORDER)
DECIDE(INVENTORY)
DECIDE(PAYMENT)
DECIDE(DELIVERY)

const struct ds_decider *sim_broken_decider(int processor)
{
    static bool (*const decides[DS_AUDIT_PROCESSORS])(const void *, const struct ds_input *,
                                                      int64_t, ds_decision_t *, ds_error_t *) = {
        [DS_AUDIT_CATALOG] = decide_CATALOG,
        [DS_AUDIT_ORDER] = decide_ORDER,
        [DS_AUDIT_INVENTORY] = decide_INVENTORY,
        [DS_AUDIT_PAYMENT] = decide_PAYMENT,
        [DS_AUDIT_DELIVERY] = decide_DELIVERY};
    static struct ds_decider broken[DS_AUDIT_PROCESSORS];

    broken[processor] = *sim_decider(processor);
    broken[processor].decide = decides[processor];
    return &broken[processor];
}

static void release(struct sim *sim, const struct sim_broken *broken)
{
    const struct ds_schema *schema = ds_audit_schema(DS_AUDIT_PROCESSORS + broken->processor);
    struct ds_operator_command *command = sim_alloc(sim, schema->struct_bytes);

    command->head.actor = (struct ds_actor){DS_ACTOR_KIND_ADMIN, DS_STR("on-call")};
    command->body.kind = DS_OPERATOR_RELEASE_AGGREGATE;
    command->body.as.release_aggregate =
        (struct ds_release_aggregate){broken->aggregate, DS_STR("mended")};
    sim_say(sim, "on-call releases %.*s", DS_STR_ARG(broken->aggregate));
    sim_give_command(sim, broken->processor, broken->partition, command);
}

void sim_mend(struct sim *sim)
{
    for (size_t i = 0; i < sim->broken_count; i++)
        release(sim, &sim->broken[i]);
}
