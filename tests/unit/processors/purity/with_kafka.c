/* A decider that would like to produce by itself. */
#include <librdkafka/rdkafka.h>

int with_kafka(void);
int with_kafka(void)
{
    return rd_kafka_version();
}
