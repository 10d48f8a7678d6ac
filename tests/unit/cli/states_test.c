/* The tables of legal steps. */
#include "cli/audit/states.h"

#include <criterion/criterion.h>

Test(audit_states, a_legal_step_leads_on)
{
    enum ds_audit_order_state order = DS_AUDIT_O_STOPPING_STAFF;
    cr_assert(ds_audit_follow_order(&order, DS_AUDIT_ON_PICKED_UP));
    cr_assert_eq(order, DS_AUDIT_O_RECALLING);
    enum ds_audit_payment_state payment = DS_AUDIT_P_FAILED;
    cr_assert(ds_audit_follow_payment(&payment, DS_AUDIT_ON_CARD));
    cr_assert_eq(payment, DS_AUDIT_P_SETTLED);
    enum ds_audit_delivery_state delivery = DS_AUDIT_D_SILENT;
    cr_assert(ds_audit_follow_delivery(&delivery, DS_AUDIT_ON_REASSIGNED));
    cr_assert_eq(delivery, DS_AUDIT_D_IN_TRANSIT);
}

Test(audit_states, final_states_have_no_way_out)
{
    static const enum ds_audit_order_state finals[] = {DS_AUDIT_O_FULFILLED, DS_AUDIT_O_CANCELLED,
                                                       DS_AUDIT_O_REFUSED};
    for (size_t i = 0; i < 3; i++)
        for (int step = DS_AUDIT_ON_CREATED; step <= DS_AUDIT_ON_CANCELLED_LATE; step++) {
            enum ds_audit_order_state state = finals[i];
            bool note = finals[i] == DS_AUDIT_O_FULFILLED && step == DS_AUDIT_ON_CANCEL_REFUSED;
            cr_assert_eq(ds_audit_follow_order(&state, (enum ds_audit_order_step)step), note);
        }
    for (int step = DS_AUDIT_ON_REQUESTED; step <= DS_AUDIT_ON_LOST; step++) {
        enum ds_audit_delivery_state state = DS_AUDIT_D_COMPLETED;
        cr_assert_not(ds_audit_follow_delivery(&state, (enum ds_audit_delivery_step)step));
    }
}

Test(audit_states, a_wrong_step_is_followed_all_the_same)
{
    enum ds_audit_order_state order = DS_AUDIT_O_RESERVING;
    cr_assert_not(ds_audit_follow_order(&order, DS_AUDIT_ON_FULFILLED));
    cr_assert_eq(order, DS_AUDIT_O_FULFILLED);
}
