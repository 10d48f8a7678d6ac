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

#define DS_LETTERS_MAX       100000
#define DS_LETTER_HEADERS    64
#define DS_LETTERS_MAX_BYTES ((size_t)1024 * 1024 * 1024)

enum ds_letter_state { DS_LETTER_OPEN, DS_LETTER_RETRIED, DS_LETTER_DROPPED, DS_LETTER_EDITED };

struct ds_letter_header {
    ds_str_t name;
    ds_bytes_t value;
};

/** All texts live in the arena of the collection. */
struct ds_letter {
    const char *processor;
    ds_str_t key;          /* source topic/partition/offset */
    ds_str_t source_topic; /* and its parts */
    int32_t source_partition;
    int64_t source_offset;
    int32_t
        first_partition;  /* of the same topic: where the command stood first, of which this is a */
    int64_t first_offset; /* copy, and the copy of a copy; else the source itself */
    int64_t at_us;        /* of the first copy */
    int32_t partition;    /* of it in the .dlq topic */
    int64_t offset;
    ds_str_t error; /* "UNKNOWN_SCHEMA" */
    ds_str_t detail;
    bool has_value;
    ds_bytes_t value; /* the original's bytes, key and headers */
    bool has_key;
    ds_bytes_t original_key;
    struct ds_letter_header *headers;
    size_t header_count;
    enum ds_letter_state state;
    int64_t handled_us;
    ds_str_t actor;
    ds_str_t reason;
    ds_str_t retried_as; /* "order.commands/3/99"; empty: not retried */
};

typedef struct ds_letters ds_letters_t;

/** @brief Read every .dlq topic (of `processor` alone when it is not empty) to its end.
 *  @param error  UNAVAILABLE: Kafka is away. TIMEOUT. LIMIT: more than DS_LETTERS_MAX letters.
 * UNKNOWN: no such processor. */
DS_MUST_CHECK bool ds_letters_read(const struct ds_runtime *runtime, const char *brokers,
                                   const char *processor, int64_t timeout_us,
                                   ds_letters_t **letters_out, ds_error_t *error);
void ds_letters_destroy(ds_letters_t *letters);
/** @brief The letters, by processor, then partition and place in the .dlq topic. */
size_t ds_letters_count(const ds_letters_t *letters);
struct ds_letter *ds_letters_at(const ds_letters_t *letters, size_t i);

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
