# shellcheck shell=bash
# What every script of dev/ shares: where things are, messages, progress, waiting.
# A script sources this file first, after `set -euo pipefail`.

DOORSTEP_ROOT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd -P)
DOORSTEP_CACHE=${DOORSTEP_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/doorstep}
DOORSTEP_TOOLS=$DOORSTEP_CACHE/tools
export DOORSTEP_ROOT DOORSTEP_CACHE DOORSTEP_TOOLS

# shellcheck source=dev/ports.env
. "$DOORSTEP_ROOT/dev/ports.env"

say() { printf '%s\n' "$*" >&2; }
die() {
    printf 'doorstep: %s\n' "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

now_ms() {
    local t=${EPOCHREALTIME/[.,]/}
    printf '%s' "$((t / 1000))"
}

# seconds_since START_MS -> "3.1"
seconds_since() {
    local ms=$(($(now_ms) - $1))
    printf '%d.%d' "$((ms / 1000))" "$((ms % 1000 / 100))"
}

on_terminal() { [ -t 2 ] && [ "${TERM:-dumb}" != dumb ]; }

# The pause between two looks at a condition. Every loop around it has an end of its own.
poll_pause() { sleep "${DOORSTEP_POLL_S:-0.05}"; }

# wait_until SECONDS COMMAND... : true as soon as the command is, false after that time.
wait_until() {
    local end=$(($(now_ms) + $1 * 1000))
    shift
    until "$@"; do
        [ "$(now_ms)" -lt "$end" ] || return 1
        poll_pause
    done
}

# draw_bar DONE TOTAL TEXT : one line that is drawn over again; only on a terminal.
draw_bar() {
    local width=24 full bar
    on_terminal || return 0
    full=$(($2 > 0 ? $1 * width / $2 : 0))
    printf -v bar '%*s' "$full" ''
    printf -v bar '%-*s' "$width" "${bar// /#}"
    printf '\r\033[K  [%s] %s' "$bar" "$3" >&2
}
clear_bar() { if on_terminal; then printf '\r\033[K' >&2; fi; }

# end_tree PID : the process and all below it. Background jobs of a script ignore Ctrl-C, so a
# script that is interrupted ends them itself.
end_tree() {
    local child children=''
    { children=$(<"/proc/$1/task/$1/children"); } 2>/dev/null || true
    kill -TERM "$1" 2>/dev/null || true
    for child in $children; do end_tree "$child"; done
}
STEP_PID=''
end_step() { if [ -n "$STEP_PID" ]; then end_tree "$STEP_PID"; fi; }
trap 'end_step; exit 130' INT
trap 'end_step; exit 143' TERM

# step_progress LOG TEXT START : a bar where the log counts as ninja does, "[3/40]"; else a mark.
step_progress() {
    local last
    last=$(tail -c 400 "$1" | tail -n 1)
    if [[ $last =~ ^\[([0-9]+)/([0-9]+)\] ]]; then
        draw_bar "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" \
            "$2 ${BASH_REMATCH[1]}/${BASH_REMATCH[2]}, $(seconds_since "$3") s"
    else
        printf '\r\033[K  %s %s, %s s' "$4" "$2" "$(seconds_since "$3")" >&2
    fi
}

# step TEXT LOGFILE COMMAND... : runs a long command with its output in a file and shows progress;
# without a terminal a line at the begin and at the end. On failure the end of the log is shown.
step() {
    local text=$1 log=$2 start rc=0 mark='-+*+' i=0
    shift 2
    start=$(now_ms)
    on_terminal || say "  $text ..."
    "$@" >"$log" 2>&1 </dev/null &
    STEP_PID=$!
    if on_terminal; then
        while kill -0 "$STEP_PID" 2>/dev/null; do
            step_progress "$log" "$text" "$start" "${mark:i++%4:1}"
            poll_pause
        done
    fi
    wait "$STEP_PID" || rc=$?
    STEP_PID=''
    clear_bar
    if [ "$rc" = 0 ]; then
        say "  $text: done in $(seconds_since "$start") s"
        return 0
    fi
    say "  $text: failed (exit code $rc); the end of $log:"
    tail -n "${DOORSTEP_LOG_LINES:-25}" "$log" | sed 's/^/    /' >&2
    return "$rc"
}

port_in_use() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_mb PATH : free space of the nearest folder that exists, in MB.
free_mb() {
    local path=$1
    until [ -d "$path" ]; do path=$(dirname "$path"); done
    df -Pm "$path" | awk 'NR == 2 { print $4 }'
}
need_disk() {
    local free
    free=$(free_mb "$1")
    [ "$free" -ge "$2" ] || die "too little disk: $1 has $free MB free, $3 needs $2 MB"
}

# mongod is a binary for x86_64 with AVX; elsewhere it would end with "illegal instruction".
check_processor() {
    [ "$(uname -m)" = x86_64 ] || die "mongod is fetched for x86_64; this machine is $(uname -m). Use docker compose."
    grep -qw avx /proc/cpuinfo || die "mongod $MONGOD_VERSION needs a processor with AVX, which /proc/cpuinfo" \
        "does not show. In a virtual machine choose the host's processor type, or use docker compose."
}
