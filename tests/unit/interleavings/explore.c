#include "explore.h"

#include "checks.h"

#include <stdlib.h>
#include <string.h>

#define NONE        UINT32_MAX
#define PAGE_BITS   16
#define PAGE        ((size_t)1 << PAGE_BITS)
#define FIRST_SLOTS ((size_t)1 << 16)
#define LINE_BYTES  600

/* A long array in pages, so that it grows without being copied. */
struct pages {
    uint8_t **all;
    size_t count;
};

static void *page_item(const struct pages *pages, size_t item_bytes, uint64_t i)
{
    return pages->all[i >> PAGE_BITS] + (i & (PAGE - 1)) * item_bytes;
}

static void *page_add(struct pages *pages, size_t item_bytes, uint64_t i)
{
    if ((i >> PAGE_BITS) == pages->count) {
        pages->all = must_realloc(pages->all, pages->count + 1, sizeof(*pages->all));
        pages->all[pages->count++] = must_alloc(PAGE, item_bytes);
    }
    return page_item(pages, item_bytes, i);
}

static void pages_free(struct pages *pages)
{
    for (size_t i = 0; i < pages->count; i++)
        free(pages->all[i]);
    free(pages->all);
}

struct search {
    shop_t *shop;
    struct finding finding;
    struct pages worlds;  /* struct world */
    struct pages parents; /* uint32_t */
    struct pages firsts;  /* uint64_t: where a world's live steps begin in `lives` */
    struct pages lives;   /* uint32_t: where they lead */
    uint64_t live_count;
    uint32_t *slots;
    size_t slot_count;
    uint32_t at;       /* the world whose steps are taken */
    bool moving;       /* it has a live step */
    struct step worst; /* the step that broke a rule */
};

static const struct world *world_at(const struct search *s, uint64_t i)
{
    return page_item(&s->worlds, sizeof(struct world), i);
}

static void widen(struct search *s)
{
    free(s->slots);
    s->slot_count *= 2;
    s->slots = must_alloc(s->slot_count, sizeof(*s->slots));
    memset(s->slots, 0xff, s->slot_count * sizeof(*s->slots));
    for (uint64_t i = 0; i < s->finding.worlds; i++) {
        size_t at = hash_bytes(world_at(s, i), sizeof(struct world));
        while (s->slots[at & (s->slot_count - 1)] != NONE)
            at++;
        s->slots[at & (s->slot_count - 1)] = (uint32_t)i;
    }
}

static uint32_t number(struct search *s, const struct world *world)
{
    size_t at = hash_bytes(world, sizeof(*world));

    for (;; at++) {
        uint32_t id = s->slots[at & (s->slot_count - 1)];
        if (id == NONE)
            break;
        if (memcmp(world_at(s, id), world, sizeof(*world)) == 0)
            return id;
    }
    uint32_t id = (uint32_t)s->finding.worlds++;
    memcpy(page_add(&s->worlds, sizeof(*world), id), world, sizeof(*world));
    *(uint32_t *)page_add(&s->parents, sizeof(uint32_t), id) = s->at;
    s->slots[at & (s->slot_count - 1)] = id;
    if (s->finding.worlds * 2 > s->slot_count)
        widen(s);
    return id;
}

static bool is_live(enum cause cause)
{
    return cause == BY_QUEUE || cause == BY_TIMER || cause == BY_REPORT;
}

static void take(void *context, const struct step *step, const struct world *next)
{
    struct search *s = context;

    if (s->finding.violation != NULL)
        return;
    s->finding.steps++;
    if (step->violation != NULL) {
        s->finding.violation = step->violation;
        s->worst = *step;
        return;
    }
    if (memcmp(next, world_at(s, s->at), sizeof(*next)) == 0)
        return;
    uint32_t id = number(s, next);
    if (!is_live(step->cause))
        return;
    s->moving = true;
    *(uint32_t *)page_add(&s->lives, sizeof(uint32_t), s->live_count++) = id;
}

/* ---- the way to a world ---- */

struct retrace {
    const struct search *search;
    const struct world *goal;
    char line[LINE_BYTES];
};

static void recall(void *context, const struct step *step, const struct world *next)
{
    struct retrace *r = context;

    if (r->line[0] == '\0' && memcmp(next, r->goal, sizeof(*next)) == 0)
        step_print(r->search->shop, step, r->line, sizeof(r->line));
}

