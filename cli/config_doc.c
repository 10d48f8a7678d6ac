/* cli/config_doc.c - docs/configuration.md, out of the option tables themselves. */
#include "cli/roles.h"
#include "decider/decider.h"

#include <stdio.h>

#define DOC_BYTES (1024 * 1024)

static bool section(ds_buf_t *doc, const char *title, const char *summary,
                    const struct ds_option *table, ds_error_t *error)
{
    return ds_buf_printf(doc, error, "\n## %s\n\n%s\n\n", title, summary) &&
           ds_options_markdown(table, doc, error);
}

static bool write_role(ds_buf_t *doc, const struct ds_role *role, ds_error_t *error)
{
    struct ds_option_part parts[DS_MAX_PARTS];
    size_t count = ds_role_parts(role, parts);
    bool ok = true;
    for (size_t i = DS_PART_ROLE; ok && i < count; i++) {
        if (parts[i].table == NULL || parts[i].table[0].name == NULL)
            continue;
        char title[64];
        (void)snprintf(title, sizeof title, "doorstep %s%s%s", role->name,
                       i >= DS_PART_DECIDERS ? " " : "",
                       i >= DS_PART_DECIDERS ? ds_deciders[i - DS_PART_DECIDERS]->name : "");
        ok = section(doc, title, role->summary, parts[i].table, error);
    }
    return ok;
}

static bool write_doc(ds_buf_t *doc, ds_error_t *error)
{
    bool ok = ds_buf_append_text(
                  doc,
                  "# Configuration\n\nMade by `doorstep config-doc` from the option tables; "
                  "`./dev/test static` compares.\nA flag wins over the environment, which wins "
                  "over the default.\n",
                  error) &&
              section(doc, "Every role and tool", "Shared by all.", ds_common_options, error);
    for (const struct ds_role *const *role = ds_roles(); ok && *role != NULL; role++)
        ok = write_role(doc, *role, error);
    return ok;
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    (void)runtime, (void)settings, (void)argc, (void)argv;
    ds_buf_t doc;
    ds_buf_init(&doc, DOC_BYTES);
    bool ok = write_doc(&doc, error) && fwrite(doc.data, 1, doc.len, stdout) == doc.len;
    ds_buf_cleanup(&doc);
    return ok ? 0 : 1;
}

const struct ds_role ds_role_config_doc = {
    .name = "config-doc",
    .summary = "print docs/configuration.md",
    .examples = "  doorstep config-doc > docs/configuration.md\n",
    .run = run,
};
