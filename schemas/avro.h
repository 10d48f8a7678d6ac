/* schemas/avro.h - the Avro wire, as generated code reads and writes it. */
#ifndef DS_SCHEMAS_AVRO_H
#define DS_SCHEMAS_AVRO_H

#include "base/buf.h"

/** @brief The symbol of an enum value; "" for a number that is none. */
const char *ds_avro_enum_text(const char *const *texts, size_t count, int64_t value);
/** @brief The number of a symbol; -1 when there is none. */
int32_t ds_avro_enum_find(const char *const *texts, size_t count, ds_str_t text);

#endif
