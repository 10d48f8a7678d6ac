/* gateways/sandbox/journal.h - an append-only file of JSON lines that survives a crash.
 *
 * Lines are written and synced in groups: whoever waits first writes for all who wait behind it. A
 * torn last line, the trace of a crash, is cut off when the file is opened; anything else that
 * cannot be read is an error. One process at a time (flock).
 * Threads: append and wait from any. */
#ifndef DS_GATEWAYS_SANDBOX_JOURNAL_H
#define DS_GATEWAYS_SANDBOX_JOURNAL_H

#include "base/log.h"

typedef struct ds_journal ds_journal_t;

/** One line at start, without its newline. false: TRUNCATED: it is no JSON, as a torn one; any
 * other code: it makes no sense, or there is no memory. */
typedef bool (*ds_journal_apply_fn)(void *context, ds_str_t line, ds_error_t *error);

/** @brief Open or create, read all lines, cut a torn last one (logged as "journal.torn").
 *  @param error  IO: the system's words. BUSY: another process has it. DAMAGE: a line in the middle
 *                cannot be read; the message names it. */
DS_MUST_CHECK bool ds_journal_open(const char *path, const ds_log_t *log, ds_journal_apply_fn apply,
                                   void *context, ds_journal_t **journal_out, ds_error_t *error);
/** @brief Write what is left, close, free. NULL is fine. */
void ds_journal_close(ds_journal_t *journal);
/** @brief Put a line (without newline) behind the others; in memory so far.
 *  @param number_out  what to wait for; 1 for the first after opening. */
DS_MUST_CHECK bool ds_journal_append(ds_journal_t *journal, ds_str_t line, uint64_t *number_out,
                                     ds_error_t *error);
/** @brief Until that line is on disk. IO: the disk failed, now or before: nothing more is kept. */
DS_MUST_CHECK bool ds_journal_wait(ds_journal_t *journal, uint64_t number, ds_error_t *error);
/** @brief Whether a write failed: what memory holds may not be on disk, and the process must end.
 */
bool ds_journal_broken(ds_journal_t *journal);

#endif
