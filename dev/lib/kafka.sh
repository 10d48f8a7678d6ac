# shellcheck shell=bash
# The private Kafka: one KRaft node, broker and controller in one process.

KAFKA_LIB=$DOORSTEP_TOOLS/kafka-$KAFKA_VERSION/lib

# With DOORSTEP_KAFKA_PROXY=1 there is one listener more, for clients that come through a proxy (a
# test's): a broker names an address for each listener, and this one's is the proxy's.
kafka_properties() {
    local proxied='' advertised='' protocol=''
    if [ "${DOORSTEP_KAFKA_PROXY:-0}" = 1 ]; then
        proxied=,PROXIED://127.0.0.1:$PROXIED_PORT
        advertised=,PROXIED://127.0.0.1:$PROXY_PORT
        protocol=,PROXIED:PLAINTEXT
    fi
    cat <<EOF
process.roles=broker,controller
node.id=1
log.dirs=$PROFILE_HOME/kafka/data
# Voters by address in this file, not in the log: a changed port then needs no repair.
controller.quorum.voters=1@127.0.0.1:$CONTROLLER_PORT
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT,CONTROLLER://127.0.0.1:$CONTROLLER_PORT$proxied
advertised.listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT$advertised
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT$protocol
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
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

kafka_prepare() {
    local dir=$PROFILE_HOME/kafka id
    mkdir -p "$dir/data"
    kafka_properties >"$dir/server.properties"
    [ -f "$dir/data/meta.properties" ] && return 0
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | tr -d '=')
    java -Xmx128m -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="file:$DOORSTEP_ROOT/dev/kafka/log4j2.properties" \
        -cp "$KAFKA_LIB/*" kafka.tools.StorageTool format -t "$id" -c "$dir/server.properties" \
        >"$LOG_DIR/kafka-format.log" 2>&1 ||
        die "Kafka's storage cannot be formatted: $(tail -n 3 "$LOG_DIR/kafka-format.log")"
}

kafka_launch() {
    launch kafka java "-Xms$DOORSTEP_KAFKA_HEAP" "-Xmx$DOORSTEP_KAFKA_HEAP" -XX:+UseParallelGC \
        -XX:+ExitOnOutOfMemoryError -Dkafka.logs.dir="$LOG_DIR" \
        -Dlog4j2.configurationFile="file:$DOORSTEP_ROOT/dev/kafka/log4j2.properties" \
        -cp "$KAFKA_LIB/*" kafka.Kafka "$PROFILE_HOME/kafka/server.properties"
}

# Metadata names the broker itself, which it does once it is registered and unfenced.
kafka_ready() {
    kcat -L -b "127.0.0.1:$KAFKA_PORT" -m 1 2>/dev/null | grep -q ' 1 brokers:'
}
kafka_finish() { :; }
kafka_stop() { stop_server kafka TERM 20; }
kafka_ports() { printf '%s\n' "kafka $KAFKA_PORT" "controller $CONTROLLER_PORT"; }
kafka_needs() {
    have java || die "Java is missing: install openjdk-17-jre-headless, or run ./dev/install run"
    have kcat || die "kcat is missing: run ./dev/install run"
    [ -d "$KAFKA_LIB" ] || die "Kafka $KAFKA_VERSION is not installed: run ./dev/install run"
}
# The sandbox provider's books go with the log: without its orders, all that stands in them is wrong.
kafka_erase() { rm -rf "$PROFILE_HOME/kafka" "$PROFILE_HOME/sandbox"; }
