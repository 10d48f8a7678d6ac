# shellcheck shell=bash
# Configuring and building one preset of CMakePresets.json, in build/<preset>.

# build_preset PRESET [TARGET...]
build_preset() {
    local preset=$1 dir=$DOORSTEP_ROOT/build/$1 targets=()
    shift
    if [ $# -gt 0 ]; then targets=(--target "$@"); fi
    mkdir -p "$dir"
    if [ ! -f "$dir/build.ninja" ] || [ "$DOORSTEP_ROOT/CMakePresets.json" -nt "$dir/build.ninja" ]; then
        step "configuring $preset" "$dir/configure.log" \
            cmake -S "$DOORSTEP_ROOT" --preset "$preset" || return 1
    fi
    step "building $preset" "$dir/build.log" \
        cmake --build "$dir" --parallel "${DOORSTEP_JOBS:-$(nproc)}" "${targets[@]}"
}
