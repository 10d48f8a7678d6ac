#include "heads.h"

#include <stdio.h>
#include <stdlib.h>

void bench_id(const struct ds_runtime *runtime, ds_id_t *id_out)
{
    ds_error_t error = DS_ERROR_INIT;

    if (ds_id_new(runtime->clock, runtime->random, id_out, &error))
        return;
    (void)fprintf(stderr, "bench: id: %s\n", error.message);
    exit(EXIT_FAILURE);
}

struct ds_command_head bench_head(const struct ds_runtime *runtime, struct bench_ids *ids_out,
                                  enum ds_actor_kind kind, const char *actor)
{
    bench_id(runtime, &ids_out->command);
    bench_id(runtime, &ids_out->body);
    bench_id(runtime, &ids_out->correlation);
    return (struct ds_command_head){.command_id = ds_str(ids_out->command.text),
                                    .body_hash = ds_str(ids_out->body.text),
                                    .correlation_id = ds_str(ids_out->correlation.text),
                                    .actor = {kind, ds_str(actor)}};
}
