# shellcheck shell=bash disable=SC2153 # the ports and folders are set by profile.sh
# Orders under random faults, on the build that ships and on servers of their own (tests/chaos).

CHAOS_BIN=${DOORSTEP_BIN:-} # a binary that is given is used as it is
CHAOS_MINUTES=3
CHAOS_SEED=16
CHAOS_RATE=''
CHAOS_BROKERS=1

chaos_build() {
    [ -z "$CHAOS_BIN" ] || return 0
    build_preset release doorstep || return 1
    CHAOS_BIN=$DOORSTEP_ROOT/build/release/doorstep
}

chaos_run() {
    local options=(--minutes "$CHAOS_MINUTES") node name
    options+=(--proxy "postgres:$POSTGRES_PROXY_PORT:$POSTGRES_PORT" --proxy "mongo:$MONGO_PROXY_PORT:$MONGO_PORT")
    [ "$DOORSTEP_OWN_DISKS" = 0 ] || options+=(--full-disks)
    for ((node = 1; node <= CHAOS_BROKERS; node++)); do
        name=kafka$node
        [ "$node" != 1 ] || name=kafka
        options+=(--proxy "$name:${PROXY_PORTS[node]}:${PROXIED_PORTS[node]}")
    done
    [ "$CHAOS_SEED" = random ] || options+=(--seed "$CHAOS_SEED")
    [ -z "${DOORSTEP_CHAOS_PLANT:-}" ] || options+=(--plant "$DOORSTEP_CHAOS_PLANT")
    [ -z "$CHAOS_RATE" ] || options+=(--rate "$CHAOS_RATE")
    DOORSTEP_PROFILE=$PROFILE DOORSTEP_BIN=$CHAOS_BIN /usr/bin/python3 -B "$DOORSTEP_ROOT/tests/chaos/chaos.py" \
        "${options[@]}" </dev/null
}

# The servers are asked for by the environment, so that faults start them again as they were. Three
# brokers have a smaller heap each.
chaos_servers() {
    export DOORSTEP_KAFKA_PROXY=1 DOORSTEP_KAFKA_NODES=$CHAOS_BROKERS DOORSTEP_OWN_DISKS=0
    if own_disks_can_be; then
        DOORSTEP_OWN_DISKS=1
    else
        say 'tests: no disk gets full here, for which one must be root and may mount'
    fi
    # After a kill -9 a broker reads its logs again, which took 180 s on two cores that ten others used.
    export DOORSTEP_START_TIMEOUT_S=${DOORSTEP_START_TIMEOUT_S:-600}
    [ "$CHAOS_BROKERS" = 1 ] || export DOORSTEP_KAFKA_HEAP=384m
    export DOORSTEP_KAFKA_JIT=1 # no broker lives long here
    open_servers
}

# chaos_part : the checks of tests/chaos/chaos.py, which go into the tally.
chaos_part() {
    local log rc=0
    if ! chaos_build; then
        FAILED=$((FAILED + 1))
        return 0
    fi
    use_profile "${DOORSTEP_CHAOS_PROFILE:-chaos}"
    chaos_servers || return 0
    log=$LOG_DIR/chaos.log
    say "tests: chaos"
    chaos_run | tee "$log" >&2 || rc=$?
    PASSED=$((PASSED + $(grep -c '^ok ' "$log" || true)))
    FAILED=$((FAILED + $(grep -c '^FAILED ' "$log" || true)))
    if [ "$rc" != 0 ] && ! grep -q '^FAILED ' "$log"; then
        say "chaos ended with exit code $rc"
        FAILED=$((FAILED + 1))
    fi
    close_servers
    # What is on the servers' own disks is memory; after a failure somebody may want to look at it.
    if [ "$rc" = 0 ]; then
        "$DOORSTEP_ROOT/dev/stack" reset --profile "$PROFILE" >&2
    elif [ "$DOORSTEP_OWN_DISKS" = 1 ]; then
        say "the servers' data is still in memory: dev/stack reset --profile $PROFILE"
    fi
}
