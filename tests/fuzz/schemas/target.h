/* tests/fuzz/schemas/target.h - what the fuzzer and the replay both run.
 *
 *   byte 0        which topic (modulo their number)
 *   byte 1        even: the rest is a body, framed here; odd: the rest is a whole message
 *   byte 2...     the bytes
 *
 * Whatever they are: no crash, no memory beyond what they justify. What is taken must come out the
 * same when written and read again, and avro-c must agree on it (it is never shown what was
 * refused: FIELD-NOTES C). */
#ifndef DS_TESTS_FUZZ_SCHEMAS_TARGET_H
#define DS_TESTS_FUZZ_SCHEMAS_TARGET_H

#include <stddef.h>
#include <stdint.h>

struct target;

/** @brief NULL when memory is out. */
struct target *target_new(void);
void target_destroy(struct target *target);
/** @brief Aborts when something is wrong. @return 1 when the decoder took the bytes, else 0. */
int target_run(struct target *target, const uint8_t *data, size_t size);

#endif
