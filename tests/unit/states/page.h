/* page.h - a state machine as a page of docs/states. */
#ifndef DS_TESTS_UNIT_STATES_PAGE_H
#define DS_TESTS_UNIT_STATES_PAGE_H

#include "base/buf.h"
#include "machines.h"

/** @brief The whole page, appended to `out`. */
DS_MUST_CHECK bool page_make(const struct machine *machine, ds_buf_t *out, ds_error_t *error);

#endif
