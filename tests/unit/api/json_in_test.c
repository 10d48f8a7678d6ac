#include "api/json_in.h"

#include <criterion/criterion.h>
#include <stdio.h>

static json_t *parse(const char *text)
{
    char why[128];
    json_t *json = NULL;
    return ds_json_parse(ds_str(text), &json, why, sizeof why) ? json : NULL;
}

static const char *detail(const struct ds_problems *problems, size_t i, const char *name)
{
    return json_string_value(json_object_get(json_array_get(problems->details, i), name));
}

Test(json_in, only_whole_objects_without_repeated_keys_are_taken)
{
    static const char *const wrong[] = {
        "", "[]", "1", "{\"a\":1}x", "{\"a\":", "{\"a\":1,\"a\":2}", "null", "\"x\""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_null(parse(wrong[i]), "%s", wrong[i]);
    json_t *json = parse("{\"a\":{\"a\":1}}");
    cr_assert_not_null(json);
    json_decref(json);
}

Test(json_in, depth_sixteen_is_taken_and_seventeen_is_not)
{
    for (int depth = 15; depth <= 17; depth++) {
        char text[200] = "{\"a\":";
        for (int i = 1; i < depth; i++)
            text[4 + i] = '[';
        for (int i = 1; i < depth; i++)
            text[3 + depth + i] = ']';
        text[3 + 2 * depth] = '}';
        text[4 + 2 * depth] = '\0';
        json_t *json = parse(text);
        cr_assert_eq(json != NULL, depth <= 16, "%s", text);
        json_decref(json);
    }
}

Test(json_in, sixty_four_keys_are_taken_and_one_more_is_not)
{
    for (int keys = 64; keys <= 65; keys++) {
        char text[2048] = "{";
        size_t at = 1;
        for (int i = 0; i < keys; i++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s\"k%d\":1", i > 0 ? "," : "", i);
        (void)snprintf(text + at, sizeof text - at, "}");
        json_t *json = parse(text);
        cr_assert_eq(json != NULL, keys == 64);
        json_decref(json);
    }
}

Test(json_in, the_reason_does_not_quote_the_body)
{
    char why[128];
    json_t *json = NULL;
    cr_assert_not(ds_json_parse(ds_str("{\"secret\": hunter2"), &json, why, sizeof why));
    cr_assert_null(strstr(why, "hunter2"));
}

Test(json_in, fields_are_checked_and_listed_with_their_paths)
{
    struct ds_problems problems = {0};
    struct ds_fields fields;
    ds_str_t text;
    int64_t number;
    json_t *json = parse("{\"name\":\"\",\"age\":200,\"size\":\"big\",\"extra\":1}");
    ds_fields_init(&fields, json, "items[3]", &problems);
    cr_assert_not(ds_field_text(&fields, "name", true, 1, 10, &text));
    cr_assert_not(ds_field_int(&fields, "age", true, 0, 150, &number));
    cr_assert_not(ds_field_int(&fields, "size", false, 0, 150, &number));
    cr_assert_not(ds_field_text(&fields, "city", true, 1, 10, &text));
    ds_fields_end(&fields);
    cr_assert_eq(json_array_size(problems.details), 5);
    cr_assert_str_eq(detail(&problems, 0, "field"), "items[3].name");
    cr_assert_str_eq(detail(&problems, 0, "code"), "too_short");
    cr_assert_str_eq(detail(&problems, 1, "code"), "out_of_range");
    cr_assert_str_eq(detail(&problems, 2, "code"), "wrong_type");
    cr_assert_str_eq(detail(&problems, 3, "code"), "required");
    cr_assert_str_eq(detail(&problems, 4, "field"), "items[3].extra");
    cr_assert_str_eq(ds_problems_code(&problems), "invalid_field");
    ds_problems_cleanup(&problems);
    json_decref(json);
}

Test(json_in, the_whole_has_the_code_of_its_only_kind_of_problem)
{
    struct ds_problems problems = {0};
    ds_problem(&problems, "a", "required", "x");
    cr_assert_str_eq(ds_problems_code(&problems), "missing_field");
    ds_problem(&problems, "b", "unknown", "x");
    cr_assert_str_eq(ds_problems_code(&problems), "invalid_field");
    problems.code = "mixed_stores";
    cr_assert_str_eq(ds_problems_code(&problems), "mixed_stores");
    ds_problems_cleanup(&problems);
}

Test(json_in, null_is_absent)
{
    struct ds_problems problems = {0};
    struct ds_fields fields;
    ds_str_t text;
    json_t *json = parse("{\"name\":null}");
    ds_fields_init(&fields, json, "", &problems);
    cr_assert_not(ds_field_text(&fields, "name", false, 1, 10, &text));
    ds_fields_end(&fields);
    cr_assert_not(ds_problems_any(&problems));
    json_decref(json);
}

Test(json_in, texts_hold_no_control_characters_and_count_characters)
{
    struct ds_problems problems = {0};
    struct ds_fields fields;
    ds_str_t text;
    json_t *json = parse("{\"a\":\"x\\ny\",\"b\":\"\\u0085\",\"c\":\"\xc3\xa4\xc3\xb6\"}");
    ds_fields_init(&fields, json, "", &problems);
    cr_assert_not(ds_field_text(&fields, "a", true, 1, 10, &text));
    cr_assert_not(ds_field_text(&fields, "b", true, 1, 10, &text));
    cr_assert(ds_field_text(&fields, "c", true, 2, 2, &text));
    ds_problems_cleanup(&problems);
    json_decref(json);
}

Test(json_in, quantities_are_integers_only)
{
    struct ds_problems problems = {0};
    struct ds_fields fields;
    int64_t number;
    json_t *json = parse("{\"a\":2.0,\"b\":true,\"c\":2}");
    ds_fields_init(&fields, json, "", &problems);
    cr_assert_not(ds_field_int(&fields, "a", true, 0, 10, &number));
    cr_assert_not(ds_field_int(&fields, "b", true, 0, 10, &number));
    cr_assert(ds_field_int(&fields, "c", true, 0, 10, &number));
    ds_problems_cleanup(&problems);
    json_decref(json);
}

Test(json_in, places_are_kept_to_six_decimals)
{
    struct ds_problems problems = {0};
    struct ds_fields fields;
    int32_t lat_e6;
    int32_t lng_e6;
    json_t *json = parse("{\"p\":{\"lat\":40.7128,\"lng\":-74.0060},\"q\":{\"lat\":91,\"lng\":0}}");
    ds_fields_init(&fields, json, "", &problems);
    cr_assert(ds_field_place(&fields, "p", true, &lat_e6, &lng_e6));
    cr_assert_eq(lat_e6, 40712800);
    cr_assert_eq(lng_e6, -74006000);
    cr_assert_not(ds_field_place(&fields, "q", true, &lat_e6, &lng_e6));
    ds_problems_cleanup(&problems);
    json_decref(json);
}

Test(json_in, no_more_details_than_the_bound_are_listed)
{
    struct ds_problems problems = {0};
    for (int i = 0; i < 1000; i++)
        ds_problem(&problems, "x", "invalid", "no");
    cr_assert_eq(json_array_size(problems.details), DS_MAX_PROBLEMS);
    ds_problems_cleanup(&problems);
}

Test(card, card_numbers_are_found_in_texts)
{
    static const char *const cards[] = {"4111111111111111", "my card: 4111 1111 1111 1111!",
                                        "5500-0000-0000-0004", "378282246310005", "4222222222222"};
    static const char *const others[] = {"4111111111111112",     "12",
                                         "+4915112345678",       "411111111111",
                                         "41111111111111111111", "0049 1511",
                                         "00000000000000",       "21.11.2026 10.30-12.04",
                                         "+49 30 12345678901",   "2026-11-21 10:30"};
    static const char *const among_others[] = {"4111 1111 1111 1111 12/27",
                                               "4111111111111111 123",
                                               "flat 2 4111 1111 1111 1111",
                                               "4111.1111.1111.1111",
                                               "4111  1111  1111  1111",
                                               "4111\xc2\xa0"
                                               "1111\xc2\xa0"
                                               "1111\xc2\xa0"
                                               "1111",
                                               "+1 4111 1111 1111 1111",
                                               "+4111111111111111",
                                               "call 030 1234, 378282 246310 005",
                                               "3782 822463 10005 0127"};
    for (size_t i = 0; i < sizeof among_others / sizeof *among_others; i++)
        cr_assert(ds_text_has_card_number(ds_str(among_others[i])), "%s", among_others[i]);
    for (size_t i = 0; i < sizeof cards / sizeof *cards; i++)
        cr_assert(ds_text_has_card_number(ds_str(cards[i])), "%s", cards[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_assert_not(ds_text_has_card_number(ds_str(others[i])), "%s", others[i]);
}

Test(card, ids_may_be_bar_codes)
{
    json_t *id = parse("{\"localId\":\"4111111111111111\"}");
    json_t *token = parse("{\"a\":[{\"paymentToken\":\"4111111111111111\"}]}");
    json_t *number = parse("{\"a\":4111111111111111}");
    cr_assert_not(ds_json_has_card_number(id));
    cr_assert(ds_json_has_card_number(token));
    cr_assert(ds_json_has_card_number(number));
    json_decref(id);
    json_decref(token);
    json_decref(number);
}
