# shellcheck shell=bash
# The life of the private servers. Each kind brings the same functions, NAME_needs, _ports,
# _disk, _prepare, _launch, _ready, _finish, _stop and _erase (kafka.sh, postgres.sh, mongo.sh, registry.sh).

# shellcheck source=dev/lib/versions.sh
. "$DOORSTEP_ROOT/dev/lib/versions.sh"
# shellcheck source=dev/lib/profile.sh
. "$DOORSTEP_ROOT/dev/lib/profile.sh"
# shellcheck source=dev/lib/proc.sh
. "$DOORSTEP_ROOT/dev/lib/proc.sh"
# shellcheck source=dev/lib/disk.sh
. "$DOORSTEP_ROOT/dev/lib/disk.sh"
# shellcheck source=dev/lib/kafka.sh
. "$DOORSTEP_ROOT/dev/lib/kafka.sh"
# shellcheck source=dev/lib/postgres.sh
. "$DOORSTEP_ROOT/dev/lib/postgres.sh"
# shellcheck source=dev/lib/mongo.sh
. "$DOORSTEP_ROOT/dev/lib/mongo.sh"
# shellcheck source=dev/lib/registry.sh
. "$DOORSTEP_ROOT/dev/lib/registry.sh"

# What the shop needs. A schema registry runs beside them where it was asked for.
# shellcheck disable=SC2034 # for the scripts that source this
ALL_SERVERS=("${KAFKA_SERVERS[@]}" postgres mongo)
START_TIMEOUT_S=${DOORSTEP_START_TIMEOUT_S:-90}

port_is_free() { ! port_in_use "$1"; }

# One that was killed may still be about to give its ports back: a process with many threads is gone
# only with the last of them.
server_needs_port() {
    local name port patience=0
    [ ! -e "$(pid_file "$1")" ] || patience=30
    while read -r name port; do
        if ! wait_until "$patience" port_is_free "$port"; then
            die "port $port ($name) is in use by another program: stop that, or choose another with" \
                "$(port_variable "$name")=<port> (all ports: dev/ports.env)"
        fi
    done < <("$1_ports")
}

# Ready, or dead already: then waiting longer is of no use.
server_settled() { "$1_ready" || ! is_running "$1"; }

show_log_end() { tail -n "${2:-5}" "$LOG_DIR/$1.log" 2>/dev/null | sed 's/^/    /' >&2 || true; }

# A server that was killed may leave children or shared memory for a moment, and then refuses its
# next start: so one start is tried three times.
server_launch_and_wait() {
    local name=$1 try
    for try in 1 2 3; do
        is_running "$name" || "${name}_launch"
        if ! wait_until "$START_TIMEOUT_S" server_settled "$name"; then
            show_log_end "$name"
            die "$name did not become ready within $START_TIMEOUT_S s; its log: $LOG_DIR/$name.log"
        fi
        if is_running "$name"; then return 0; fi
        [ "$try" = 3 ] || wait_until 1 false || true
    done
    show_log_end "$name"
    die "$name ends right after its start; its log: $LOG_DIR/$name.log"
}

server_start() {
    local name=$1
    if is_paused "$name"; then signal_server "$name" CONT; fi
    if ! is_running "$name"; then
        "${name}_needs"
        server_needs_port "$name"
        disk_mount "$("${name}_disk")"
        "${name}_prepare"
    fi
    server_launch_and_wait "$name"
    "${name}_finish"
}

# start_servers NAME... : all at once, and reports each as it becomes ready.
start_servers() {
    local name begin total=$# ready=0 failed=0
    local -A jobs=()
    begin=$(now_ms)
    make_home
    for name; do
        (server_start "$name" 2>"$RUN_DIR/$name.err") &
        jobs[$name]=$!
    done
    while [ "${#jobs[@]}" -gt 0 ]; do
        for name in "${!jobs[@]}"; do
            kill -0 "${jobs[$name]}" 2>/dev/null && continue
            if wait "${jobs[$name]}"; then
                clear_bar
                ready=$((ready + 1))
                say "  $name ready after $(seconds_since "$begin") s"
            else
                clear_bar
                failed=1
                cat "$RUN_DIR/$name.err" >&2
            fi
            unset "jobs[$name]"
        done
        [ "${#jobs[@]}" = 0 ] || draw_bar "$ready" "$total" "waiting for ${!jobs[*]}, $(seconds_since "$begin") s"
        poll_pause
    done
    clear_bar
    return "$failed"
}

# stop_servers NAME... : all at once; bounded by the waits of stop_server.
stop_servers() {
    local name failed=0
    local -A jobs=()
    [ -d "$RUN_DIR" ] || return 0
    for name; do
        ("${name}_stop") &
        jobs[$name]=$!
    done
    for name; do wait "${jobs[$name]}" || failed=1; done
    return "$failed"
}

server_state() {
    if ! is_running "$1"; then
        echo stopped
    elif is_paused "$1"; then
        echo paused
    elif "$1_ready" >/dev/null 2>&1; then
        echo ready
    else
        echo 'not answering'
    fi
}

print_status() {
    local name state port rc=0
    printf '%-10s %-14s %6s %8s %9s\n' server state port pid memory
    for name; do
        state=$(server_state "$name")
        read -r _ port < <("${name}_ports")
        if [ "$state" = stopped ]; then
            printf '%-10s %-14s %6s %8s %9s\n' "$name" "$state" "$port" - -
        else
            printf '%-10s %-14s %6s %8s %6s MB\n' "$name" "$state" "$port" "$(server_pid "$name")" \
                "$(rss_mb "$name")"
        fi
        [ "$state" = ready ] || rc=1
    done
    return "$rc"
}
