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

# The roles that `up` runs, in its order: their probes' ports count up from METRICS_PORT.
SHOP_ROLES=(sandbox processor-catalog processor-order processor-payment processor-inventory
    processor-delivery project-postgres project-mongo gateway-payments api notifications)

# `up` writes <role>.log and <role>.pid for each.
shop_launch() {
    launch shop env LOG_DIR="$LOG_DIR" RUN_DIR="$RUN_DIR" "$DOORSTEP_BIN" up
}

is_ready() { curl -fsS -o /dev/null --max-time 2 "$1/readyz" 2>/dev/null; }

# shop_wait_ready : until every role's probe answers; bounded, and says who did not.
shop_wait_ready() {
    local start role i waiting=("${!SHOP_ROLES[@]}") still
    start=$(now_ms)
    while is_running shop && [ $(($(now_ms) - start)) -lt $((SHOP_READY_S * 1000)) ]; do
        still=()
        for i in "${waiting[@]}"; do
            is_ready "http://127.0.0.1:$((METRICS_PORT + i))" || still+=("$i")
        done
        waiting=("${still[@]}")
        if [ "${#waiting[@]}" = 0 ] && is_ready "$API_URL"; then
            clear_bar
            say "  ${#SHOP_ROLES[@]} roles ready after $(seconds_since "$start") s"
            return 0
        fi
        role=${SHOP_ROLES[${waiting[0]:--1}]}
        draw_bar "$((${#SHOP_ROLES[@]} - ${#waiting[@]}))" "${#SHOP_ROLES[@]}" "waiting for $role"
        poll_pause
    done
    clear_bar
    say "  not ready after $(seconds_since "$start") s: $(for i in "${waiting[@]}"; do printf '%s ' "${SHOP_ROLES[i]}"; done)"
    say "  the end of $LOG_DIR/shop.log:"
    show_log_end shop 10
    role=${SHOP_ROLES[${waiting[0]:--1}]}
    say "  the end of $LOG_DIR/$role.log:"
    show_log_end "$role" 10
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
