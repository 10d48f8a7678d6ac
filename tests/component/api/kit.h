/* tests/component/api/kit.h - a real api on a free port, a plain HTTP client, tokens, and a mock
 * Kafka. */
#ifndef DS_TESTS_API_KIT_H
#define DS_TESTS_API_KIT_H

#include "api/api.h"
#include "base/buf.h"

#include <jansson.h>

#define KIT_SECRET         "0123456789abcdef0123456789abcdef"
#define KIT_WEBHOOK_SECRET "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

struct kit {
    struct ds_health health;
    volatile sig_atomic_t stop;
    struct ds_runtime runtime;
    struct ds_api_settings settings;
    ds_api_t *api;
    void *kafka; /* mock: rd_kafka_t */
    char brokers[256];
};

struct answer {
    int status; /* 0: the connection ended without one */
    char *head; /* NUL-terminated, with the status line */
    char *body;
    json_t *json;
};

/* What comes at all is waited for so long: a machine may pause. */
#define KIT_PATIENCE_MS 30000

/** @brief Settings with the defaults; no Kafka, no database; change them before kit_start. */
void kit_init(struct kit *kit);
/** @brief A mock cluster with all topics, one store `berlin-1` (EUR, card and cash, fee 199) and
 * two products in it. */
void kit_mock_kafka(struct kit *kit);
/** @brief The store takes no cash any more. One change of the store a test. */
void kit_card_only(struct kit *kit);
/** @brief The store opens on Mondays, from 08:00 to 22:00 in Berlin. */
void kit_mondays_only(struct kit *kit);
/** @brief The mock takes this long for every answer from now on. */
void kit_slow_kafka(struct kit *kit, int ms);
void kit_start(struct kit *kit);
void kit_stop(struct kit *kit);

/** @brief A JWT. `roles` and `stores` comma separated. @return heap; free() it. */
char *kit_token(const char *subject, const char *roles, const char *stores, int64_t expires_in_s);

/** @brief One exchange on a connection of its own. `headers`: lines with \r\n, may be "". */
struct answer kit_call(const struct kit *kit, const char *method, const char *path,
                       const char *headers, const char *body);
/** @brief The same with a bearer token of that role ("customer:anna", "staff:jo:berlin-1"). */
struct answer kit_call_as(const struct kit *kit, const char *who, const char *method,
                          const char *path, const char *headers, const char *body);
/** @brief Send these bytes, read until the server closes or KIT_PATIENCE_MS have passed. */
struct answer kit_raw(const struct kit *kit, const char *bytes, size_t len);
int kit_connect(const struct kit *kit);
void kit_send(int fd, const char *bytes, size_t len);
/** @brief Read until the end of the connection, or `timeout_ms`. */
struct answer kit_read(int fd, int timeout_ms);
void answer_free(struct answer *answer);
/** @brief error.code, or "". Borrowed. */
const char *answer_code(const struct answer *answer);
/** @brief The value of a header, on the heap; NULL when absent. */
char *answer_header(const struct answer *answer, const char *name);
/** @brief data.<name> as text, or "". Borrowed. */
const char *answer_data(const struct answer *answer, const char *name);
/** @brief GET `path` until the status is `status`; at most KIT_PATIENCE_MS. */
bool kit_wait_status(const struct kit *kit, const char *path, int status);

#endif
