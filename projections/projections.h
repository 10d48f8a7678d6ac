/* projections/projections.h - the workers that fold the events into what people read.
 *
 * Everything they write can be thrown away and rebuilt from the log. docs/read-models.md describes
 * the tables, views and collections. */
#ifndef DS_PROJECTIONS_PROJECTIONS_H
#define DS_PROJECTIONS_PROJECTIONS_H

#include "base/runtime.h"

/** "project postgres": all five events topics into schema read_v1, read through the views of schema
 * shop. */
extern const struct ds_role ds_role_project_postgres;
/** "project mongo": order.events into the analytics collections. */
extern const struct ds_role ds_role_project_mongo;
/** "migrate": bring the PostgreSQL schemas up to date; again: nothing to do. */
extern const struct ds_role ds_role_migrate;

#endif
