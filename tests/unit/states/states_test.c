/* docs/states is what the code says, and the code is what the choreography says: each of its rows,
 * and nothing beside them but what is listed here. */
#include "page.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 1 << 17, CELLS = 4, SETS = 2, PAIRS_MAX = 512 };

static char *read_file(const char *folder, const char *name, const char *end)
{
    static char text[TEXT_MAX];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%s", folder, name, end);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s cannot be opened", path);
    size_t len = fread(text, 1, sizeof text - 1, file);
    cr_assert(len > 0 && len < sizeof text - 1, "%s: %zu bytes", path, len);
    fclose(file);
    text[len] = '\0';
    return text;
}

/* ---- the contract: rows of Markdown */

/* What the choreography calls the inputs, beside the names the pages use: "a|b" is each of them. A
 * second set belongs to what stands behind " / " in the new state. */
static const struct {
    const char *machine;
    const char *phrase;
    const char *inputs[SETS];
} phrases[] = {
    {"order", "inventory.reserved, card", {"inventory.reserved (card)", NULL}},
    {"order", "inventory.reserved, cash", {"inventory.reserved (cash)", NULL}},
    {"order", "cancel (anyone), timer", {"cancel (customer)|cancel (staff)|timer", NULL}},
    {"order", "cancel (customer), timer", {"cancel (customer)|timer", NULL}},
    {"payment", "charge_ok, captured = due", {"charge_ok (captured as much as is due)", NULL}},
    {"payment", "charge_ok, captured > due", {"charge_ok (captured more than is due)", NULL}},
    {"payment", "charge_ok", {"charge_ok (captured more than is due)", NULL}}, /* due is 0 */
    {"payment", "charge_failed, timer", {"charge_failed|timer", NULL}},
    {"payment",
     "order.lines_cancelled, order.cancelled, *if it lowers due*",
     {"less is due", NULL}},
    {"payment", "the same, *if it lowers due*", {"less is due", NULL}},
    {"payment",
     "refund_ok of the pending key, kept = due",
     {"refund_ok (kept as much as is due)", NULL}},
    {"payment",
     "refund_ok of the pending key, kept > due",
     {"refund_ok (still kept more than is due)", NULL}},
    {"payment", "refund_failed of the pending key", {"refund_failed", NULL}},
    {"inventory",
     "order.created, enough of all (summed per product)",
     {"order.created (enough of all)", NULL}},
    {"inventory", "order.created, short of one", {"order.created (short of one)", NULL}},
    {"inventory", "order.cancelled {goods: returned}", {"order.cancelled", NULL}},
    {"inventory", "order.cancelled {goods: lost}", {"order.cancelled (goods lost)", NULL}},
    {"delivery",
     "a courier with room is online (also in the decision above)",
     {"a courier with room", NULL}},
    {"delivery", "decline, go_offline, timer", {"decline|go_offline|timer", NULL}},
    {"delivery", "give_back, timer", {"give_back|timer", NULL}},
    {"delivery",
     "order.cancel_requested {order}",
     {"order.cancel_requested (customer or timer)|order.cancel_requested (staff)", NULL}},
    {"delivery", "order.cancel_requested {lines}", {"order.cancel_requested (lines)", NULL}},
    {"delivery", "timer (not seen, or too long on the way)", {"timer", NULL}},
    {"delivery", "hand_over (customer's code; cash collected in full)", {"hand_over", NULL}},
    {"delivery", "attempt_failed, not the last", {"attempt_failed (not the last)", NULL}},
    {"delivery", "attempt_failed, the last", {"attempt_failed (the last)", NULL}},
    {"delivery", "order.cancel_requested {order, staff}", {"order.cancel_requested (staff)", NULL}},
    {"courier", "go_online (courier.online)", {"go_online", NULL}},
    {"courier", "go_offline (courier.offline)", {"go_offline", NULL}},
    {"courier",
     "delivery.offered / delivery.reassigned to it",
     {"delivery.offered", "delivery.reassigned (to it)"}},
    {"courier",
     "delivery.assigned / .offer_ended, .cancelled",
     {"delivery.assigned", "delivery.offer_ended|delivery.cancelled"}},
    {"courier",
     "delivery.completed, .returned, .cancelled",
     {"delivery.completed|delivery.returned|delivery.cancelled", NULL}},
    {"courier",
     "delivery.unassigned, .lost, .reassigned away",
     {"delivery.unassigned|delivery.lost|delivery.reassigned (away from it)", NULL}},
};

/* A row whose condition is on the order's lines and not on its state: order_ways_test.c has it. */
static const char lines_row[] = "any of these three, lines asked";

/* What the functions do beside the rows of the choreography. */
static const struct {
    const char *machine;
    const char *state;
    const char *input;
    const char *why;
} additions[] = {
    {"payment", "NONE", "order.payment_requested (of nothing)",
     "a provider refuses a charge of 0, and an order may cost nothing"},
    {"payment", "CHARGING", "charge_ok (captured less than is due)",
     "docs/adr/0006: a provider that captures less than it was asked for"},
    {"inventory", "HELD", "order.cancelled (goods lost)",
     "what is held was never picked up, whatever the order says"},
    {"delivery", "IN_TRANSIT", "arrive", "stands below the table: it changes no state"},
    {"courier", "FREE", "go_online", "renews name, vehicle and capacity"},
    {"courier", "OFFERED", "go_online", "the same"},
    {"courier", "BUSY", "go_online", "the same"},
};

