# From the cells that bench_hop prints to what bench/run hop says: the ratios of medians, beside the
# targets. A saturated peer has no latencies, so no ratios of them either.
def over($a; $b): [("p50Ms", "p99Ms", "cpuUs", "perSecond") as $k | select($b[$k] > 0)
    | {key: $k, value: ($a[$k] / $b[$k])}] | from_entries;
{bench: "hop",
 targets: {hostToRawAt1000: {p50Ms: 1.15, p99Ms: 1.5, cpuUs: 1.2}, hostToRawSaturated: {perSecond: 0.8},
           streamsToHost: {p50Ms: 50, cpuUs: 5}},
 cells: map(. + {hostToRaw: over(.peers.host; .peers.raw)}
            + if .peers.streams then {streamsToHost: over(.peers.streams; .peers.host)} else {} end)}