/* bench/heads.h - the heads of the commands that benchmarks make up. */
#ifndef DS_BENCH_HEADS_H
#define DS_BENCH_HEADS_H

#include "base/id.h"
#include "base/runtime.h"
#include "schemas/schema.h"

/** What a head names. */
struct bench_ids {
    ds_id_t command, body, correlation;
};

/** @brief A new id. Ends the process where there is none. */
void bench_id(const struct ds_runtime *runtime, ds_id_t *id_out);
/** @brief A head with ids of its own. Ends the process where there are none.
 *  @param ids_out, actor  borrowed by the head. */
struct ds_command_head bench_head(const struct ds_runtime *runtime, struct bench_ids *ids_out,
                                  enum ds_actor_kind kind, const char *actor);

#endif