static void print_way(const struct search *s, uint32_t to, FILE *trace)
{
    uint32_t *way = NULL;
    size_t count = 0;

    if (trace == NULL)
        return;
    for (uint32_t i = to; i != NONE; i = *(uint32_t *)page_item(&s->parents, sizeof(i), i)) {
        way = must_realloc(way, count + 1, sizeof(*way));
        way[count++] = i;
    }
    for (size_t i = count - 1; i > 0; i--) {
        struct world from = *world_at(s, way[i]);
        struct retrace r = {.search = s, .goal = world_at(s, way[i - 1])};
        world_steps(s->shop, &from, recall, &r);
        (void)fprintf(trace, "  %3zu  %s\n", count - i, r.line);
    }
    if (s->worst.violation != NULL) {
        char line[LINE_BYTES];
        step_print(s->shop, &s->worst, line, sizeof(line));
        (void)fprintf(trace, "  %3zu  %s\n", count, line);
    }
    (void)fprintf(trace, "  ==>  %s%s%s\n", s->finding.violation,
                  s->worst.detail == NULL ? "" : ": ",
                  s->worst.detail == NULL ? "" : s->worst.detail);
    free(way);
}

/* ---- ---- */

static void visit(struct search *s, uint8_t *clean_out)
{
    struct world world = *world_at(s, s->at);
    const char *rest;

    *(uint64_t *)page_add(&s->firsts, sizeof(uint64_t), s->at) = s->live_count;
    s->finding.violation = check_always(s->shop, &world);
    if (s->finding.violation != NULL)
        return;
    s->moving = false;
    world_steps(s->shop, &world, take, s);
    if (s->finding.violation != NULL)
        return;
    rest = check_rest(s->shop, &world);
    *clean_out = rest == NULL;
    s->finding.ends += !s->moving;
    if (!s->moving && rest != NULL && !shop_scenario(s->shop)->in_time)
        s->finding.violation = rest;
}

/* Backwards from the clean ones, until nothing is added. Most is found in the first sweep: a world
 * was reached before what follows from it. */
static uint32_t find_dead_end(struct search *s, uint8_t *good)
{
    bool changed = true;
    uint32_t count = (uint32_t)s->finding.worlds;

    while (changed) {
        changed = false;
        for (uint32_t i = count; i-- > 0;) {
            uint64_t from = *(uint64_t *)page_item(&s->firsts, sizeof(uint64_t), i);
            uint64_t end = i + 1 == count
                               ? s->live_count
                               : *(uint64_t *)page_item(&s->firsts, sizeof(uint64_t), i + 1);
            bool was = good[i] != 0;
            for (; good[i] == 0 && from < end; from++)
                good[i] = good[*(uint32_t *)page_item(&s->lives, sizeof(uint32_t), from)];
            changed = changed || (!was && good[i] != 0);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (good[i] == 0)
            return i;
    }
    return NONE;
}

static void cleanup(struct search *s)
{
    pages_free(&s->worlds);
    pages_free(&s->parents);
    pages_free(&s->firsts);
    pages_free(&s->lives);
    free(s->slots);
}

struct finding explore(shop_t *shop, uint64_t limit, FILE *trace)
{
    struct search s = {.shop = shop, .slot_count = FIRST_SLOTS, .at = NONE};
    struct pages clean = {NULL, 0};
    struct world start = shop_start(shop);

    s.slots = must_alloc(s.slot_count, sizeof(*s.slots));
    memset(s.slots, 0xff, s.slot_count * sizeof(*s.slots));
    (void)number(&s, &start);
    for (s.at = 0; s.at < s.finding.worlds && s.finding.violation == NULL; s.at++) {
        if (limit != 0 && s.finding.worlds > limit)
            break;
        visit(&s, page_add(&clean, 1, s.at));
    }
    s.finding.complete = s.finding.violation == NULL && s.at == s.finding.worlds;
    if (s.finding.violation != NULL)
        print_way(&s, s.at - 1, trace);
    if (s.finding.complete && !shop_scenario(shop)->in_time) {
        uint8_t *good = must_alloc(s.finding.worlds, 1);
        for (uint64_t i = 0; i < s.finding.worlds; i++)
            good[i] = *(uint8_t *)page_item(&clean, 1, i);
        uint32_t dead = find_dead_end(&s, good);
        free(good);
        if (dead != NONE) {
            s.finding.violation = "dead end: no clean end can be reached without a person";
            print_way(&s, dead, trace);
        }
    }
    for (int part = 0; part < PARTS; part++)
        s.finding.decisions += machine_decisions(shop_machine(shop, (enum part)part));
    pages_free(&clean);
    cleanup(&s);
    return s.finding;
}
