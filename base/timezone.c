#include "base/timezone.h"

#include "base/timezone_rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The largest file of the tz database has some 250 changes and 20 kinds of time. */
enum {
    MAX_CHANGES = 4096,
    MAX_KINDS = 256,
    MAX_FILE_BYTES = 256 * 1024,
    MAX_NAME_BYTES = 64,
    HEADER_BYTES = 44,
    DAY_S = 86400,
};

struct ds_timezone {
    int64_t *changes_s; /* ascending */
    uint8_t *kinds;     /* which offset holds from that change on */
    size_t count;
    int32_t offsets_s[MAX_KINDS];
    size_t kind_count;
    bool has_rule;
    struct ds_timezone_rule rule;
};

/* ---- TZif */

struct reader {
    const uint8_t *at;
    size_t left;
};

static bool skip(struct reader *in, size_t bytes)
{
    if (bytes > in->left)
        return false;
    in->at += bytes;
    in->left -= bytes;
    return true;
}

static int64_t big_endian(const uint8_t *at, size_t bytes)
{
    uint64_t value = (at[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return (int64_t)value;
}

struct counts {
    size_t utc, standard, leap, changes, kinds, chars;
};

static bool read_header(struct reader *in, uint8_t *version_out, struct counts *counts)
{
    size_t *const all[] = {&counts->utc,     &counts->standard, &counts->leap,
                           &counts->changes, &counts->kinds,    &counts->chars};
    const uint8_t *at = in->at;
    if (!skip(in, HEADER_BYTES) || memcmp(at, "TZif", 4) != 0)
        return false;
    *version_out = at[4];
    for (size_t i = 0; i < 6; i++) {
        int64_t count = big_endian(at + 20 + 4 * i, 4);
        if (count < 0 || count > MAX_FILE_BYTES)
            return false;
        *all[i] = (size_t)count;
    }
    return counts->kinds >= 1 && counts->kinds <= MAX_KINDS && counts->changes <= MAX_CHANGES;
}

static size_t block_bytes(const struct counts *counts, size_t time_bytes)
{
    return counts->changes * (time_bytes + 1) + counts->kinds * 6 + counts->chars +
           counts->leap * (time_bytes + 4) + counts->standard + counts->utc;
}

static bool read_block(struct reader *in, const struct counts *counts, size_t time_bytes,
                       ds_timezone_t *zone)
{
    const uint8_t *at = in->at;
    if (!skip(in, block_bytes(counts, time_bytes)))
        return false;
    zone->count = counts->changes;
    zone->kind_count = counts->kinds;
    for (size_t i = 0; i < zone->count; i++, at += time_bytes) {
        zone->changes_s[i] = big_endian(at, time_bytes);
        if (i > 0 && zone->changes_s[i] <= zone->changes_s[i - 1])
            return false;
    }
    for (size_t i = 0; i < zone->count; i++, at++) {
        zone->kinds[i] = *at;
        if (*at >= counts->kinds)
            return false;
    }
    for (size_t i = 0; i < counts->kinds; i++, at += 6) {
        int64_t offset_s = big_endian(at, 4);
        if (offset_s <= -2 * DAY_S || offset_s >= 2 * DAY_S)
            return false;
        zone->offsets_s[i] = (int32_t)offset_s;
    }
    return true;
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n"; an empty one has no rule. */
static bool read_footer(struct reader *in, ds_timezone_t *zone)
{
    const uint8_t *end;
    if (in->left == 0 || in->at[0] != '\n' || !skip(in, 1))
        return false;
    end = memchr(in->at, '\n', in->left);
    if (end == NULL)
        return false;
    ds_str_t text = {(const char *)in->at, (uint32_t)(end - in->at)};
    zone->has_rule = text.len > 0;
    return !zone->has_rule || ds_timezone_rule_parse(text, &zone->rule);
}

static bool read_zone(ds_bytes_t bytes, ds_timezone_t *zone)
{
    struct reader in = {bytes.data, bytes.len};
    struct counts counts;
    uint8_t version;
    if (!read_header(&in, &version, &counts))
        return false;
    if (version < '2')
        return read_block(&in, &counts, 4, zone);
    return skip(&in, block_bytes(&counts, 4)) && read_header(&in, &version, &counts) &&
           read_block(&in, &counts, 8, zone) && read_footer(&in, zone);
}

ds_timezone_t *ds_timezone_parse(ds_bytes_t bytes, ds_error_t *error)
{
    ds_timezone_t *zone = calloc(1, sizeof *zone);
    if (zone == NULL)
        goto memory;
    zone->changes_s = calloc(MAX_CHANGES, sizeof *zone->changes_s);
    zone->kinds = calloc(MAX_CHANGES, sizeof *zone->kinds);
    if (zone->changes_s == NULL || zone->kinds == NULL)
        goto memory;
    if (read_zone(bytes, zone))
        return zone;
    ds_timezone_destroy(zone);
    (void)ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_INVALID, "not a file of a time zone (TZif)");
    return NULL;
memory:
    ds_timezone_destroy(zone);
    (void)ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_MEMORY, "no memory for a time zone");
    return NULL;
}

/* ---- by name */

/* A name such as "America/Port-au-Prince": nothing that leads out of the folder. */
static bool name_valid(ds_str_t name)
{
    bool first = true;
    if (name.len == 0 || name.len > MAX_NAME_BYTES)
        return false;
    for (uint32_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool other = (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';
        if (!letter && (first || (!other && c != '/')))
            return false;
        first = c == '/';
    }
    return !first;
}

ds_timezone_t *ds_timezone_load(const char *folder, ds_str_t name, ds_error_t *error)
{
    char path[4096];
    uint8_t *bytes = NULL;
    FILE *file = NULL;
    ds_timezone_t *zone = NULL;

    if (folder == NULL)
        folder = "/usr/share/zoneinfo";
    if (name_valid(name) &&
        snprintf(path, sizeof path, "%s/%.*s", folder, DS_STR_ARG(name)) < (int)sizeof path)
        file = fopen(path, "rb");
    if (file == NULL) {
        (void)ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_UNKNOWN, "time zone %.*s: none in %s",
                           (int)(name.len < MAX_NAME_BYTES ? name.len : MAX_NAME_BYTES), name.data,
                           folder);
        return NULL;
    }
    bytes = malloc(MAX_FILE_BYTES);
    if (bytes == NULL) {
        (void)ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_MEMORY, "no memory for a time zone");
        goto out;
    }
    size_t len = fread(bytes, 1, MAX_FILE_BYTES, file); /* of a folder: nothing */
    zone = ds_timezone_parse((ds_bytes_t){bytes, (uint32_t)len}, error);
out:
    free(bytes);
    (void)fclose(file);
    return zone;
}

