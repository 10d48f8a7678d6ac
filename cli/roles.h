/* cli/roles.h - every role and tool of the one binary. */
#ifndef DS_CLI_ROLES_H
#define DS_CLI_ROLES_H

#include "base/runtime.h"
#include "cli/settings.h"

/** @brief All roles and tools in the order of --help; ends with NULL. */
const struct ds_role *const *ds_roles(void);

/** The processors of the shop; ends with NULL. */
struct ds_decider;
extern const struct ds_decider *const ds_deciders[];
#define DS_DECIDERS 5

/** The parts of a role's option table, in order: the common ones, its own, and for `processor`
 * those of each decider. */
enum {
    DS_PART_COMMON,
    DS_PART_ROLE,
    DS_PART_DECIDERS,
    DS_MAX_PARTS = DS_PART_DECIDERS + DS_DECIDERS
};
/** @brief Fill the parts of a role. @return how many. */
size_t ds_role_parts(const struct ds_role *role, struct ds_option_part parts_out[DS_MAX_PARTS]);

extern const struct ds_role ds_role_processor;
extern const struct ds_role ds_role_topics;
extern const struct ds_role ds_role_schemas;
extern const struct ds_role ds_role_up;
extern const struct ds_role ds_role_seed;
extern const struct ds_role ds_role_demo;
extern const struct ds_role ds_role_load;
extern const struct ds_role ds_role_events;
extern const struct ds_role ds_role_order;
extern const struct ds_role ds_role_audit;
extern const struct ds_role ds_role_lag;
extern const struct ds_role ds_role_dlq;
extern const struct ds_role ds_role_payments;
extern const struct ds_role ds_role_token;
extern const struct ds_role ds_role_config_doc;
extern const struct ds_role ds_role_healthcheck;

#endif
