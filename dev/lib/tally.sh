# shellcheck shell=bash
# Counting checks. check NAME COMMAND... runs one check quietly and shows its output when it fails;
# a check that ends with 77 counts as skipped, and its last line says why.

PASSED=0
FAILED=0
SKIPPED=0

check() {
    local name=$1 out rc=0
    shift
    out=$("$@" 2>&1 </dev/null) || rc=$?
    case $rc in
    0)
        PASSED=$((PASSED + 1))
        say "ok      $name"
        ;;
    77)
        SKIPPED=$((SKIPPED + 1))
        say "skipped $name: ${out##*$'\n'}"
        ;;
    *)
        FAILED=$((FAILED + 1))
        say "FAILED  $name"
        tail -n 60 <<<"$out" | sed 's/^/    /' >&2
        ;;
    esac
}

skip() {
    echo "$*"
    return 77
}

# The last line, and the exit code: false when something failed or nothing ran.
print_tally() {
    local line="$PASSED passed, $FAILED failed"
    [ "$SKIPPED" = 0 ] || line+=", $SKIPPED skipped"
    printf '%s\n' "$line"
    [ "$FAILED" = 0 ] && [ "$PASSED" -gt 0 ]
}
