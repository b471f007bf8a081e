#!/bin/bash
# Does the suite notice a core that does one thing less? SPDX-License-Identifier: MIT
#
# usage: tests/broken-core.sh BUILD
# Copies the core, takes one thing out of each copy, and asks the command in BUILD about scenarios that
# hold with the core as it is. Prints "caught: ..." or "missed: ..." for each copy; fails if one was
# missed, that is, if an answer is another one than a violation of the invariant that the copy gives up.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
missed=0

# broken NAME FILE SED-SCRIPT INVARIANT SCENARIO...
broken() {
	local name=$1 file=$2 script=$3 invariant=$4 dir=$build/broken/$1 core=() source wrong answers
	shift 4
	rm -rf "$dir/src"
	mkdir -p "$dir"
	cp -R src "$dir/src"
	sed "$script" "$file" > "$dir/$file"
	if cmp -s "$file" "$dir/$file"; then
		echo "missed: $name: there is nothing to take out of $file any more"
		missed=1
		return
	fi
	for source in $(make -s --no-print-directory print-core); do
		[ "$source" = "$file" ] && core+=("$dir/$source") || core+=("$source")
	done
	# Warnings are to be expected of what is left.
	for warning in function variable parameter but-set-variable value label; do
		sed -i "1s/^/#pragma GCC diagnostic ignored \"-Wunused-$warning\"\n/" "$dir/$file"
	done
	build_copy "$dir" CORE="${core[*]}" SCENARIOS="$(sources "$@")" > "$dir/log" 2>&1 || {
		echo "missed: $name: does not build (see $dir/log)"
		missed=1
		return
	}
	cp "$build/octavo" "$dir/octavo"
	"$dir/octavo" check --json --jobs 2 --time 60 "$@" > "$dir/answers.json" || true
	wrong=$(jq -r --arg invariant "$invariant" '.results[]
		| select(.expected != "holds" or .verdict != "violation"
			or (.invariant as $found | ($invariant | split(" ")) | index($found) | not))
		| "\(.name) \(.arch): \(.verdict) \(.invariant // "")"' "$dir/answers.json")
	# no answer at all is none
	answers=$(jq '.results | length' "$dir/answers.json")
	if [ -n "$wrong" ] || [ "${answers:-0}" -lt $# ]; then
		echo "missed: $name: $wrong (${answers:-0} answers)"
		missed=1
	else
		echo "caught: $name: ${invariant// / or } in $* ($answers answers)"
	fi
}

# build_copy DIR MAKE-VARIABLE...: the libraries. Objects of what is not changed are those of BUILD, if it was made
# with the same flags.
build_copy() {
	local dir=$1 arch
	shift
	make BUILD="$dir" "$@" "$dir/flags" || return
	if cmp -s "$build/flags" "$dir/flags"; then
		for arch in arm64 x86_64 riscv64; do
			mkdir -p "$dir/$arch"
			cp -a "$build/$arch/src" "$build/$arch/machine" "$dir/$arch/" || return
		done
		touch -r "$build/flags" "$dir/flags"
	fi
	make BUILD="$dir" "$@" "$dir/lib/arm64/scenarios.so" "$dir/lib/x86_64/scenarios.so" "$dir/lib/riscv64/scenarios.so"
}

# The files of scenarios group/file-variant; both parts may have dashes.
sources() {
	local name file
	for name; do
		file=scenario/${name%-*}.c
		while [ ! -e "$file" ] && [[ ${file##*/} == *-* ]]; do file=${file%-*}.c; done
		echo "$file"
	done | sort -u | tr '\n' ' '
}

broken no-range-invalidation src/tlb/tlb.c \
	's/^\(#include "authority.h"\)/\1\n#define oct_mmu_invalidate_range(...) ((void)0)/' \
	"I2 I7 I11" questions/E1-now questions/E2-now races/14-now
broken no-flush-by-tracking src/track/marks.c '/^\toct_ticket_complete(&ticket);/d' \
	I4 core/track-store-clear-refs
broken no-flush-by-userfault src/track/userfault.c '/^\toct_ticket_complete(&ticket);/d' \
	I4 core/track-store-uffd
broken no-flush-after-break src/space/fault.c '/^\toct_ticket_flush(&fault->ticket, &fault->guard);/d' \
	"I2 I7 I11" questions/E1-now questions/E2-now races/14-now
broken no-reliance-in-copy src/space/fault.c 's/oct_ticket_join(&fault->ticket, &fault->guard);/;/' \
	"I2 I7" questions/E1-now questions/E2-now races/14-now
broken no-stamp-at-unlock src/tlb/ticket.c '/^\tguard->ptl->stamp = (uint32_t)generation/d' \
	"I2 I4 I7 I11" questions/E1-now questions/E2-now races/14-now races/05-now core/ticket-drawn-at-start-now
broken no-barrier-in-switch src/tlb/tlb.c 's/cpu_bit(self), OCT_SC);/cpu_bit(self), OCT_RLX);/' \
	I4 questions/E5-now-first
broken no-flush-before-write src/page/mapping.c '/oct_ticket_complete(&ticket); \/\* D2/d' \
	I3 races/10-now races/11-now
broken area-gone-first src/space/walk.c '/^void oct_walk_leave_objects/,/^}/ s/if (!vma)/if (vma || !vma)/' \
	I3 races/12-now
broken no-flush-by-recording src/track/shared.c '/^\toct_ticket_complete(&ticket); \/\* T2/d' \
	"I3 assertion" questions/B1-now questions/B4-now dirty/device-now dirty/nested-flush-now
broken no-note-by-zap src/page/zap.c '/oct_shown_note/d' \
	I3 dirty/tracker-others-unmapped
broken no-flush-by-truncation src/page/zap.c '/^\t\toct_ticket_complete(&ticket);/d' \
	I1 races/02-now
broken no-telling-of-devices src/tlb/tlb.c '/^\ttell_secondaries(/d' \
	"I1 I4 I7 I8" questions/E5-iommu-now races/43-now
broken no-look-at-entries src/table/range.c 's/^\tunlink = oct_pte_is_table(link, level) \&\& .*/\tunlink = oct_pte_is_table(link, level);/' \
	"I2 I4 leak" races/31-now questions/C2-now-marker
broken no-kept-tables src/page/shown.c 's/vma->shown.keep = keep;/vma->shown.keep = false;/' \
	assertion core/retract-mremap-to-now
broken no-second-look-by-faults src/space/fault.c 's/^\twhile (fault->guard.level) {/\tfor (int once = 1; once \&\& fault->guard.level; once = 0) {/' \
	"I1 I2 I9 race use-after-free assertion" core/retract-fault-again-now
broken no-pin-test-by-collapse src/reclaim/collapse.c 's/!oct_folio_alone(oct_folio_of(oct_pte_phys(block->old\[i\])), 1)/false/' \
	I2 races/26-in-place
broken no-pin-test-by-collapse-to-leaf src/reclaim/huge.c 's/!folio || oct_folio_alone(folio, 1)/true/' \
	I2 races/26-now
broken no-pin-test-by-object-collapse src/reclaim/collapse_mapping.c 's/if (!oct_folio_alone(folio, .*/if (folio->order > 99)/' \
	I5 core/object-collapse-pin-now
broken no-start-by-munmap src/space/mm.c 's/^\toct_announce(.*/\tannounced = (struct oct_announced){0};/' \
	I8 core/announced-now
[ $missed -eq 0 ]
