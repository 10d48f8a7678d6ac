-- Hours and zone of stores, the code of a hand-over, refunds of goodwill. Rows folded before this have what events
-- without these fields say: the defaults.
ALTER TABLE read_v1.stores
    ADD COLUMN hours             text[]  NOT NULL DEFAULT '{}',  -- 'mon 08:00-22:00', in the store's time zone
    ADD COLUMN delivery_radius_m integer NOT NULL DEFAULT 0,     -- 0: not limited this way
    ADD COLUMN delivery_area     text[]  NOT NULL DEFAULT '{}',  -- 'lat lng' of each corner
    ADD COLUMN hand_over_code    boolean NOT NULL DEFAULT false;
ALTER TABLE read_v1.payments
    ADD COLUMN goodwill_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE read_v1.order_addresses
    ADD COLUMN hand_over_code text;

ALTER TABLE read_v1.offers
    ADD COLUMN distance_m integer,                                -- NULL: not known
    ADD COLUMN load       integer NOT NULL DEFAULT 0,
    ADD COLUMN score      bigint  NOT NULL DEFAULT 0;

CREATE OR REPLACE VIEW shop.offers AS
SELECT offer_id, order_id, courier_id, offer_number, status, offered_at, expires_at, ended_at, last_offset, distance_m,
       load, score
  FROM read_v1.offers;

CREATE OR REPLACE VIEW shop.stores AS
SELECT store_id, name, currency, time_zone, payment_methods, delivery_fee_minor, minimum_order_minor, open, lat_e6,
       lng_e6, updated_at, partition, last_offset, hours, delivery_radius_m, delivery_area, hand_over_code
  FROM read_v1.stores;

CREATE OR REPLACE VIEW shop.payments AS
SELECT order_id, status, method, currency, charged_minor, captured_minor, refunded_minor, refund_open_minor,
       due_minor, disputed_minor, reason, detail, late, charge_key, provider, provider_reference, refund_key,
       refund_number, retry_at, initiated_at, captured_at, updated_at, partition, last_offset, goodwill_minor
  FROM read_v1.payments;

CREATE OR REPLACE VIEW shop.order_addresses AS
SELECT order_id, recipient, phone, street, city, state, zip_code, country, lat_e6, lng_e6, notes, sealed_key_id,
       hand_over_code
  FROM read_v1.order_addresses;
