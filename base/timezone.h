/* base/timezone.h - what the clock on the wall shows in a time zone.
 *
 * A zone is read from the system's files (TZif, RFC 9636) into a table of its own; localtime() and
 * TZ are not used, which are one setting for the whole process. Beyond the last change in the file
 * its rule (the footer, such as "CET-1CEST,M3.5.0,M10.5.0/3") goes on. Leap seconds are not
 * counted, as in POSIX time. Threads: a loaded zone is const. */
#ifndef DS_BASE_TIMEZONE_H
#define DS_BASE_TIMEZONE_H

#include "base/error.h"
#include "base/str.h"

typedef struct ds_timezone ds_timezone_t;

/** A moment on the wall. */
struct ds_wall_time {
    int32_t day;    /* 1 Monday to 7 Sunday */
    int32_t minute; /* of the day, 0 to 1439 */
};

/** @brief From the bytes of a TZif file. NULL: not one (DS_ERR_INVALID), or no memory. Owned by
 * the caller. */
ds_timezone_t *ds_timezone_parse(ds_bytes_t bytes, ds_error_t *error);
/** @brief By name, from the folder of zones. DS_ERR_UNKNOWN: no such zone, or not a name. Blocks
 * for reading one small file.
 *  @param folder  NULL: /usr/share/zoneinfo. */
ds_timezone_t *ds_timezone_load(const char *folder, ds_str_t name, ds_error_t *error);
void ds_timezone_destroy(ds_timezone_t *zone);
/** @brief Seconds to add to UTC. @param at_s seconds since 1970. */
int32_t ds_timezone_offset_s(const ds_timezone_t *zone, int64_t at_s);
/** @brief The weekday and minute at a time, microseconds since 1970. */
struct ds_wall_time ds_timezone_wall(const ds_timezone_t *zone, int64_t at_us);

#endif
