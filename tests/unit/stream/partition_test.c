/* The partitioner agrees with the Java client. Hashes:
 * org.apache.kafka.common.utils.UtilsTest.testMurmur2. */
#include "stream/partition.h"

#include <criterion/criterion.h>

static void agrees(const char *key, int32_t hash)
{
    int32_t positive = hash & 0x7fffffff;

    for (int32_t count = 1; count < 64; count++)
        cr_assert_eq(ds_partition_of(ds_str(key), count), positive % count, "%s of %d", key, count);
    cr_assert_eq(ds_partition_of(ds_str(key), INT32_MAX), positive % INT32_MAX);
}

Test(partition, agrees_with_the_java_client)
{
    agrees("21", -973932308);
    agrees("foobar", -790332482);
    agrees("a-little-bit-long-string", -985981536);
    agrees("a-little-bit-longer-string", -1486304829);
    agrees("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971);
    agrees("abc", 479470107);
}

Test(partition, empty_key_has_a_partition)
{
    cr_assert_lt(ds_partition_of(DS_STR(""), 12), 12);
    cr_assert_geq(ds_partition_of((ds_str_t){0}, 12), 0);
}
