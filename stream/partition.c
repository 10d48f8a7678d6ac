/* murmur2 as in org.apache.kafka.common.utils.Utils (Apache Kafka 4.x), seed 0x9747b28c. */
#include "stream/partition.h"

#define MURMUR_SEED 0x9747b28cU
#define MURMUR_M    0x5bd1e995U

static uint32_t mix(uint32_t k)
{
    k *= MURMUR_M;
    k ^= k >> 24;
    return k * MURMUR_M;
}

static uint32_t murmur2(const uint8_t *data, uint32_t len)
{
    uint32_t h = MURMUR_SEED ^ len;
    uint32_t whole = len & ~3U;

    for (uint32_t i = 0; i < whole; i += 4) {
        uint32_t k = (uint32_t)data[i] | (uint32_t)data[i + 1] << 8 | (uint32_t)data[i + 2] << 16 |
                     (uint32_t)data[i + 3] << 24;
        h = h * MURMUR_M ^ mix(k);
    }
    if ((len & 3U) == 3)
        h ^= (uint32_t)data[whole + 2] << 16;
    if ((len & 3U) >= 2)
        h ^= (uint32_t)data[whole + 1] << 8;
    if ((len & 3U) >= 1) {
        h ^= data[whole];
        h *= MURMUR_M;
    }
    h ^= h >> 13;
    h *= MURMUR_M;
    return h ^ h >> 15;
}

int32_t ds_partition_of(ds_str_t key, int32_t partition_count)
{
    uint32_t hash = murmur2((const uint8_t *)key.data, key.len) & 0x7fffffffU;

    return (int32_t)(hash % (uint32_t)partition_count);
}
