-- The read model, version 1, and the stable views in front of it.
--
-- read_v1 holds the tables the projection writes. Each table is written from one topic only; what a fault cut off is
-- read again from the log, so nothing here is backed up. There are no foreign keys between topics.
-- shop holds the views that everybody else reads: the api, analytics, people with psql. Their columns are listed by
-- name and only ever added at the end. docs/read-models.md says what each column means.
--
-- Money is in minor units, times are UTC. Offsets are those of the topic a table is written from.

CREATE SCHEMA read_v1;
CREATE SCHEMA shop;

-- From every topic -----------------------------------------------------------------------------------------------

-- How far each partition of each topic has been folded. A batch is written together with its row here.
CREATE TABLE read_v1.position (
    topic            text    NOT NULL,
    partition        integer NOT NULL,
    log_id           text    NOT NULL DEFAULT '',   -- nonce of the partition's first valid Claim; '' while it has none
    last_offset      bigint  NOT NULL DEFAULT -1,   -- of the last delivered record that is folded
    epoch            bigint  NOT NULL DEFAULT 0,
    seq              bigint  NOT NULL DEFAULT 0,
    event_time       timestamptz,                   -- of that record
    generation       bigint  NOT NULL DEFAULT 0,    -- raised by every worker that takes the partition
    commands_through bigint  NOT NULL DEFAULT -1,   -- every command of this partition up to here has been decided
    written_at       timestamptz,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 20);                           -- sixty rows, updated all day: room for HOT updates

