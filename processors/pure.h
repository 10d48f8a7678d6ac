/* processors/pure.h - put in front of every source of a decider by the build (CMakeLists.txt).
 *
 * A decider may know no Kafka, no SQL, no socket, no clock and no thread. Headers of our own shell
 * are out of reach by the include paths; those of the system are not, so the names without which
 * they are of no use are poisoned: including <librdkafka/rdkafka.h> does not compile. */
#pragma GCC poison rd_kafka_new rd_kafka_produce rd_kafka_consumer_poll
#pragma GCC poison PQconnectdb PQexec mongoc_client_new curl_easy_init MHD_start_daemon
#pragma GCC poison clock_gettime gettimeofday pthread_create
