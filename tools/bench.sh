#!/bin/bash
# How fast, how well shared, how much memory. SPDX-License-Identifier: MIT
#
# usage: tools/bench.sh [rates|workers|memory|contpte]...     (make bench: all)
# Rates are printed, never gated. Two gates, which are ratios taken in one run: two workers explore at least 0.95
# of what two independent copies explore; memory after ten million executions is that after one million.
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

# Executions per second of two workers, over those of two copies that run at the same time. By the clock, and by
# processor time (the busiest worker's), for a machine that does something else as well: whichever
# is disturbed less, the larger.
bench_workers() { # name, arch
	local i
	for i in $(seq "$rounds"); do
		"$octavo" check --json --arch "$2" --jobs 2 "$1" > "$work/two"
		"$octavo" check --json --arch "$2" "$1" > "$work/one" &
		"$octavo" check --json --arch "$2" "$1" > "$work/other"
		wait $!
		jq -rs '(.[0].results[0]) as $two | ([.[1].results[0], .[2].results[0]]) as $copies
			| ([$copies[].seconds] | max) as $wall | ([$copies[].cpu_seconds] | add / 2) as $cpu
			| "\($wall / 2 / $two.seconds) \($cpu / 2 / ([$two.cpu_seconds, $two.cpu_seconds_workers] | max))"' \
			"$work/two" "$work/one" "$work/other"
	done > "$work/ratios"
	awk -v name="$1" -v arch="$2" -v wall="$(cut -d' ' -f1 "$work/ratios" | median)" -v cpu="$(cut -d' ' -f2 "$work/ratios" | median)" 'BEGIN {
		enough = (wall >= 0.95 || cpu >= 0.95)
		printf("%-32s %-7s two workers: %.2f of two copies by the clock, %.2f by processor time: %s\n", name, arch,
			wall, cpu, enough ? "enough" : "FAILED, less than 0.95")
		exit !enough }' || failed=1
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

[ $# -gt 0 ] || set -- rates workers memory contpte
for part; do
	case $part in
	rates)   bench_rates ;;
	workers)
		bench_workers bench/four-three.c arm64
		bench_workers core/ticket-lock-dropped-now x86_64
		;;
	memory)  bench_memory ;;
	contpte) bench_contpte ;;
	*)
		echo "bench: no part '$part' (rates workers memory contpte)" >&2
		exit 2
		;;
	esac
done
exit $failed
