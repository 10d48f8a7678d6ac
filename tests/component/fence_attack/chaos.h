/* tests/component/fence_attack/chaos.h - a broker that keeps the contract of stream/broker.h and no
 * more: put over a fake one, it gives records in small pieces and in any order between partitions,
 * reports late, and fails calls. All by one dice. */
#ifndef DS_TESTS_CHAOS_H
#define DS_TESTS_CHAOS_H

#include "fake_log.h"

struct chaos {
    struct ds_fake_random dice;
    unsigned small;  /* of 100 polls so many give a few records only */
    unsigned late;   /* of 100 polls so many keep reports back */
    unsigned broken; /* of 100 calls to the server so many fail */
};

/** Put it over a broker. `chaos` outlives it; set all rates to 0 and it behaves. */
void chaos_over(ds_broker_t *broker, struct chaos *chaos);

#endif
