-- doorstep_reader: for analytics and reporting people. It reads the views without personal data and can neither hold
-- a snapshot open nor run a query for ever. It has no password: whoever runs the server sets one, or maps a login.
-- Roles belong to the whole server; where the migrating user may not make one, an administrator runs this file.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'doorstep_reader') THEN
        BEGIN
            CREATE ROLE doorstep_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 20;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;   -- another database of this server was migrated at the same moment
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role doorstep_reader not made: % may not create roles; an administrator can run projections/postgres/migrations/0002_reader_role.sql', current_user;
                RETURN;
        END;
    END IF;
END
$$;

-- A role that another database has just made may not be seen yet by this one: ask again for up to five seconds.
DO $$
BEGIN
    FOR attempt IN 1 .. 100 LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'doorstep_reader') THEN
                RETURN; -- it may not be made here (see the notice above)
            END IF;
            BEGIN
                ALTER ROLE doorstep_reader SET statement_timeout = '30s';
                ALTER ROLE doorstep_reader SET idle_in_transaction_session_timeout = '30s';
                ALTER ROLE doorstep_reader SET lock_timeout = '1s';
                ALTER ROLE doorstep_reader SET default_transaction_read_only = on;
                ALTER ROLE doorstep_reader SET search_path = shop;
            EXCEPTION
                WHEN insufficient_privilege THEN
                    RAISE NOTICE 'timeouts of role doorstep_reader not set: % may not change it', current_user;
                WHEN SQLSTATE 'XX000' THEN
                    NULL; -- "tuple concurrently updated": another database is setting the same values
            END;
            GRANT USAGE ON SCHEMA shop TO doorstep_reader;
            GRANT SELECT ON shop.position, shop.timeline, shop.commands, shop.orders, shop.order_lines, shop.payments,
                            shop.deliveries, shop.offers, shop.couriers, shop.stock, shop.stores, shop.products
                TO doorstep_reader;
            RETURN;
        EXCEPTION
            WHEN undefined_object THEN
                PERFORM pg_sleep(0.05);
        END;
    END LOOP;
    RAISE EXCEPTION 'role doorstep_reader was made by another database and cannot be seen here';
END
$$;
