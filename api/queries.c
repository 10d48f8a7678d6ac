#include "api/queries.h"

#include "api/internal.h"
#include "api/response.h"

#include <stdio.h>

static const char *stores_array(ds_request_t *request)
{
    ds_buf_t text;
    ds_error_t error = DS_ERROR_INIT;
    const char *array = "{}";
    ds_buf_init(&text, 4096);
    bool ok = ds_buf_append_char(&text, '{', &error);
    for (size_t i = 0; ok && i < request->person.store_count; i++) {
        ds_str_t store = request->person.stores[i];
        if (ds_store_id_valid(store))
            ok = ds_buf_printf(&text, &error, "%s%.*s", text.len > 1 ? "," : "", DS_STR_ARG(store));
    }
    if (ok && ds_buf_append_char(&text, '}', &error))
        array = ds_request_text(request, "%.*s", (int)text.len, (const char *)text.data);
    ds_buf_cleanup(&text);
    return array;
}

void ds_sight_of(ds_request_t *request, struct ds_sight *sight_out)
{
    const struct ds_person *person = &request->person;
    const char *subject = ds_request_text(request, "%.*s", DS_STR_ARG(person->subject));
    sight_out->all = (person->roles & DS_ADMIN) != 0 ? "t" : "f";
    sight_out->customer = (person->roles & DS_CUSTOMER) != 0 ? subject : NULL;
    sight_out->courier = (person->roles & DS_COURIER) != 0 ? subject : NULL;
    sight_out->stores = (person->roles & DS_STAFF) != 0 ? stores_array(request) : NULL;
}

static bool digits(ds_str_t text, uint32_t at, uint32_t count, int64_t *value_out)
{
    int64_t value = 0;
    if (at + count > text.len)
        return false;
    for (uint32_t i = at; i < at + count; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    *value_out = value;
    return true;
}

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400;
    int64_t in_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t of_era = in_era * 365 + in_era / 4 - in_era / 100 + of_year;
    return era * 146097 + of_era - 719468;
}

static int64_t days_in(int64_t year, int64_t month)
{
    static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool parse_fraction(ds_str_t text, uint32_t *at, int64_t *us_out)
{
    int64_t unit = 100000;
    *us_out = 0;
    if (*at >= text.len || text.data[*at] != '.')
        return true;
    uint32_t from = ++*at;
    while (*at < text.len && text.data[*at] >= '0' && text.data[*at] <= '9') {
        *us_out += (text.data[*at] - '0') * unit;
        unit /= 10;
        ++*at;
    }
    return *at > from;
}

static bool parse_zone(ds_str_t text, uint32_t at, int64_t *offset_s_out)
{
    int64_t hours;
    int64_t minutes;
    *offset_s_out = 0;
    if (at + 1 == text.len && (text.data[at] == 'Z' || text.data[at] == 'z'))
        return true;
    /* A '+' that was not escaped in the query arrives as a blank. */
    if (at + 6 != text.len ||
        (text.data[at] != '+' && text.data[at] != ' ' && text.data[at] != '-') ||
        text.data[at + 3] != ':' || !digits(text, at + 1, 2, &hours) ||
        !digits(text, at + 4, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *offset_s_out = (hours * 3600 + minutes * 60) * (text.data[at] == '-' ? -1 : 1);
    return true;
}

bool ds_time_parse(ds_str_t text, int64_t *time_us_out)
{
    int64_t year, month, day, hour, minute, second, us, offset_s;
    uint32_t at = 19;
    *time_us_out = 0;
    if (text.len < 20 || text.data[4] != '-' || text.data[7] != '-' ||
        (text.data[10] != 'T' && text.data[10] != 't') || text.data[13] != ':' ||
        text.data[16] != ':' || !digits(text, 0, 4, &year) || !digits(text, 5, 2, &month) ||
        !digits(text, 8, 2, &day) || !digits(text, 11, 2, &hour) || !digits(text, 14, 2, &minute) ||
        !digits(text, 17, 2, &second) || !parse_fraction(text, &at, &us) ||
        !parse_zone(text, at, &offset_s))
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month) ||
        hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *time_us_out = (seconds - offset_s) * DS_US_PER_S + us;
    return true;
}

json_t *ds_cell_time(const PGresult *rows, int row, int column)
{
    return PQgetisnull(rows, row, column) ? json_null()
                                          : ds_out_time(ds_cell_int(rows, row, column));
}

json_t *ds_cell_text(const PGresult *rows, int row, int column)
{
    return PQgetisnull(rows, row, column) ? json_null() : ds_out_text(ds_cell(rows, row, column));
}

bool ds_query_cursor(ds_request_t *request, uint64_t filter, ds_str_t *key_out, ds_str_t *id_out)
{
    struct ds_cursor cursor;
    ds_error_t error = DS_ERROR_INIT;
    ds_str_t text = ds_request_param(request, "cursor");
    *key_out = *id_out = (ds_str_t){0};
    if (text.len == 0)
        return true;
    if (!ds_cursor_read(text, request->api->token_key, filter, request->arena, &cursor, &error)) {
        ds_answer_error(request, 400, "invalid_cursor", "the cursor is not of this list");
        return false;
    }
    *key_out = cursor.key;
    *id_out = cursor.id;
    return true;
}

ds_str_t ds_query_next(ds_request_t *request, uint64_t filter, ds_str_t key, ds_str_t id)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t text;
    ds_str_t next = {0};
    const struct ds_cursor cursor = {filter, key, id};
    ds_buf_init(&text, DS_CURSOR_MAX_CHARS * 2);
    if (ds_cursor_write(&cursor, request->api->token_key, &text, &error))
        next = ds_str(ds_request_text(request, "%.*s", (int)text.len, (const char *)text.data));
    ds_buf_cleanup(&text);
    return next;
}

void ds_answer_rows(ds_request_t *request, const PGresult *rows, const struct ds_page_of_rows *page)
{
    json_t *list = json_array();
    int count = PQntuples(rows);
    int shown = count > page->limit ? (int)page->limit : count;
    ds_str_t next = {0};
    for (int row = 0; row < shown; row++)
        (void)json_array_append_new(list, page->item(rows, row));
    if (count > shown && shown > 0)
        next = ds_query_next(request, page->filter,
                             page->key_column < 0 ? (ds_str_t){0}
                                                  : ds_cell(rows, shown - 1, page->key_column),
                             ds_cell(rows, shown - 1, page->id_column));
    ds_answer_page(request, list, page->limit, next);
}

const char *ds_param_or_null(ds_request_t *request, ds_str_t text)
{
    return text.len == 0 ? NULL : ds_request_text(request, "%.*s", DS_STR_ARG(text));
}
