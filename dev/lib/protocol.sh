# shellcheck shell=bash
# The model of the log protocol (docs/protocol/), run by spin: what must hold is searched to the end
# within its bounds, and each mutant must be refuted by the property that is named for it. A run's
# files stay in build/protocol/NAME, the way to an error among them.

PROTOCOL_DIR=$DOORSTEP_ROOT/docs/protocol
PROTOCOL_BUILD=$DOORSTEP_ROOT/build/protocol
PROTOCOL_DEEP=0

# What a run may take. Over either it is not exhaustive, and counts as failed.
protocol_limits() {
    if [ "$1" = deep ]; then
        PROTOCOL_S=1800 PROTOCOL_MB=9000
    else
        PROTOCOL_S=300 PROTOCOL_MB=2000
    fi
}

# verify_model DIR KIND OPTION... : makes the verifier in that folder and runs it.
# Mutants end soon: there the compiler is what takes time.
verify_model() {
    local kind=$2 optimize=-O2
    cd "$1" || return 1
    shift 2
    case $kind in mutant | limit) optimize=-O0 ;; esac
    spin -a "$@" "$PROTOCOL_DIR/fenced_log.pml" >spin.log 2>&1 || return 1
    # Lossless: COLLAPSE keeps the parts of a state apart, no hash stands for a state.
    cc "$optimize" -w -DSAFETY -DNOCLAIM -DCOLLAPSE -DVECTORSZ=2048 "-DMEMLIM=$PROTOCOL_MB" \
        -o pan pan.c >cc.log 2>&1 || return 1
    timeout "$PROTOCOL_S" ./pan -n -m10000 -w24 >pan.log 2>&1
}

# read_verdict LOG : sets STATES, DEPTH and VERDICT: complete, the property that failed, or why
# neither is known.
read_verdict() {
    STATES=0 DEPTH=0 VERDICT='not run'
    [ -f "$1" ] || return 0
    STATES=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$1")
    DEPTH=$(sed -n 's/.*depth reached \([0-9]*\),.*/\1/p' "$1")
    if grep -q 'assertion violated' "$1"; then
        VERDICT=$(sed -n 's/.*assertion violated (*ok_\(P[0-9]*\)[^0-9].*/\1/p' "$1" | head -n 1)
        VERDICT=${VERDICT:-'refuted by pan'}
    elif ! grep -q 'errors: 0$' "$1"; then
        VERDICT='not finished'
    elif grep -Eq 'Search not completed|max search depth|out of memory|MEMLIM bound' "$1"; then
        VERDICT='not complete'
    else
        VERDICT=complete
    fi
}

# model_run KIND NAME EXPECTS OPTION... : one line of the table of runs; counts it.
model_run() {
    local kind=$1 name=$2 wanted=$3 start text
    local folder=$PROTOCOL_BUILD/$name
    shift 3
    [ "$wanted" != - ] || wanted=complete
    protocol_limits "$kind"
    rm -rf "$folder"
    mkdir -p "$folder"
    start=$(now_ms)
    (verify_model "$folder" "$kind" "$@") || true # what came of it stands in its log
    read_verdict "$folder/pan.log"
    rm -f "$folder"/pan "$folder"/pan.[bcmhpt]
    case $VERDICT in
    complete) text='holds' ;;
    P*) text="refuted by $VERDICT" ;;
    *) text=$VERDICT ;;
    esac
    printf -v text '%-6s %-16s %-14s %10d states, depth %3d, %5s s  %s' "$kind" "$name" "$text" \
        "${STATES:-0}" "${DEPTH:-0}" "$(seconds_since "$start")" "$*"
    if [ "$VERDICT" = "$wanted" ]; then
        PASSED=$((PASSED + 1))
        say "ok      $text"
        return 0
    fi
    FAILED=$((FAILED + 1))
    say "FAILED  $text"
    say "    wanted: $wanted. Logs and the way there are in $folder:"
    head -q -n 4 "$folder"/*.log | sed 's/^/    /' >&2
}

# protocol_runs : the whole table.
protocol_runs() {
    local kind name expects options start before=$((PASSED + FAILED))
    say 'checks: the model of the log protocol'
    start=$(now_ms)
    while read -r kind name expects options; do
        case $kind in
        '' | '#'*) continue ;;
        deep) [ "$PROTOCOL_DEEP" = 1 ] || continue ;;
        esac
        # shellcheck disable=SC2086 # a list of options
        model_run "$kind" "$name" "$expects" $options </dev/null
    done <"$PROTOCOL_DIR/runs.txt"
    say "  $((PASSED + FAILED - before)) runs in $(seconds_since "$start") s"
    [ "$((PASSED + FAILED))" -gt "$before" ] || FAILED=$((FAILED + 1))
}
