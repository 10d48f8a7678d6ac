#include "api/auth.h"

#include <criterion/criterion.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>

#define SECRET "0123456789abcdef0123456789abcdef"
#define OLD    "fedcba9876543210fedcba9876543210"
#define NOW_S  INT64_C(1800000000)

struct claims {
    const char *issuer;
    const char *audience; /* JSON */
    const char *subject;
    int64_t expires_s; /* 0: none */
    int64_t not_before_s;
    const char *rest; /* JSON */
};

static const struct claims good = {
    "doorstep", "\"doorstep\"", "anna", NOW_S + 60, 0, "{\"roles\":[\"customer\"]}"};

static char *sign(const struct claims *claims, jwt_alg_t alg, const char *secret)
{
    jwt_t *jwt = NULL;
    char audience[128];
    cr_assert_eq(jwt_new(&jwt), 0);
    if (claims->issuer != NULL)
        jwt_add_grant(jwt, "iss", claims->issuer);
    if (claims->subject != NULL)
        jwt_add_grant(jwt, "sub", claims->subject);
    if (claims->expires_s != 0)
        jwt_add_grant_int(jwt, "exp", (long)claims->expires_s);
    if (claims->not_before_s != 0)
        jwt_add_grant_int(jwt, "nbf", (long)claims->not_before_s);
    (void)snprintf(audience, sizeof audience, "{\"aud\":%s}", claims->audience);
    jwt_add_grants_json(jwt, audience);
    jwt_add_grants_json(jwt, claims->rest);
    cr_assert_eq(jwt_set_alg(jwt, alg, alg == JWT_ALG_NONE ? NULL : (const unsigned char *)secret,
                             alg == JWT_ALG_NONE ? 0 : (int)strlen(secret)),
                 0);
    char *token = jwt_encode_str(jwt);
    jwt_free(jwt);
    return token;
}

static enum ds_auth_verdict check_header(const char *header, struct ds_person *person,
                                         ds_arena_t *arena)
{
    const struct ds_auth_config config = {DS_STR(SECRET), DS_STR(OLD), "doorstep", "doorstep"};
    return ds_auth_check(&config, ds_str(header), NOW_S, arena, person);
}

static enum ds_auth_verdict check_token(char *token)
{
    char header[9000];
    struct ds_person person;
    ds_arena_t *arena = ds_arena_new(1024, 65536);
    (void)snprintf(header, sizeof header, "Bearer %s", token);
    enum ds_auth_verdict verdict = check_header(header, &person, arena);
    cr_assert(verdict == DS_AUTH_OK || (person.roles == 0 && person.subject.len == 0));
    ds_arena_destroy(arena);
    free(token);
    return verdict;
}

Test(auth, a_good_token_says_who_it_is)
{
    struct claims staff = good;
    struct ds_person person;
    char header[4096];
    ds_arena_t *arena = ds_arena_new(1024, 65536);
    staff.rest =
        "{\"roles\":[\"staff\",\"customer\",\"king\"],\"stores\":[\"berlin-1\",\"paris-1\"]}";
    char *token = sign(&staff, JWT_ALG_HS256, SECRET);
    (void)snprintf(header, sizeof header, "bearer %s", token);
    cr_assert_eq(check_header(header, &person, arena), DS_AUTH_OK);
    cr_assert(ds_str_eq(person.subject, DS_STR("anna")));
    cr_assert_eq(person.roles, DS_STAFF | DS_CUSTOMER);
    cr_assert(ds_person_works_for(&person, DS_STR("paris-1")));
    cr_assert_not(ds_person_works_for(&person, DS_STR("rome-1")));
    free(token);
    ds_arena_destroy(arena);
}

Test(auth, the_previous_secret_counts_while_rotating)
{
    cr_assert_eq(check_token(sign(&good, JWT_ALG_HS256, OLD)), DS_AUTH_OK);
    cr_assert_eq(check_token(sign(&good, JWT_ALG_HS256, "another-secret-of-32-bytes-size!")),
                 DS_AUTH_INVALID);
}

Test(auth, another_algorithm_is_refused_whatever_it_is_signed_with)
{
    cr_assert_eq(check_token(sign(&good, JWT_ALG_HS384, SECRET)), DS_AUTH_INVALID);
    cr_assert_eq(check_token(sign(&good, JWT_ALG_HS512, SECRET)), DS_AUTH_INVALID);
    cr_assert_eq(check_token(sign(&good, JWT_ALG_NONE, NULL)), DS_AUTH_INVALID);
}

Test(auth, time_is_checked_with_a_minute_of_leeway)
{
    struct claims claims = good;
    claims.expires_s = NOW_S - 59;
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_OK);
    claims.expires_s = NOW_S - 60;
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_EXPIRED);
    claims.expires_s = 0;
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_INVALID);
    claims = good;
    claims.not_before_s = NOW_S + 60;
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_OK);
    claims.not_before_s = NOW_S + 61;
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_INVALID);
}

/* NumericDate may have a fraction (RFC 7519); anything that is no number is no time. */
Test(auth, times_are_numbers_with_or_without_a_fraction)
{
    struct claims claims = good;
    claims.expires_s = 0;
    claims.rest = "{\"roles\":[\"customer\"],\"exp\":1800000060.5}";
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_OK);
    claims.rest = "{\"roles\":[\"customer\"],\"exp\":\"1800000060\"}";
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_INVALID);
    claims.rest = "{\"roles\":[\"customer\"],\"exp\":true}";
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_INVALID);
    claims = good;
    claims.rest = "{\"roles\":[\"customer\"],\"nbf\":1800000900.5}";
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_INVALID);
    claims.rest = "{\"roles\":[\"customer\"],\"nbf\":\"1800000900\"}";
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_INVALID);
}

Test(auth, issuer_audience_and_subject_must_be_ours)
{
    struct claims claims = good;
    claims.issuer = "somebody";
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_INVALID);
    claims = good;
    claims.issuer = NULL;
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_INVALID);
    claims = good;
    claims.audience = "\"other\"";
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_INVALID);
    claims.audience = "[\"other\",\"doorstep\"]";
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_OK);
    claims = good;
    claims.subject = NULL;
    cr_assert_eq(check_token(sign(&claims, JWT_ALG_HS256, SECRET)), DS_AUTH_INVALID);
}

Test(auth, no_header_a_long_one_and_garbage_are_told_apart)
{
    struct ds_person person;
    ds_arena_t *arena = ds_arena_new(1024, 65536);
    static char header[DS_JWT_MAX_BYTES + 10];
    memset(header, 'a', sizeof header - 1);
    memcpy(header, "Bearer ", 7);
    cr_assert_eq(check_header("", &person, arena), DS_AUTH_ABSENT);
    cr_assert_eq(check_header(header, &person, arena), DS_AUTH_INVALID);
    cr_assert_eq(check_header("Basic YTpi", &person, arena), DS_AUTH_INVALID);
    cr_assert_eq(check_header("Bearer ", &person, arena), DS_AUTH_INVALID);
    cr_assert_eq(check_header("Bearer a.b", &person, arena), DS_AUTH_INVALID);
    ds_arena_destroy(arena);
}
