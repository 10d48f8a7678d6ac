/* cli/token.c - a JWT for development, signed with JWT_SECRET. */
#include "base/id.h"
#include "cli/jwt.h"
#include "cli/roles.h"

#include <stdio.h>

struct settings {
    const char *secret;
    const char *subject;
    const char *role;
    const char *stores;
    int64_t ttl_us;
};

static const struct ds_option options[] = {
    {"jwt-secret", "JWT_SECRET", DS_OPT_TEXT, offsetof(struct settings, secret), NULL, 0, 0, true,
     true, "Key of the tokens (HS256), at least 32 bytes."},
    {"sub", NULL, DS_OPT_TEXT, offsetof(struct settings, subject), "demo-customer", 0, 0, false,
     false, "Who; for a courier the courier id."},
    {"role", NULL, DS_OPT_TEXT, offsetof(struct settings, role), "customer", 0, 0, false, false,
     "customer, courier, staff or admin."},
    {"stores", NULL, DS_OPT_TEXT, offsetof(struct settings, stores), "", 0, 0, false, false,
     "For staff: store ids, comma separated."},
    {"ttl", NULL, DS_OPT_DURATION, offsetof(struct settings, ttl_us), "1d", DS_US_PER_S,
     INT64_C(3650) * 86400 * DS_US_PER_S, false, false, "How long it is valid."},
    DS_OPTION_END,
};

static int run(const struct ds_runtime *runtime, const void *settings_, int argc,
               const char *const *argv, ds_error_t *error)
{
    (void)argc, (void)argv;
    const struct settings *settings = settings_;
    struct ds_token_claims claims = {ds_str(settings->subject), ds_str(settings->role),
                                     ds_str(settings->stores),
                                     ds_now_us(runtime->clock) / DS_US_PER_S,
                                     settings->ttl_us / DS_US_PER_S};
    char *token = NULL;
    if (!ds_token_sign(settings->secret, &claims, &token, error))
        return 1;
    printf("%s\n", token);
    ds_token_free(token);
    return 0;
}

const struct ds_role ds_role_token = {
    .name = "token",
    .summary = "print a bearer token for development",
    .examples = "  doorstep token --sub berlin-1.anna --role courier\n"
                "  doorstep token --sub jo --role staff --stores berlin-1,paris-1 --ttl 1h\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .run = run,
};
