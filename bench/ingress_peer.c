/* bench/ingress_peer.c - libmicrohttpd answering every POST with a constant 202: what the ingress
 * is compared with.
 *
 * One polling thread, keep-alive, the body read and thrown away, as the ingress is set up but with
 * nothing behind it. Prints its port and serves until it is killed. */
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char body[] = "{\"success\": true, \"data\": {\"orderId\": "
                           "\"berlin-1.01K9ZV3Q4T8W2N6M5B7C1D0E9F\", \"status\": \"accepted\"}}";

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **state)
{
    (void)url, (void)method, (void)version, (void)upload;
    if (*state == NULL) {
        *state = connection; /* the first call: the headers are there, the body is not */
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_ACCEPTED, context);
}

int main(void)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        sizeof body - 1, (void *)(size_t)body, MHD_RESPMEM_PERSISTENT);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_POLL | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, handle,
                         response, MHD_OPTION_CONNECTION_LIMIT, 1000u, MHD_OPTION_END);
    if (response == NULL || daemon == NULL)
        return EXIT_FAILURE;
    printf("%d\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    (void)fflush(stdout);
    pause();
    return EXIT_SUCCESS;
}
