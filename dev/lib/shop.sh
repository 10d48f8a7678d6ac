# shellcheck shell=bash
# How the binary is called: its subcommands, its environment and its secrets. The one place to
# change when those do.

# A binary that is given is used as it is, and nothing is built.
# shellcheck disable=SC2034 # for dev/run
DOORSTEP_BIN_GIVEN=${DOORSTEP_BIN:+1}
DOORSTEP_BIN=${DOORSTEP_BIN:-$DOORSTEP_ROOT/build/release/doorstep}
SHOP_READY_S=${DOORSTEP_READY_TIMEOUT_S:-60}
SHOP_STOP_S=${DOORSTEP_STOP_TIMEOUT_S:-20}

random_hex() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

# The secrets of this private shop, made once, readable for the owner only.
shop_secrets() {
    local file=$PROFILE_HOME/secrets.env
    [ -s "$file" ] && return 0
    (
        umask 077
        cat >"$file.new" <<EOF
JWT_SECRET=$(random_hex 32)
TOKEN_SECRET=$(random_hex 32)
PAYMENT_PROVIDER_KEY=$(random_hex 32)
WEBHOOK_SECRET=whsec_$(head -c 32 /dev/urandom | base64)
EOF
        mv -f "$file.new" "$file"
    )
}

# The whole environment of the shop's processes: set here, and written to shop.env for others.
shop_env() {
    local file=$PROFILE_HOME/shop.env
    shop_secrets
    (
        umask 077
        {
            profile_variables
            printf 'SANDBOX_DIR=%q\n' "$PROFILE_HOME/sandbox"
            cat "$PROFILE_HOME/secrets.env"
        } >"$file.$$"
        mv -f "$file.$$" "$file"
    )
    mkdir -p "$PROFILE_HOME/sandbox"
    set -a
    # shellcheck source=/dev/null
    . "$file"
    set +a
}

shop() { "$DOORSTEP_BIN" "$@"; }

# The first start of a topic or a table; repeating it changes nothing.
shop_create_topics() { shop topics create; }
shop_migrate() { shop migrate; }

# `up` writes each role's log into LOG_DIR and counts the roles' metrics ports up from METRICS_PORT.
shop_launch() {
    launch shop env LOG_DIR="$LOG_DIR" METRICS_PORT="$METRICS_PORT" "$DOORSTEP_BIN" up
}
shop_ready() { curl -fsS -o /dev/null --max-time 2 "$API_URL/readyz" 2>/dev/null; }
shop_settled() { shop_ready || ! is_running shop; }

# shop_wait_ready : bounded; says where to look when the shop does not come up.
shop_wait_ready() {
    local start
    start=$(now_ms)
    wait_until "$SHOP_READY_S" shop_settled || true
    if shop_ready; then
        say "  all roles ready after $(seconds_since "$start") s"
        return 0
    fi
    say "  the shop is not ready after $(seconds_since "$start") s; the end of $LOG_DIR/shop.log:"
    show_log_end shop 20
    return 1
}

# The marker lies beside the log it speaks of: `dev/stack reset` removes both.
shop_seed() {
    local marker=$PROFILE_HOME/kafka/seeded
    [ -f "$marker" ] && return 0
    step "seeding the demo shop" "$LOG_DIR/seed.log" "$DOORSTEP_BIN" seed || return 1
    : >"$marker"
}

# Exit code 0 only when the order was delivered.
shop_demo() { shop demo; }

shop_stop() { stop_server shop TERM "$SHOP_STOP_S"; }

shop_words() {
    cat <<EOF

The shop is open.
  API            $API_URL/api/products
  ready, live    $API_URL/readyz  $API_URL/livez
  metrics        $API_URL/metrics
  logs           $LOG_DIR
  PostgreSQL     psql postgresql://doorstep@127.0.0.1:$POSTGRES_PORT/doorstep
  Kafka          127.0.0.1:$KAFKA_PORT
  MongoDB        mongodb://127.0.0.1:$MONGO_PORT/doorstep?replicaSet=rs0

Try, in another terminal:
  dev/doorstep events order.events --follow        every event of the order topic, as JSON
  dev/doorstep load --orders 500 --rate 50         500 orders over HTTP, with their latencies
  dev/doorstep audit verify                        the invariants, from the log alone

Ctrl-C stops everything; the data stays for the next start (dev/stack reset erases it).
EOF
}
