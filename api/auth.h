/* api/auth.h - bearer tokens: JWTs of our own accounts, HS256 and nothing else.
 *
 * The configured issuer picks algorithm and key, never the token: `alg` must be HS256, a key is
 * always given, and exp, nbf, iss and aud are checked here, since libjwt checks none of them.
 * Thread-safe (no state). */
#ifndef DS_API_AUTH_H
#define DS_API_AUTH_H

#include "api/router.h"

#define DS_JWT_MAX_BYTES    8192
#define DS_JWT_LEEWAY_S     60
#define DS_MAX_STAFF_STORES 64

struct ds_auth_config {
    ds_str_t secret;   /* at least 32 bytes */
    ds_str_t previous; /* the one before, while rotating; may be empty */
    const char *issuer;
    const char *audience;
};

struct ds_person {
    unsigned roles;   /* enum ds_person_role; 0: nobody */
    ds_str_t subject; /* in the arena, like the stores */
    ds_str_t stores[DS_MAX_STAFF_STORES];
    size_t store_count;
};

enum ds_auth_verdict {
    DS_AUTH_OK,
    DS_AUTH_ABSENT,  /* no Authorization header */
    DS_AUTH_INVALID, /* malformed, another algorithm, a wrong signature, issuer or audience, not
                        valid yet */
    DS_AUTH_EXPIRED,
};

/** @brief Check "Bearer <jwt>". @param now_s UTC seconds. @param person_out zeroed unless
 * DS_AUTH_OK. */
enum ds_auth_verdict ds_auth_check(const struct ds_auth_config *config, ds_str_t authorization,
                                   int64_t now_s, ds_arena_t *arena, struct ds_person *person_out);
/** @brief May this person work for the store (staff of it, or admin)? */
bool ds_person_works_for(const struct ds_person *person, ds_str_t store_id);

#endif
