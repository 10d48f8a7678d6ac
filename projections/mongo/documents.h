/* projections/mongo/documents.h - the analytics documents as BSON, there and back. Pure.
 *
 * docs/read-models.md describes them. The order of the fields of an _id is part of it: MongoDB
 * compares embedded documents field by field. */
#ifndef DS_PROJECTIONS_MONGO_DOCUMENTS_H
#define DS_PROJECTIONS_MONGO_DOCUMENTS_H

#include "projections/mongo/store.h"

#include <bson/bson.h>

/* Append to an empty document; false: it would be too large. */
DS_MUST_CHECK bool ds_document_tally_id(const struct ds_tally *tally, bson_t *id);
DS_MUST_CHECK bool ds_document_tally(const struct ds_tally *tally, const bson_t *id,
                                     bson_t *document);
DS_MUST_CHECK bool ds_document_fact_id(const struct ds_fact *fact, bson_t *id);
DS_MUST_CHECK bool ds_document_fact(const struct ds_fact *fact, const bson_t *id, bson_t *document);
DS_MUST_CHECK bool ds_document_position_id(int32_t partition, bson_t *id);
DS_MUST_CHECK bool ds_document_position(const struct ds_mongo_position *position, int64_t now_us,
                                        const bson_t *id, bson_t *document);

/* Fill the batch's tally or fact that the document is of. Texts are copied into its arena. */
DS_MUST_CHECK bool ds_document_read_tally(struct ds_tallies *t, const bson_t *document,
                                          ds_error_t *error);
DS_MUST_CHECK bool ds_document_read_fact(struct ds_tallies *t, const bson_t *document,
                                         ds_error_t *error);
DS_MUST_CHECK bool ds_document_read_position(struct ds_mongo_position *position,
                                             const bson_t *document, ds_error_t *error);

#endif
