/* gateways/exchange/limits.h - every maximum of the gateways and the sandbox provider, with what it
 * protects.
 */
#ifndef DS_GATEWAYS_EXCHANGE_LIMITS_H
#define DS_GATEWAYS_EXCHANGE_LIMITS_H

/* Texts that travel to the provider and back. An order id may have 96 bytes, a key adds a few. */
#define DS_MAX_PROVIDER_TEXT_BYTES 128
/* One answer of a provider, one request to the sandbox: a single charge is far below 1 KiB. */
#define DS_MAX_PROVIDER_BODY_BYTES (16 * 1024)
/* A page of the sandbox's books, on its way out. */
#define DS_MAX_BOOKS_PAGE 1000
/* The provider's reason, as far as it goes into a report. */
#define DS_MAX_DETAIL_BYTES 96

/* Payments gateway. An outstanding one costs some 500 bytes; a provider that is silent for a day
 * must not take all memory: beyond this charges that payment has given up are asked for no more
 * (counted), and without any of those a partition is read again when there is room. At most what
 * payment itself keeps of a partition. */
#define DS_OUTSTANDING_DEFAULT (512 * 1024)
#define DS_OUTSTANDING_MIN     1000
#define DS_OUTSTANDING_MAX     (1 << 24)
/* Asking again may take this share of the calls in flight, so that a silent provider, or many
 * unlucky cards, do not keep new charges waiting. */
#define DS_RETRY_SHARE_DIVISOR 2

/* Sandbox provider. A charge costs some 400 bytes of memory. */
#define DS_MAX_BOOK_ENTRIES (4 * 1024 * 1024)
/* Lines not yet on disk; more than all connections can have. */
#define DS_MAX_JOURNAL_BUFFER_BYTES (4 * 1024 * 1024)
#define DS_MAX_JOURNAL_LINE_BYTES   (4 * 1024)
/* Webhooks not yet taken; beyond this the newest are dropped and counted. */
#define DS_MAX_WEBHOOKS           20000
#define DS_MAX_WEBHOOKS_IN_FLIGHT 16
/* One thread a connection. Calls that are answered late hold one each. */
#define DS_MAX_SANDBOX_CONNECTIONS 512

#endif
