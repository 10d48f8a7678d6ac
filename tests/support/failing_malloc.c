#include "tests/support/failing_malloc.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define ALLOCATIONS_MAX 1000

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);

static int left = -1; /* allocations until one fails; negative: none does */

static bool fails(void)
{
    return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    return fails() ? NULL : __real_realloc(memory, bytes);
}

void ds_failing_malloc_begin(int nth)
{
    left = nth;
}

bool ds_failing_malloc_end(void)
{
    bool failed = left < 0;

    left = -1;
    return failed;
}

void ds_failing_malloc_each(bool (*scenario)(ds_error_t *error), int least)
{
    for (int nth = 0;; nth++) {
        ds_error_t error = DS_ERROR_INIT;
        bool ok;
        bool failed;

        cr_assert_lt(nth, ALLOCATIONS_MAX);
        ds_failing_malloc_begin(nth);
        ok = scenario(&error);
        failed = ds_failing_malloc_end();
        cr_assert_eq(ok, !failed, "allocation %d", nth);
        if (!failed) {
            cr_assert_geq(nth, least, "hardly anything was made to fail");
            return;
        }
        cr_assert(!ds_error_is_set(&error) || error.code == DS_ERR_MEMORY, "%s", error.message);
    }
}
