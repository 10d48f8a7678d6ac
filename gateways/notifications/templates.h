/* gateways/notifications/templates.h - all templates, by event and language.
 *
 * Files of a folder, or those compiled in:
 *
 *   <event>.<language>.subject   a mail's subject
 *   <event>.<language>.txt       a mail's text, and what the log channel counts
 *   <event>.<language>.json      the body of a push
 *   reasons.<language>.words     SYMBOL: words, for {{reason}}
 *
 * A language is a BCP 47 tag in lower case. The default language must have all of them; another
 * has what it has, and what is missing comes from the default's. A file of another name is an
 * error: it would never be used. Constant once loaded: any thread may read. */
#ifndef DS_GATEWAYS_NOTIFICATIONS_TEMPLATES_H
#define DS_GATEWAYS_NOTIFICATIONS_TEMPLATES_H

#include "gateways/notifications/notice.h"
#include "gateways/notifications/template.h"

typedef struct ds_templates ds_templates_t;

/** A file that is compiled in. */
struct ds_template_file {
    const char *name;
    const char *text;
    size_t bytes;
};
extern const struct ds_template_file ds_template_files[];
extern const size_t ds_template_file_count;

/** @brief Read all.
 *  @param folder    "" or NULL: those compiled in.
 *  @param language  the default's; one that has all files.
 *  @param error     INVALID: "FILE:LINE: what is wrong", or which file is missing. IO. MEMORY. */
DS_MUST_CHECK bool ds_templates_load(const char *folder, const char *language,
                                     ds_templates_t **templates_out, ds_error_t *error);
/** @brief NULL is fine. */
void ds_templates_destroy(ds_templates_t *templates);
/** @brief Append the filled template of the notice's event in its language: the whole tag, else
 *  its first parts, else the default.
 *  @param language_out  may be NULL: which it was; borrowed from the templates. */
DS_MUST_CHECK bool ds_templates_fill(const ds_templates_t *templates,
                                     const struct ds_notice *notice, enum ds_template_format format,
                                     ds_buf_t *out, const char **language_out, ds_error_t *error);

#endif
