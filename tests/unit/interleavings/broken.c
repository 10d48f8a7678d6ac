#include "broken.h"

#include "explore.h"
#include "scenarios.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum ds_planted ds_planted;

#define PLANTED(rule) .planted = DS_PLANTED_##rule

const struct broken_rule broken_rules[] = {
    {"no-late-refund", "a success with nothing due is kept", PLANTED(NO_LATE_REFUND),
     .scenario = "one-lines", .found_by = "at rest: captured - refunded is not what was delivered"},
    {"no-late-release", "a reservation is not released by order.cancelled",
     PLANTED(NO_LATE_RELEASE), .scenario = "one-lines",
     .found_by = "at rest: a reservation is left"},
    {"double-release", "order.cancelled releases again what was released", PLANTED(DOUBLE_RELEASE),
     .scenario = "one-lines", .found_by = "I4: reservations and stock disagree"},
    {"no-webhook-guard", "a second report of a charge is booked again", PLANTED(NO_WEBHOOK_GUARD),
     .scenario = "one-card", .found_by = "I2: a charge is booked twice"},
    {"no-refund-key", "any refund report is taken for the refund pending", PLANTED(NO_REFUND_KEY),
     .scenario = "one-card", .found_by = "I3: payment's books are not the provider's"},
    {"no-idempotency-key", "a repeated provider call charges again", .wiring = NO_IDEMPOTENCY_KEY,
     .scenario = "one-card", .found_by = "I2: an order is charged more than once"},
    {"order-cancels-alone", "after confirmation, order does not ask delivery",
     PLANTED(ORDER_CANCELS_ALONE), .scenario = "two-card",
     .found_by = "I5: goods are carried that are not reserved"},
    {"pick-up-after-cancel", "delivery hands out what it has cancelled",
     PLANTED(PICK_UP_AFTER_CANCEL), .scenario = "two-card",
     .found_by =
         "a courier is bound to a delivery that does not need one, or none to one that does"},
    {"refusal-not-learned", "order, waiting to be cancelled, does not see the pick-up",
     PLANTED(REFUSAL_NOT_LEARNED), .scenario = "two-card",
     .found_by = "at rest: an order is not final"},
    {"cancel-passed-over", "delivery does not let go of an assigned order",
     PLANTED(CANCEL_PASSED_OVER), .scenario = "two-card",
     .found_by = "a cancellation that came before the pick-up is passed over"},
    {"line-not-refused", "delivery drops a line after the pick-up", PLANTED(LINE_NOT_REFUSED),
     .scenario = "one-lines", .found_by = "I5: goods are carried that are not paid"},
    {"reservation-ttl", "inventory releases by a timer of its own", .wiring = RESERVATION_TTL,
     .scenario = "two-card", .found_by = "I5: goods are carried that are not reserved"},
    {"commit-from-delivery", "inventory commits on delivery.in_transit",
     .wiring = COMMIT_FROM_DELIVERY, .scenario = "one-lines",
     .found_by = "at rest: stock does not say what was delivered"},
    {"due-not-lowered", "a line cancelled while the charge is open is still due",
     PLANTED(DUE_NOT_LOWERED), .scenario = "one-lines",
     .found_by = "at rest: captured - refunded is not what was delivered"},
    {"due-can-rise", "what is due is set by every event, upwards too", PLANTED(DUE_CAN_RISE),
     .scenario = "one-card", .found_by = "a decider fails"},
    {"not-reserved", "order goes on although nothing is reserved", PLANTED(NOT_RESERVED),
     .scenario = "two-card", .found_by = "I5: goods are carried that are not reserved"},
    {"no-payment-deadline", "nobody gives up a charge", PLANTED(NO_PAYMENT_DEADLINE),
     .scenario = "two-card", .found_by = "at rest: an order is not final"},
    {"no-search-deadline", "nobody gives up looking for a courier", PLANTED(NO_SEARCH_DEADLINE),
     .scenario = "two-card", .found_by = "at rest: an order is not final"},
    {"no-return-deadline", "goods may be on their way back for ever", PLANTED(NO_RETURN_DEADLINE),
     .scenario = "two-card", .found_by = "at rest: an order is not final"},
    {"no-refund-retry", "a refund that failed is not tried again", PLANTED(NO_REFUND_RETRY),
     .scenario = "one-lines", .found_by = "at rest: captured - refunded is not what was delivered"},
    {"keep-courier", "a cancelled delivery keeps its courier", PLANTED(KEEP_COURIER),
     .scenario = "two-card",
     .found_by =
         "a courier is bound to a delivery that does not need one, or none to one that does"},
    {"old-offer", "the answer to an old offer counts for the one that stands", PLANTED(OLD_OFFER),
     .scenario = "two-cash", .found_by = "an offer that does not stand is taken"},
    {"no-capacity", "a courier is offered more than it can carry", PLANTED(NO_CAPACITY),
     .scenario = "two-both", .found_by = "a courier has more orders than it can carry"},
    {"place-twice", "a repeated order begins again", PLANTED(PLACE_TWICE), .scenario = "two-cash",
     .found_by = "an order is created twice"},
    {"gift-forgotten", "a new total takes back what staff gave", PLANTED(GIFT_FORGOTTEN),
     .scenario = "one-goodwill",
     .found_by = "at rest: captured - refunded is not what was delivered"},
    {"gift-too-large", "staff may give more than is due", PLANTED(GIFT_TOO_LARGE),
     .scenario = "one-goodwill", .found_by = "I2: more is refunded than was captured"},
    {"dispute-refunds", "a dispute gives the money back by itself", PLANTED(DISPUTE_REFUNDS),
     .scenario = "one-goodwill", .found_by = "I5: goods are carried that are not paid"},
    {"repeats-decided", "the host knows no ids: a command sent twice is decided twice",
     .wiring = REPEATS_DECIDED, .scenario = "one-goodwill",
     .found_by = "I3: payment counts more or less goodwill than was given"},
    {"any-code", "the code at the door is not compared", PLANTED(ANY_CODE), .scenario = "one-codes",
     .found_by = "goods are handed over without the customer's code"},
    {"code-guessed", "wrong codes are not counted", PLANTED(CODE_GUESSED), .scenario = "one-codes",
     .found_by = "goods are handed over after too many wrong codes"},
    {"less-cash", "the cash at the door is not compared", PLANTED(LESS_CASH),
     .scenario = "one-codes", .found_by = "goods are handed over for less than they cost"},
    {"cash-untold", "after a cancelled line, any cash will do", PLANTED(CASH_UNTOLD),
     .scenario = "two-lines", .found_by = "goods are handed over for less than they cost"},
    {"old-total", "a cancelled line is still to be paid for at the door", PLANTED(OLD_TOTAL),
     .scenario = "two-lines", .found_by = "more or less cash is asked for than the goods cost"},
    {"late-give-back", "a courier gives an order back that it has on the road",
     PLANTED(LATE_GIVE_BACK), .scenario = "two-card", .found_by = "at rest: an order is not final"},
    {"no-restock", "what came back to the store stays off the shelf", PLANTED(NO_RESTOCK),
     .scenario = "two-card", .found_by = "at rest: committed stock of a cancelled order"},
    {"lost-restocked", "what is lost goes back on the shelf", PLANTED(LOST_RESTOCKED),
     .scenario = "two-card", .found_by = "at rest: lost goods are on the shelf"},
};
const size_t broken_rule_count = sizeof(broken_rules) / sizeof(broken_rules[0]);

