#include "base/geo.h"

#include <math.h>

static const double EARTH_RADIUS_M = 6371008.8; /* mean, IUGG */
static const double RADIANS_A_UNIT = 3.14159265358979323846 / 180.0 / 1e6;

static double square(double x)
{
    return x * x;
}

/* Haversine: well-conditioned for the short ways between a store, a courier and a door. */
int32_t ds_geo_distance_m(struct ds_geo_point a, struct ds_geo_point b)
{
    double lat_a = a.lat_e6 * RADIANS_A_UNIT;
    double lat_b = b.lat_e6 * RADIANS_A_UNIT;
    double lng = ((double)b.lng_e6 - (double)a.lng_e6) * RADIANS_A_UNIT;
    double h = square(sin((lat_b - lat_a) / 2)) + cos(lat_a) * cos(lat_b) * square(sin(lng / 2));
    return (int32_t)lround(2 * EARTH_RADIUS_M * asin(sqrt(h < 1 ? h : 1)));
}

/* Twice the area of the triangle, with its sign. Differences of coordinates are below 2^29: the
 * products fit. */
static int64_t side(struct ds_geo_point a, struct ds_geo_point b, struct ds_geo_point p)
{
    return ((int64_t)b.lng_e6 - a.lng_e6) * ((int64_t)p.lat_e6 - a.lat_e6) -
           ((int64_t)b.lat_e6 - a.lat_e6) * ((int64_t)p.lng_e6 - a.lng_e6);
}

static bool between(int32_t x, int32_t a, int32_t b)
{
    return a < b ? a <= x && x <= b : b <= x && x <= a;
}

bool ds_geo_inside(struct ds_geo_point point, const struct ds_geo_point *corners, size_t count)
{
    int winding = 0;
    if (count < 3)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct ds_geo_point a = corners[i];
        struct ds_geo_point b = corners[(i + 1) % count];
        int64_t of = side(a, b, point);
        if (of == 0 && between(point.lat_e6, a.lat_e6, b.lat_e6) &&
            between(point.lng_e6, a.lng_e6, b.lng_e6))
            return true; /* on the edge */
        if (a.lat_e6 <= point.lat_e6 && b.lat_e6 > point.lat_e6 && of > 0)
            winding++;
        if (a.lat_e6 > point.lat_e6 && b.lat_e6 <= point.lat_e6 && of < 0)
            winding--;
    }
    return winding != 0;
}
