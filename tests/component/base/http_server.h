/* tests/component/base/http_server.h - a server that says what a test tells it to, on a free port
 * of the loopback.
 *
 * One thread takes one connection after the other; each request on it is read whole (head and
 * Content-Length) and answered from the script. Nothing here waits longer than a minute. */
#ifndef DS_TESTS_HTTP_SERVER_H
#define DS_TESTS_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_REQUEST_BYTES 8192

struct http_script {
    const char *answer;  /* sent as it is; NULL: nothing */
    size_t answer_bytes; /* 0: strlen */
    size_t filler_bytes; /* 'x' sent behind the answer */
    bool stay_silent;    /* after what is sent: keep the connection open until the server stops */
    bool close_after;    /* close after one answer; otherwise the connection is kept */
    bool reset_after;    /* close with RST */
    /** Instead of `answer`: what to say to this request, as it is sent. Runs in the server's
     * thread; what it gives is read before it is called again. */
    const char *(*answer_to)(void *context, const char *request);
    void *context;
};

typedef struct http_server http_server_t;

http_server_t *http_server_start(const struct http_script *script);
/** Stops the thread and frees the server. */
void http_server_stop(http_server_t *server);
/** "http://127.0.0.1:port" followed by the path. */
const char *http_server_url(http_server_t *server, const char *path);
/** The last request, head and body. Call it after the exchange: the server has then read it all. */
const char *http_server_request(http_server_t *server);
int http_server_connections(http_server_t *server);
int http_server_requests(http_server_t *server);

/** A port nobody listens on (bound and closed just before). */
int http_closed_port(void);
/** A listening socket whose queue is full, so that connecting to it hangs. -1 when the system does
 * not play along. */
struct http_hanging {
    int listener;
    int port;
    int fillers[16];
    int filler_count;
};
bool http_hanging_start(struct http_hanging *hanging);
void http_hanging_stop(struct http_hanging *hanging);

#endif
