# shellcheck shell=bash
# The private Kafka: KRaft nodes, broker and controller in one process; one, or with
# DOORSTEP_KAFKA_NODES=3 three, which keep three replicas. The servers are called kafka, kafka2, kafka3.
# A function below is about node KAFKA_NODE, the first unless it is called for another.

KAFKA_LIB=$DOORSTEP_TOOLS/kafka-$KAFKA_VERSION/lib

KAFKA_NODES=${DOORSTEP_KAFKA_NODES:-1}
[[ $KAFKA_NODES =~ ^[13]$ ]] || die "DOORSTEP_KAFKA_NODES='$KAFKA_NODES' is not 1 or 3"
KAFKA_NODE=1

kafka_name() { if [ "$KAFKA_NODE" = 1 ]; then printf kafka; else printf 'kafka%s' "$KAFKA_NODE"; fi; }
kafka_dir() { printf '%s/%s' "$PROFILE_HOME" "$(kafka_name)"; }
kafka_disk() { printf '%s/data' "$(kafka_dir)"; }

kafka_voters() {
    local node voters=()
    for ((node = 1; node <= KAFKA_NODES; node++)); do voters+=("$node@127.0.0.1:${CONTROLLER_PORTS[node]}"); done
    (IFS=, && printf '%s' "${voters[*]}")
}

# With DOORSTEP_KAFKA_PROXY=1 there is one listener more, for clients that come through a proxy (a
# test's): a broker names an address for each listener, and this one's is the proxy's.
kafka_properties() {
    local node=$KAFKA_NODE proxied='' advertised='' protocol='' replicas=1 in_sync=1
    if [ "$KAFKA_NODES" -ge 3 ]; then replicas=3 in_sync=2; fi
    if [ "${DOORSTEP_KAFKA_PROXY:-0}" = 1 ]; then
        proxied=,PROXIED://127.0.0.1:${PROXIED_PORTS[node]}
        advertised=,PROXIED://127.0.0.1:${PROXY_PORTS[node]}
        protocol=,PROXIED:PLAINTEXT
    fi
    cat <<EOF
process.roles=broker,controller
node.id=$node
log.dirs=$(kafka_dir)/data
# Voters by address in this file, not in the log: a changed port then needs no repair.
controller.quorum.voters=$(kafka_voters)
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:${KAFKA_PORTS[node]},CONTROLLER://127.0.0.1:${CONTROLLER_PORTS[node]}$proxied
advertised.listeners=PLAINTEXT://127.0.0.1:${KAFKA_PORTS[node]}$advertised
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT$protocol
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$in_sync
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=$in_sync
group.initial.rebalance.delay.ms=0
# Static members come back within a second; tests use short sessions.
group.min.session.timeout.ms=1000
# After a kill -9 the controller lets the same broker register again only when this time is over.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
num.partitions=12
num.network.threads=$DOORSTEP_KAFKA_NETWORK_THREADS
num.io.threads=$DOORSTEP_KAFKA_IO_THREADS
# The default of 128 MB would be a quarter of the heap.
log.cleaner.dedupe.buffer.size=16777216
EOF
}

# One for all nodes, made by whoever comes first.
kafka_cluster_id() {
    local file=$PROFILE_HOME/kafka-cluster
    if [ ! -f "$file" ]; then
        head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | tr -d '=' >"$file.$KAFKA_NODE"
        ln "$file.$KAFKA_NODE" "$file" 2>/dev/null || true
        rm -f "$file.$KAFKA_NODE"
    fi
    cat "$file"
}

kafka_prepare() {
    local dir
    dir=$(kafka_dir)
    mkdir -p "$dir/data"
    kafka_properties >"$dir/server.properties"
    [ -f "$dir/data/meta.properties" ] && return 0
    java -Xmx128m -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="file:$DOORSTEP_ROOT/dev/kafka/log4j2.properties" \
        -cp "$KAFKA_LIB/*" kafka.tools.StorageTool format -t "$(kafka_cluster_id)" -c "$dir/server.properties" \
        >"$LOG_DIR/$(kafka_name)-format.log" 2>&1 ||
        die "Kafka's storage cannot be formatted: $(tail -n 3 "$LOG_DIR/$(kafka_name)-format.log")"
}

# DOORSTEP_KAFKA_JIT=1 compiles once and quickly: a start costs a quarter less, a long life more.
kafka_launch() {
    launch "$(kafka_name)" java "-Xms$DOORSTEP_KAFKA_HEAP" "-Xmx$DOORSTEP_KAFKA_HEAP" -XX:+UseParallelGC \
        "-XX:TieredStopAtLevel=${DOORSTEP_KAFKA_JIT:-4}" \
        -XX:+ExitOnOutOfMemoryError -Dkafka.logs.dir="$LOG_DIR" \
        -Dlog4j2.configurationFile="file:$DOORSTEP_ROOT/dev/kafka/log4j2.properties" \
        -cp "$KAFKA_LIB/*" kafka.Kafka "$(kafka_dir)/server.properties"
}

# Metadata names the broker itself, which it does once it is registered and unfenced.
kafka_ready() {
    kcat -L -b "127.0.0.1:${KAFKA_PORTS[KAFKA_NODE]}" -m 1 2>/dev/null | grep -q " broker $KAFKA_NODE at"
}
kafka_finish() { :; }
kafka_stop() { stop_server "$(kafka_name)" TERM 20; }
kafka_ports() { printf '%s\n' "kafka ${KAFKA_PORTS[KAFKA_NODE]}" "controller ${CONTROLLER_PORTS[KAFKA_NODE]}"; }
kafka_needs() {
    have java || die "Java is missing: install openjdk-17-jre-headless, or run ./dev/install run"
    have kcat || die "kcat is missing: run ./dev/install run"
    [ -d "$KAFKA_LIB" ] || die "Kafka $KAFKA_VERSION is not installed: run ./dev/install run"
}
# Nodes are erased together, and the sandbox provider's books go with the log: without its orders, all
# that stands in them is wrong.
kafka_erase() {
    disk_unmount "$(kafka_disk)"
    rm -rf "$(kafka_dir)" "$PROFILE_HOME/kafka-cluster" "$PROFILE_HOME/sandbox"
}

# The other nodes' functions.
KAFKA_SERVERS=(kafka)
for ((node = 2; node <= KAFKA_NODES; node++)); do
    KAFKA_SERVERS+=("kafka$node")
    for verb in needs ports disk prepare launch ready finish stop erase; do
        eval "kafka${node}_$verb() { local KAFKA_NODE=$node; kafka_$verb; }"
    done
done
unset node verb
