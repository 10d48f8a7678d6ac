-- A courier's app asks again and again for what is still to be carried. Without the status in the index each answer
-- reads all that this courier ever carried.
CREATE INDEX deliveries_courier_status ON read_v1.deliveries (courier_id, status, requested_at DESC, order_id DESC)
    WHERE courier_id IS NOT NULL;
