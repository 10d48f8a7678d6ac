/* Writes the pages of docs/states: `states_pages FOLDER`. */
#include "page.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAGE_MAX_BYTES = 1 << 20, PATH_MAX_BYTES = 4096 };

static bool write_page(const char *folder, const struct machine *machine)
{
    ds_error_t error = DS_ERROR_INIT;
    char path[PATH_MAX_BYTES];
    ds_buf_t page;
    FILE *file = NULL;
    bool ok = false;

    ds_buf_init(&page, PAGE_MAX_BYTES);
    if (!page_make(machine, &page, &error)) {
        fprintf(stderr, "%s: %s\n", machine->name, error.message);
        goto out;
    }
    snprintf(path, sizeof path, "%s/%s.md", folder, machine->name);
    file = fopen(path, "w");
    ok = file != NULL && fwrite(page.data, 1, page.len, file) == page.len;
    if (file == NULL || fclose(file) != 0)
        ok = false;
    if (!ok)
        perror(path);
out:
    ds_buf_cleanup(&page);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: states_pages FOLDER\n");
        return 2;
    }
    for (size_t i = 0; machines[i] != NULL; i++)
        if (!write_page(argv[1], machines[i]))
            return EXIT_FAILURE;
    return EXIT_SUCCESS;
}
