#include "gateways/sandbox/behaviour.h"

#include <stddef.h>

#define MAX_SLOW_MS (60 * 1000)
#define MAX_LATE_MS (60 * 60 * 1000)

/* "tok_ok" and "tok_ok_4242", not "tok_okay". */
static bool is_token(ds_str_t token, const char *name, ds_str_t *rest_out)
{
    ds_str_t wanted = ds_str(name);
    *rest_out = (ds_str_t){NULL, 0};
    if (token.len < wanted.len || memcmp(token.data, wanted.data, wanted.len) != 0)
        return false;
    if (token.len == wanted.len)
        return true;
    if (token.data[wanted.len] != '_')
        return false;
    *rest_out = (ds_str_t){token.data + wanted.len + 1, token.len - wanted.len - 1};
    return true;
}

static bool delay_of(ds_str_t rest, int64_t max_ms, int64_t *delay_ms_out)
{
    return ds_str_to_i64(rest, delay_ms_out) && *delay_ms_out >= 0 && *delay_ms_out <= max_ms;
}

struct ds_behaviour ds_behaviour_of_token(ds_str_t token)
{
    ds_str_t rest;
    struct ds_behaviour behaviour = {.act = DS_SANDBOX_APPROVE};
    if (is_token(token, "tok_ok", &rest))
        return behaviour;
    behaviour.first_refund_fails = is_token(token, "tok_refund_fail", &rest);
    if (behaviour.first_refund_fails)
        return behaviour;
    if (is_token(token, "tok_silent", &rest))
        return (struct ds_behaviour){.act = DS_SANDBOX_SILENT};
    if (is_token(token, "tok_drop", &rest))
        return (struct ds_behaviour){.act = DS_SANDBOX_DROP};
    behaviour.act = DS_SANDBOX_SLOW;
    if (is_token(token, "tok_slow", &rest) && delay_of(rest, MAX_SLOW_MS, &behaviour.delay_ms))
        return behaviour;
    behaviour.act = DS_SANDBOX_LATE;
    if (is_token(token, "tok_late", &rest) && delay_of(rest, MAX_LATE_MS, &behaviour.delay_ms))
        return behaviour;
    bool declined = is_token(token, "tok_declined", &rest);
    return (struct ds_behaviour){.act = DS_SANDBOX_DECLINE,
                                 .reason = declined ? "card_declined" : "unknown_token"};
}

struct ds_behaviour ds_behaviour_under(struct ds_behaviour behaviour,
                                       struct ds_sandbox_control control)
{
    switch (control.mode) {
    case DS_SANDBOX_MODE_OK:
        return behaviour;
    case DS_SANDBOX_MODE_DECLINE:
        return (struct ds_behaviour){.act = DS_SANDBOX_DECLINE, .reason = "card_declined"};
    case DS_SANDBOX_MODE_SLOW:
        return (struct ds_behaviour){.act = DS_SANDBOX_SLOW, .delay_ms = control.delay_ms};
    case DS_SANDBOX_MODE_SILENT:
        return (struct ds_behaviour){.act = DS_SANDBOX_SILENT};
    case DS_SANDBOX_MODE_DROP:
        return (struct ds_behaviour){.act = DS_SANDBOX_DROP};
    }
    return behaviour;
}

static const char *const mode_texts[] = {"ok", "decline", "slow", "silent", "drop"};

const char *ds_sandbox_mode_text(enum ds_sandbox_mode mode)
{
    return mode_texts[mode];
}

bool ds_sandbox_mode_parse(ds_str_t text, enum ds_sandbox_mode *mode_out)
{
    for (size_t i = 0; i < sizeof mode_texts / sizeof *mode_texts; i++) {
        if (ds_str_eq(text, ds_str(mode_texts[i]))) {
            *mode_out = (enum ds_sandbox_mode)i;
            return true;
        }
    }
    return false;
}
