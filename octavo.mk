# Source lists of the core, per tier, for hosts that build it with make. SPDX-License-Identifier: MIT
#
#   OCTAVO := path/to/octavo
#   include $(OCTAVO)/octavo.mk
#   ... $(OCTAVO_T1_SOURCES), $(OCTAVO_CFLAGS), and one of $(OCTAVO_ARM64) $(OCTAVO_X86_64)
#   $(OCTAVO_RISCV64) ...
#
# Each tier's list contains those below it. T0 is the same source with -DOCT_TIER=0, without contpte.h;
# oct_table_dump is a choice there ($(OCTAVO)/src/table/dump.c).
OCTAVO ?= .

OCTAVO_T1_SOURCES := $(addprefix $(OCTAVO)/src/, tlb/asid.c tlb/block.c tlb/ticket.c tlb/tlb.c table/space.c \
	table/batch.c table/contpte.c table/dump.c table/leaf.c table/range.c table/walk.c table/selftest.c \
	notify/interval.c notify/secondary.c)
OCTAVO_T0_SOURCES := $(filter-out %/contpte.c %/dump.c,$(OCTAVO_T1_SOURCES))
OCTAVO_T2_SOURCES := $(OCTAVO_T1_SOURCES) $(addprefix $(OCTAVO)/src/, lock/rwlock.c page/anon.c page/folio.c \
	notify/notifier.c page/shown.c page/zap.c reclaim/collapse.c reclaim/huge.c reclaim/migrate.c reclaim/pin.c \
	space/fault.c space/fork.c space/madvise.c space/mm.c space/mremap.c space/vma.c space/walk.c \
	space/selftest.c track/marks.c track/scan.c track/userfault.c)
OCTAVO_T3_SOURCES := $(OCTAVO_T2_SOURCES) $(addprefix $(OCTAVO)/src/, page/cache.c page/mapping.c \
	reclaim/collapse_mapping.c reclaim/device.c reclaim/merge.c reclaim/reclaim.c reclaim/retract.c \
	reclaim/swap.c space/file.c space/move.c \
	space/supply.c track/bitmap.c track/shared.c track/tracker.c)

# Installed, the headers are two directories up.
OCTAVO_CFLAGS := -std=c11 -ffreestanding -I$(firstword $(wildcard $(OCTAVO)/include $(OCTAVO)/../../include))
OCTAVO_ARM64  := -DOCT_ARCH_ARM64
OCTAVO_X86_64 := -DOCT_ARCH_X86_64
OCTAVO_RISCV64 := -DOCT_ARCH_RISCV64
