/* base/limits.h - every maximum of the product, with what it protects. Options may lower some,
 * nothing raises them. */
#ifndef DS_BASE_LIMITS_H
#define DS_BASE_LIMITS_H

/* The log (DESIGN section 3). A chain of `more` records without bound would stall or exhaust every
 * reader. */
#define DS_MAX_DECISION_RECORDS 256
#define DS_MAX_DECISION_BYTES   (8 * 1024 * 1024)
/* One record; below the broker's default message.max.bytes of 1 MiB. */
#define DS_MAX_RECORD_BYTES (900 * 1024)
/* Un-acknowledged records a partition; at the bound reading pauses. */
#define DS_MAX_UNACKED_RECORDS 4096
#define DS_MAX_PARTITIONS      256
#define DS_MAX_INPUTS          8
/* A chunk of a snapshot: small enough that compressing one does not keep records waiting; an image
 * may be larger. */
#define DS_SNAPSHOT_CHUNK_BYTES (128 * 1024)
/* Items of a snapshot that a turn makes at most, beside a limit on its time. */
#define DS_SNAPSHOT_TURN_ITEMS 1024

/* The domain (API.md section 10). */
#define DS_MAX_ORDER_LINES      50
#define DS_MAX_LINE_QUANTITY    999
#define DS_MAX_BULK_ITEMS       500
#define DS_MAX_ID_BYTES         96 /* store (32) + '.' + local part (up to 63) */
#define DS_MAX_STORE_BYTES      32
#define DS_MAX_COURIER_CAPACITY 10
/* What the catalog accepts of one partition. What runs out first is memory. */
#define DS_MAX_PARTITION_STORES   (1 << 20)
#define DS_MAX_PARTITION_PRODUCTS (1 << 24)

/* What one decoded message may hold in an arena. */
#define DS_MAX_DECODE_BYTES (4 * 1024 * 1024)

/* What a role says about itself: a line in the log, series in the registry (each is memory in every
 * scrape). */
#define DS_MAX_LOG_LINE_BYTES (8 * 1024)
#define DS_MAX_METRICS        4096

/* What another server may make us hold besides the body, whose maximum the caller gives. */
#define DS_MAX_HTTP_HEADER_BYTES (32 * 1024)
/* A server that does not take a connection within this is away, however long the answer
 * may take. */
#define DS_MAX_HTTP_CONNECT_MS 3000

_Static_assert(DS_MAX_RECORD_BYTES <= DS_MAX_DECISION_BYTES, "a record fits in a decision");

#endif
