/* cli/jwt.h - signs tokens for the tools, as the api expects them (API.md section 2): HS256, issuer
 * and audience "doorstep". */
#ifndef DS_CLI_JWT_H
#define DS_CLI_JWT_H

#include "base/buf.h"

struct ds_token_claims {
    ds_str_t subject;
    ds_str_t role;   /* one of customer, courier, staff, admin */
    ds_str_t stores; /* comma separated; may be empty */
    int64_t now_s;
    int64_t ttl_s;
};

/** @brief Sign. @param token_out NUL-terminated; free with ds_token_free. DS_ERR_INVALID: the
 * secret is shorter than 32 bytes, or the role is unknown. */
DS_MUST_CHECK bool ds_token_sign(const char *secret, const struct ds_token_claims *claims,
                                 char **token_out, ds_error_t *error);
void ds_token_free(char *token);

#endif
