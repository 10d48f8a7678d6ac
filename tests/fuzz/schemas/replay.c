/* tests/fuzz/schemas/replay.c - replay CORPUS_DIR GOLDEN_DIR ROUNDS: the kept corpus, the golden
 * files, and seeded mutations of both. The same on every machine and with every compiler. */
#include "fill.h"
#include "target.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define SEEDS_MAX  1024
#define SEED_BYTES 4096

struct seed {
    uint8_t *data;
    size_t len;
};

struct seeds {
    struct seed items[SEEDS_MAX];
    size_t count;
};

static bool ends_with(const char *name, const char *end)
{
    size_t a = strlen(name);
    size_t b = strlen(end);
    return a >= b && strcmp(name + a - b, end) == 0;
}

/* The topic a golden file belongs to, by its name; -1: none. */
static int topic_of(const char *name)
{
    for (int i = 0; ds_schema_list_support[i].schema != NULL; i++) {
        const char *topic = ds_schema_list_support[i].schema->topic;
        if (strncmp(name, topic, strlen(topic)) == 0)
            return i;
    }
    return -1;
}

/* A golden file is a whole message: it becomes a seed twice, whole and without its frame. */
static bool add(struct seeds *seeds, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    if (copy == NULL || seeds->count == SEEDS_MAX) {
        free(copy);
        return false;
    }
    memcpy(copy, data, len);
    seeds->items[seeds->count++] = (struct seed){copy, len};
    return true;
}

static bool load_file(struct seeds *seeds, const char *folder, const char *name, bool golden)
{
    char path[1024];
    uint8_t data[SEED_BYTES + 2];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        return false;
    size_t head = golden ? 2 : 0;
    size_t len = fread(data + head, 1, SEED_BYTES, in);
    (void)fclose(in);
    if (!golden)
        return add(seeds, data, len);
    int topic = topic_of(name);
    if (topic < 0 || len < 10)
        return false;
    data[0] = (uint8_t)topic;
    data[1] = 1;
    if (!add(seeds, data, len + head))
        return false;
    data[10] = (uint8_t)topic;
    data[11] = 0;
    return add(seeds, data + 10, len + head - 10);
}

static bool load_folder(struct seeds *seeds, const char *folder, const char *ending, bool golden)
{
    bool ok = true;
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        (void)fprintf(stderr, "%s: cannot be opened\n", folder);
        return false;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL && ok; entry = readdir(dir)) {
        if (entry->d_name[0] != '.' && ends_with(entry->d_name, ending))
            ok = load_file(seeds, folder, entry->d_name, golden);
    }
    (void)closedir(dir);
    return ok;
}

/* Directory order differs from machine to machine. */
static int by_content(const void *a, const void *b)
{
    const struct seed *x = a;
    const struct seed *y = b;
    int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static size_t mutate(struct ds_fill *f, uint8_t *data, size_t len, const struct seed *other)
{
    static const uint8_t words[] = {0x00, 0x01, 0x02, 0x7e, 0x7f, 0x80, 0xff, 0xfe};
    size_t at = len == 0 ? 0 : (size_t)ds_fill_below(f, len);
    switch (ds_fill_below(f, 7)) {
    case 0: /* a bit */
        data[at] ^= (uint8_t)(1U << ds_fill_below(f, 8));
        return len;
    case 1: /* a byte */
        data[at] = words[ds_fill_below(f, sizeof(words))];
        return len;
    case 2: /* a run of 0xff: a long varint */
        for (size_t i = at; i < len && i < at + 9; i++)
            data[i] = 0xff;
        return len;
    case 3: /* cut off */
        return at;
    case 4: /* take out */
        memmove(data + at, data + at + 1, len - at - (len > at ? 1 : 0));
        return len - (len > at ? 1 : 0);
    case 5: /* put in */
        if (len + 1 >= SEED_BYTES)
            return len;
        memmove(data + at + 1, data + at, len - at);
        data[at] = words[ds_fill_below(f, sizeof(words))];
        return len + 1;
    default: /* the tail of another */
        if (other->len > at && other->len < SEED_BYTES) {
            memcpy(data + at, other->data + at, other->len - at);
            return other->len;
        }
        return len;
    }
}

static size_t run_mutations(struct target *target, const struct seeds *seeds, uint64_t rounds)
{
    uint8_t data[SEED_BYTES + 2];
    struct ds_fill f = {1, NULL, false};
    size_t taken = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        const struct seed *seed = &seeds->items[ds_fill_below(&f, seeds->count)];
        size_t len = seed->len;
        memcpy(data, seed->data, len);
        for (uint64_t left = 1 + ds_fill_below(&f, 3); left > 0 && len > 2; left--)
            len = 2 + mutate(&f, data + 2, len - 2, &seeds->items[ds_fill_below(&f, seeds->count)]);
        taken += (size_t)target_run(target, data, len);
    }
    return taken;
}

int main(int argc, char **argv)
{
    int status = 1;
    struct seeds seeds = {.count = 0};
    struct target *target = NULL;
    ds_str_t rounds_text = ds_str(argc == 4 ? argv[3] : "");
    int64_t rounds = 0;
    if (!ds_str_to_i64(rounds_text, &rounds) || rounds < 0) {
        (void)fputs("replay CORPUS_DIR GOLDEN_DIR ROUNDS\n", stderr);
        return 2;
    }
    target = target_new();
    if (target == NULL || !load_folder(&seeds, argv[1], "", false) ||
        !load_folder(&seeds, argv[2], ".bin", true) || seeds.count == 0) {
        (void)fputs("replay: cannot start\n", stderr);
        goto out;
    }
    qsort(seeds.items, seeds.count, sizeof(seeds.items[0]), by_content);
    size_t taken = 0;
    for (size_t i = 0; i < seeds.count; i++)
        taken += (size_t)target_run(target, seeds.items[i].data, seeds.items[i].len);
    size_t taken_mutations = run_mutations(target, &seeds, (uint64_t)rounds);
    (void)printf("%zu of %zu seeds and %zu of %lld mutations taken\n", taken, seeds.count,
                 taken_mutations, (long long)rounds);
    status = 0;
out:
    for (size_t i = 0; i < seeds.count; i++)
        free(seeds.items[i].data);
    target_destroy(target);
    return status;
}
