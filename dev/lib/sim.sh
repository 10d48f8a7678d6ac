# shellcheck shell=bash
# The simulated shop (tests/sim), built optimised and with its asserts: a seed takes milliseconds.

SIM_PRESET=${DOORSTEP_SIM_PRESET:-release}
SIM_SEEDS=10000
SIM_BOUND=10000 # seeds in which each planted mistake must be found; far fewer are needed

# sim_run OPTION... : the program itself; its last lines are what it found.
sim_run() { "$DOORSTEP_ROOT/build/$SIM_PRESET/tests/sim/sim" "$@"; }

sim_build() { build_preset "$SIM_PRESET" sim; }

# Without options: as many seeds as `all` has time for, then the planted mistakes.
sim_default() {
    check sim_seeds_pass sim_run --seeds "$SIM_SEEDS"
    check sim_finds_planted_mistakes sim_run --planted --bound "$SIM_BOUND"
}

# sim_part OPTION... : a part of dev/test. With options of its own it shows what the program says.
sim_part() {
    say 'tests: simulation'
    if ! sim_build; then
        FAILED=$((FAILED + 1))
        return 0
    fi
    if [ $# -eq 0 ]; then
        sim_default
    elif sim_run "$@"; then
        PASSED=$((PASSED + 1))
    else
        FAILED=$((FAILED + 1))
    fi
}