-- One row an event of the shop (the protocol's own records are left out, refusals and repeats are in).
CREATE TABLE read_v1.timeline (
    topic          text    NOT NULL,
    partition      integer NOT NULL,
    event_offset   bigint  NOT NULL,
    ce_type        text    NOT NULL,                -- order.created, command.rejected, ...
    event_id       text    NOT NULL,
    order_id       text,                            -- NULL where the event is about no order
    aggregate      text    NOT NULL,                -- the order, courier, product or store it is about
    at             timestamptz NOT NULL,
    actor_kind     text    NOT NULL,                -- customer, courier, staff, admin, gateway, system
    actor_id       text    NOT NULL,
    correlation_id text    NOT NULL,
    command_id     text,                            -- the command it answers
    cause_kind     text,                            -- input or timer
    cause_topic    text,                            -- input: where the cause stands, same partition number
    cause_offset   bigint,
    cause_due_at   timestamptz,                     -- timer: the deadline
    data           jsonb   NOT NULL,                -- the event's fields without personal data and payment tokens
    PRIMARY KEY (topic, partition, event_offset)
);
CREATE INDEX timeline_order ON read_v1.timeline (order_id) WHERE order_id IS NOT NULL;

-- One row a command that was decided: a repeat has its own row. Keyed by the place of the command in its topic.
CREATE TABLE read_v1.commands (
    topic          text    NOT NULL,                -- of the command: order.commands, ...
    partition      integer NOT NULL,
    command_offset bigint  NOT NULL,
    command_id     text    NOT NULL,                -- '' where the command could not be decoded
    status         text    NOT NULL,                -- done, refused, repeated
    reason         text,                            -- refused, or repeated with another body
    same_body      boolean,                         -- repeated: whether the body was that of the first
    body_hash      text    NOT NULL,
    target         text    NOT NULL,                -- the aggregate it was for, where it is known
    outcome        text    NOT NULL,                -- ce_type of the first event that answers it
    actor_kind     text    NOT NULL,
    actor_id       text    NOT NULL,
    correlation_id text    NOT NULL,
    appended_at    timestamptz,
    decided_at     timestamptz NOT NULL,
    event_offset   bigint  NOT NULL,                -- of that first event
    PRIMARY KEY (topic, partition, command_offset)
);
CREATE INDEX commands_id ON read_v1.commands (command_id);

-- order.events ---------------------------------------------------------------------------------------------------

CREATE TABLE read_v1.orders (
    order_id           text    PRIMARY KEY,
    store_id           text    NOT NULL,
    customer_id        text    NOT NULL,
    status             text    NOT NULL,            -- created, awaiting_payment, confirmed, picked_up, fulfilled, cancelled, refused
    reason             text,                        -- of a cancellation or refusal
    goods              text,                        -- cancelled: not_taken, returned, lost
    cancel_requested   boolean NOT NULL,            -- asked for and not decided yet
    payment_method     text    NOT NULL,            -- card, cash_on_delivery
    currency           text    NOT NULL,
    subtotal_minor     bigint  NOT NULL,
    delivery_fee_minor bigint  NOT NULL,
    total_minor        bigint  NOT NULL,
    note               text,                        -- what the caller wrote when cancelling
    command_id         text    NOT NULL,
    body_hash          text    NOT NULL,
    correlation_id     text    NOT NULL,
    placed_at          timestamptz NOT NULL,
    confirmed_at       timestamptz,
    picked_up_at       timestamptz,
    closed_at          timestamptz,                 -- fulfilled, cancelled or refused
    deliver_by         timestamptz,
    updated_at         timestamptz NOT NULL,
    partition          integer NOT NULL,
    first_offset       bigint  NOT NULL,
    last_offset        bigint  NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX orders_customer ON read_v1.orders (customer_id, placed_at DESC, order_id DESC);
CREATE INDEX orders_store ON read_v1.orders (store_id, placed_at DESC, order_id DESC);
CREATE INDEX orders_placed ON read_v1.orders (placed_at DESC, order_id DESC);

CREATE TABLE read_v1.order_lines (
    order_id         text    NOT NULL,
    line             integer NOT NULL,
    product_id       text    NOT NULL,
    name             text    NOT NULL,
    quantity         integer NOT NULL,              -- as ordered
    cancelled        integer NOT NULL,              -- of these, cancelled by line
    unit_price_minor bigint  NOT NULL,
    total_minor      bigint  NOT NULL,              -- (quantity - cancelled) x unit price
    catalog_offset   bigint  NOT NULL,
    last_offset      bigint  NOT NULL,
    PRIMARY KEY (order_id, line)
);
CREATE INDEX order_lines_product ON read_v1.order_lines (product_id);

-- Personal data, apart: written once, not shown to reporting people, and one place to erase.
CREATE TABLE read_v1.order_addresses (
    order_id      text PRIMARY KEY,
    recipient     text,
    phone         text,
    street        text,                             -- NULL where the data is sealed
    city          text,
    state         text,
    zip_code      text,
    country       text,
    lat_e6        integer,
    lng_e6        integer,
    notes         text,
    sealed_key_id text,
    last_offset   bigint NOT NULL
);

-- payment.events -------------------------------------------------------------------------------------------------

CREATE TABLE read_v1.payments (
    order_id           text   PRIMARY KEY,
    status             text   NOT NULL,             -- none, initiated, succeeded, failed, refund_pending, partly_refunded, refunded
    method             text   NOT NULL,
    currency           text   NOT NULL,
    charged_minor      bigint NOT NULL,             -- what the charge asked for
    captured_minor     bigint NOT NULL,
    refunded_minor     bigint NOT NULL,
    refund_open_minor  bigint NOT NULL,             -- asked of the provider and not answered
    due_minor          bigint NOT NULL,             -- what the shop may keep; only goes down
    disputed_minor     bigint NOT NULL,
    reason             text,                        -- failed: declined, provider_silent
    detail             text,                        -- the provider's words
    late               boolean NOT NULL,            -- captured after it had failed
    charge_key         text,
    provider           text,
    provider_reference text,
    refund_key         text,                        -- of the newest refund
    refund_number      integer NOT NULL,
    retry_at           timestamptz,                 -- a refund that failed is tried again
    initiated_at       timestamptz,
    captured_at        timestamptz,
    updated_at         timestamptz NOT NULL,
    partition          integer NOT NULL,
    last_offset        bigint  NOT NULL
) WITH (fillfactor = 70);

-- delivery.events ------------------------------------------------------------------------------------------------

CREATE TABLE read_v1.deliveries (
    order_id             text    PRIMARY KEY,
    store_id             text    NOT NULL,
    customer_id          text    NOT NULL,
    status               text    NOT NULL,          -- requested, offered, assigned, in_transit, arrived, silent, returning,
                                                    -- completed, returned, lost, cancelled
    reason               text,                      -- cancelled: why; failed: what the courier said
    courier_id           text,                      -- who has it, or had it at the end
    courier_name         text,
    vehicle              text,
    offer_id             text,                      -- the open offer, or the one that was accepted
    offer_number         integer NOT NULL,
    offer_courier_id     text,                      -- who is asked now
    attempt              integer NOT NULL,          -- failed attempts so far
    payment_method       text    NOT NULL,
    total_minor          bigint  NOT NULL,          -- cash: what is to be collected
    currency             text    NOT NULL,
    cash_collected_minor bigint,
    placed_at            timestamptz NOT NULL,
    requested_at         timestamptz NOT NULL,
    search_until         timestamptz NOT NULL,
    pick_up_by           timestamptz,
    assigned_at          timestamptz,
    picked_up_at         timestamptz,
    late_at              timestamptz,
    arrived_at           timestamptz,
    ended_at             timestamptz,               -- completed, returned, lost or cancelled
    updated_at           timestamptz NOT NULL,
    partition            integer NOT NULL,
    last_offset          bigint  NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX deliveries_courier ON read_v1.deliveries (courier_id, requested_at DESC, order_id DESC)
    WHERE courier_id IS NOT NULL;
CREATE INDEX deliveries_store ON read_v1.deliveries (store_id, requested_at DESC, order_id DESC);

CREATE TABLE read_v1.offers (
    offer_id     text    PRIMARY KEY,
    order_id     text    NOT NULL,
    courier_id   text    NOT NULL,
    offer_number integer NOT NULL,
    status       text    NOT NULL,                  -- open, accepted, declined, expired, went_offline, cancelled
    offered_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    last_offset  bigint  NOT NULL
);
CREATE INDEX offers_order ON read_v1.offers (order_id);
CREATE INDEX offers_open ON read_v1.offers (courier_id) WHERE status = 'open';

CREATE TABLE read_v1.couriers (
    courier_id  text    PRIMARY KEY,
    store_id    text    NOT NULL,
    name        text,
    vehicle     text    NOT NULL,
    capacity    integer NOT NULL,
    online      boolean NOT NULL,
    lat_e6      integer,                            -- where it was last seen, rounded
    lng_e6      integer,
    seen_at     timestamptz,
    online_at   timestamptz,                        -- when it last came online
    updated_at  timestamptz NOT NULL,
    last_offset bigint  NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX couriers_store ON read_v1.couriers (store_id);

-- inventory.events -----------------------------------------------------------------------------------------------

CREATE TABLE read_v1.stock (
    product_id  text   PRIMARY KEY,
    store_id    text   NOT NULL,
    received    bigint NOT NULL,                    -- received = available + reserved + committed
    available   bigint NOT NULL,
    reserved    bigint NOT NULL,
    committed   bigint NOT NULL,
    low         boolean NOT NULL,                   -- below its threshold
    threshold   bigint,
    updated_at  timestamptz NOT NULL,
    last_offset bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX stock_store ON read_v1.stock (store_id, product_id);

-- catalog.events -------------------------------------------------------------------------------------------------

CREATE TABLE read_v1.stores (
    store_id            text    PRIMARY KEY,
    name                text    NOT NULL,
    currency            text    NOT NULL,
    time_zone           text    NOT NULL,
    payment_methods     text[]  NOT NULL,           -- the first is the default
    delivery_fee_minor  bigint  NOT NULL,
    minimum_order_minor bigint  NOT NULL,
    open                boolean NOT NULL,
    lat_e6              integer,
    lng_e6              integer,
    updated_at          timestamptz NOT NULL,
    partition           integer NOT NULL,
    last_offset         bigint  NOT NULL
);

CREATE TABLE read_v1.products (
    product_id   text    PRIMARY KEY,
    store_id     text    NOT NULL,
    name         text    NOT NULL,
    category     text    NOT NULL,
    unit         text    NOT NULL,
    price_minor  bigint  NOT NULL,
    max_quantity integer NOT NULL,
    image_url    text,
    removed      boolean NOT NULL,
    updated_at   timestamptz NOT NULL,
    last_offset  bigint  NOT NULL                   -- the catalogue offset that order lines name
);
CREATE INDEX products_store ON read_v1.products (store_id, name, product_id);

-- The views ------------------------------------------------------------------------------------------------------

CREATE VIEW shop.position AS
SELECT 1 AS version, topic, partition, log_id, last_offset, epoch, seq, event_time, generation, commands_through,
       written_at
  FROM read_v1.position;

CREATE VIEW shop.timeline AS
SELECT topic, partition, event_offset, ce_type, event_id, order_id, aggregate, at, actor_kind, actor_id,
       correlation_id, command_id, cause_kind, cause_topic, cause_offset, cause_due_at, data
  FROM read_v1.timeline;

CREATE VIEW shop.commands AS
SELECT topic, partition, command_offset, command_id, status, reason, same_body, body_hash, target, outcome,
       actor_kind, actor_id, correlation_id, appended_at, decided_at, event_offset
  FROM read_v1.commands;

-- An order with what the other topics say of it; the parts may be a few milliseconds apart.
CREATE VIEW shop.orders AS
SELECT o.order_id, o.store_id, o.customer_id, o.status, o.reason, o.goods, o.cancel_requested, false AS held,
       o.payment_method, o.currency, o.subtotal_minor, o.delivery_fee_minor, o.total_minor, o.note,
       o.command_id, o.body_hash, o.correlation_id, o.placed_at, o.confirmed_at, o.picked_up_at, o.closed_at,
       o.deliver_by, greatest(o.updated_at, p.updated_at, d.updated_at) AS updated_at, o.partition,
       coalesce(p.status, 'none') AS payment_status, coalesce(p.captured_minor, 0) AS captured_minor,
       coalesce(p.refunded_minor, 0) AS refunded_minor, coalesce(p.due_minor, 0) AS due_minor,
       coalesce(d.status, 'none') AS delivery_status, d.courier_id,
       o.last_offset AS order_offset, coalesce(p.last_offset, -1) AS payment_offset,
       coalesce(d.last_offset, -1) AS delivery_offset
  FROM read_v1.orders o
  LEFT JOIN read_v1.payments p ON p.order_id = o.order_id
  LEFT JOIN read_v1.deliveries d ON d.order_id = o.order_id;

CREATE VIEW shop.order_lines AS
SELECT order_id, line, product_id, name, quantity, cancelled, unit_price_minor, total_minor, catalog_offset,
       last_offset
  FROM read_v1.order_lines;

CREATE VIEW shop.order_addresses AS
SELECT order_id, recipient, phone, street, city, state, zip_code, country, lat_e6, lng_e6, notes, sealed_key_id
  FROM read_v1.order_addresses;

CREATE VIEW shop.payments AS
SELECT order_id, status, method, currency, charged_minor, captured_minor, refunded_minor, refund_open_minor,
       due_minor, disputed_minor, reason, detail, late, charge_key, provider, provider_reference, refund_key,
       refund_number, retry_at, initiated_at, captured_at, updated_at, partition, last_offset
  FROM read_v1.payments;

CREATE VIEW shop.deliveries AS
SELECT order_id, store_id, customer_id, status, reason, courier_id, courier_name, vehicle, offer_id, offer_number,
       offer_courier_id, attempt, payment_method, total_minor, currency, cash_collected_minor, placed_at,
       requested_at, search_until, pick_up_by, assigned_at, picked_up_at, late_at, arrived_at, ended_at, updated_at,
       partition, last_offset
  FROM read_v1.deliveries;

CREATE VIEW shop.offers AS
SELECT offer_id, order_id, courier_id, offer_number, status, offered_at, expires_at, ended_at, last_offset
  FROM read_v1.offers;

CREATE VIEW shop.couriers AS
SELECT courier_id, store_id, name, vehicle, capacity, online, lat_e6, lng_e6, seen_at, online_at, updated_at,
       last_offset
  FROM read_v1.couriers;

CREATE VIEW shop.stock AS
SELECT product_id, store_id, received, available, reserved, committed, low, threshold, updated_at, last_offset
  FROM read_v1.stock;

CREATE VIEW shop.stores AS
SELECT store_id, name, currency, time_zone, payment_methods, delivery_fee_minor, minimum_order_minor, open, lat_e6,
       lng_e6, updated_at, partition, last_offset
  FROM read_v1.stores;

CREATE VIEW shop.products AS
SELECT p.product_id, p.store_id, p.name, p.category, p.unit, p.price_minor, s.currency, p.max_quantity, p.image_url,
       p.removed, coalesce(k.available, 0) AS available, p.updated_at, p.last_offset
  FROM read_v1.products p
  LEFT JOIN read_v1.stores s ON s.store_id = p.store_id
  LEFT JOIN read_v1.stock k ON k.product_id = p.product_id;
