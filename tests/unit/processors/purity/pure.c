/* All that a decider may ask for. */
#include "base/heap.h"
#include "base/id.h"
#include "base/map.h"
#include "base/money.h"
#include "decider/decider.h"
