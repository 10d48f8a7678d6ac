/* processors/catalog/catalog_check.h - what a store and a product must be. Pure, any thread. */
#ifndef DS_PROCESSORS_CATALOG_CATALOG_CHECK_H
#define DS_PROCESSORS_CATALOG_CATALOG_CHECK_H

#include "processors/catalog/catalog.h"

/** Characters (code points) of a name or a category; API.md section 10. */
#define DS_CATALOG_MAX_NAME_CHARS 100
/** Bytes of what is not counted in characters. */
#define DS_CATALOG_MAX_UNIT_BYTES      64
#define DS_CATALOG_MAX_TIME_ZONE_BYTES 64
#define DS_CATALOG_MAX_URL_BYTES       2048
/** Stretches of a week: four a day. */
#define DS_CATALOG_MAX_HOURS 28
/** Corners of the polygon a store delivers in. */
#define DS_CATALOG_MAX_AREA     100
#define DS_CATALOG_MAX_RADIUS_M 200000

/** @brief NULL when it holds; otherwise the reason, a constant such as "INVALID_NAME". */
const char *ds_catalog_check_store(const struct ds_store_info *store);
/** @brief The same for a product, whatever store it is in. */
const char *ds_catalog_check_product(const struct ds_product_info *product);

#endif
