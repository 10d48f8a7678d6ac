/* What the tests of quarantine and of operators' commands share: one host on the rig's log whose
 * decider finds impossible what is about one aggregate. */
#ifndef DS_TESTS_COMPONENT_STREAM_QUARANTINE_KIT_H
#define DS_TESTS_COMPONENT_STREAM_QUARANTINE_KIT_H

#include "rig.h"

#define SECOND INT64_C(1000000)
#define A      "s.a" /* what is broken, as long as settings.broken says so */
#define B      "s.b"

extern struct quarantine_kit {
    struct rig rig;
    struct ds_counter_settings settings;
    size_t max_held; /* 0: the default */
} qk;

void qk_set_up(void);
void qk_tear_down(void);
/** @brief For rig_start. */
void qk_with_settings(struct ds_host_config *config);
/** @brief Start host 0 and give it partition 0, which it runs. */
void qk_begin(void);
/** @brief kill -9, and the next one. */
void qk_again(void);
/** @brief The fold of the log, which is sound, answers each input once and is what the host holds.
 */
struct rig_fold qk_check(void);
/** @brief A command that receives pieces of a product. @return its offset. Both. */
int64_t qk_receive(const char *product, int quantity);
int64_t qk_receive_as(const char *id, const char *product, int quantity);
/** @brief The command that releases an aggregate, by staff. @return its offset. Both. */
int64_t qk_release(const char *aggregate);
int64_t qk_release_as(enum ds_actor_kind kind, const char *aggregate);
int64_t qk_gauge(const char *name);
/** @brief Of the last rejection in the log. */
bool qk_last_reason_is(const char *reason);

#endif
