# shellcheck shell=bash
# The private schema registry: Apicurio, by its Confluent interface. Only started when asked for.

REGISTRY_HOME=$DOORSTEP_TOOLS/registry-$REGISTRY_VERSION
REGISTRY_PATH=/apis/ccompat/v7

registry_disk() { printf '%s/registry' "$PROFILE_HOME"; }
registry_prepare() { mkdir -p "$PROFILE_HOME/registry"; }

# Its store is a file, written through: ids survive a kill. The access log would be a line a request.
registry_launch() {
    launch registry java -Xms64m "-Xmx$DOORSTEP_REGISTRY_HEAP" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -XX:+ExitOnOutOfMemoryError -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$REGISTRY_PORT" \
        -Dquarkus.http.access-log.enabled=false -Dquarkus.log.level=WARN \
        -Dapicurio.storage.kind=sql -Dapicurio.storage.sql.kind=h2 \
        "-Dapicurio.datasource.url=jdbc:h2:file:$PROFILE_HOME/registry/db;WRITE_DELAY=0" \
        -jar "$REGISTRY_HOME/apicurio-registry-app-$REGISTRY_VERSION-runner.jar"
}

registry_ready() {
    curl -fsS -o /dev/null --max-time 2 "http://127.0.0.1:$REGISTRY_PORT$REGISTRY_PATH/subjects" 2>/dev/null
}
registry_finish() { :; }
registry_stop() { stop_server registry TERM 20; }
registry_ports() { printf '%s\n' "registry $REGISTRY_PORT"; }
registry_needs() {
    have java || die "Java is missing: install openjdk-17-jre-headless, or run ./dev/install test"
    [ -d "$REGISTRY_HOME" ] || die "the registry $REGISTRY_VERSION is not installed: run ./dev/install test"
}
registry_erase() {
    disk_unmount "$(registry_disk)"
    rm -rf "$(registry_disk)"
}
