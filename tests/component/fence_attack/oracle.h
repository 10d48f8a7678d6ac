/* tests/component/fence_attack/oracle.h - what the log should hold, worked out from the inputs
 * alone, and held against what it holds. Rule F is written here once more, on purpose. */
#ifndef DS_TESTS_ORACLE_H
#define DS_TESTS_ORACLE_H

#include "rig.h"

struct oracle {
    const char *wrong; /* NULL: nothing; else the first thing that is */
    int64_t at;        /* the offset in the own log where it shows */
    int64_t epoch;     /* the log's */
    int64_t commands;  /* decided */
    int64_t orders;
    int64_t fired;
    int64_t deadlines; /* set and not fired */
    int64_t total;
    uint64_t digest; /* as the counter's */
    int64_t rejected;
    int64_t letters_missing; /* rejected inputs without a dead letter */
};

/** @param on_time  deadlines must come after every input that was appended before they were due. */
void oracle_read(struct rig *rig, int32_t p, bool on_time, struct oracle *oracle_out);
/** How many delivered OrderCancelled there are. */
int64_t oracle_orders(struct rig *rig, int32_t p);

#endif
