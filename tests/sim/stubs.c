#include "sim.h"
#include "base/planted.h"
enum ds_planted ds_planted;
int sim_planted_off(void) { int was = (int)ds_planted; ds_planted = DS_PLANTED_NOTHING; return was; }
void sim_planted_on(int was) { ds_planted = (enum ds_planted)was; }
void sim_pg_reset(struct sim *sim) { (void)sim; }
void sim_pg_backend(struct sim *sim, void *b) { (void)sim; (void)b; }
int64_t sim_pg_position(const struct sim *sim, int32_t processor, int32_t partition) { return sim->judges[processor][partition].delivered; }
void sim_pg_judge(struct sim *sim) { (void)sim; }
void sim_mongo_reset(struct sim *sim) { (void)sim; }
int64_t sim_mongo_position(const struct sim *sim, int32_t partition) { return sim->judges[DS_AUDIT_ORDER][partition].delivered; }
void sim_mongo_judge(struct sim *sim) { (void)sim; }
void sim_token_ask(struct sim *sim, const struct sim_command *command, bool must) { (void)sim; (void)command; (void)must; }
#include "projections/postgres/worker.h"
#include "projections/mongo/worker.h"
int ds_worker_run(const struct ds_runtime *r, const struct ds_worker_settings *s, ds_error_t *e) { (void)r; (void)s; (void)e; return 0; }
int ds_mongo_worker_run(const struct ds_runtime *r, const struct ds_mongo_settings *s, ds_error_t *e) { (void)r; (void)s; (void)e; return 0; }
