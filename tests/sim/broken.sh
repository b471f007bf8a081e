#!/bin/bash
# Does the comparison on the sim notice a core that does one thing less? SPDX-License-Identifier: MIT
#
# usage: tests/sim/broken.sh OUT
# What needs an exact schedule is not here but in tests/broken-core.sh, where the checker finds it.
# Takes one thing out of each copy of the core and runs the stress on it: each copy must be caught, on one
# architecture at least, by a difference, a panic of the sim or a missing page. Prints a line for each.
set -u
unset MAKEFLAGS MAKELEVEL
cd "$(dirname "$0")/../.."
out=${1:-build/tests}/sim-broken
missed=0

# broken NAME FILE SED-SCRIPT
broken() {
	local dir=$out/$1 arch cpus found= core seed=0
	rm -rf "$dir"
	mkdir -p "$dir"
	cp -R src "$dir/src"
	sed "$3" "$2" > "$dir/$2"
	if cmp -s "$2" "$dir/$2"; then
		echo "missed: $1: there is nothing to take out of $2 any more"
		missed=1
		return
	fi
	core=$(cd "$dir" && find src -path src/arch -prune -o -name '*.c' -print | sed "s|^|$dir/|" | tr '\n' ' ')
	if ! make -f tests/sim.mk OUT="$dir" CC=gcc EXTRA=-Wno-error CORE="$core" "$dir/sim/arm64/stress" \
		"$dir/sim/x86_64/stress" > "$dir/log" 2>&1; then
		echo "missed: $1: does not build (see $dir/log)"
		missed=1
		return
	fi
	# On one CPU, then on four with several seeds: how threads meet is up to the machine.
	for cpus in 1 4 4 4 4; do
		seed=$((seed + 1))
		for arch in arm64 x86_64; do
			# A CPU that waits for what never comes is caught by time.
			sh -c '"$@"; exit $?' sh timeout 20 "$dir/sim/$arch/stress" --ops 400000 --cpus $cpus \
				--seed $seed > "$dir/out" 2>&1 && continue
			found="$arch, $cpus CPUs: $(grep -a -m 1 -E 'differs|panic|missing' "$dir/out" || echo 'does not end')"
			break 2
		done
	done
	if [ -n "$found" ]; then
		echo "caught: $1: $found"
	else
		echo "missed: $1"
		missed=1
	fi
}

broken no-range-invalidation src/tlb/tlb.c \
	's/^\(#include "authority.h"\)/\1\n#define oct_mmu_invalidate_range(...) ((void)0)/'
broken no-interrupt src/tlb/tlb.c 's/^\t\t\toct_port_ipi(target);/\t\t\tcontinue;/; s/^\t\t\toct_await(cpu_done.*/\t\t\tcontinue;/'
broken no-broadcast src/tlb/tlb.c 's/elsewhere ? OCT_BROADCAST : OCT_LOCAL/OCT_LOCAL/'
broken no-flush-by-tracking src/track/marks.c '/^\toct_ticket_complete(&ticket);/d'
broken no-flush-by-mprotect src/space/mm.c '/oct_walk_change(mm, start, end, keep_rights/{n;d}'
broken no-flush-by-fork src/space/fork.c '/^\toct_ticket_complete(&ticket);/d'
broken page-freed-before-flush src/tlb/ticket.c '/^void oct_ticket_complete/,/^}/s/complete_drawn(ticket);/;/'
broken no-drop-at-switch src/tlb/tlb.c 's/(OCT_FORMAT_BROADCAST || oct_load(&space->seen.*/true;/'
broken reference-forgotten src/space/fork.c '/oct_folio_get(/d'
broken page-lost src/space/fault.c '/oct_ticket_free_page(/d'
broken spurious-entry-kept src/space/fault.c 's/oct_tlb_forget_local(.*;/(void)0;/'
[ $missed -eq 0 ]
