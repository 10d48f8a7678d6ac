/* gateways/sandbox/service.h - what the sandbox provider does, without HTTP.
 *
 * Every function fills a reply; none waits for anything but the disk. What has been answered is on
 * disk, and so is what a repeat of the same key is told.
 * Threads: any. One lock over the books; the disk is waited for outside it. */
#ifndef DS_GATEWAYS_SANDBOX_SERVICE_H
#define DS_GATEWAYS_SANDBOX_SERVICE_H

#include "gateways/sandbox/behaviour.h"
#include "gateways/sandbox/postman.h"

typedef struct ds_service ds_service_t;

struct ds_reply {
    int status;       /* 0: no answer, the connection is closed */
    int64_t delay_ms; /* wait before that */
    ds_buf_t body;    /* JSON */
};

/** @brief Open the books in folder `dir` (made when it is not there). `postman` is borrowed.
 * Errors: those of ds_journal_open, MEMORY. */
DS_MUST_CHECK bool ds_service_new(const struct ds_runtime *runtime, const char *dir,
                                  ds_postman_t *postman, ds_service_t **service_out,
                                  ds_error_t *error);
void ds_service_destroy(ds_service_t *service);
/** @brief The disk failed: what memory holds may be gone, the process must end. */
bool ds_service_broken(ds_service_t *service);

void ds_reply_init(struct ds_reply *reply);
void ds_reply_cleanup(struct ds_reply *reply);
/** @brief {"error": {"code", "message"}}. */
void ds_reply_error(struct ds_reply *reply, int status, const char *code, const char *message);

/** @brief POST /v1/charges. `key` is the Idempotency-Key header; empty: the body's. */
void ds_service_charge(ds_service_t *service, ds_str_t key, ds_str_t body, struct ds_reply *reply);
/** @brief POST /v1/refunds. */
void ds_service_refund(ds_service_t *service, ds_str_t key, ds_str_t body, struct ds_reply *reply);
/** @brief GET /v1/charges?key= and /v1/charges/{id}; one of them is empty. */
void ds_service_find_charge(ds_service_t *service, ds_str_t key, ds_str_t id,
                            struct ds_reply *reply);
void ds_service_find_refund(ds_service_t *service, ds_str_t key, ds_str_t id,
                            struct ds_reply *reply);
/** @brief GET /v1/books. @param cursor  `next` of the page before; empty: the first. */
void ds_service_books(ds_service_t *service, ds_str_t cursor, ds_str_t limit,
                      struct ds_reply *reply);
/** @brief PUT /v1/control {"mode", "delayMs"?}; GET with an empty body. */
void ds_service_control(ds_service_t *service, ds_str_t body, struct ds_reply *reply);
/** @brief Apply the pending charges that are due. @return milliseconds until the next is, at most
 *  max_ms. */
int ds_service_settle(ds_service_t *service, int max_ms);

#endif
