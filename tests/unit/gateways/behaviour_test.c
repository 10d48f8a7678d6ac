#include "gateways/sandbox/behaviour.h"

#include <criterion/criterion.h>
#include <stddef.h>

static const struct {
    const char *token;
    enum ds_sandbox_act act;
    int64_t delay_ms;
    bool first_refund_fails;
    const char *reason;
} tokens[] = {
    {"tok_ok", DS_SANDBOX_APPROVE, 0, false, NULL},
    {"tok_ok_4242", DS_SANDBOX_APPROVE, 0, false, NULL},
    {"tok_declined", DS_SANDBOX_DECLINE, 0, false, "card_declined"},
    {"tok_slow_250", DS_SANDBOX_SLOW, 250, false, NULL},
    {"tok_slow_60000", DS_SANDBOX_SLOW, 60000, false, NULL},
    {"tok_silent", DS_SANDBOX_SILENT, 0, false, NULL},
    {"tok_drop", DS_SANDBOX_DROP, 0, false, NULL},
    {"tok_late_1500", DS_SANDBOX_LATE, 1500, false, NULL},
    {"tok_refund_fail", DS_SANDBOX_APPROVE, 0, true, NULL},
    {"tok_okay", DS_SANDBOX_DECLINE, 0, false, "unknown_token"},
    {"tok_slow", DS_SANDBOX_DECLINE, 0, false, "unknown_token"},
    {"tok_slow_", DS_SANDBOX_DECLINE, 0, false, "unknown_token"},
    {"tok_slow_60001", DS_SANDBOX_DECLINE, 0, false, "unknown_token"},
    {"tok_slow_-1", DS_SANDBOX_DECLINE, 0, false, "unknown_token"},
    {"tok_late_9999999", DS_SANDBOX_DECLINE, 0, false, "unknown_token"},
    {"tok_late_1s", DS_SANDBOX_DECLINE, 0, false, "unknown_token"},
    {"", DS_SANDBOX_DECLINE, 0, false, "unknown_token"},
};

Test(behaviour, token_says_how_a_charge_goes)
{
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        struct ds_behaviour behaviour = ds_behaviour_of_token(ds_str(tokens[i].token));
        cr_expect_eq(behaviour.act, tokens[i].act, "%s", tokens[i].token);
        if (behaviour.act == DS_SANDBOX_SLOW || behaviour.act == DS_SANDBOX_LATE)
            cr_expect_eq(behaviour.delay_ms, tokens[i].delay_ms, "%s", tokens[i].token);
        cr_expect_eq(behaviour.first_refund_fails, tokens[i].first_refund_fails, "%s",
                     tokens[i].token);
        if (tokens[i].reason == NULL)
            cr_expect_null(behaviour.reason, "%s", tokens[i].token);
        else
            cr_expect_str_eq(behaviour.reason, tokens[i].reason, "%s", tokens[i].token);
    }
}

Test(behaviour, control_stands_above_every_token_except_ok)
{
    struct ds_behaviour declined = ds_behaviour_of_token(DS_STR("tok_declined"));
    struct ds_behaviour ok = ds_behaviour_of_token(DS_STR("tok_ok"));
    cr_expect_eq(
        ds_behaviour_under(declined, (struct ds_sandbox_control){DS_SANDBOX_MODE_OK, 0}).act,
        DS_SANDBOX_DECLINE);
    cr_expect_eq(ds_behaviour_under(ok, (struct ds_sandbox_control){DS_SANDBOX_MODE_SILENT, 0}).act,
                 DS_SANDBOX_SILENT);
    cr_expect_eq(ds_behaviour_under(ok, (struct ds_sandbox_control){DS_SANDBOX_MODE_DROP, 0}).act,
                 DS_SANDBOX_DROP);
    struct ds_behaviour slow =
        ds_behaviour_under(declined, (struct ds_sandbox_control){DS_SANDBOX_MODE_SLOW, 70});
    cr_expect_eq(slow.act, DS_SANDBOX_SLOW);
    cr_expect_eq(slow.delay_ms, 70);
    struct ds_behaviour refused =
        ds_behaviour_under(ok, (struct ds_sandbox_control){DS_SANDBOX_MODE_DECLINE, 0});
    cr_expect_eq(refused.act, DS_SANDBOX_DECLINE);
    cr_expect_str_eq(refused.reason, "card_declined");
}

Test(behaviour, mode_texts_are_read_back)
{
    for (int i = DS_SANDBOX_MODE_OK; i <= DS_SANDBOX_MODE_DROP; i++) {
        enum ds_sandbox_mode mode;
        cr_assert(
            ds_sandbox_mode_parse(ds_str(ds_sandbox_mode_text((enum ds_sandbox_mode)i)), &mode));
        cr_expect_eq((int)mode, i);
    }
    enum ds_sandbox_mode mode;
    cr_expect_not(ds_sandbox_mode_parse(DS_STR("OK"), &mode));
}
