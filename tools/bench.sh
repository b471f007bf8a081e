#!/bin/bash
# How fast, how well shared, how much memory. SPDX-License-Identifier: MIT
#
# usage: tools/bench.sh [rates|workers|memory|contpte|dirty|flushes|syncs]...     (make bench: all)
# Rates and times are printed, never gated. Two gates, which are ratios taken in one run: two workers explore at least 0.95
# of what two independent copies explore, counted in runs; memory after ten million executions is that after one million.
# ROUNDS (default 5): medians of so many. MILLIONS (default 10): executions of the memory gate.
set -eu
cd "$(dirname "$0")/.."
octavo=${BUILD:-build}/octavo
rounds=${ROUNDS:-5}
millions=${MILLIONS:-10}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# Executions per second of its processor; and with the blocked ones, which cost as much. A small scenario's time
# is its start.
rates() { # name, arch, extra options
	local i events
	for i in $(seq "$rounds"); do
		"$octavo" check --json --arch "$2" "${@:3}" "$1" > "$work/rate" || true # an end by a limit is status 3
		jq -r '.results[0] | (if .cpu_seconds > 0 then .cpu_seconds else 1e-6 end) as $s
			| "\(.executions / $s) \((.executions + .blocked) / $s) \(.executions) \(.blocked)"' "$work/rate"
	done > "$work/rates"
	events=$(jq '.results[0].events_max' "$work/rate")
	printf '%-32s %-7s %4d events  %8d executions, %8d blocked  %8.0f executions/s, %8.0f with blocked ones\n' \
		"$(jq -r '.results[0].name' "$work/rate")" "$2" "$events" \
		"$(cut -d' ' -f3 "$work/rates" | median)" "$(cut -d' ' -f4 "$work/rates" | median)" \
		"$(cut -d' ' -f1 "$work/rates" | median)" "$(cut -d' ' -f2 "$work/rates" | median)"
}


# The largest of those that hold with so many events.
largest() { # architecture, least events, most events
	jq -r --arg arch "$1" --argjson least "$2" --argjson most "$3" '[.results[] | select(.arch == $arch and .verdict == "holds"
		and .events_max >= $least and .events_max <= $most)] | max_by(.executions + .blocked) | .name // empty' "$work/all"
}

bench_rates() {
	local arch name
	rates bench/five-two.c arm64
	rates rc11/fetch-add-7 arm64
	"$octavo" check --json --jobs "$(nproc)" core/ questions/ races/ > "$work/all" || true
	for arch in arm64 x86_64 riscv64; do
		name=$(largest $arch 150 260)
		[ -z "$name" ] || rates "$name" $arch
	done
}

# How well two workers share one search. Gated is what does not depend on the machine: the runs (executions, blocked and
# given up ones, at all bounds) that one process makes alone, over twice those that the busier of two workers has to
# wait for. Printed beside it: executions per second of two workers, over those of two copies that run at the same time,
# by the clock and by processor time (medians).
bench_workers() { # name, arch
	local i
	for i in $(seq "$rounds"); do
		"$octavo" check --json --arch "$2" --jobs 2 "$1" > "$work/two"
		"$octavo" check --json --arch "$2" "$1" > "$work/one" &
		"$octavo" check --json --arch "$2" "$1" > "$work/other"
		wait $!
		jq -rs '(.[0].results[0]) as $two | ([.[1].results[0], .[2].results[0]]) as $copies
			| ([$copies[].seconds] | max) as $wall | ([$copies[].cpu_seconds] | add / 2) as $cpu
			| "\($wall / 2 / $two.seconds) \($cpu / 2 / ([$two.cpu_seconds, $two.cpu_seconds_workers] | max)) \($copies[0].runs / 2 / $two.runs)"' \
			"$work/two" "$work/one" "$work/other"
	done > "$work/ratios"
	awk -v name="$1" -v arch="$2" -v wall="$(cut -d' ' -f1 "$work/ratios" | median)" -v cpu="$(cut -d' ' -f2 "$work/ratios" | median)" \
		-v runs="$(cut -d' ' -f3 "$work/ratios" | median)" 'BEGIN {
		printf("%-32s %-7s two workers: %.3f of two copies by runs: %s; %.2f by the clock, %.2f by processor time\n", name, arch,
			runs, runs >= 0.95 ? "enough" : "FAILED, less than 0.95", wall, cpu)
		exit !(runs >= 0.95) }' || failed=1
}

bench_memory() {
	local small large
	"$octavo" check --json --arch arm64 --max-executions 1000000 bench/five-three.c > "$work/small" || true
	"$octavo" check --json --arch arm64 --max-executions $((millions * 1000000)) bench/five-three.c > "$work/large" || true
	small=$(jq '.results[0].rss_kib' "$work/small") large=$(jq '.results[0].rss_kib' "$work/large")
	printf 'memory: %d KiB after %d executions, %d KiB after %d: ' "$small" "$(jq '.results[0].executions' "$work/small")" \
		"$large" "$(jq '.results[0].executions' "$work/large")"
	# pages of the libraries come in as they are used: 1 MiB of it is no growth
	if [ "${small:-0}" -eq 0 ] || [ "${large:-0}" -eq 0 ]; then echo "FAILED, it did not run"; failed=1; return; fi
	if [ "$large" -le $((small + 1024)) ]; then echo flat; else echo "FAILED, it grows"; failed=1; fi
}

