/* A decider that would like to read a topic. */
#include "decider/decider.h"
#include "stream/reader.h"
