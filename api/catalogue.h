/* api/catalogue.h - stores and products in memory, followed from catalog.events under rule F.
 *
 * Orders are priced from here, and products are shown from here, so both go on while PostgreSQL is
 * away. A partition prices only while its follower stood, within catalog_fresh_us, at an end it had
 * asked the broker for: an api cut off from Kafka must not go on selling at yesterday's price.
 * Threads: one follower thread writes; readers take a lock that is never held while waiting for
 * anything, and copy what they need into their arena. */
#ifndef DS_API_CATALOGUE_H
#define DS_API_CATALOGUE_H

#include "api/tokens.h"
#include "base/runtime.h"
#include "schemas/schema.h"

typedef struct ds_catalogue ds_catalogue_t;

/** Of one page, as the API has it. */
#define DS_CATALOGUE_PAGE_MAX 100

/** Whether a store takes orders at this moment. */
enum ds_store_door {
    DS_DOOR_OPEN,
    DS_DOOR_CLOSED,    /* it is closed, or it is not one of its hours */
    DS_DOOR_NOT_KNOWN, /* it has hours, and the clock of its time zone cannot be had here */
};

/** A store or a product as it is now, with the place of the event that said so. Texts stand in the
 * reader's arena. */
struct ds_store_view {
    struct ds_store_info info;
    int64_t offset;         /* of its last own event */
    int64_t touched_offset; /* of the last event of the store or of one of its products */
    int32_t partition;
    enum ds_store_door door; /* when the view was taken */
};
struct ds_product_view {
    struct ds_product_info info;
    ds_str_t store_id;
    ds_str_t currency;
    bool store_open;
    bool removed;
    int64_t offset;
    int64_t store_offset;
};

enum ds_product_sort { DS_SORT_NAME, DS_SORT_PRICE_UP, DS_SORT_PRICE_DOWN };

struct ds_product_query {
    ds_str_t store;    /* empty: all */
    ds_str_t category; /* empty: all */
    enum ds_product_sort sort;
    bool has_after;
    ds_str_t after_key; /* name, or the price as text */
    ds_str_t after_id;
    size_t limit; /* at most DS_CATALOGUE_PAGE_MAX */
};

/** @brief An empty catalogue that follows nobody: for tests, and the first half of
 * ds_catalogue_start. */
ds_catalogue_t *ds_catalogue_new(const struct ds_runtime *runtime, int64_t fresh_us);
/** @brief Follow the log in a thread of its own. Kafka may be away. */
DS_MUST_CHECK bool ds_catalogue_start(ds_catalogue_t *catalog, const char *brokers,
                                      ds_error_t *error);
/** @brief Stop following and free. NULL is fine. */
void ds_catalogue_destroy(ds_catalogue_t *catalog);

/** @brief Fold one delivered event. @locality the follower, or a test. */
DS_MUST_CHECK bool ds_catalogue_apply(ds_catalogue_t *catalog, const struct ds_catalog_event *event,
                                      int32_t partition, int64_t offset, ds_error_t *error);
/** @brief Note that the partition was read up to an end asked for at `asked_us` (monotonic). */
void ds_catalogue_caught_up(ds_catalogue_t *catalog, int32_t partition, int32_t partition_count,
                            int64_t asked_us);

/** @brief Whether the store's partition may price now. */
bool ds_catalogue_fresh(ds_catalogue_t *catalog, ds_str_t store_id, int64_t now_us);
/** @brief Whether all partitions have been read to an end once. */
bool ds_catalogue_loaded(ds_catalogue_t *catalog);
/** @brief false: unknown. DS_ERR_MEMORY counts as unknown. */
bool ds_catalogue_store(ds_catalogue_t *catalog, ds_str_t store_id, ds_arena_t *arena,
                        struct ds_store_view *store_out);
bool ds_catalogue_product(ds_catalogue_t *catalog, ds_str_t product_id, ds_arena_t *arena,
                          struct ds_product_view *product_out);
/** @brief One page of stores, by id. @param after the last one of the page before; empty: from the
 * first. @param more_out there are further ones. */
DS_MUST_CHECK bool ds_catalogue_stores(ds_catalogue_t *catalog, ds_str_t after, size_t limit,
                                       ds_arena_t *arena, struct ds_store_view **stores_out,
                                       size_t *count_out, bool *more_out, ds_error_t *error);
/** @brief One page of products that are sold. @param more_out there are further ones. @param
 * version_out changes whenever a product or store asked for did. */
DS_MUST_CHECK bool ds_catalogue_list(ds_catalogue_t *catalog, const struct ds_product_query *query,
                                     ds_arena_t *arena, struct ds_product_view **products_out,
                                     size_t *count_out, bool *more_out, int64_t *version_out,
                                     ds_error_t *error);

/** @brief The identity of the log a command's outcome will stand in; "" while it is not known. */
void ds_catalogue_log_identity(ds_catalogue_t *catalog, enum ds_commands_topic topic,
                               int32_t partition, char identity_out[64]);
/** @brief Up to where commands of catalog.commands are decided in this partition; -1: none. */
int64_t ds_catalogue_commands_through(ds_catalogue_t *catalog, int32_t partition);

#endif
