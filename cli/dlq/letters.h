/* cli/dlq/letters.h - the dead letters that the processors' .dlq topics hold, and what became of
 * each.
 *
 * A letter is the original of an input that a processor could not decode (protocol R9); its key is
 * the original's place, "order.commands/3/17", so a second copy is the same letter. What somebody
 * did about one is a further record of that key: no value, and headers that say what, who and why.
 * Both stay for as long as the topic keeps them (30 days); nothing is rewritten.
 *
 * Threads: one. */
#ifndef DS_CLI_DLQ_LETTERS_H
#define DS_CLI_DLQ_LETTERS_H

#include "base/buf.h"
#include "base/runtime.h"
#include "decider/decider.h"

/** Of those that the filter leaves, handled ones too. With the index each takes some 230 bytes, and
 * 410 with the longest key: 230 MB for a million, 820 MB at most. */
#define DS_LETTERS_MAX       2000000
#define DS_LETTER_KEPT_BYTES 256
/** Of "topic/partition/offset"; a longer key is somebody else's. */
#define DS_LETTER_KEY_BYTES 128
/** How many are loaded at once, and how much of memory they take. */
#define DS_LETTERS_AT_ONCE      1000
#define DS_LETTERS_LOADED_BYTES ((size_t)256 * 1024 * 1024)
#define DS_LETTER_HEADERS       64

enum ds_letter_state { DS_LETTER_OPEN, DS_LETTER_RETRIED, DS_LETTER_DROPPED, DS_LETTER_EDITED };

struct ds_letter_header {
    ds_str_t name;
    ds_bytes_t value;
};

/** What a letter says, and what was done about it. */
struct ds_letter_content {
    ds_str_t source_topic; /* the parts of its key */
    int32_t source_partition;
    int64_t source_offset;
    int32_t
        first_partition;  /* of the same topic: where the command stood first, of which this is a */
    int64_t first_offset; /* copy, and the copy of a copy; else the source itself */
    ds_str_t error;       /* "UNKNOWN_SCHEMA" */
    ds_str_t detail;
    bool has_value;
    ds_bytes_t value; /* the original's bytes, key and headers */
    bool has_key;
    ds_bytes_t original_key;
    struct ds_letter_header *headers;
    size_t header_count;
    int64_t handled_us;
    ds_str_t actor;
    ds_str_t reason;
    ds_str_t retried_as; /* "order.commands/3/99"; empty: not retried */
};

/** What is kept of each. */
struct ds_letter {
    const char *processor;
    ds_str_t key;          /* source topic/partition/offset */
    int64_t at_us;         /* of the first copy */
    int64_t offset;        /* of it in the .dlq topic */
    int64_t note_offset;   /* of the last record that says what was done about it; -1: none */
    int32_t partition;     /* of both */
    uint32_t bytes;        /* of its value */
    uint32_t header_bytes; /* of both; what loading it takes besides */
    enum ds_letter_state state;
    struct ds_letter_content *content; /* NULL: not loaded */
};

/** Which are kept; all borrowed while they are read. */
struct ds_letters_filter {
    const char *processor;   /* "": of all */
    const char *error;       /* "": with any */
    const char *const *keys; /* none: any */
    int key_count;
};

typedef struct ds_letters ds_letters_t;

/** @brief Read every .dlq topic (of the filter's processor) to its end.
 *  @param error  UNAVAILABLE: Kafka is away. TIMEOUT. LIMIT: more than DS_LETTERS_MAX letters.
 * UNKNOWN: no such processor. */
DS_MUST_CHECK bool ds_letters_read(const struct ds_runtime *runtime, const char *brokers,
                                   const struct ds_letters_filter *filter, int64_t timeout_us,
                                   ds_letters_t **letters_out, ds_error_t *error);
void ds_letters_destroy(ds_letters_t *letters);
/** @brief The letters, by processor, then partition and place in the .dlq topic. */
size_t ds_letters_count(const ds_letters_t *letters);
struct ds_letter *ds_letters_at(const ds_letters_t *letters, size_t i);

/** @brief Read what these say: it is there until others are loaded.
 *  @param count  at most DS_LETTERS_AT_ONCE.
 *  @param error  UNKNOWN: one is past its topic's retention. UNAVAILABLE, TIMEOUT: Kafka is away.
 */
DS_MUST_CHECK bool ds_letters_load(ds_letters_t *letters, struct ds_letter *const *list,
                                   size_t count, ds_error_t *error);
typedef bool (*ds_letter_fn)(void *context, struct ds_letter *letter, ds_error_t *error);
/** @brief Load these, some at a time, and visit each. In the order of ds_letters_at all are read
 * once more at most. */
DS_MUST_CHECK bool ds_letters_each(ds_letters_t *letters, struct ds_letter *const *list,
                                   size_t count, ds_letter_fn visit, void *context,
                                   ds_error_t *error);

/* Of a letter that is loaded: */

/** @brief How many partitions each topic has. */
int32_t ds_letters_partitions(const ds_letters_t *letters);
/** @brief Whether the original was a command: what its processor alone writes cannot be retried. */
bool ds_letter_is_command(const struct ds_letter *letter);

/** @brief Put the original on its commands topic again, as a new command, and note who did it and
 * why, however old it is (age.h). INVALID: it was an event, which only its processor may write.
 * UNAVAILABLE: not kept, or not known to be; the message says which. */
DS_MUST_CHECK bool ds_letter_retry(ds_letters_t *letters, struct ds_letter *letter,
                                   const char *actor, const char *reason, ds_error_t *error);
/** @brief Note that nobody needs it any more. */
DS_MUST_CHECK bool ds_letter_drop(ds_letters_t *letters, struct ds_letter *letter,
                                  const char *actor, const char *reason, ds_error_t *error);

/** @brief Note that a corrected command stands in its place, at this place of its commands topic;
 * see `retried_as`. */
DS_MUST_CHECK bool ds_letter_edited(ds_letters_t *letters, struct ds_letter *letter,
                                    int32_t partition, int64_t offset, const char *actor,
                                    const char *reason, ds_error_t *error);
const struct ds_decider *ds_letter_decider(const struct ds_letter *letter);

const char *ds_letter_state_text(enum ds_letter_state state);

#endif
