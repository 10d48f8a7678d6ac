# shellcheck shell=bash
# The C tests, by label, in the build folder of the preset DOORSTEP_PRESET.

TEST_PRESET=${DOORSTEP_PRESET:-dev}
TEST_BUILD=$DOORSTEP_ROOT/build/$TEST_PRESET

# LeakSanitizer alone does not fail a Criterion test; an abort does. No detect_stack_use_after_return:
# gcc's fake frames do not keep the 128-byte alignment of a bson_t, which UBSan then reports.
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}

# ctest_label LABEL JOBS : runs the tests of a label and adds them to the tally. A test that could
# not be started is a failure, as ctest's own last count has it.
ctest_label() {
    local label=$1 jobs=$2 log=$TEST_BUILD/$1.log rc=0 total=0 failed=0 skipped
    say "tests: $label"
    ctest --test-dir "$TEST_BUILD" -L "^$label\$" -j "$jobs" --output-on-failure --no-tests=ignore \
        --timeout 600 </dev/null 2>&1 | tee "$log" >&2 || rc=$?
    if [[ $(grep 'tests failed out of' "$log") =~ ([0-9]+)\ tests\ failed\ out\ of\ ([0-9]+) ]]; then
        failed=${BASH_REMATCH[1]}
        total=${BASH_REMATCH[2]}
    fi
    skipped=$(grep -c '\*\*\*Skipped' "$log" || true)
    # Disabled tests are not in ctest's total.
    SKIPPED=$((SKIPPED + $(grep -c '\*\*\*Not Run (Disabled)' "$log" || true)))
    if [ "$rc" != 0 ] && [ "$failed" = 0 ]; then
        say "ctest failed without naming a test (exit code $rc)"
        failed=1
        total=$((total + 1))
    fi
    PASSED=$((PASSED + total - failed - skipped))
    FAILED=$((FAILED + failed))
    SKIPPED=$((SKIPPED + skipped))
}
