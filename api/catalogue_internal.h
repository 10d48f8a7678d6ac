/* api/catalogue_internal.h - the catalogue's layout, for catalogue.c, catalogue_read.c,
 * catalogue_shelf.c and catalogue_follow.c. */
#ifndef DS_API_CATALOGUE_INTERNAL_H
#define DS_API_CATALOGUE_INTERNAL_H

#include "api/catalogue.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/timezone.h"
#include "base/tree.h"

#include <pthread.h>

struct ds_read_batch;
struct ds_reader;

/* All that the processor of every partition may accept, so what runs out is memory. Removed
 * products count too. */
#define DS_CATALOGUE_MAX_STORES   ((size_t)DS_MAX_PARTITION_STORES * DS_MAX_PARTITIONS)
#define DS_CATALOGUE_MAX_PRODUCTS ((size_t)DS_MAX_PARTITION_PRODUCTS * DS_MAX_PARTITIONS)
#define DS_STORE_MAX_METHODS      4

struct ds_catalogue_store {
    char *id;
    char *name;
    char *currency;
    char *time_zone;
    struct ds_store_info info; /* texts point to the above, methods to `methods` */
    enum ds_payment_method methods[DS_STORE_MAX_METHODS];
    struct ds_open_hours *hours; /* info's lists point to these two */
    struct ds_place *area;
    ds_timezone_t *zone; /* NULL: not needed, or not to be had */
    int64_t offset;
    int64_t touched_offset;
    int32_t partition;
    struct ds_catalogue_product **products;
    size_t product_count;
    size_t product_capacity;
    struct ds_tree_node by_id;
};

/** Products in the orders that lists have: a page is looked up, whatever there is before and behind
 * it. Those of one store are few enough to be walked. */
struct ds_catalogue_shelf {
    struct ds_tree by_name;
    struct ds_tree by_price;
};

/** A product's place on a shelf. */
struct ds_catalogue_place {
    struct ds_tree_node by_name;
    struct ds_tree_node by_price;
};

struct ds_catalogue_product {
    char *texts; /* one block for all texts of info */
    struct ds_product_info info;
    struct ds_catalogue_store *store;
    struct ds_catalogue_shelf *category; /* NULL: it stands on no shelf */
    struct ds_catalogue_place among_all;
    struct ds_catalogue_place in_category;
    int64_t offset;
    bool removed;
};

struct ds_catalogue_partition {
    int64_t fresh_us; /* monotonic time at which the end was asked for that was reached; 0: never */
    int64_t commands_through;
    int64_t touched; /* last offset that changed something */
    bool lost;       /* holds an event that could not be taken: it prices no more */
    char identity[DS_TOPICS][64];
};

struct ds_catalogue {
    const struct ds_runtime *runtime;
    int64_t fresh_us;
    pthread_rwlock_t lock;
    ds_map_t *stores;
    ds_map_t *products;
    ds_map_t *categories;          /* shelves, by name */
    struct ds_catalogue_shelf all; /* what is sold */
    struct ds_tree stores_by_id;   /* without those that only products have named */
    int32_t partition_count;
    struct ds_catalogue_partition partitions[DS_MAX_PARTITIONS];

    const char *brokers;
    pthread_t thread;
    bool thread_runs;
    atomic_bool stop;
};

/** What the thread knows that keeps the catalogue up. Zeroed but for `catalog`; a test brings a
 * reader of its own. */
struct ds_catalogue_follower {
    ds_catalogue_t *catalog;
    struct ds_reader *reader;
    int32_t partitions;                  /* 0: not assigned yet */
    int64_t asked_us[DS_MAX_PARTITIONS]; /* when its end was asked for that is known; 0: never */
    int64_t ends[DS_MAX_PARTITIONS];
    int64_t ends_asked_us[DS_MAX_PARTITIONS]; /* 0: answered */
    int64_t identity_at_us[DS_TOPICS][DS_MAX_PARTITIONS];
    bool told_away;
};

/** @brief Empty trees. It fails as the source of their seeds does. */
DS_MUST_CHECK bool ds_catalogue_shelves_init(ds_catalogue_t *catalog, ds_error_t *error);
/** @brief The shelf of a category, made when there is none. NULL: no memory, or no seed. */
struct ds_catalogue_shelf *ds_catalogue_category(ds_catalogue_t *catalog, ds_str_t name,
                                                 ds_error_t *error);
/** @brief Among all, and in its category. It stands nowhere yet. */
void ds_catalogue_put_up(ds_catalogue_t *catalog, struct ds_catalogue_product *product,
                         struct ds_catalogue_shelf *category);
/** @brief Before it changes, or is gone; nothing happens when it stands nowhere. */
void ds_catalogue_take_down(ds_catalogue_t *catalog, struct ds_catalogue_product *product);
/** @brief The next product behind one that need not be there: id, and name or price. NULL: the
 * first one; NULL is returned behind the last. */
const struct ds_catalogue_product *ds_catalogue_next(const struct ds_catalogue_shelf *shelf,
                                                     enum ds_product_sort sort,
                                                     const struct ds_product_info *after);
void ds_catalogue_put_store(ds_catalogue_t *catalog, struct ds_catalogue_store *store);
/** @brief The first store behind that id; NULL: none. */
const struct ds_catalogue_store *ds_catalogue_next_store(const ds_catalogue_t *catalog,
                                                         ds_str_t after);

/** @brief ds_catalogue_apply without the lock. */
DS_MUST_CHECK bool ds_catalogue_fold(ds_catalogue_t *catalog, const struct ds_catalog_event *event,
                                     int32_t partition, int64_t offset, ds_error_t *error);
/** @brief Fold what was read. A record that cannot be taken costs its own partition the prices, and
 * no other record anything. @locality the follower, or a test. */
void ds_catalogue_take(ds_catalogue_t *catalog, const struct ds_read_batch *batch);
/** @brief One turn: read, ask where the partitions end. @return false: something did not answer; a
 * pause is due. */
bool ds_catalogue_turn(struct ds_catalogue_follower *follower);
void *ds_catalogue_follow(void *catalog);

#endif
