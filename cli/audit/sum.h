/* cli/audit/sum.h - sums that stay at the ends of their range: a log may hold any number, and what
 * is made of it is an anomaly and never undefined. Pure, any thread. */
#ifndef DS_CLI_AUDIT_SUM_H
#define DS_CLI_AUDIT_SUM_H

#include <stdint.h>

static inline int64_t ds_audit_plus(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

static inline int64_t ds_audit_minus(int64_t a, int64_t b)
{
    int64_t difference;
    return __builtin_sub_overflow(a, b, &difference) ? (b < 0 ? INT64_MAX : INT64_MIN) : difference;
}

#endif
