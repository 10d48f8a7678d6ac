#include "api/auth.h"

#include <jansson.h>
#include <jwt.h>
#include <limits.h>
#include <stdlib.h>
#include <strings.h>

static const struct {
    const char *name;
    unsigned role;
} role_names[] = {
    {"customer", DS_CUSTOMER}, {"courier", DS_COURIER}, {"staff", DS_STAFF}, {"admin", DS_ADMIN}};

static bool decode(const char *token, ds_str_t secret, jwt_t **jwt_out)
{
    *jwt_out = NULL;
    /* A NULL key would accept anything. */
    if (secret.len < 32 ||
        jwt_decode(jwt_out, token, (const unsigned char *)secret.data, (int)secret.len) != 0)
        return false;
    if (jwt_get_alg(*jwt_out) == JWT_ALG_HS256)
        return true;
    jwt_free(*jwt_out);
    *jwt_out = NULL;
    return false;
}

static json_t *grant_json(jwt_t *jwt, const char *name)
{
    char *text = jwt_get_grants_json(jwt, name);
    json_t *json = text == NULL ? NULL : json_loads(text, JSON_DECODE_ANY, NULL);
    free(text);
    return json;
}

enum grant { ABSENT, MALFORMED, TIME };

/* Seconds since 1970, maybe with a fraction. (jwt_get_grant_int reads anything but an integer as
 * 0.) */
static enum grant grant_time(jwt_t *jwt, const char *name, double *seconds_out)
{
    json_t *json = grant_json(jwt, name);
    enum grant grant = json == NULL ? ABSENT : json_is_number(json) ? TIME : MALFORMED;
    *seconds_out = json_number_value(json);
    json_decref(json);
    return grant;
}

static bool has_text(const json_t *json, const char *wanted)
{
    if (json_is_string(json))
        return strcmp(json_string_value(json), wanted) == 0;
    size_t i;
    json_t *item;
    json_array_foreach(json, i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), wanted) == 0)
            return true;
    }
    return false;
}

static bool audience_ok(jwt_t *jwt, const char *wanted)
{
    json_t *audience = grant_json(jwt, "aud");
    bool ok = has_text(audience, wanted);
    json_decref(audience);
    return ok;
}

static enum ds_auth_verdict check_claims(const struct ds_auth_config *config, jwt_t *jwt,
                                         int64_t now_s)
{
    double expires_s;
    double not_before_s;
    const char *issuer = jwt_get_grant(jwt, "iss");
    if (issuer == NULL || strcmp(issuer, config->issuer) != 0 ||
        !audience_ok(jwt, config->audience))
        return DS_AUTH_INVALID;
    if (grant_time(jwt, "exp", &expires_s) != TIME)
        return DS_AUTH_INVALID;
    enum grant not_before = grant_time(jwt, "nbf", &not_before_s);
    if (not_before == MALFORMED ||
        (not_before == TIME && not_before_s > (double)(now_s + DS_JWT_LEEWAY_S)))
        return DS_AUTH_INVALID;
    return expires_s <= (double)(now_s - DS_JWT_LEEWAY_S) ? DS_AUTH_EXPIRED : DS_AUTH_OK;
}

static bool take_stores(const json_t *stores, ds_arena_t *arena, struct ds_person *person)
{
    ds_error_t error = DS_ERROR_INIT;
    size_t i;
    json_t *item;
    json_array_foreach(stores, i, item)
    {
        if (!json_is_string(item) || person->store_count == DS_MAX_STAFF_STORES)
            return false;
        if (!ds_arena_dup(arena, ds_str(json_string_value(item)),
                          &person->stores[person->store_count], &error))
            return false;
        person->store_count++;
    }
    return true;
}

static bool take_person(jwt_t *jwt, ds_arena_t *arena, struct ds_person *person)
{
    ds_error_t error = DS_ERROR_INIT;
    const char *subject = jwt_get_grant(jwt, "sub");
    if (subject == NULL || subject[0] == '\0' || strlen(subject) > 128 ||
        !ds_arena_dup(arena, ds_str(subject), &person->subject, &error))
        return false;
    json_t *roles = grant_json(jwt, "roles");
    for (size_t i = 0; i < sizeof role_names / sizeof *role_names; i++)
        if (has_text(roles, role_names[i].name))
            person->roles |= role_names[i].role;
    json_decref(roles);
    json_t *stores = grant_json(jwt, "stores");
    bool ok = take_stores(stores, arena, person);
    json_decref(stores);
    return ok;
}

static bool bearer(ds_str_t authorization, ds_arena_t *arena, ds_str_t *token_out)
{
    ds_error_t error = DS_ERROR_INIT;
    if (authorization.len < 8 || authorization.len > DS_JWT_MAX_BYTES ||
        strncasecmp(authorization.data, "Bearer ", 7) != 0)
        return false;
    ds_str_t token = {authorization.data + 7, authorization.len - 7};
    while (token.len > 0 && token.data[0] == ' ')
        token = (ds_str_t){token.data + 1, token.len - 1};
    return ds_arena_dup(arena, token, token_out, &error);
}

enum ds_auth_verdict ds_auth_check(const struct ds_auth_config *config, ds_str_t authorization,
                                   int64_t now_s, ds_arena_t *arena, struct ds_person *person_out)
{
    ds_str_t token;
    jwt_t *jwt = NULL;
    struct ds_person person = {0};
    *person_out = person;
    if (authorization.len == 0)
        return DS_AUTH_ABSENT;
    if (!bearer(authorization, arena, &token))
        return DS_AUTH_INVALID;
    if (!decode(token.data, config->secret, &jwt) && !decode(token.data, config->previous, &jwt))
        return DS_AUTH_INVALID;
    enum ds_auth_verdict verdict = check_claims(config, jwt, now_s);
    if (verdict == DS_AUTH_OK && !take_person(jwt, arena, &person))
        verdict = DS_AUTH_INVALID;
    jwt_free(jwt);
    if (verdict == DS_AUTH_OK)
        *person_out = person;
    return verdict;
}

bool ds_person_works_for(const struct ds_person *person, ds_str_t store_id)
{
    if ((person->roles & DS_ADMIN) != 0)
        return true;
    for (size_t i = 0; (person->roles & DS_STAFF) != 0 && i < person->store_count; i++)
        if (ds_str_eq(person->stores[i], store_id))
            return true;
    return false;
}
