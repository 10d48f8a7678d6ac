# shellcheck shell=bash disable=SC2034
# The Debian packages, and how they are installed. PACKAGES_RUN build and run the shop,
# PACKAGES_TEST are wanted by ./dev/test besides.

PACKAGES_RUN=(
    build-essential cmake ninja-build pkg-config
    librdkafka-dev libpq-dev libavro-dev libmongoc-dev libmicrohttpd-dev libcriterion-dev
    libjansson-dev libcurl4-openssl-dev libssl-dev libjwt-dev libcrypt-dev
    postgresql-15 postgresql-client-15 kcat
    ca-certificates curl git jq python3 python3-pip unzip
)
PACKAGES_TEST=(
    clang-14 libclang-rt-14-dev clang-format-14 shellcheck python3-venv
    python3-yaml python3-jsonschema python3-pymongo spin
)

# missing_packages NAME... -> those that are not installed
missing_packages() {
    local name
    local -A present=()
    while read -r name; do
        present[$name]=1
    done < <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
        sed -n 's/^installed //p')
    for name; do
        [ -n "${present[$name]:-}" ] || printf '%s\n' "$name"
    done
}

java_major() {
    java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p;q'
}

# Another Java or Maven than Debian's will do.
java_packages() {
    local major=0
    if [ -n "$(missing_packages openjdk-17-jre-headless)" ]; then
        if have java; then major=$(java_major); fi
        [ "${major:-0}" -ge 17 ] || echo openjdk-17-jre-headless
    fi
    # Maven is only needed to fetch Kafka, and for tests the schema registry.
    if have mvn; then return 0; fi
    if ! kafka_installed || { [ "$WITH_REGISTRY" = 1 ] && ! registry_installed; }; then echo maven; fi
}

check_distribution() {
    local ID='' VERSION_ID=''
    # shellcheck source=/dev/null
    if [ -r /etc/os-release ]; then . /etc/os-release; fi
    [ "$ID" = debian ] && [ "${VERSION_ID%%.*}" = 12 ] && return 0
    die "packages are missing, and this is ${ID:-an unknown system} ${VERSION_ID:-}, not Debian 12." \
        "Install what corresponds to: $*. Then set DOORSTEP_SKIP_PACKAGES=1. Or use docker compose."
}

# The command to become root with, or nothing for root itself.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

may_become_root() {
    [ "$(id -u)" = 0 ] && return 0
    have sudo || return 1
    sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Options::=--force-confold "$@"
}

# Debian's PostgreSQL package would make and start a system cluster "15/main", which nobody here
# needs; the setting stays only while it is being installed.
no_main_cluster=/etc/postgresql-common/createcluster.d/doorstep.conf

apt_install() {
    as_root mkdir -p "${no_main_cluster%/*}" /usr/share/man/man1
    as_root sh -c "echo 'create_main_cluster = false' >$no_main_cluster"
    apt_get install --no-install-recommends "$@"
    as_root rm -f "$no_main_cluster"
}

install_packages() {
    local wanted=("$@") missing=() log
    mapfile -t missing < <(have dpkg-query && missing_packages "${wanted[@]}"; java_packages)
    have dpkg-query || missing=("${wanted[@]}")
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "${DOORSTEP_SKIP_PACKAGES:-0}" = 1 ]; then return 0; fi
    check_distribution "${missing[*]}"
    may_become_root || die "these Debian packages are missing, and this user may not install them." \
        "As root: apt-get install --no-install-recommends ${missing[*]}"
    need_disk /usr 1500 "a first installation of the Debian packages"
    log=$DOORSTEP_CACHE/log
    mkdir -p "$log"
    say "Debian packages to install: ${missing[*]}"
    step "reading the package lists" "$log/apt-update.log" apt_get update
    step "installing ${#missing[@]} Debian packages" "$log/apt-install.log" apt_install "${missing[@]}"
}
