#!/usr/bin/env bash
# The behaviours of dev/stack and dev/run, each with servers and a data folder of its own:
#   stack_test.sh BEHAVIOUR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dev=$here/../../../dev
profile=stack-check
work=$(mktemp -d "${TMPDIR:-/tmp}/doorstep-stack-XXXXXX")
# PostgreSQL's server may run as another user.
chmod 755 "$work"
export DOORSTEP_HOME=$work DOORSTEP_PROFILE=$profile
unset DOORSTEP_BIN

stack() { "$dev/stack" "$@" --profile "$profile"; }
fail() {
    printf 'not as expected: %s\n' "$*" >&2
    exit 1
}
clean_up() {
    stack reset >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap clean_up EXIT

# A server is asked for half a second only, and a busy one may need a second question.
all_ready() {
    for _ in {1..60}; do
        if stack status "$@"; then return 0; fi
        sleep 0.2
    done
    return 1
}

sql() { psql -X -q -A -t "$DATABASE_URL" -c "$1"; }
pid_of() { cut -d ' ' -f 1 "$work/$profile/run/$1.pid"; }

start_is_repeatable_and_stop_leaves_nothing() {
    local before pids pid
    stack start
    before=$(cat "$work/$profile"/run/*.pid)
    stack start
    [ "$before" = "$(cat "$work/$profile"/run/*.pid)" ] || fail 'a second start started something'
    all_ready || fail 'not all answer'
    pids=$(cut -d ' ' -f 1 "$work/$profile"/run/*.pid)
    stack stop
    for pid in $pids; do
        # One that ended and that nobody has waited for yet (Z) is gone.
        ! grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$pid/status" || fail "process $pid still runs after stop"
    done
    ! stack status || fail 'status of stopped servers is 0'
}

# Every listening socket of the servers, from /proc: the local address must be loopback.
nothing_listens_outside_loopback() {
    local name inodes inode address family
    stack start
    for name in kafka postgres mongo; do
        inodes=$(find "/proc/$(pid_of "$name")/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n')
        for family in tcp tcp6; do
            while read -r address inode; do
                grep -qx "$inode" <<<"$inodes" || continue
                case $address in
                0100007F:* | 0000000000000000FFFF00000100007F:* | *01000000:*) echo "$name $address" ;;
                *) fail "$name listens on $address" ;;
                esac
            done < <(awk '$4 == "0A" { print $2, $10 }' "/proc/net/$family")
        done
    done | tee "$work/listening"
    [ "$(cut -d ' ' -f 1 "$work/listening" | sort -u | wc -l)" = 3 ] || fail 'a server listens nowhere'
}

data_survives_a_kill_of_every_server() {
    local name
    stack start
    eval "$(stack env)"
    sql 'create table kept (n int); insert into kept values (42)'
    for name in kafka postgres mongo; do
        stack kill "$name"
        ! stack status >/dev/null || fail "status is 0 without $name"
    done
    stack start
    [ "$(sql 'select n from kept')" = 42 ] || fail 'a committed row is gone'
    stack kill
    stack start
    [ "$(sql 'select n from kept')" = 42 ] || fail 'a committed row is gone'
}

single_servers_stop_pause_and_come_back() {
    stack start
    stack stop mongo
    all_ready kafka postgres || fail 'the others were stopped too'
    ! stack status mongo || fail 'mongo still runs'
    stack start mongo
    stack pause postgres
    [[ $(stack status postgres) == *paused* ]] || fail 'postgres is not paused'
    stack resume postgres
    all_ready || fail 'not all answer again'
}

a_port_in_use_is_named_with_its_variable() {
    local port=$((20000 + $$ % 5000)) listener text
    /usr/bin/python3 -m http.server --bind 127.0.0.1 "$port" >/dev/null 2>&1 &
    listener=$!
    timeout 60 bash -c "until (: </dev/tcp/127.0.0.1/$port) 2>/dev/null; do sleep 0.1; done"
    ! text=$(DOORSTEP_STACK_CHECK_MONGO_PORT=$port "$dev/stack" start mongo --profile "$profile" 2>&1) ||
        fail 'the start succeeded'
    kill "$listener"
    grep -q "port $port (mongo) is in use" <<<"$text" || fail "$text"
    grep -q 'DOORSTEP_STACK_CHECK_MONGO_PORT=' <<<"$text" || fail "$text"
}

reset_erases_the_data() {
    stack start postgres
    eval "$(stack env)"
    sql 'create table kept (n int)'
    mkdir "$work/$profile/sandbox" # where the provider of the shop keeps its books
    stack reset
    [ ! -e "$work/$profile/sandbox" ] || fail 'the provider still knows charges of orders that are no more'
    ! stack status postgres || fail 'reset left the server running'
    stack start postgres
    [ "$(sql "select count(*) from pg_tables where tablename = 'kept'")" = 0 ] || fail 'the table is still there'
}

a_registry_runs_only_when_asked_for_and_keeps_its_ids() {
    local id
    stack start kafka
    ! stack status registry || fail 'a registry was started'
    stack start registry
    eval "$(stack env)"
    id=$(register_string) || fail 'nothing can be registered'
    stack kill registry
    stack start registry
    [ "$(register_string)" = "$id" ] || fail 'the id is another'
    stack stop
    ! stack status registry || fail 'stop left the registry running'
}

# One schema under one subject -> {"id":1}
register_string() {
    curl -fsS --max-time 30 -H 'Content-Type: application/vnd.schemaregistry.v1+json' \
        -d '{"schema":"\"string\""}' "$REGISTRY_URL/subjects/kept-value/versions"
}

# The binary is a stand-in here: this is about what dev/run does around it.
run_once_succeeds_only_when_the_order_was_delivered() {
    export DOORSTEP_BIN=$here/shop_stand_in.sh
    STAND_IN_DEMO_RC=0 "$dev/run" --once --profile "$profile" || fail 'a delivered order is a failure'
    ! stack status || fail 'the servers run on'
    ! STAND_IN_DEMO_RC=1 "$dev/run" --once --profile "$profile" || fail 'an undelivered order is a success'
    ! stack status || fail 'the servers run on'
    [ "$(stat -c %a "$work/$profile/secrets.env")" = 600 ] || fail 'others can read the secrets'
}

[[ $(declare -F "${1:-}") ]] || fail "unknown behaviour '${1:-}'"
"$1"
