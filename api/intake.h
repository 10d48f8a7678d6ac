/* api/intake.h - everything that is checked of a request before its handler runs. */
#ifndef DS_API_INTAKE_H
#define DS_API_INTAKE_H

#include "api/request.h"

/** @brief When the head is there: length headers, limits, route, who asks, rate, key, tokens. On a
 * refusal the answer stands in the request (status != 0). @locality the polling thread. */
void ds_intake_head(ds_request_t *request);
/** @brief When the body is there: parse it. On a refusal the answer stands in the request. */
void ds_intake_body(ds_request_t *request);
/** @brief True when the answer must go out before the body, and the connection end. */
bool ds_intake_must_close(const ds_request_t *request);
/** @brief Most bytes its body may have. */
size_t ds_intake_body_max(const ds_request_t *request);
/** @brief Take from the store's quota of orders, or from the address's. false: 429 stands in the
 * request. */
bool ds_intake_store_rate(ds_request_t *request, ds_str_t store_id);
bool ds_intake_address_rate(ds_request_t *request);
/** @brief True when the list (comma separated) has the origin. */
bool ds_origin_allowed(const char *list, ds_str_t origin);
/** @brief Whether each entry of that list is an address or a network; the error names the first
 * that is none. Such an entry would match nobody. */
DS_MUST_CHECK bool ds_trusted_proxies_check(const char *trusted, ds_error_t *error);
/** @brief Whose request it is, for limits: the peer, or what trusted proxies say; IPv6 as its /64.
 * A hop may name its port.
 *  @param trusted  comma separated addresses or networks ("10.0.0.0/8").
 *  @return false: a trusted proxy named something that is no address; then it is the proxy's. */
bool ds_client_address(const char *peer, ds_str_t forwarded_for, const char *trusted,
                       char address_out[64]);

#endif
