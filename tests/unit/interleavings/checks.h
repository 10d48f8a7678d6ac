/* tests/unit/interleavings/checks.h - what must hold in every world, and in one at rest. */
#ifndef DS_TESTS_INTERLEAVINGS_CHECKS_H
#define DS_TESTS_INTERLEAVINGS_CHECKS_H

#include "world.h"

/** @brief What holds at every moment: I1 to I5 of DESIGN.md section 4, and that couriers and
 * deliveries agree. NULL, or what is broken; a constant. */
const char *check_always(const shop_t *shop, const struct world *world);
/** @brief What holds when nothing is under way any more. NULL, or what is not as it should be. */
const char *check_rest(const shop_t *shop, const struct world *world);

#endif
