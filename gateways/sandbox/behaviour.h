/* gateways/sandbox/behaviour.h - how the sandbox treats a payment token.
 *
 *   tok_ok              approved
 *   tok_declined        declined
 *   tok_slow_<ms>       approved, answered <ms> later (at most 60 s)
 *   tok_silent          nothing happens and no answer comes
 *   tok_drop            approved, the first answer is lost
 *   tok_late_<ms>       pending; approved <ms> later (at most 1 h), told by webhook
 *   tok_refund_fail     approved; the first refund is refused, the next succeeds
 *
 * "tok_ok_..." and so on are the same. Any other token is declined. Pure. */
#ifndef DS_GATEWAYS_SANDBOX_BEHAVIOUR_H
#define DS_GATEWAYS_SANDBOX_BEHAVIOUR_H

#include "base/str.h"

enum ds_sandbox_act {
    DS_SANDBOX_APPROVE,
    DS_SANDBOX_DECLINE,
    DS_SANDBOX_SLOW,
    DS_SANDBOX_SILENT,
    DS_SANDBOX_DROP,
    DS_SANDBOX_LATE,
};

struct ds_behaviour {
    enum ds_sandbox_act act;
    int64_t delay_ms; /* SLOW: until the answer; LATE: until it is applied */
    bool first_refund_fails;
    const char *reason; /* of a decline, a literal; else NULL */
};

/** What PUT /v1/control sets: OK leaves it to the tokens, any other stands above them all. */
enum ds_sandbox_mode {
    DS_SANDBOX_MODE_OK,
    DS_SANDBOX_MODE_DECLINE,
    DS_SANDBOX_MODE_SLOW,
    DS_SANDBOX_MODE_SILENT,
    DS_SANDBOX_MODE_DROP,
};

struct ds_sandbox_control {
    enum ds_sandbox_mode mode;
    int64_t delay_ms; /* of SLOW */
};

struct ds_behaviour ds_behaviour_of_token(ds_str_t token);
/** @brief The same under a control. */
struct ds_behaviour ds_behaviour_under(struct ds_behaviour behaviour,
                                       struct ds_sandbox_control control);
const char *ds_sandbox_mode_text(enum ds_sandbox_mode mode);
bool ds_sandbox_mode_parse(ds_str_t text, enum ds_sandbox_mode *mode_out);

#endif
