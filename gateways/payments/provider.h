/* gateways/payments/provider.h - the payment provider's language: requests out, answers in.
 *
 * Only the provider's own word makes an outcome definite: an object that carries our key and a
 * status, or a refusal of the request as such (400, 404, 422). Everything else (no answer, 5xx,
 * 401, 408, 409, 429, a body that is not what was asked for) leaves it unknown. Pure, any thread.
 */
#ifndef DS_GATEWAYS_PAYMENTS_PROVIDER_H
#define DS_GATEWAYS_PAYMENTS_PROVIDER_H

#include "base/buf.h"
#include "gateways/exchange/limits.h"

enum ds_call_kind { DS_CALL_CHARGE, DS_CALL_REFUND };

/** What is asked of the provider. Borrowed. */
struct ds_payment_call {
    enum ds_call_kind kind;
    ds_str_t key; /* the idempotency key */
    ds_str_t order_id;
    ds_str_t currency;
    ds_str_t token;  /* of a charge; may be empty */
    ds_str_t charge; /* of a refund: the provider's id of the charge */
    ds_str_t traceparent;
    int64_t amount_minor;
};

enum ds_verdict {
    DS_VERDICT_SUCCEEDED,
    DS_VERDICT_FAILED,
    DS_VERDICT_PENDING, /* the provider has it and does not know yet */
    DS_VERDICT_ABSENT,  /* asked by key: the provider has never heard of it */
    DS_VERDICT_UNKNOWN,
};

struct ds_provider_answer {
    enum ds_verdict verdict;
    bool alarming;        /* not a matter of waiting: a wrong key, a reused key, another amount */
    int64_t amount_minor; /* of SUCCEEDED */
    char id[DS_MAX_PROVIDER_TEXT_BYTES + 1];
    char detail[DS_MAX_DETAIL_BYTES + 1]; /* the reason, or what was wrong; may be empty */
};

#define DS_PROVIDER_HEADER_BYTES 640
#define DS_PROVIDER_HEADERS      4

/** A request, ready to be sent. */
struct ds_provider_request {
    ds_buf_t url;
    ds_buf_t body;
    char text[DS_PROVIDER_HEADERS][DS_PROVIDER_HEADER_BYTES];
    const char *headers[DS_PROVIDER_HEADERS + 1];
    const char *method;
};

void ds_provider_request_init(struct ds_provider_request *request);
void ds_provider_request_cleanup(struct ds_provider_request *request);
/** @brief Make the request anew.
 *  @param ask  only ask what became of the key; false: do it (the key keeps it from happening
 * twice).
 *  @param error  INVALID: a text does not fit into a header. MEMORY. */
DS_MUST_CHECK bool ds_provider_request_make(struct ds_provider_request *request,
                                            const char *base_url, const char *provider_key,
                                            const struct ds_payment_call *call, bool ask,
                                            ds_error_t *error);
/** @brief What an answer means. @param status  0: none came. */
void ds_provider_judge(const struct ds_payment_call *call, bool asked, int status, ds_str_t body,
                       struct ds_provider_answer *answer_out);
const char *ds_verdict_text(enum ds_verdict verdict);

#endif
