# shellcheck shell=bash
# Kafka Streams, which only bench/run hop --peers needs: fetched into the tools' cache as Kafka is,
# and the one class that is measured, compiled.

STREAMS_TOOL=kafka-streams-$KAFKA_VERSION

streams_pom() {
    pom_head
    dependency org.apache.kafka kafka-streams "$KAFKA_VERSION"
    pom_tail
}

streams_fetch() {
    streams_pom >"$1/pom.xml"
    maven_fetch "$1" "$DOORSTEP_ROOT/bench/peers/$STREAMS_TOOL.sha256"
}

# streams_prepare FOLDER -> the class path
streams_prepare() {
    if ! have javac; then install_packages openjdk-17-jdk-headless; fi
    if ! [ -f "$DOORSTEP_TOOLS/$STREAMS_TOOL/lib/$STREAMS_TOOL.jar" ]; then
        have mvn || install_packages maven
        fetch_tool "$STREAMS_TOOL" "fetching Kafka Streams $KAFKA_VERSION" streams_fetch
    fi
    mkdir -p "$1"
    javac -cp "$DOORSTEP_TOOLS/$STREAMS_TOOL/lib/*" -d "$1" bench/peers/Streams.java
    # Nothing binds slf4j: Kafka Streams then says so once and is silent.
    printf '%s' "$1:$DOORSTEP_TOOLS/$STREAMS_TOOL/lib/*"
}
