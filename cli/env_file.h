/* cli/env_file.h - the environment of the shop that ./dev/run started, for tools called by hand.
 *
 * dev/run writes NAME=value lines to .doorstep/run/shop.env (readable for the owner only). A tool
 * that is started in that checkout finds its ports and secrets there; what the environment already
 * has is left as it is. */
#ifndef DS_CLI_ENV_FILE_H
#define DS_CLI_ENV_FILE_H

#include "base/error.h"

/** @brief Read the file DOORSTEP_ENV_FILE names, else .doorstep/run/shop.env below the working
 * folder where there is one. Before any thread is started. DS_ERR_INVALID: a line that is not
 * NAME=value; DS_ERR_IO: the named file cannot be read. */
DS_MUST_CHECK bool ds_env_file_load(ds_error_t *error);

#endif
