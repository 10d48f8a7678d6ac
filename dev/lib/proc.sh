# shellcheck shell=bash
# Background servers by pid file. A pid file holds the pid and the start time of the process, so
# that a number used again by somebody else is never taken for ours.

pid_file() { printf '%s/%s.pid' "$RUN_DIR" "$1"; }

# start_time PID -> field 22 of /proc/PID/stat (the name in field 2 may hold blanks)
start_time() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    # shellcheck disable=SC2086 # split on purpose
    set -- ${stat##*) }
    [ "$1" != Z ] && printf '%s' "${20}"
}

# server_pid NAME : the pid while the server runs, else false.
server_pid() {
    local pid started
    { read -r pid started <"$(pid_file "$1")"; } 2>/dev/null || return 1
    [ "$(start_time "$pid")" = "$started" ] || return 1
    printf '%s' "$pid"
}
is_running() { server_pid "$1" >/dev/null; }
is_stopped() { ! is_running "$1"; }

is_paused() {
    local stat pid
    pid=$(server_pid "$1") || return 1
    { stat=$(<"/proc/$pid/stat"); } 2>/dev/null || return 1
    stat=${stat##*) }
    [ "${stat%% *}" = T ]
}

# launch NAME COMMAND... : starts a server in a session of its own (a Ctrl-C of the terminal does
# not reach it), with its output in the log folder and the last run's beside it.
launch() {
    local name=$1 log pid
    shift
    log=$LOG_DIR/$name.log
    if [ -s "$log" ]; then mv -f "$log" "$log.1"; fi
    # Descriptors 8 and 9 are locks of the calling scripts, which a server must not keep.
    (cd / && exec setsid "$@" >"$log" 2>&1 </dev/null 8>&- 9>&-) &
    pid=$!
    printf '%s %s\n' "$pid" "$(start_time "$pid")" >"$(pid_file "$name")"
}

# signal_server NAME SIGNAL : to the process and its children (PostgreSQL has many, and each has
# its own process group).
signal_server() {
    local pid children=''
    pid=$(server_pid "$1") || return 1
    { children=$(<"/proc/$pid/task/$pid/children"); } 2>/dev/null || true
    # shellcheck disable=SC2086 # a list of pids
    kill -"$2" "$pid" $children 2>/dev/null || true
}

# stop_server NAME SIGNAL SECONDS : asks the process, waits, and kills it when it does not end.
stop_server() {
    local pid
    pid=$(server_pid "$1") || {
        rm -f "$(pid_file "$1")"
        return 0
    }
    if is_paused "$1"; then signal_server "$1" CONT; fi
    kill -"$2" "$pid" 2>/dev/null || true
    if ! wait_until "$3" is_stopped "$1"; then
        say "  $1 did not stop within $3 s: killed"
        signal_server "$1" KILL
        wait_until 5 is_stopped "$1" || die "$1 (pid $pid) cannot be killed"
    fi
    rm -f "$(pid_file "$1")"
}

# rss_mb NAME -> resident memory of the process in MB
rss_mb() {
    awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$(server_pid "$1")/status" 2>/dev/null || true
}
