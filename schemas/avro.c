#include "schemas/avro.h"

const char *ds_avro_enum_text(const char *const *texts, size_t count, int64_t value)
{
    return value >= 0 && (uint64_t)value < count ? texts[value] : "";
}

int32_t ds_avro_enum_find(const char *const *texts, size_t count, ds_str_t text)
{
    for (size_t i = 0; i < count; i++) {
        if (ds_str_eq(ds_str(texts[i]), text))
            return (int32_t)i;
    }
    return -1;
}
