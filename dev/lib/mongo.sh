# shellcheck shell=bash
# The private MongoDB: a replica set of one (majority and change streams need a set).

MONGOD=$DOORSTEP_TOOLS/mongod-$MONGOD_VERSION/mongod
MONGO_INIT_SOURCE=$DOORSTEP_ROOT/dev/tools/mongo_init.c

# The server comes without a shell, so a small C program starts the set. Built once per source.
mongo_init() {
    local sum
    sum=$(sha256sum "$MONGO_INIT_SOURCE")
    printf '%s/mongo_init-%s' "$DOORSTEP_TOOLS" "${sum:0:12}"
}

mongo_build_init() {
    local target flags
    target=$(mongo_init)
    [ -x "$target" ] && return 0
    flags=$(pkg-config --cflags --libs libmongoc-1.0)
    mkdir -p "$DOORSTEP_TOOLS"
    # shellcheck disable=SC2086 # a list of flags
    "${CC:-cc}" -std=c11 -O1 -Wall -Wextra -D_GNU_SOURCE -o "$target.$$" "$MONGO_INIT_SOURCE" $flags
    mv -f "$target.$$" "$target"
}

mongo_disk() { printf '%s/mongo' "$PROFILE_HOME"; }

mongo_prepare() {
    mkdir -p "$PROFILE_HOME/mongo"
    mongo_build_init
}

# The engine setting keeps the journal at 16 MB instead of three files of 100 MB. On a disk that will
# get full it is written to all the time, and not once a minute.
mongo_launch() {
    local often=()
    [ "${DOORSTEP_OWN_DISKS:-0}" = 0 ] || often=(--syncdelay 2)
    launch mongo "$MONGOD" --dbpath "$PROFILE_HOME/mongo" --port "$MONGO_PORT" \
        --bind_ip 127.0.0.1 --nounixsocket --replSet rs0 --oplogSize "$DOORSTEP_MONGO_OPLOG_MB" \
        --wiredTigerCacheSizeGB "$DOORSTEP_MONGO_CACHE_GB" \
        --wiredTigerEngineConfigString 'log=(prealloc=false,file_max=16MB)' \
        --setParameter diagnosticDataCollectionEnabled=false "${often[@]}"
}

# Also starts the set where that is still to be done; tries for at most half a second.
mongo_ready() { "$(mongo_init)" "127.0.0.1:$MONGO_PORT" rs0 500 2>/dev/null; }
mongo_finish() { :; }
mongo_stop() { stop_server mongo TERM 20; }
mongo_ports() { printf '%s\n' "mongo $MONGO_PORT"; }
mongo_needs() {
    check_processor
    [ -x "$MONGOD" ] || die "mongod $MONGOD_VERSION is not installed: run ./dev/install run"
}
mongo_erase() {
    disk_unmount "$(mongo_disk)"
    rm -rf "$(mongo_disk)"
}
