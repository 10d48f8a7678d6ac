/* tests/component/gateways/line.h - a sender without another side: its lines do nothing, and what a
 * send does is the test's. */
#ifndef DS_TESTS_GATEWAYS_LINE_H
#define DS_TESTS_GATEWAYS_LINE_H

#include "gateways/notifications/sender.h"

/** For ds_channel_ops.open and .close. */
void *line_open(const struct ds_runtime *runtime, const void *config);
void line_close(void *line);

/** The system's clock and chance, and nothing that ends it. The metrics are the caller's to
 * destroy; the rest stays for good. */
struct ds_runtime line_runtime(void);
/** A sender that tells for an hour, the caller's to destroy. @param runtime, ops  borrowed until
 * then. */
ds_sender_t *line_sender(const struct ds_runtime *runtime, const struct ds_channel_ops *ops,
                         enum ds_channel channel, size_t threads);

#endif
