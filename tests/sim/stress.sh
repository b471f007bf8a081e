#!/bin/bash
# The long comparison on the sim, and whether it notices broken cores. SPDX-License-Identifier: MIT
#
# usage: tests/sim/stress.sh OUT     (make stress; OPERATIONS=N, 10,000,000; FORMATS="arm64 ...")
# On one CPU and on four, with reclaim, in runs of 500,000 with a seed each. A run that has passed is remembered in
# OUT/stress.done with what the programs were built from, so that an interrupted stress goes on where it was. Prints the
# sums for each format and number of CPUs.
set -eu
unset MAKEFLAGS MAKELEVEL
cd "$(dirname "$0")/../.."
out=${1:-build/tests}
operations=${OPERATIONS:-10000000}
each=500000
done=$out/stress.done
mkdir -p "$out"
touch "$done"

# once KEY COMMAND...: its sums, remembered under KEY
once() {
	local key=$1 program=$2
	key="$(sha256sum < "$program" | cut -c1-16) $key"
	shift
	if ! grep -q "^$key:" "$done"; then
		"$@" > "$out/stress.log" || { cat "$out/stress.log"; echo "stress: $* fails"; exit 1; }
		echo "$key:$(sed -n 's/^  sum://p' "$out/stress.log")" >> "$done"
	fi
	grep "^$key:" "$done" >> "$out/stress.sums"
}

sums() { # title
	awk -v title="$1" '{ sub(/^[^:]*:/, ""); for (i = 1; i < NF; i += 2) { if (!($i in sum)) order[++n] = $i
			sum[$i] += $(i + 1) } }
		END { printf "%s:", title; for (i = 1; i <= n; i++) printf " %s %d", order[i], sum[order[i]]; print "" }' "$out/stress.sums"
}

# long DIRECTORY CPUS OPERATIONS OPTION...: that many, in runs with seeds 1, 2, ...
long() {
	local dir=$1 cpus=$2 seed=0 total=$3
	shift 3
	: > "$out/stress.sums"
	while [ $((seed * each)) -lt "$total" ]; do
		seed=$((seed + 1))
		once "$(basename "$dir") $cpus $seed $total $*" "$dir/stress" --ops $((total < each ? total : each)) \
			--cpus "$cpus" --seed $seed "$@"
	done
	sums "$(basename "$dir"), $cpus CPUs${*:+, $*}"
}

formats=${FORMATS:-arm64 x86_64 x86_64_la57 riscv64 riscv64_sv57}
make -f tests/sim.mk OUT="$out/gcc" CC=gcc FORMATS="$formats" all
for format in $formats; do
	dir=$out/gcc/sim/$format
	long "$dir" 1 "$operations" --reclaim
	long "$dir" 4 "$operations" --reclaim
	long "$dir" 1 "$((operations / 10))"
	long "$dir" 4 "$((operations / 10))" --reclaim --io-fails
	long "$dir" 4 "$((operations / 10))" --software-bits --reclaim
	long "$dir" 4 "$((operations / 10))" --large --reclaim --io-fails
	"$dir/files" --ops "$((operations / 10))" --cpus 4
	"$dir/sweep" 200
done
make -f tests/sim.mk OUT="$out/sim-tsan" CC=gcc EXTRA=-fsanitize=thread FORMATS="$formats" all
for format in $formats; do
	dir=$out/sim-tsan/sim/$format
	long "$dir" 4 "$((operations / 10))" --reclaim --io-fails
	"$dir/files" --ops "$((operations / 100))" --cpus 4
done
tests/sim/broken.sh "$out"
