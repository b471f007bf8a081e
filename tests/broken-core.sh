#!/bin/sh
# Does the suite notice a core that does not flush? SPDX-License-Identifier: MIT
#
# usage: tests/broken-core.sh BUILD
# Builds copies of the core, each with one thing taken out of src/tlb/tlb.c, and checks today's
# algorithms with it. Fails unless each copy is reported.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}/broken
scenarios="scenario/questions/E1.c scenario/questions/E2.c scenario/questions/E4.c scenario/races/14.c"
names="questions/E1-now questions/E2-now questions/E4-now races/14-now"

# broken NAME SED-SCRIPT
broken() {
	rm -rf "$build/$1/src"
	mkdir -p "$build/$1"
	cp -R src "$build/$1/src"
	sed "$2" src/tlb/tlb.c > "$build/$1/src/tlb/tlb.c"
	if cmp -s src/tlb/tlb.c "$build/$1/src/tlb/tlb.c"; then
		echo "broken-core: nothing to break for '$1': src/tlb/tlb.c has changed" >&2
		exit 1
	fi
	core=
	for file in $(make -s --no-print-directory print-core); do
		core="$core $build/$1/$file"
	done
	make BUILD="$build/$1" CORE="$core" SCENARIOS="$scenarios" CFLAGS=-Wno-error all >/dev/null
	status=0
	# shellcheck disable=SC2086
	"$build/$1/octavo" check --json --jobs 2 $names > "$build/$1/answers.json" || status=$?
	caught=$(jq '[.results[] | select(.verdict == "violation" and .expected == "holds")] | length' \
		"$build/$1/answers.json")
	all=$(jq '.results | length' "$build/$1/answers.json")
	if [ "$status" -ne 1 ] || [ "$caught" -eq 0 ]; then
		echo "broken-core: '$1' went unnoticed (status $status)" >&2
		exit 1
	fi
	echo "caught: $1: $caught of $all answers are violations"
}

broken "no-range-invalidation" 's/^\(#include "authority.h"\)/\1\n#define oct_mmu_invalidate_range(...) ((void)0)/'
broken "no-reliance" 's/^\toct_tlb_complete(guard->space, generation, completed);/\t(void)completed;/'
