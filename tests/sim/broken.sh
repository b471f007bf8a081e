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
base=${1:-build/tests}/gcc
out=${1:-build/tests}/sim-broken
missed=0
make -f tests/sim.mk OUT="$base" CC=gcc FORMATS="arm64 x86_64" tests > /dev/null || exit 1

# build DIR FILE: programs from the objects of the whole core, but for FILE, which comes from DIR
build() {
	local arch objects flags
	for arch in arm64 x86_64; do
		objects=$(make -s -f tests/sim.mk OUT="$base" FORMATS=$arch print-objects)
		flags=$(make -s -f tests/sim.mk OUT="$base" FORMATS=$arch print-flags)
		# shellcheck disable=SC2086
		gcc ${flags//-MMD -MP/} -Wno-error -w -c "$1/$2" -o "$1/$arch.o" &&
			gcc -o "$1/stress-$arch" ${objects/"$base/sim/$arch/${2%.c}.o"/"$1/$arch.o"} -lpthread || return
	done
}

# broken NAME FILE SED-SCRIPT
broken() {
	local dir=$out/$1 arch options found= seed=0
	rm -rf "$dir"
	mkdir -p "$dir"
	cp -R src "$dir/src"
	sed "$3" "$2" > "$dir/$2"
	if cmp -s "$2" "$dir/$2"; then
		echo "missed: $1: there is nothing to take out of $2 any more"
		missed=1
		return
	fi
	if ! build "$dir" "$2" > "$dir/log" 2>&1; then
		echo "missed: $1: does not build (see $dir/log)"
		missed=1
		return
	fi
	# On one CPU, then on four with several seeds: how threads meet is up to the machine.
	for options in "--cpus 1" "--cpus 1 --reclaim --io-fails" "--cpus 4" "--cpus 4 --reclaim" "--cpus 4" "--cpus 4"; do
		seed=$((seed + 1))
		for arch in arm64 x86_64; do
			# A CPU that waits for what never comes is caught by time: the processor's, or, asleep, the clock's.
			# shellcheck disable=SC2086
			bash -c 'ulimit -t 60; "$@"; exit $?' bash timeout 300 "$dir/stress-$arch" --ops 400000 $options \
				--seed $seed > "$dir/out" 2>&1 && continue
			found="$arch, $options: $(grep -a -m 1 -E 'differs|panic|missing|still' "$dir/out" || echo 'does not end')"
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
broken no-flush-by-userfault src/track/userfault.c '/^\toct_ticket_complete(&ticket);/d'
broken no-flush-by-mprotect src/space/mm.c '/oct_walk_change(mm, start, end, keep_rights/{n;d}'
broken no-flush-by-fork src/space/fork.c '/^\toct_ticket_complete(&ticket);/d'
broken page-freed-before-flush src/tlb/ticket.c '/^void oct_ticket_complete/,/^}/s/complete_drawn(ticket);/;/'
broken no-drop-at-switch src/tlb/tlb.c 's/(OCT_FORMAT_BROADCAST || oct_load(&space->seen.*/true;/'
broken reference-forgotten src/space/fork.c 's/oct_fetch_add(&folio->refcount, 1u, OCT_RLX)/oct_load(\&folio->refcount, OCT_RLX)/'
broken page-lost src/space/fault.c '/oct_ticket_free_page(/d'
broken spurious-entry-kept src/space/fault.c 's/oct_tlb_forget_local(.*;/(void)0;/'
broken truncation-leaves-entries src/page/mapping.c 's/^\t\tunmap_everywhere(mapping, pages.*/\t\t;/'
broken truncation-flushes-nothing src/page/mapping.c '/^static void unmap_everywhere/,/^}/s/oct_ticket_complete(&ticket);/;/'
broken write-back-keeps-write-right src/page/mapping.c 's/oct_pte_mkclean(oct_pte_wrprotect(pte))/oct_pte_mkclean(pte)/'
broken failed-write-is-clean src/page/mapping.c '/^static int write_batch/,/^}/s/oct_folio_mark_dirty(folio);/;/'
broken failed-swap-out-is-given-back src/reclaim/reclaim.c 's/^\t\t\terror = oct_port_page_write/\t\t\t(void)oct_port_page_write/'
broken stack-ignores-what-lies-below src/space/fault.c 's/return below == vma;/return below == vma || true;/'
broken stack-ignores-its-size src/space/fault.c 's/vma->end - va > mm->stack_bytes/false/'
broken split-loses-contents src/table/leaf.c '/^static OCT_SELDOM oct_pte_t split_entry/,/^}/s/pte = oct_pte_advance(.*/;/'
broken lazy-never-told src/tlb/tlb.c 's/^\tif (cpu == NULL || !cpu->lazy)/\tif (true)/'
[ $missed -eq 0 ]
