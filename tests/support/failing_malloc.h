/* tests/support/failing_malloc.h - the Nth allocation fails.
 *
 * The linker puts these functions between the code under test and the allocator (--wrap, which
 * comes with the library). Criterion's own allocations come from its shared library and are not
 * touched. Threads: none. */
#ifndef DS_TESTS_SUPPORT_FAILING_MALLOC_H
#define DS_TESTS_SUPPORT_FAILING_MALLOC_H

#include "base/error.h"

/** @brief From here on `nth` allocations succeed, one fails, and those behind it succeed. */
void ds_failing_malloc_begin(int nth);
/** @brief From here on none fails. @return whether one did. */
bool ds_failing_malloc_end(void);
/** @brief Run `scenario` with the first, the second, ... allocation failing, until it needs no more
 * of them. It must tell each failure, as DS_ERR_MEMORY if its error is set, and no other.
 *  @param least  so many allocations there must be at least, else nothing was tried. */
void ds_failing_malloc_each(bool (*scenario)(ds_error_t *error), int least);

#endif
