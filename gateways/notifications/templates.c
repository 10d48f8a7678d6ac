#include "gateways/notifications/templates.h"

#include "base/clock.h"
#include "base/contact.h"
#include "base/id.h"
#include "gateways/notifications/limits.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FORMATS      (DS_FORMAT_JSON + 1)
#define MAX_WORDS    64
#define WORDS_PREFIX "reasons."
#define WORDS_SUFFIX ".words"
#define NAME_BYTES   512

struct word {
    ds_str_t symbol;
    ds_str_t words;
};

struct language {
    char tag[DS_LANGUAGE_MAX_BYTES + 1]; /* lower case */
    ds_template_t *texts[DS_NOTICE_KINDS][FORMATS];
    char *word_text; /* NULL: none */
    struct word words[MAX_WORDS];
    size_t word_count;
};

struct ds_templates {
    struct language languages[DS_MAX_LANGUAGES];
    size_t count;
    const struct language *fallback;
};

static const char *const suffixes[FORMATS] = {".subject", ".txt", ".json"};

/* --- names of files ----------------------------------------------------------------------------
 */

static void lower(ds_str_t tag, char to[DS_LANGUAGE_MAX_BYTES + 1])
{
    for (uint32_t i = 0; i < tag.len; i++) {
        char c = tag.data[i];
        to[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    to[tag.len] = '\0';
}

static struct language *find_language(ds_templates_t *templates, ds_str_t tag)
{
    for (size_t i = 0; i < templates->count; i++)
        if (ds_str_eq(tag, ds_str(templates->languages[i].tag)))
            return &templates->languages[i];
    return NULL;
}

/* The language, made when it is new. NULL: no language, or too many. */
static struct language *language_of(ds_templates_t *templates, ds_str_t tag)
{
    char small[DS_LANGUAGE_MAX_BYTES + 1];
    if (!ds_language_valid(tag))
        return NULL;
    lower(tag, small);
    if (!ds_str_eq(tag, ds_str(small)))
        return NULL;
    struct language *language = find_language(templates, tag);
    if (language == NULL && templates->count < DS_MAX_LANGUAGES) {
        language = &templates->languages[templates->count++];
        memcpy(language->tag, small, sizeof small);
    }
    return language;
}

static bool split_name(ds_str_t name, const char *suffix, ds_str_t *stem_out)
{
    size_t bytes = strlen(suffix);
    *stem_out = (ds_str_t){name.data, name.len - (uint32_t)(name.len > bytes ? bytes : 0)};
    return name.len > bytes && memcmp(name.data + name.len - bytes, suffix, bytes) == 0;
}

static bool kind_of(ds_str_t event, enum ds_notice_kind *kind_out)
{
    for (int k = 0; k < DS_NOTICE_KINDS; k++) {
        *kind_out = (enum ds_notice_kind)k;
        if (ds_str_eq(event, ds_str(ds_notice_kind_text(*kind_out))))
            return true;
    }
    return false;
}

/* --- one file ----------------------------------------------------------------------------------
 */

static bool take_word(struct language *language, ds_str_t line, const char *file, unsigned number,
                      ds_error_t *error)
{
    ds_str_t symbol = ds_str_before(line, ':');
    ds_str_t words = ds_str_after(line, ':');
    while (words.len > 0 && words.data[0] == ' ')
        words = (ds_str_t){words.data + 1, words.len - 1};
    if (symbol.len == 0 || words.len == 0)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "%s:%u: wanted SYMBOL: words",
                            file, number);
    if (language->word_count == MAX_WORDS)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "%s:%u: too many lines", file,
                            number);
    language->words[language->word_count++] = (struct word){symbol, words};
    return true;
}

static bool take_words(struct language *language, ds_str_t text, const char *file,
                       ds_error_t *error)
{
    unsigned number = 0;
    if (!ds_utf8_valid(text))
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "%s:1: not UTF-8", file);
    language->word_text = ds_str_dup(text);
    if (language->word_text == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "%s", file);
    for (ds_str_t rest = ds_str(language->word_text); rest.len > 0;
         rest = ds_str_after(rest, '\n')) {
        ds_str_t line = ds_str_before(rest, '\n');
        number++;
        if (line.len > 0 && !take_word(language, line, file, number, error))
            return false;
    }
    return true;
}

