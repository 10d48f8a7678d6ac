#include "base/geo.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const struct ds_geo_point berlin = {52520008, 13404954};
static const struct ds_geo_point paris = {48856613, 2352222};

Test(geo, distances_are_those_on_the_sphere)
{
    cr_expect_eq(ds_geo_distance_m(berlin, berlin), 0);
    cr_expect_eq(ds_geo_distance_m(berlin, paris), ds_geo_distance_m(paris, berlin));
    cr_expect_leq(abs(ds_geo_distance_m(berlin, paris) - 877500), 500);
    /* a thousandth of a degree to the north is 111 m, and over the date line too */
    cr_expect_eq(ds_geo_distance_m(berlin, (struct ds_geo_point){52521008, 13404954}), 111);
    cr_expect_eq(ds_geo_distance_m((struct ds_geo_point){0, 179999500},
                                   (struct ds_geo_point){0, -179999500}),
                 111);
    cr_expect_leq(abs(ds_geo_distance_m((struct ds_geo_point){90000000, 0},
                                        (struct ds_geo_point){-90000000, 0}) -
                      20015115),
                  1);
}

/* An L: the inner corner is at (10, 10). */
static const struct ds_geo_point l_shape[] = {{0, 0},   {0, 20},  {10, 20},
                                              {10, 10}, {20, 10}, {20, 0}};

static bool in_l(int32_t lat, int32_t lng)
{
    return ds_geo_inside((struct ds_geo_point){lat, lng}, l_shape, 6);
}

Test(geo, a_point_is_inside_a_polygon_or_on_its_edge)
{
    cr_expect(in_l(5, 5));
    cr_expect(in_l(5, 15));
    cr_expect(in_l(15, 5));
    cr_expect_not(in_l(15, 15));
    cr_expect_not(in_l(-1, 5));
    cr_expect_not(in_l(5, 21));
    for (size_t i = 0; i < 6; i++)
        cr_expect(ds_geo_inside(l_shape[i], l_shape, 6), "corner %zu", i);
    cr_expect(in_l(0, 7));
    cr_expect(in_l(10, 15));
    cr_expect_not(in_l(10, 21));
    cr_expect_not(in_l(20, 11));
}

Test(geo, the_way_round_and_the_size_do_not_matter)
{
    struct ds_geo_point back[6];
    for (size_t i = 0; i < 6; i++)
        back[i] = l_shape[5 - i];
    cr_expect(ds_geo_inside((struct ds_geo_point){5, 5}, back, 6));
    cr_expect_not(ds_geo_inside((struct ds_geo_point){15, 15}, back, 6));
    const struct ds_geo_point world[] = {{-90000000, -180000000},
                                         {-90000000, 180000000},
                                         {90000000, 180000000},
                                         {90000000, -180000000}};
    cr_expect(ds_geo_inside(berlin, world, 4));
    cr_expect_not(ds_geo_inside(berlin, world, 2));
}
