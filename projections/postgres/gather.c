#include "projections/postgres/worker.h"

static struct ds_unit *find_or_begin(const struct ds_read_record *record,
                                     const struct ds_slot *slot, struct ds_unit *units,
                                     size_t *count)
{
    for (size_t i = *count; i > 0; i--) {
        struct ds_unit *u = &units[i - 1];
        if ((int32_t)u->topic == record->topic && u->partition == record->partition)
            return u;
    }
    struct ds_unit *unit = &units[(*count)++];
    *unit = (struct ds_unit){
        .topic = (enum ds_fold_topic)record->topic,
        .partition = record->partition,
        .before = slot->at[record->topic],
        .after = slot->at[record->topic],
        .state = DS_UNIT_OPEN,
    };
    return unit;
}

size_t ds_worker_gather(const struct ds_read_record *records, size_t count,
                        const struct ds_slot *slots, struct ds_unit *units_out)
{
    size_t units = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ds_read_record *r = &records[i];
        const struct ds_event_head *head = r->event;
        if (!slots[r->partition].owned)
            continue; /* taken away while the batch was read: its next owner reads it again */
        if (r->place.seq == 0)
            continue; /* a Claim is no place to start at: its Open could not be checked (R13) */
        struct ds_unit *unit = find_or_begin(r, &slots[r->partition], units_out, &units);
        int64_t through = r->undecodable ? -1 : ds_fold_commands_through(r->event);
        unit->after.place = r->place;
        unit->event_time_us = head->meta.at;
        if (through > unit->after.commands_through)
            unit->after.commands_through = through;
    }
    return units;
}
