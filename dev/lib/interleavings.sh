# shellcheck shell=bash
# Every order in which a small shop's messages can be handled (tests/unit/interleavings), built optimised and with its
# asserts: millions of states.

INTERLEAVINGS_PRESET=${DOORSTEP_INTERLEAVINGS_PRESET:-release}
INTERLEAVINGS_DEEP=''

# interleavings_run OPTION... : the program; its last line, which counts, is shown.
interleavings_run() {
    local log=$DOORSTEP_ROOT/build/$INTERLEAVINGS_PRESET/interleavings.log rc=0
    "$DOORSTEP_ROOT/build/$INTERLEAVINGS_PRESET/tests/unit/interleavings/interleavings" "$@" >"$log" 2>&1 || rc=$?
    if [ "$rc" = 0 ]; then
        tail -n 1 "$log" >&3
    else
        cat "$log"
    fi
    return "$rc"
}

interleavings_part() {
    say 'tests: every interleaving of a small shop'
    if ! build_preset "$INTERLEAVINGS_PRESET" interleavings; then
        FAILED=$((FAILED + 1))
        return 0
    fi
    exec 3>&2
    check every_interleaving_is_clean interleavings_run ${INTERLEAVINGS_DEEP:+--deep}
    check interleavings_find_every_broken_rule interleavings_run --broken
    exec 3>&-
}
