/* processors/catalog/catalog_merge.h - a change that names some fields, applied to what is known.
 *
 * So two people who change two things at the same time do not undo each other, whatever each of
 * them saw before. Texts are borrowed from both. Pure, any thread. */
#ifndef DS_PROCESSORS_CATALOG_CATALOG_MERGE_H
#define DS_PROCESSORS_CATALOG_CATALOG_MERGE_H

#include "processors/catalog/catalog.h"

/** @brief The store after the change; no fields named: all of them. @return NULL, or
 * "INVALID_FIELD": a field is named that cannot be changed. */
const char *ds_catalog_merge_store(const struct ds_store_info *known,
                                   const struct ds_change_store *change,
                                   struct ds_store_info *after_out);
/** @brief The same for a product. */
const char *ds_catalog_merge_product(const struct ds_product_info *known,
                                     const struct ds_change_product *change,
                                     struct ds_product_info *after_out);

#endif
