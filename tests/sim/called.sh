#!/bin/bash
# Is every public call of the core made by the tests on the sim? SPDX-License-Identifier: MIT
#
# usage: tests/sim/called.sh
# Names the calls of T2 and T3, and of tables, that no file here makes and that are not listed below.
set -u
cd "$(dirname "$0")/../.."
headers="mm mapping reclaim anon swap table pin migrate merge collapse userfault"

# Not made here, and why.
elsewhere="
oct_anon_init oct_anon_add                 by oct_reclaim_init and oct_reclaim_add
oct_anon_lock oct_anon_unlock oct_rmap_start oct_rmap_next oct_rmap_end oct_rmap_find   by reclaim, and tests/unit/test_reclaim.c
oct_anon_born oct_anon_fork_begin oct_anon_fork_undo oct_anon_fork oct_kin_init oct_anon_hold oct_anon_release oct_anon_remove   by the core
oct_pin oct_folio_pinned oct_folio_alone        tests/unit
oct_pte_mkswap oct_pte_swap_bits oct_swap_slot_of     by the core
oct_uffd_async oct_uffd_continue oct_pte_marked oct_pte_vacant oct_vma_has_uffd     tests/unit
oct_space_init oct_space_exit              by oct_mm_init and oct_mm_exit
oct_kernel_space_init oct_cursor_init oct_cursor_next oct_table_dump oct_table_query oct_pte_guard_next oct_pte_get   T0, of the kernel's space or only looking: tests/unit
oct_table_find oct_table_prepare oct_table_prepare_slot oct_table_trim_around oct_table_move oct_table_move_entries oct_table_retract oct_guard_fit oct_pte_lock_page oct_space_pte_lock_raw oct_space_pte_unlock_raw   by the core
"
missing=0
for header in $headers; do
	# shellcheck disable=SC2013
	for call in $(sed -n 's/^[a-z].*[ *]\(oct_[a-z0-9_]*\)(.*/\1/p' "include/octavo/$header.h"); do
		grep -qw "$call" tests/sim/*.c && continue
		case " $(echo "$elsewhere" | tr '\n' ' ') " in *" $call "*) continue ;; esac
		echo "called: nothing in tests/sim calls $call ($header.h)"
		missing=1
	done
done
exit $missing
