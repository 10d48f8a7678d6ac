#include "scenarios.h"

#include <string.h>

#define CARD(n)                                                                                    \
    {                                                                                              \
        .cash = false, .lines = (n)                                                                \
    }
#define CASH(n)                                                                                    \
    {                                                                                              \
        .cash = true, .lines = (n)                                                                 \
    }
/* Everything that can happen to an order. */
#define ALL                                                                                        \
    .cancel = true, .staff = true, .offline = true, .contradict = true, .gateway_dies = true,      \
    .refund_fail = 1, .reports = 2
#define SOME .cancel = true, .staff = true

const struct scenario scenarios[] = {
    /* one order, two lines, everything that can happen to it */
    {.name = "one-cash",
     .orders = {CASH(2)},
     .stock = {1, 1},
     .capacity = {1, 1},
     ALL,
     .line = 2,
     .reassign = true},
    {.name = "one-card",
     .orders = {CARD(2)},
     .stock = {1, 1},
     .capacity = {1},
     ALL,
     .line = 2,
     .dispute = true},
    {.name = "one-lines",
     .orders = {CARD(3)},
     .stock = {1, 1, 1},
     .capacity = {1},
     .cancel = true,
     .line = 6,
     .refund_fail = 1,
     .short_ways = true},
    {.name = "one-pieces",
     .orders = {{.lines = 2, .pieces = {2, 1}}},
     .stock = {2, 1},
     .capacity = {1},
     .cancel = true,
     .line = 3,
     .short_ways = true},
    {.name = "one-short",
     .orders = {CARD(2)},
     .stock = {1, 0},
     .capacity = {1},
     SOME,
     .contradict = true,
     .line = 2,
     .receive = 1,
     .reports = 2,
     .refund_fail = 1},
    /* a provider that takes or gives back another amount than it was asked for */
    {.name = "one-odd",
     .orders = {CARD(2)},
     .stock = {1, 1},
     .capacity = {1},
     .cancel = true,
     .line = 2,
     .odd = true,
     .refund_fail = 1,
     .contradict = true,
     .short_ways = true},
    /* an order that is read too late, or after its cancellation; stock that runs low */
    {.name = "one-stale",
     .orders = {CASH(1)},
     .stock = {2},
     .capacity = {1},
     SOME,
     .stale = true,
     .threshold = 2,
     .receive = 2},
    /* two orders, one piece of stock, one courier */
    {.name = "two-cash",
     .orders = {CASH(1), CASH(1)},
     .stock = {1},
     .capacity = {1},
     ALL,
     .receive = 1},
    {.name = "two-mixed",
     .orders = {CARD(1), CASH(1)},
     .stock = {1},
     .capacity = {1},
     SOME,
     .offline = true,
     .refund_fail = 1},
    {.name = "two-card", .orders = {CARD(1), CARD(1)}, .stock = {1}, .capacity = {1}, SOME},
    {.name = "two-lines",
     .orders = {CARD(2), CASH(2)},
     .stock = {1, 2},
     .capacity = {1},
     .cancel = true,
     .line = 2,
     .short_ways = true},
    /* two orders, stock for both */
    {.name = "two-both", .orders = {CASH(1), CASH(1)}, .stock = {2}, .capacity = {1}, SOME},
    {.name = "two-capacity",
     .orders = {CASH(1), CASH(1)},
     .stock = {2},
     .capacity = {2},
     .cancel = true,
     .offline = true},
    {.name = "two-couriers",
     .orders = {CASH(1), CASH(1)},
     .stock = {2},
     .capacity = {1, 1},
     .staff = true,
     .short_ways = true,
     .reassign = true},
    /* nothing is handled after the search is over: then no courier waits beside an order */
    {.name = "two-in-time",
     .orders = {CASH(1), CASH(1)},
     .stock = {2},
     .capacity = {1, 1},
     .offline = true,
     .short_ways = true,
     .in_time = true},
    /* larger */
    {.name = "two-mixed-all",
     .orders = {CARD(1), CASH(1)},
     .stock = {1},
     .capacity = {1},
     ALL,
     .deep = true},
    {.name = "two-in-time-all",
     .orders = {CASH(1), CASH(1)},
     .stock = {2},
     .capacity = {1, 1},
     .offline = true,
     .cancel = true,
     .in_time = true,
     .deep = true},
    {.name = "two-lines-all",
     .orders = {CARD(2), CASH(2)},
     .stock = {1, 2},
     .capacity = {1},
     SOME,
     .line = 2,
     .deep = true},
    {.name = "one-short-all",
     .orders = {CARD(2)},
     .stock = {1, 0},
     .capacity = {1},
     ALL,
     .line = 2,
     .receive = 1,
     .deep = true},
    {.name = "two-both-lines",
     .orders = {CASH(2), CASH(1)},
     .stock = {2, 1},
     .capacity = {1},
     SOME,
     .line = 2,
     .receive = 2,
     .deep = true},
    {.name = "two-card-both",
     .orders = {CARD(1), CARD(1)},
     .stock = {2},
     .capacity = {1},
     SOME,
     .deep = true},
    {.name = "two-card-more",
     .orders = {CARD(1), CARD(1)},
     .stock = {1},
     .capacity = {1},
     SOME,
     .reports = 2,
     .contradict = true,
     .refund_fail = 1,
     .short_ways = true,
     .deep = true},
};
const size_t scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);

const struct scenario *scenario_named(const char *name)
{
    for (size_t i = 0; i < scenario_count; i++) {
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    }
    return NULL;
}
