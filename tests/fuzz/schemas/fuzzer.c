/* libFuzzer's entry: fuzz_schemas CORPUS_DIR. Built with clang and DS_FUZZ only. */
#include "target.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* libFuzzer has no end to free it in. */
    static struct target *target;
    if (target == NULL)
        target = target_new();
    if (target == NULL)
        abort();
    (void)target_run(target, data, size);
    return 0;
}