static int result_fd;

static void tell(const char *text)
{
    ssize_t written = write(result_fd, text, strlen(text));
    (void)written;
}

static void on_abort(int signal_number)
{
    (void)signal_number;
    tell("an assert of a decider");
    _exit(0);
}

static void try_it(const struct broken_rule *rule, bool trace)
{
    struct sigaction action;
    const struct scenario *scenario = scenario_named(rule->scenario);

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_abort;
    (void)sigaction(SIGABRT, &action, NULL);
    if (scenario == NULL)
        _exit(1);
    if (!trace && freopen("/dev/null", "w", stderr) == NULL) /* an assert's own words */
        _exit(1);
    ds_planted = rule->planted;
    shop_t *shop = shop_new(scenario, rule->wiring);
    struct finding f = explore(shop, 0, trace ? stdout : NULL);
    (void)fflush(stdout);
    if (f.violation != NULL)
        tell(f.violation);
    _exit(0);
}

bool broken_rule_is_found(const struct broken_rule *rule, bool trace)
{
    int ends[2];
    char text[256] = "";
    size_t len = 0;
    ssize_t got;

    (void)fflush(stdout);
    if (pipe(ends) != 0)
        return false;
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        result_fd = ends[1];
        try_it(rule, trace);
    }
    (void)close(ends[1]);
    while (child > 0 && len < sizeof(text) - 1 &&
           (got = read(ends[0], text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)got;
    (void)close(ends[0]);
    if (child > 0)
        (void)waitpid(child, NULL, 0);
    text[len] = '\0';
    bool found = strcmp(text, rule->found_by) == 0;
    (void)printf("%-21s %-10s %s%s\n", rule->name, rule->scenario, len == 0 ? "NOT FOUND" : text,
                 found || len == 0 ? "" : "   (another check than expected)");
    return found;
}
