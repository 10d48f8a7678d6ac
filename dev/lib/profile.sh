# shellcheck shell=bash disable=SC2034
# A profile is one set of private servers: its ports (dev/ports.env) and its folder,
# $DOORSTEP_HOME/NAME. Profiles "run" and "test" are named there; any other name gets a block of
# ports of its own.

# use_profile NAME : sets PROFILE, PROFILE_HOME and the ports *_PORT.
use_profile() {
    [[ $1 =~ ^[a-z][a-z0-9-]{0,30}$ ]] || die "profile '$1': a name is a-z, 0-9 and '-'"
    PROFILE=$1
    PROFILE_HOME=$(realpath -m "${DOORSTEP_HOME:-$DOORSTEP_ROOT/.doorstep}")/$PROFILE
    LOG_DIR=$PROFILE_HOME/log
    RUN_DIR=$PROFILE_HOME/run
    # By node of Kafka. A test puts its proxy on the third of them; the listener behind it is the fourth.
    KAFKA_PORTS=([1]="$(profile_port kafka 92)" [2]="$(profile_port kafka2 72)" [3]="$(profile_port kafka3 82)")
    CONTROLLER_PORTS=([1]="$(profile_port controller 93)" [2]="$(profile_port controller2 73)"
        [3]="$(profile_port controller3 83)")
    PROXY_PORTS=([1]="$(profile_port proxy 94)" [2]="$(profile_port proxy2 74)" [3]="$(profile_port proxy3 84)")
    PROXIED_PORTS=([1]="$(profile_port proxied 95)" [2]="$(profile_port proxied2 75)"
        [3]="$(profile_port proxied3 85)")
    POSTGRES_PROXY_PORT=$(profile_port postgres_proxy 33)
    MONGO_PROXY_PORT=$(profile_port mongo_proxy 18)
    KAFKA_PORT=${KAFKA_PORTS[1]}
    POSTGRES_PORT=$(profile_port postgres 32)
    MONGO_PORT=$(profile_port mongo 17)
    REGISTRY_PORT=$(profile_port registry 81)
    API_PORT=$(profile_port api 0)
    SANDBOX_PORT=$(profile_port sandbox 1)
    METRICS_PORT=$(profile_port metrics 40)
}

# port_variable NAME -> the variable that sets the port of that name in this profile.
port_variable() {
    local name=DOORSTEP_${PROFILE}_$1_PORT
    name=${name//-/_}
    printf '%s' "${name^^}"
}

# profile_port NAME PLACE_IN_BLOCK
profile_port() {
    local variable port sum
    variable=$(port_variable "$1")
    port=${!variable:-}
    if [ -z "$port" ]; then
        sum=$(printf '%s' "$PROFILE" | cksum)
        port=$((DOORSTEP_OTHER_PORTS_FROM + ${sum%% *} % 50 * 100 + $2))
    fi
    if ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || [ "$port" -gt 65535 ]; then
        die "$variable='$port' is not a port"
    fi
    printf '%s' "$port"
}

# The folders of a profile. Kept open for the postgres user, whose server lives below when the
# caller is root; files with secrets have modes of their own.
make_home() {
    mkdir -p "$LOG_DIR" "$RUN_DIR"
    chmod 755 "$PROFILE_HOME"
}

# What a process of the shop needs to find the servers of this profile, and its own ports. Roles use
# the registry where SCHEMA_REGISTRY_URL says so: that is for the caller to set. Nobody else calls a private shop, so `load` may call as often as it likes: 0 is no limit.
profile_variables() {
    local node brokers=127.0.0.1:$KAFKA_PORT
    for ((node = 2; node <= KAFKA_NODES; node++)); do brokers+=,127.0.0.1:${KAFKA_PORTS[node]}; done
    cat <<EOF
KAFKA_BROKERS=$brokers
DATABASE_URL=postgresql://doorstep@127.0.0.1:$POSTGRES_PORT/doorstep
MONGODB_URL='mongodb://127.0.0.1:$MONGO_PORT/doorstep?replicaSet=rs0&retryWrites=false'
REGISTRY_URL=http://127.0.0.1:$REGISTRY_PORT$REGISTRY_PATH
API_PORT=$API_PORT
API_URL=http://127.0.0.1:$API_PORT
SANDBOX_PORT=$SANDBOX_PORT
PAYMENT_PROVIDER_URL=http://127.0.0.1:$SANDBOX_PORT
WEBHOOK_URL=http://127.0.0.1:$API_PORT/api/webhooks/payments/sandbox
FIRST_METRICS_PORT=$METRICS_PORT
RATE_LIMIT_ANONYMOUS=0
RATE_LIMIT_PERSON=0
RATE_LIMIT_STAFF=0
RATE_LIMIT_STORE=0
EOF
}
profile_env() { profile_variables | sed 's/^/export /'; }