static bool not_ours(const char *file, ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                        "%s:1: the name is not <event>.<language>.{subject,txt,json} or "
                        "reasons.<language>.words",
                        file);
}

/** @param file  the path, for messages; `name` is its last part. */
static bool take_file(ds_templates_t *templates, const char *file, ds_str_t name, ds_str_t text,
                      ds_error_t *error)
{
    const uint32_t prefix = sizeof WORDS_PREFIX - 1;
    ds_str_t stem;
    enum ds_notice_kind kind;
    if (split_name(name, WORDS_SUFFIX, &stem) && stem.len > prefix &&
        memcmp(stem.data, WORDS_PREFIX, prefix) == 0) {
        struct language *language =
            language_of(templates, (ds_str_t){stem.data + prefix, stem.len - prefix});
        return language == NULL ? not_ours(file, error) : take_words(language, text, file, error);
    }
    for (int f = 0; f < FORMATS; f++) {
        if (!split_name(name, suffixes[f], &stem))
            continue;
        struct language *language = language_of(templates, ds_str_after(stem, '.'));
        if (language == NULL || !kind_of(ds_str_before(stem, '.'), &kind))
            break;
        return ds_template_parse(text, file, (enum ds_template_format)f, ds_notice_value_names,
                                 &language->texts[kind][f], error);
    }
    return not_ours(file, error);
}

/* --- all files ---------------------------------------------------------------------------------
 */

static bool take_built_in(ds_templates_t *templates, ds_error_t *error)
{
    for (size_t i = 0; i < ds_template_file_count; i++) {
        const struct ds_template_file *file = &ds_template_files[i];
        if (!take_file(templates, file->name, ds_str(file->name),
                       (ds_str_t){file->text, (uint32_t)file->bytes}, error))
            return false;
    }
    return true;
}

static bool read_file(const char *path, char text_out[DS_MAX_TEMPLATE_BYTES + 1], size_t *bytes_out,
                      ds_error_t *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_IO, "%s: %s", path, strerror(errno));
    *bytes_out = fread(text_out, 1, DS_MAX_TEMPLATE_BYTES + 1, file);
    bool ok = ferror(file) == 0;
    (void)fclose(file);
    return ok || ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_IO, "%s cannot be read", path);
}

static bool take_entry(ds_templates_t *templates, const char *folder, const char *name,
                       ds_error_t *error)
{
    char path[NAME_BYTES];
    char text[DS_MAX_TEMPLATE_BYTES + 1];
    size_t bytes = 0;
    if (name[0] == '.') /* the folder itself, and what editors leave */
        return true;
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "%s: the name is too long",
                            folder);
    return read_file(path, text, &bytes, error) &&
           take_file(templates, path, ds_str(name), (ds_str_t){text, (uint32_t)bytes}, error);
}

static bool take_folder(ds_templates_t *templates, const char *folder, ds_error_t *error)
{
    bool ok = true;
    DIR *list = opendir(folder);
    if (list == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_IO, "%s: %s", folder, strerror(errno));
    for (const struct dirent *entry = readdir(list); ok && entry != NULL; entry = readdir(list))
        ok = take_entry(templates, folder, entry->d_name, error);
    (void)closedir(list);
    return ok;
}

static bool check_fallback(ds_templates_t *templates, const char *tag, ds_error_t *error)
{
    char small[DS_LANGUAGE_MAX_BYTES + 1] = "";
    if (ds_language_valid(ds_str(tag)))
        lower(ds_str(tag), small);
    const struct language *language = find_language(templates, ds_str(small));
    templates->fallback = language;
    if (language == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "templates: there are none in the default language '%s'", tag);
    for (int k = 0; k < DS_NOTICE_KINDS; k++)
        for (int f = 0; f < FORMATS; f++)
            if (language->texts[k][f] == NULL)
                return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                                    "templates: %s.%s%s is missing, and %s is the default language",
                                    ds_notice_kind_text((enum ds_notice_kind)k), small, suffixes[f],
                                    small);
    return true;
}

