-- The records of quarantine are in the timeline: what waits is known by the place of the input, and so is what was
-- dropped or edited. Events folded before this have no such rows.
CREATE INDEX timeline_quarantine ON read_v1.timeline (topic, partition, cause_offset)
    WHERE ce_type IN ('doorstep.aggregate_quarantined', 'doorstep.input_held', 'doorstep.input_dropped',
                      'doorstep.input_edited');
