#include "cli/jwt.h"

#include <jansson.h>
#include <jwt.h>
#include <stdlib.h>

static bool role_is_known(ds_str_t role)
{
    return ds_str_eq(role, DS_STR("customer")) || ds_str_eq(role, DS_STR("courier")) ||
           ds_str_eq(role, DS_STR("staff")) || ds_str_eq(role, DS_STR("admin"));
}

/* Steals nothing; the caller frees the array. */
static json_t *stores_array(ds_str_t stores)
{
    json_t *array = json_array();
    while (stores.len > 0) {
        ds_str_t store = ds_str_before(stores, ',');
        (void)json_array_append_new(array, json_stringn(store.data, store.len));
        stores = ds_str_after(stores, ',');
    }
    return array;
}

static json_t *claims_json(const struct ds_token_claims *claims)
{
    return json_pack("{s:s%, s:s, s:s, s:I, s:I, s:I, s:[s%], s:o}", "sub", claims->subject.data,
                     (size_t)claims->subject.len, "iss", "doorstep", "aud", "doorstep", "iat",
                     (json_int_t)claims->now_s, "nbf", (json_int_t)claims->now_s, "exp",
                     (json_int_t)(claims->now_s + claims->ttl_s), "roles", claims->role.data,
                     (size_t)claims->role.len, "stores", stores_array(claims->stores));
}

bool ds_token_sign(const char *secret, const struct ds_token_claims *claims, char **token_out,
                   ds_error_t *error)
{
    *token_out = NULL;
    if (strlen(secret) < 32)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "jwt-secret has %zu bytes, at least 32 are needed", strlen(secret));
    if (!role_is_known(claims->role))
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "role '%.*s' is not customer, courier, staff or admin",
                            DS_STR_ARG(claims->role));
    jwt_t *jwt = NULL;
    json_t *json = claims_json(claims);
    char *grants = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    bool ok =
        grants != NULL && jwt_new(&jwt) == 0 && jwt_add_grants_json(jwt, grants) == 0 &&
        jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)secret, (int)strlen(secret)) == 0 &&
        (*token_out = jwt_encode_str(jwt)) != NULL;
    if (!ok)
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "cannot sign a token");
    jwt_free(jwt);
    free(grants);
    json_decref(json);
    return ok;
}

void ds_token_free(char *token)
{
    free(token); /* libjwt gives out malloc-ed text */
}
