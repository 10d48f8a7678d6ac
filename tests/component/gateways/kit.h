/* tests/component/gateways/kit.h - a real sandbox provider on a free port, and calls to it. */
#ifndef DS_TESTS_GATEWAYS_KIT_H
#define DS_TESTS_GATEWAYS_KIT_H

#include "base/http_client.h"
#include "gateways/sandbox/sandbox.h"

#include <jansson.h>

#define PROVIDER_KEY   "provider-key-of-the-tests"
#define WEBHOOK_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

struct kit {
    struct ds_runtime runtime;
    struct ds_health health;
    volatile sig_atomic_t stop;
    struct ds_sandbox_settings settings;
    ds_sandbox_t *sandbox; /* NULL while stopped */
    char dir[64];
    char url[64]; /* of the provider, without a path */
};

/** @param webhook_url  "" for none. */
struct kit *kit_start(const char *webhook_url);
void kit_stop(struct kit *kit);
/** Stop the provider; start it again with the same books and port. */
void kit_sandbox_stop(struct kit *kit);
void kit_sandbox_start(struct kit *kit);

/** An answer that comes is waited for so long: a machine may pause, and a disk be slow. */
#define ANSWER_MS 30000

/** The answer to one request; json is NULL without one. */
struct reply {
    int status; /* 0: none came */
    json_t *json;
};
struct reply kit_call(const struct kit *kit, const char *method, const char *path, const char *key,
                      const char *body, int timeout_ms);
void reply_free(struct reply *reply);
const char *reply_text(const struct reply *reply, const char *name);
int64_t reply_int(const struct reply *reply, const char *name);

/** POST /v1/charges of 2998 EUR for order b.A. */
struct reply kit_charge(const struct kit *kit, const char *key, const char *token);
void kit_mode(const struct kit *kit, const char *mode);
/** How many charges the books hold. */
size_t kit_charges(const struct kit *kit);
/** Wait, at most some 30 s, until the condition holds. */
#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        for (int turns_ = 0; turns_ < 6000 && !(condition); turns_++)                              \
            kit_pause();                                                                           \
        cr_assert(condition);                                                                      \
    } while (0)
/** 5 ms, between two looks at a condition. */
void kit_pause(void);

#endif
