/* api/headers.h - the head of a request, from libmicrohttpd into struct ds_request_headers.
 *
 * libmicrohttpd takes heads that another server on the way may read differently: "Content-Length
 * :", a transfer encoding it does not know, a value with a NUL or a bare CR. What could be read in
 * two ways is refused (RFC 9112 sections 5.1, 5.2, 6.1), and the connection ends. */
#ifndef DS_API_HEADERS_H
#define DS_API_HEADERS_H

#include "api/request.h"

/** @brief Fill request->headers; `wrong` says what must be refused. Values are without the blanks
 * around them; a list over several lines is joined.
 *  @return false: no memory. @locality the polling thread. */
DS_MUST_CHECK bool ds_headers_take(ds_request_t *request);

#endif
