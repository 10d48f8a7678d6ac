/* api/response.h - answers: the envelope, headers, error codes.
 *
 * Every function here may be called by whoever holds the request. Without memory the answer becomes
 * a bare 500. */
#ifndef DS_API_RESPONSE_H
#define DS_API_RESPONSE_H

#include "api/request.h"

/** @brief Add a header; texts are copied. Values with control characters are dropped. */
void ds_answer_header(ds_request_t *request, const char *name, const char *format, ...)
    DS_PRINTF(3, 4);
/** @brief {"success": true, "data": data}. Takes `data`. */
void ds_answer_data(ds_request_t *request, int status, json_t *data);
/** @brief The same with "page". @param next  cursor; empty: this is the last page. */
void ds_answer_page(ds_request_t *request, json_t *data, int64_t limit, ds_str_t next);
/** @brief Answer 304 when If-None-Match names `etag`, else set ETag and answer with `data`. Takes
 * `data`. */
void ds_answer_tagged(ds_request_t *request, const char *etag, json_t *data);
void ds_answer_text(ds_request_t *request, int status, const char *type, ds_str_t text);
void ds_answer_empty(ds_request_t *request, int status);
/** @brief An error without details (but those of request->problems). 503 and 429 get Retry-After: 1
 * unless set. */
void ds_answer_error(ds_request_t *request, int status, const char *code, const char *message);
/** @brief An error with one detail. Takes `detail`. */
void ds_answer_error_detail(ds_request_t *request, int status, const char *code,
                            const char *message, json_t *detail);
/** @brief 400 with all problems noted; their code. */
void ds_answer_problems(ds_request_t *request);
/** @brief 400 invalid_parameter for one parameter of the query. */
void ds_answer_bad_parameter(ds_request_t *request, const char *name, const char *message);
/** @brief True when the header If-None-Match names the tag (weak comparison), or is "*". */
bool ds_etag_matches(ds_str_t if_none_match, ds_str_t etag);

/** @brief {"amount", "currency", "text"}. NULL: no memory (json_pack passes that on). */
json_t *ds_out_money(int64_t amount_minor, ds_str_t currency);
json_t *ds_out_text(ds_str_t text);
/** @brief null for an empty text. */
json_t *ds_out_text_or_null(ds_str_t text);
json_t *ds_out_time(int64_t time_us);

#endif