bool ds_templates_load(const char *folder, const char *language, ds_templates_t **templates_out,
                       ds_error_t *error)
{
    *templates_out = NULL;
    ds_templates_t *templates = calloc(1, sizeof *templates);
    if (templates == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "templates");
    bool ok = folder == NULL || folder[0] == '\0' ? take_built_in(templates, error)
                                                  : take_folder(templates, folder, error);
    if (!ok || !check_fallback(templates, language, error)) {
        ds_templates_destroy(templates);
        return false;
    }
    *templates_out = templates;
    return true;
}

void ds_templates_destroy(ds_templates_t *templates)
{
    if (templates == NULL)
        return;
    for (size_t i = 0; i < templates->count; i++) {
        for (int k = 0; k < DS_NOTICE_KINDS; k++)
            for (int f = 0; f < FORMATS; f++)
                ds_template_destroy(templates->languages[i].texts[k][f]);
        free(templates->languages[i].word_text);
    }
    free(templates);
}

/* --- filling -----------------------------------------------------------------------------------
 */

static const struct language *choose(const ds_templates_t *templates, ds_str_t wanted,
                                     enum ds_notice_kind kind, enum ds_template_format format)
{
    char small[DS_LANGUAGE_MAX_BYTES + 1];
    if (!ds_language_valid(wanted))
        return templates->fallback;
    lower(wanted, small);
    for (ds_str_t tag = {small, wanted.len}; tag.len > 0;) {
        for (size_t i = 0; i < templates->count; i++)
            if (ds_str_eq(tag, ds_str(templates->languages[i].tag)) &&
                templates->languages[i].texts[kind][format] != NULL)
                return &templates->languages[i];
        while (tag.len > 0 && tag.data[tag.len - 1] != '-')
            tag.len--;
        tag.len -= tag.len > 0; /* the hyphen */
    }
    return templates->fallback;
}

static ds_str_t words_of(const struct language *language, ds_str_t symbol)
{
    for (size_t i = 0; i < language->word_count; i++)
        if (ds_str_eq(language->words[i].symbol, symbol))
            return language->words[i].words;
    return (ds_str_t){0};
}

bool ds_templates_fill(const ds_templates_t *templates, const struct ds_notice *notice,
                       enum ds_template_format format, ds_buf_t *out, const char **language_out,
                       ds_error_t *error)
{
    char at[DS_TIME_TEXT_BYTES];
    char id[DS_NOTICE_ID_BYTES];
    const struct language *language = choose(templates, notice->language, notice->kind, format);
    ds_time_to_text(notice->at_us, at);
    if (!ds_notice_id(notice, id))
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "the ids of a notice are none");
    const ds_str_t values[DS_NOTICE_VALUES] = {
        [DS_VALUE_EVENT] = ds_str(ds_notice_kind_text(notice->kind)),
        [DS_VALUE_NOTICE_ID] = ds_str(id),
        [DS_VALUE_ORDER_ID] = notice->order_id,
        [DS_VALUE_STORE_ID] = ds_id_store(notice->order_id),
        [DS_VALUE_AT] = ds_str(at),
        [DS_VALUE_RECIPIENT] = notice->recipient,
        [DS_VALUE_TOTAL] = notice->total,
        [DS_VALUE_AMOUNT] = notice->amount,
        [DS_VALUE_REASON] = words_of(language, notice->reason),
        [DS_VALUE_COURIER] = notice->courier,
        [DS_VALUE_LANGUAGE] = ds_str(language->tag),
        [DS_VALUE_EMAIL] = notice->email,
        [DS_VALUE_PUSH_TOKEN] = notice->push_token,
    };
    if (language_out != NULL)
        *language_out = language->tag;
    return ds_template_fill(language->texts[notice->kind][format], values, out, error);
}
