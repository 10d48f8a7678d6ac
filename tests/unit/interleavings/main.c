/* interleavings: every order in which a small shop's messages can be handled.
 *
 *   interleavings                    the scenarios of `dev/test unit`
 *   interleavings --deep             larger ones too
 *   interleavings --only NAME        one scenario
 *   interleavings --broken [NAME]    each rule broken in turn, or one, which prints the way to it
 *   interleavings --list             the names
 *
 * Exit code: 0 clean, 1 a violation (with a shortest way to it), 2 usage. */
#include "broken.h"
#include "explore.h"
#include "scenarios.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Which events of the shop were written in any scenario. */
static bool written[PARTS][KINDS_MAX];

static void learn_written(const shop_t *shop)
{
    for (int part = 0; part < PARTS; part++) {
        for (int kind = 0; kind < KINDS_MAX; kind++)
            written[part][kind] = written[part][kind] || shop_wrote(shop, (enum part)part, kind);
    }
}

/* An event that never came is a part of the choreography that was not tried. */
static bool all_are_written(void)
{
    bool all = true;

    for (int part = 0; part < PARTS; part++) {
        const struct ds_schema *schema = deciders[part]->events;
        for (int kind = DS_PROTOCOL_KINDS; kind < schema->body_kinds; kind++) {
            if (written[part][kind])
                continue;
            (void)printf("never written: %s: %s\n", schema->topic, schema->ce_types[kind]);
            all = false;
        }
    }
    return all;
}

static bool run(const struct scenario *scenario, struct finding *total)
{
    double began = seconds();
    shop_t *shop = shop_new(scenario, WIRED_RIGHT);
    struct finding f = explore(shop, 0, stdout);
    uint32_t states[PARTS];

    for (int part = 0; part < PARTS; part++)
        states[part] = machine_states(shop_machine(shop, (enum part)part));
    learn_written(shop);
    if (f.violation == NULL)
        f.violation = shop_check_passed_over(shop);
    shop_destroy(shop);
    (void)printf("%-14s %9llu states %10llu steps %7llu ends %6.1f s  "
                 "(order %u, inventory %u, payment %u, delivery %u; %llu decisions)  %s\n",
                 scenario->name, (unsigned long long)f.worlds, (unsigned long long)f.steps,
                 (unsigned long long)f.ends, seconds() - began, states[ORDER], states[INVENTORY],
                 states[PAYMENT], states[DELIVERY], (unsigned long long)f.decisions,
                 f.violation == NULL ? "clean" : f.violation);
    (void)fflush(stdout);
    total->worlds += f.worlds;
    total->steps += f.steps;
    return f.violation == NULL;
}

static int explore_all(const char *only, bool deep)
{
    struct finding total = {.worlds = 0};
    struct rusage usage;
    bool clean = true;
    size_t count = 0;

    for (size_t i = 0; i < scenario_count; i++) {
        if (only != NULL ? strcmp(scenarios[i].name, only) != 0 : !deep && scenarios[i].deep)
            continue;
        clean = run(&scenarios[i], &total) && clean;
        count++;
    }
    if (count == 0)
        return 2;
    if (only == NULL)
        clean = all_are_written() && clean;
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf("%zu scenarios, %llu states, %llu steps, %ld MB: %s\n", count,
                 (unsigned long long)total.worlds, (unsigned long long)total.steps,
                 usage.ru_maxrss / 1024, clean ? "clean" : "VIOLATED");
    return clean ? 0 : 1;
}

static int break_all(const char *only)
{
    size_t tried = 0;
    size_t found = 0;

    for (size_t i = 0; i < broken_rule_count; i++) {
        if (only != NULL && strcmp(broken_rules[i].name, only) != 0)
            continue;
        tried++;
        found += broken_rule_is_found(&broken_rules[i], only != NULL);
    }
    (void)printf("%zu of %zu broken rules found\n", found, tried);
    return tried == 0 ? 2 : found == tried ? 0 : 1;
}

static int list(void)
{
    for (size_t i = 0; i < scenario_count; i++)
        (void)printf("%s%s\n", scenarios[i].name, scenarios[i].deep ? " (deep)" : "");
    for (size_t i = 0; i < broken_rule_count; i++)
        (void)printf("--broken %-21s %s\n", broken_rules[i].name, broken_rules[i].what);
    return 0;
}

int main(int argc, char **argv)
{
    const char *only = NULL;
    const char *broken = NULL;
    bool deep = false;
    bool all_broken = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--deep") == 0) {
            deep = true;
        } else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
            only = argv[++i];
        } else if (strcmp(argv[i], "--broken") == 0) {
            all_broken = true;
            broken = i + 1 < argc ? argv[++i] : NULL;
        } else if (strcmp(argv[i], "--list") == 0) {
            return list();
        } else {
            (void)fprintf(stderr, "usage: interleavings [--deep] [--only NAME] [--broken [NAME]] "
                                  "[--list]\n");
            return 2;
        }
    }
    return all_broken ? break_all(broken) : explore_all(only, deep);
}
