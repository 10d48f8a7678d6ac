# shellcheck shell=bash
# Where a figure comes from: the machine, the versions, and what else was running.

# The CPU time of each process in ticks: "PID NAME TICKS". A process may end while it is read.
process_ticks() {
    cat /proc/[0-9]*/stat 2>/dev/null |
        awk '{ pid = $1; sub(/^[0-9]+ \(/, ""); name = $0; sub(/\) [A-Zt] .*/, "", name); gsub(/ /, "_", name)
               sub(/.*\) /, ""); print pid, name, $12 + $13 }' || true
}

# What used more than a twentieth of a core in the last two seconds, as percent of one core.
busy_processes() {
    local before
    before=$(process_ticks)
    DOORSTEP_POLL_S=2 poll_pause
    { printf '%s\n--\n' "$before"; process_ticks; } | awk -v hz="$(getconf CLK_TCK)" '
        $1 == "--" { later = 1; next }
        !later { ticks[$1 $2] = $3; next }
        ($1 $2) in ticks { share[$2] += ($3 - ticks[$1 $2]) * 50 / hz }
        END { for (name in share) if (share[name] >= 5) printf "%s %d\n", name, share[name] }' |
        jq -Rn '[inputs | split(" ") | {name: .[0], percent: (.[1] | tonumber)}] | sort_by(-.percent)'
}

# Taken before the servers start.
bench_context() {
    local processor
    processor=$(sed -n 's/^model name[^:]*: //p;T;q' /proc/cpuinfo)
    jq -n --arg processor "$processor" --argjson cores "$(nproc)" \
        --argjson memoryMb "$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)" \
        --arg kernel "$(uname -sr)" --arg commit "$(git describe --always --dirty 2>/dev/null || echo unknown)" \
        --arg kafka "$KAFKA_VERSION" --arg librdkafka "$(pkg-config --modversion rdkafka)" \
        --arg java "$(java -version 2>&1 | sed -n '1s/.*"\(.*\)".*/\1/p')" --arg compiler "$(cc -dumpfullversion)" \
        --arg load "$(cut -d' ' -f1-3 /proc/loadavg)" --argjson busy "$(busy_processes)" --arg at "$(date -u +%FT%TZ)" \
        '{at: $at, commit: $commit, machine: {processor: $processor, cores: $cores, memoryMb: $memoryMb, kernel: $kernel},
          versions: {kafka: $kafka, librdkafka: $librdkafka, java: $java, gcc: $compiler},
          before: {load: $load, busyPercentOfACore: $busy}}'
}
