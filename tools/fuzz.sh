#!/bin/bash
# Fuzzers: sequences of the core's calls, ids of executions. SPDX-License-Identifier: MIT
#
# usage: tools/fuzz.sh [SECONDS]     (make fuzz; 0: a short run that is always the same, for make test)
# libFuzzer with ASan and UBSan, from clang. New inputs go to build/fuzz/TARGET; tests/fuzz/corpus/TARGET holds those
# that are kept. Prints "ok: ..." or "not ok: ..." for each target; a failure leaves its input and how to run it.
set -u
cd "$(dirname "$0")/.."
seconds=${1:-60}
out=${BUILD:-build}/fuzz
failed=0
command -v clang >/dev/null || { echo "skip: fuzzing: clang is missing"; exit 0; }
core=$(make -s -f tests/tiers/sources.mk TIER=T3 print)
mirror=$(make -s -f tests/sim.mk print-mirror)
sanitize="-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined"
flags="-std=gnu11 -O1 -g -D_GNU_SOURCE -DOCT_MMU_MACHINE -Iinclude"
mkdir -p "$out"

build() { # target, source files and flags...
	local target=$1
	shift
	# shellcheck disable=SC2086
	if clang $flags $sanitize "$@" -o "$out/fuzz-$target" > "$out/$target.log" 2>&1; then
		return 0
	fi
	echo "not ok: $target does not build (see $out/$target.log)"
	failed=1
	return 1
}

run() { # target, runs of the short run
	local target=$1 limit new=$out/$1
	limit=-max_total_time=$seconds
	if [ "$seconds" -eq 0 ]; then
		limit="-runs=$2 -seed=1" new=$out/short-$1
		rm -rf "$new"
	fi
	mkdir -p "$new"
	# shellcheck disable=SC2086
	if "$out/fuzz-$target" $limit -max_len=512 -len_control=0 -timeout=20 -print_final_stats=1 -verbosity=0 \
		-artifact_prefix="$out/$target-" "$new" "tests/fuzz/corpus/${target%-*}" > "$out/$target.log" 2>&1; then
		echo "ok: $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$target.log") inputs"
		echo "count: $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$target.log") inputs"
	else
		echo "not ok: $target (see $out/$target.log)"
		grep -a -m 3 -E 'differs|panic|ERROR|runtime error|Test unit written' "$out/$target.log"
		failed=1
	fi
}

# shellcheck disable=SC2086
for arch in X86_64 ARM64 RISCV64; do
	build "calls-$arch" tests/fuzz/calls.c $mirror machine/sim/*.c $core \
		-DOCT_ARCH_$arch -DSIM_PAGES=16384 -lpthread && run "calls-$arch" 400
	[ "$seconds" -ne 0 ] || break # one will do
done
build ids tests/fuzz/ids.c cli/options.c machine/model/names.c -DOCT_MODEL -DOCT_ARCH_ARM64 -Icli -Imachine/model \
	'-DOCT_PORT_HEADER="octavo_model_port.h"' && run ids 20000
exit $failed
