/* base/geo.h - places on earth (WGS 84) in millionths of a degree. Pure, any thread. */
#ifndef DS_BASE_GEO_H
#define DS_BASE_GEO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ds_geo_point {
    int32_t lat_e6;
    int32_t lng_e6;
};

/** @brief The distance on a sphere of the earth's mean radius, in metres; within 0.6 % of the
 * ellipsoid's. */
int32_t ds_geo_distance_m(struct ds_geo_point a, struct ds_geo_point b);
/** @brief Whether the point is inside the polygon or on its edge; edges are straight in latitude
 * and longitude. Exact, in integers. Fewer than three corners: never. A polygon must not cross the
 * 180th meridian. */
bool ds_geo_inside(struct ds_geo_point point, const struct ds_geo_point *corners, size_t count);

#endif
