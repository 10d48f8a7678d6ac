/* The link to PostgreSQL, where no server is needed: postgres/link.h. */
#include "base/clock.h"
#include "projections/postgres/link.h"

#include <criterion/criterion.h>

Test(link, a_password_is_in_no_error)
{
    static const char *const urls[] = {"postgresql://shop:s%cret@db/doorstep",
                                       "postgresql://shop:s%00cret@db/doorstep",
                                       "host=db password='s cret", "password s cret host=db"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const struct ds_pg_config config = {
            .url = urls[i], .timeout_ms = 100, .clock = ds_system_clock()};
        ds_error_t error = DS_ERROR_INIT;
        ds_pg_t *pg = ds_pg_new(&config);
        cr_assert_not(ds_pg_connect(pg, &error));
        cr_assert_eq(error.code, DS_ERR_INVALID, "%s", urls[i]);
        cr_assert_null(strstr(error.message, "cret"), "%s", error.message);
        ds_pg_destroy(pg);
    }
}
