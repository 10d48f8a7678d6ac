#include "api/opening.h"

#include "base/geo.h"

enum { DAY_MINUTES = 1440, WEEK_MINUTES = 7 * DAY_MINUTES };

bool ds_hours_hold(const struct ds_array_of_open_hours *hours, struct ds_wall_time at)
{
    int32_t now = (at.day - 1) * DAY_MINUTES + at.minute;
    if (hours->count == 0)
        return true;
    for (size_t i = 0; i < hours->count; i++) {
        const struct ds_open_hours *open = &hours->items[i];
        int32_t begins = (open->day - 1) * DAY_MINUTES + open->from_minute;
        /* Sunday's evening may reach into Monday. */
        if ((now - begins + WEEK_MINUTES) % WEEK_MINUTES < open->to_minute - open->from_minute)
            return true;
    }
    return false;
}

static struct ds_geo_point point(const struct ds_place *place)
{
    return (struct ds_geo_point){place->lat_e6, place->lng_e6};
}

enum { MAX_CORNERS = 100 };

bool ds_store_delivers_to(const struct ds_store_info *store, const struct ds_place *place)
{
    struct ds_geo_point corners[MAX_CORNERS];
    size_t count = store->delivery_area.count;

    if (store->delivery_radius_m > 0)
        return place != NULL && store->has_place &&
               ds_geo_distance_m(point(&store->place), point(place)) <= store->delivery_radius_m;
    if (count == 0)
        return true;
    if (place == NULL || count > MAX_CORNERS)
        return false;
    for (size_t i = 0; i < count; i++)
        corners[i] = point(&store->delivery_area.items[i]);
    return ds_geo_inside(point(place), corners, count);
}
