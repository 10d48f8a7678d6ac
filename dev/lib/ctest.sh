# shellcheck shell=bash
# The C tests, by label, in the build folder of the preset DOORSTEP_PRESET.

TEST_PRESET=${DOORSTEP_PRESET:-dev}
TEST_BUILD=$DOORSTEP_ROOT/build/$TEST_PRESET

# LeakSanitizer alone does not fail a Criterion test; an abort does.
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}

# junit_count FILE ATTRIBUTE : a number of the first <testsuite>, over as many lines as it takes
junit_count() {
    local head
    head=$(tr '\n\t' '  ' <"$1" | grep -o '<testsuite [^>]*>' | head -n 1)
    sed -n "s/.* $2=\"\([0-9]*\)\".*/\1/p" <<<"$head"
}

# ctest_label LABEL JOBS : runs the tests of a label and adds them to the tally.
ctest_label() {
    local label=$1 jobs=$2 report=$TEST_BUILD/$1.xml rc=0 total failed skipped
    rm -f "$report"
    say "tests: $label"
    ctest --test-dir "$TEST_BUILD" -L "^$label\$" -j "$jobs" --output-on-failure --no-tests=ignore \
        --timeout 600 --output-junit "$report" </dev/null >&2 || rc=$?
    total=0 failed=0 skipped=0
    if [ -f "$report" ]; then
        total=$(junit_count "$report" tests)
        failed=$(junit_count "$report" failures)
        skipped=$(($(junit_count "$report" skipped) + $(junit_count "$report" disabled)))
    fi
    # A ctest that fails without naming a test (a missing program, a broken file) is a failure too.
    if [ "$rc" != 0 ] && [ "${failed:-0}" = 0 ]; then
        failed=1
        total=$((total + 1))
    fi
    PASSED=$((PASSED + total - failed - skipped))
    FAILED=$((FAILED + failed))
    SKIPPED=$((SKIPPED + skipped))
}