void ds_timezone_destroy(ds_timezone_t *zone)
{
    if (zone == NULL)
        return;
    free(zone->changes_s);
    free(zone->kinds);
    free(zone);
}

/* ---- asking */

int32_t ds_timezone_offset_s(const ds_timezone_t *zone, int64_t at_s)
{
    size_t low = 0;
    size_t high = zone->count;
    while (low < high) { /* the first change after it */
        size_t middle = low + (high - low) / 2;
        if (zone->changes_s[middle] <= at_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->count && zone->has_rule)
        return ds_timezone_rule_offset_s(&zone->rule, at_s);
    return zone->offsets_s[low == 0 ? 0 : zone->kinds[low - 1]];
}

struct ds_wall_time ds_timezone_wall(const ds_timezone_t *zone, int64_t at_us)
{
    int64_t at_s = at_us / 1000000 - (at_us % 1000000 < 0 ? 1 : 0);
    int64_t wall_s = at_s + ds_timezone_offset_s(zone, at_s);
    int64_t days = wall_s / DAY_S - (wall_s % DAY_S < 0 ? 1 : 0);
    int64_t in_day_s = wall_s - days * DAY_S;
    /* 1970-01-01 was a Thursday. */
    return (struct ds_wall_time){(int32_t)(((days + 3) % 7 + 7) % 7) + 1, (int32_t)(in_day_s / 60)};
}
