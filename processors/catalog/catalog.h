/* processors/catalog/catalog.h - the catalog processor: stores, and what they sell.
 *
 * It only keeps what is said consistent: a store exists once and keeps its currency, a product
 * belongs to a known store, prices are not negative. What an order costs is decided where it is
 * taken, from these events. */
#ifndef DS_PROCESSORS_CATALOG_CATALOG_H
#define DS_PROCESSORS_CATALOG_CATALOG_H

#include "decider/decider.h"

/** The permanent numbers of its inputs. */
enum ds_catalog_input_number {
    DS_CATALOG_INPUT_COMMANDS = 0,
};

extern const struct ds_decider ds_catalog_decider;

#endif