# What folding costs, in operations of the core on the sim. Gated: no whole block is taken apart.
bench_contpte() {
	local out=${BUILD:-build}/bench-contpte arch
	for arch in arm64 riscv64 x86_64; do
		make -s -f tests/sim.mk OUT="$out" CC=gcc EXTRA="-include tests/sim/count.h" FORMATS=$arch "$out/sim/$arch/contpte"
		"$out/sim/$arch/contpte" || failed=1
	done
}

# What tracking an object costs by each method, against how much of it is written between two scans: counts on the
# sim, as a table and as a plot. A fault costs as much as some tens of looks; where the methods meet is told for three.
bench_dirty() {
	local out=${BUILD:-build}/bench-core plot=${BUILD:-build}/bench
	mkdir -p "$plot"
	env -u MAKEFLAGS -u MAKELEVEL make -s -f tests/sim.mk OUT="$out" CC=gcc FORMATS=arm64 "$out/sim/arm64/dirty"
	"$out/sim/arm64/dirty" > "$plot/dirty.txt"
	awk '
		{ faults[$1, $2, $3] = $4; looks[$1, $2, $3] = $5 }
		!(($1, $2) in seen) { seen[$1, $2]; size[++n] = $1; part[n] = $2 }
		END {
			printf("%7s %9s  %22s  %22s  %22s\n", "dirty:", "", "write-protect", "clean-and-record", "the tracker chooses")
			printf("%7s %9s  %11s%11s  %11s%11s  %11s%11s\n", "pages", "written", "faults", "looks", "faults", "looks",
				"faults", "looks")
			for (i = 1; i <= n; i++) {
				printf("%7d %7.1f %%", size[i], part[i] / 10)
				for (m = 1; m <= 3; m++) {
					method = m == 1 ? "write-protect" : m == 2 ? "clean-record" : "adapt"
					printf("  %11.1f%11.1f", faults[size[i], part[i], method], looks[size[i], part[i], method])
				}
				printf("\n")
			}
			for (cost = 10; cost <= 100; cost *= cost == 10 ? 3 : 10 / 3)
				for (i = 2; i <= n; i++) {
					a = faults[size[i], part[i], "write-protect"] * cost + looks[size[i], part[i], "write-protect"]
					b = looks[size[i], part[i], "clean-record"] + faults[size[i], part[i], "clean-record"] * cost
					if (size[i] == 4096 && a > b) {
						printf("dirty: a fault as %d looks: write-protect is cheaper up to %.1f %% of 4096 pages, not at %.1f %%\n",
							cost, part[i - 1] / 10, part[i] / 10)
						break
					}
				}
		}' "$plot/dirty.txt"
	if ! command -v gnuplot > /dev/null; then
		echo "dirty: SKIPPED the plot, gnuplot is missing"
		return
	fi
	gnuplot <<- END
		set terminal svg size 900,480 dynamic background "white"
		set output "$plot/dirty.svg"
		set title "Tracking 4096 pages: what a scan costs"
		set xlabel "pages written between two scans, %"
		set ylabel "per scan"
		set logscale xy
		set key outside
		set xrange [0.08:120]
		set yrange [1:6000]
		f(m, c) = sprintf("< awk '\$1 == 4096 && \$2 > 0 && \$3 == \"%s\" && \$%d > 0 { print \$2 / 10, \$%d }' $plot/dirty.txt", m, c, c)
		plot f("write-protect", 4) with linespoints title "write-protect: faults (and entries)", \
			f("clean-record", 5) with linespoints title "clean-and-record: entries", \
			f("adapt", 4) with linespoints title "tracker: faults", \
			f("adapt", 5) with linespoints title "tracker: entries"
	END
	echo "dirty: plotted in $plot/dirty.svg"
}

# Flushes that need not be sent, and which CPUs the others reach: counts, gated where the design says what they are.
bench_flushes() {
	local out=${BUILD:-build}/bench-core arch
	for arch in arm64 x86_64 riscv64; do
		env -u MAKEFLAGS -u MAKELEVEL make -s -f tests/sim.mk OUT="$out" CC=gcc FORMATS=$arch "$out/sim/$arch/flushes"
		"$out/sim/$arch/flushes" || failed=1
	done
}

# Question E6: what would have to wait for a flush by a counter of the space, by a filter of addresses, by the stamp
# of the table. Gated: the stamp never says less than is pending, and never more than the counter.
bench_syncs() {
	local out=${BUILD:-build}/bench-syncs arch
	for arch in arm64 x86_64; do
		env -u MAKEFLAGS -u MAKELEVEL make -s -f tests/sim.mk OUT="$out" CC=gcc EXTRA="-include tests/sim/asked.h" \
			FORMATS=$arch "$out/sim/$arch/syncs"
		"$out/sim/$arch/syncs" || failed=1
	done
}

[ $# -gt 0 ] || set -- rates workers memory contpte dirty flushes syncs
for part; do
	case $part in
	rates)   bench_rates ;;
	workers)
		bench_workers bench/four-three.c arm64
		bench_workers core/ticket-lock-dropped-now x86_64
		;;
	memory)  bench_memory ;;
	contpte) bench_contpte ;;
	dirty)   bench_dirty ;;
	flushes) bench_flushes ;;
	syncs)   bench_syncs ;;
	*)
		echo "bench: no part '$part' (rates workers memory contpte dirty flushes syncs)" >&2
		exit 2
		;;
	esac
done
exit $failed
