/* gateways/notifications/limits.h - every maximum of the notifications gateway, with what it
 * protects.
 */
#ifndef DS_GATEWAYS_NOTIFICATIONS_LIMITS_H
#define DS_GATEWAYS_NOTIFICATIONS_LIMITS_H

/* Templates. One file, and what it becomes. */
#define DS_MAX_TEMPLATE_BYTES (16 * 1024)
#define DS_MAX_RENDERED_BYTES (64 * 1024)
#define DS_MAX_SUBJECT_BYTES  250
#define DS_MAX_LANGUAGES      32
/* A mail: its text in quoted-printable may be three times as long. */
#define DS_MAX_MAIL_BYTES (256 * 1024)
/* A value of an event, as it goes into a message: longer ones are cut. */
#define DS_MAX_VALUE_BYTES 300

/* Contacts of orders, some 500 bytes each: 350 MB. Beyond this the one whose order ended first is
 * forgotten, and what still happens to that order is told to nobody (and counted). */
#define DS_MAX_CONTACTS (700 * 1000)
/* What a channel has to send, some 700 bytes each. Beyond this it takes no more; the partition is
 * read again when there is room. */
#define DS_MAX_WAITING_NOTICES (50 * 1000)
/* Offsets settled out of order: a position with more is not noted, the one before it still holds.
 */
#define DS_MAX_SETTLED_BEYOND 2000
/* Offsets of notes in memory while a partition is taken over. */
#define DS_MAX_NOTED (2 * 1000 * 1000)
/* Events of a topic that wait until all three topics have been read as far as they went when they
 * were met, some 700 bytes each. Beyond this the topic is read no further until another has come
 * up; what one poll has brought is taken still. */
#define DS_MAX_HELD (20 * 1000)
/* A question where a partition ends; the turn waits for the answer. */
#define DS_LOG_END_TIMEOUT_MS 1000

#endif