struct row {
    char cells[CELLS][256];
    int count;
};

/* "| a | b |" into its cells; false: not a row, or the heading's. */
static bool split_row(const char *line, size_t len, struct row *row)
{
    row->count = 0;
    if (len < 4 || line[0] != '|' || line[1] == '-' || strncmp(line, "| state", 7) == 0)
        return false;
    for (size_t at = 2; at < len;) {
        size_t end = at;
        while (end + 1 < len && strncmp(line + end, " |", 2) != 0)
            end++;
        cr_assert(row->count < CELLS && end - at < sizeof row->cells[0], "%.*s", (int)len, line);
        memcpy(row->cells[row->count], line + at, end - at);
        row->cells[row->count++][end - at] = '\0';
        at = end + 3;
    }
    return true;
}

static int find_name(const char *const *names, int count, const char *name, size_t len)
{
    for (int i = 0; i < count; i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return i;
    return -1;
}

static const char *next_part(const char *text, const char *between, size_t *len_out)
{
    const char *end = strstr(text, between);
    *len_out = end == NULL ? strlen(text) : (size_t)(end - text);
    return end == NULL ? NULL : end + strlen(between);
}

/* Without what stands in braces and parentheses: "order.picked_up, order.cancel_refused". */
static void plain_events(const char *cell, char *out)
{
    int depth = 0;
    size_t len = 0;
    if (strncmp(cell, "none", 4) == 0)
        cell = "";
    for (; *cell != '\0'; cell++) {
        depth += *cell == '{' || *cell == '(' ? 1 : 0;
        if (depth == 0 && !(*cell == ' ' && (cell[1] == '{' || cell[1] == '(')))
            out[len++] = *cell;
        depth -= *cell == '}' || *cell == ')' ? 1 : 0;
    }
    out[len] = '\0';
}

/* "same", "same; SILENT: IN_TRANSIT", "FREE, gets waiting orders", the second of "BUSY / FREE". */
static int new_state(const struct machine *machine, const char *cell, int state, int set)
{
    size_t len;
    if (strncmp(cell, "same", 4) == 0) {
        char other[64];
        snprintf(other, sizeof other, "; %s: ", machine->states[state]);
        if (strstr(cell, other) == NULL)
            return state;
        cell = strstr(cell, other) + strlen(other);
    }
    for (; set > 0; set--)
        cell = strstr(cell, " / ") + 3;
    len = strcspn(cell, ", ");
    int next = find_name(machine->states, machine->state_count, cell, len);
    cr_assert(next >= 0, "%s: \"%s\" is no state", machine->name, cell);
    return next;
}

/* Which pairs the contract has. */
static bool said[PAIRS_MAX];

static void check_step(const struct machine *machine, const struct row *row, int state, int input,
                       int set)
{
    struct machine_step step = machine->step(state, input);
    const char *what = machine->inputs[input];
    char events[256];
    plain_events(row->count == CELLS ? row->cells[2] : "", events);
    bool nothing = row->count == CELLS && events[0] == '\0';

    cr_assert_not(said[state * machine->input_count + input], "%s: %s, %s stands there twice",
                  machine->name, machine->states[state], what);
    said[state * machine->input_count + input] = true;
    cr_expect_eq(step.row, !nothing, "%s: %s, %s has no row in %s", machine->name,
                 machine->states[state], what, machine->source);
    if (row->count == CELLS)
        cr_expect_str_eq(step.events, events, "%s: %s, %s yields \"%s\", and not \"%s\"",
                         machine->name, machine->states[state], what, step.events, events);
    int next = new_state(machine, row->cells[row->count - 1], state, set);
    cr_expect_eq(step.next, next, "%s: %s, %s leads to %s, and not to %s", machine->name,
                 machine->states[state], what, machine->states[step.next], machine->states[next]);
}

static void check_states(const struct machine *machine, const struct row *row, const char *name,
                         size_t name_len, int set)
{
    int input = find_name(machine->inputs, machine->input_count, name, name_len);
    cr_assert(input >= 0, "%s: \"%.*s\" is no input", machine->name, (int)name_len, name);
    for (const char *at = row->cells[0]; at != NULL;) {
        size_t len;
        const char *state_name = at;
        at = next_part(at, ", ", &len);
        int state = find_name(machine->states, machine->state_count, state_name, len);
        cr_assert(state >= 0, "%s: \"%s\" are no states", machine->name, row->cells[0]);
        check_step(machine, row, state, input, set);
    }
}

static void check_row(const struct machine *machine, const struct row *row)
{
    const char *const own[SETS] = {row->cells[1], NULL};
    const char *const *sets = own;
    if (strcmp(row->cells[0], lines_row) == 0)
        return;
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (strcmp(phrases[i].machine, machine->name) == 0 &&
            strcmp(phrases[i].phrase, row->cells[1]) == 0)
            sets = phrases[i].inputs;
    for (int set = 0; set < SETS && sets[set] != NULL; set++)
        for (const char *at = sets[set]; at != NULL;) {
            size_t len;
            const char *name = at;
            at = next_part(at, "|", &len);
            check_states(machine, row, name, len, set);
        }
}

/* @return how many rows the section has. */
static int check_section(const struct machine *machine, const char *contract)
{
    char heading[64];
    int rows = 0;
    snprintf(heading, sizeof heading, "\n## %s\n", machine->name);
    const char *at = strstr(contract, heading);
    cr_assert_not_null(at, "the contract has no section %s", machine->name);
    for (at += strlen(heading); at != NULL && strncmp(at, "## ", 3) != 0;) {
        size_t len;
        struct row row;
        const char *line = at;
        at = next_part(at, "\n", &len);
        if (!split_row(line, len, &row))
            continue;
        check_row(machine, &row);
        rows++;
    }
    return rows;
}

static bool is_addition(const struct machine *machine, int state, int input)
{
    for (size_t i = 0; i < sizeof additions / sizeof additions[0]; i++)
        if (strcmp(additions[i].machine, machine->name) == 0 &&
            strcmp(additions[i].state, machine->states[state]) == 0 &&
            strcmp(additions[i].input, machine->inputs[input]) == 0)
            return true;
    return false;
}

static void check_rest(const struct machine *machine)
{
    for (int state = 0; state < machine->state_count; state++)
        for (int input = 0; input < machine->input_count; input++) {
            bool row = machine->step(state, input).row;
            if (!said[state * machine->input_count + input])
                cr_expect_eq(row, is_addition(machine, state, input),
                             "%s: %s, %s %s the contract and among the additions", machine->name,
                             machine->states[state], machine->inputs[input],
                             row ? "is neither in" : "has no row, and is not in");
        }
}

DS_BEHAVIOURS(states, NULL, NULL)

DS_BEHAVIOUR(states, each_row_of_the_choreography_is_in_the_code_and_nothing_else)
{
    const char *contract = read_file(DS_STATES_DIR, "choreography", ".md");
    for (size_t i = 0; machines[i] != NULL; i++) {
        cr_assert(machines[i]->state_count * machines[i]->input_count <= PAIRS_MAX);
        memset(said, 0, sizeof said);
        cr_expect_gt(check_section(machines[i], contract), 5, "%s", machines[i]->name);
        check_rest(machines[i]);
    }
}

DS_BEHAVIOUR(states, pages_are_current)
{
    for (size_t i = 0; machines[i] != NULL; i++) {
        ds_error_t error = DS_ERROR_INIT;
        ds_buf_t page;
        const char *made;
        ds_buf_init(&page, TEXT_MAX);
        cr_assert(page_make(machines[i], &page, &error), "%s", error.message);
        cr_assert(ds_buf_cstr(&page, &made, &error), "%s", error.message);
        cr_expect_str_eq(read_file(DS_STATES_PAGES, machines[i]->name, ".md"), made,
                         "docs/states/%s.md is stale; the target states_pages writes it: "
                         "build/dev/tests/unit/states/states_pages docs/states",
                         machines[i]->name);
        ds_buf_cleanup(&page);
    }
}

/* The choreography's section 8. */
DS_BEHAVIOUR(states, deadlines_are_those_of_the_choreography)
{
    static const struct {
        const char *env;
        const char *after;
    } wanted[] = {
        {"ORDER_RESERVE_TIMEOUT", "60s"},   {"ORDER_PAYMENT_TIMEOUT", "15m"},
        {"ORDER_DELIVERY_TIMEOUT", "3h"},   {"ORDER_PLACE_TTL", "15m"},
        {"PAYMENT_GIVE_UP", "24h"},         {"PAYMENT_REFUND_RETRY_FIRST", "1m"},
        {"PAYMENT_REFUND_RETRY_MAX", "6h"}, {"DELIVERY_SEARCH_TIMEOUT", "30m"},
        {"DELIVERY_OFFER_TIMEOUT", "30s"},  {"DELIVERY_PICKUP_TIMEOUT", "20m"},
        {"DELIVERY_SILENT", "10m"},         {"DELIVERY_LATE", "8h"},
        {"DELIVERY_LOST", "24h"},           {"DELIVERY_ATTEMPTS", "2"},
    };
    size_t found = 0;
    for (size_t m = 0; machines[m] != NULL; m++) {
        const struct ds_option *option =
            machines[m]->decider == NULL ? NULL : machines[m]->decider->options;
        for (; option != NULL && option->name != NULL; option++)
            for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
                if (strcmp(wanted[i].env, option->env) == 0) {
                    found++;
                    cr_expect_str_eq(option->default_text, wanted[i].after, "%s", option->env);
                }
    }
    cr_expect_eq(found, sizeof wanted / sizeof wanted[0]);
}
