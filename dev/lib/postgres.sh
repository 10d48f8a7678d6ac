# shellcheck shell=bash
# The private PostgreSQL cluster. The server refuses to run as root, so root starts it as the user
# "postgres" of the Debian package, which must then be able to reach the data folder.

postgres_bin() {
    local dir
    for dir in "${DOORSTEP_POSTGRES_BIN:-}" /usr/lib/postgresql/{18,17,16,15}/bin; do
        if [ -x "$dir/postgres" ]; then
            printf '%s' "$dir"
            return 0
        fi
    done
    return 1
}

# as_postgres COMMAND... ; setpriv replaces itself, so the pid stays the server's.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups "$@")
    else
        (cd / && exec "$@")
    fi
}

# The data folder: below the profile's home, or, for root in a place closed to other users (such
# as /root), below /var/lib/doorstep with a link to it.
postgres_dir() {
    local link=$PROFILE_HOME/postgres sum
    if [ ! -e "$link" ] && [ "$(id -u)" = 0 ] && ! as_postgres test -x "$PROFILE_HOME"; then
        sum=$(printf '%s' "$PROFILE_HOME" | sha256sum)
        mkdir -p "/var/lib/doorstep/${sum:0:16}"
        ln -sfn "/var/lib/doorstep/${sum:0:16}" "$link"
    fi
    mkdir -p "$link"
    readlink -f "$link"
}

# The whole of it: initdb makes the folder inside.
postgres_disk() { postgres_dir; }

postgres_prepare() {
    local dir bin
    bin=$(postgres_bin)
    dir=$(postgres_dir)
    [ -f "$dir/data/PG_VERSION" ] && [ -f "$dir/data/doorstep.ready" ] && return 0
    rm -rf "$dir/data"
    if [ "$(id -u)" = 0 ]; then chown postgres "$dir"; fi
    as_postgres "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
        --data-checksums >"$LOG_DIR/initdb.log" 2>&1 ||
        die "initdb failed: $(tail -n 3 "$LOG_DIR/initdb.log")"
    as_postgres touch "$dir/data/doorstep.ready"
}

# No unix socket: its path would have to be short, and one address is enough.
postgres_launch() {
    local dir bin as=() speed=()
    bin=$(postgres_bin)
    dir=$(postgres_dir)
    if [ "$(id -u)" = 0 ]; then as=(setpriv --reuid=postgres --regid=postgres --init-groups); fi
    # Tests lose nothing when the machine loses power. Commits stay synchronous: they must survive
    # a kill of the server.
    if [ "$PROFILE" != run ]; then speed=(-c fsync=off -c full_page_writes=off -c max_wal_size=256MB); fi
    launch postgres "${as[@]}" "$bin/postgres" -D "$dir/data" -p "$POSTGRES_PORT" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
        -c max_connections="$DOORSTEP_POSTGRES_CONNECTIONS" \
        -c shared_buffers="$DOORSTEP_POSTGRES_BUFFERS" "${speed[@]}"
}

postgres_ready() {
    "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$POSTGRES_PORT" -U postgres -d postgres
}

postgres_sql() {
    "$(postgres_bin)/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$POSTGRES_PORT" \
        -U postgres -d postgres "$@"
}

# The shop's role and database. CREATEROLE: a migration makes the read-only role; CREATEDB: each
# test may take a database of its own.
postgres_finish() {
    [ -n "$(postgres_sql -c "select 1 from pg_roles where rolname = 'doorstep'")" ] ||
        postgres_sql -c 'create role doorstep login createdb createrole'
    [ -n "$(postgres_sql -c "select 1 from pg_database where datname = 'doorstep'")" ] ||
        postgres_sql -c 'create database doorstep owner doorstep'
}

# INT is the fast shutdown: it does not wait for clients.
postgres_stop() { stop_server postgres INT 20; }
postgres_ports() { printf '%s\n' "postgres $POSTGRES_PORT"; }
postgres_needs() {
    postgres_bin >/dev/null || die "PostgreSQL 15 or newer is missing: run ./dev/install run"
    [ "$(id -u)" != 0 ] || id postgres >/dev/null 2>&1 || die "there is no user 'postgres'"
}
postgres_erase() {
    local dir
    dir=$(readlink -f "$PROFILE_HOME/postgres") || return 0
    disk_unmount "$dir"
    rm -rf "$dir" "$PROFILE_HOME/postgres"
}
