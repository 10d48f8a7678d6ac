/* tests/unit/interleavings/explore.h - every world that can be reached, breadth first.
 *
 * So the way to a violation is a shortest one. Worlds are kept whole and compared whole: there are
 * no collisions of hashes that could hide one. Afterwards it is asked from which worlds a clean end
 * can be reached by records, deadlines and reports alone: without any act of a person, and with a
 * provider that never answers the charge. */
#ifndef DS_TESTS_INTERLEAVINGS_EXPLORE_H
#define DS_TESTS_INTERLEAVINGS_EXPLORE_H

#include "world.h"

#include <stdio.h>

struct finding {
    uint64_t worlds;
    uint64_t steps;
    uint64_t ends;         /* worlds at rest */
    uint64_t decisions;    /* worked out by deciders */
    const char *violation; /* NULL: none; a constant */
    bool complete;         /* false: stopped at the limit or at a violation */
};

/** @brief Explore. @param limit of worlds, 0: none. @param trace  where the way to a violation is
 * written; NULL: nowhere. */
struct finding explore(shop_t *shop, uint64_t limit, FILE *trace);

#endif
