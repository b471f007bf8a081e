# Source lists of the core, per tier, for hosts that build it with CMake. SPDX-License-Identifier: MIT
#
#   include(path/to/octavo/octavo.cmake)
#   target_sources(kernel PRIVATE ${OCTAVO_T1_SOURCES})
#   target_include_directories(kernel PRIVATE ${OCTAVO_INCLUDE})
#   target_compile_definitions(kernel PRIVATE OCT_ARCH_ARM64)   # or OCT_ARCH_X86_64,
#                                                               # OCT_ARCH_RISCV64
#
# Each tier's list contains those below it. T0 is the same source with OCT_TIER=0 defined, without contpte.h;
# oct_table_dump is a choice there (src/table/dump.c).
set(OCTAVO_DIR ${CMAKE_CURRENT_LIST_DIR})
set(OCTAVO_INCLUDE ${OCTAVO_DIR}/include)
if(NOT EXISTS ${OCTAVO_INCLUDE})
  set(OCTAVO_INCLUDE ${OCTAVO_DIR}/../../include) # installed
endif()
set(OCTAVO_T1_SOURCES
    ${OCTAVO_DIR}/src/tlb/asid.c
    ${OCTAVO_DIR}/src/tlb/block.c
    ${OCTAVO_DIR}/src/tlb/ticket.c
    ${OCTAVO_DIR}/src/tlb/tlb.c
    ${OCTAVO_DIR}/src/table/space.c
    ${OCTAVO_DIR}/src/table/batch.c
    ${OCTAVO_DIR}/src/table/contpte.c
    ${OCTAVO_DIR}/src/table/dump.c
    ${OCTAVO_DIR}/src/table/leaf.c
    ${OCTAVO_DIR}/src/table/range.c
    ${OCTAVO_DIR}/src/table/walk.c
    ${OCTAVO_DIR}/src/table/selftest.c
    ${OCTAVO_DIR}/src/notify/interval.c
    ${OCTAVO_DIR}/src/notify/secondary.c)
set(OCTAVO_T0_SOURCES ${OCTAVO_T1_SOURCES})
list(REMOVE_ITEM OCTAVO_T0_SOURCES ${OCTAVO_DIR}/src/table/contpte.c ${OCTAVO_DIR}/src/table/dump.c)
set(OCTAVO_T2_SOURCES
    ${OCTAVO_T1_SOURCES}
    ${OCTAVO_DIR}/src/lock/rwlock.c
    ${OCTAVO_DIR}/src/page/anon.c
    ${OCTAVO_DIR}/src/page/folio.c
    ${OCTAVO_DIR}/src/notify/notifier.c
    ${OCTAVO_DIR}/src/page/shown.c
    ${OCTAVO_DIR}/src/page/zap.c
    ${OCTAVO_DIR}/src/reclaim/collapse.c
    ${OCTAVO_DIR}/src/reclaim/huge.c
    ${OCTAVO_DIR}/src/reclaim/migrate.c
    ${OCTAVO_DIR}/src/reclaim/pin.c
    ${OCTAVO_DIR}/src/space/fault.c
    ${OCTAVO_DIR}/src/space/fork.c
    ${OCTAVO_DIR}/src/space/madvise.c
    ${OCTAVO_DIR}/src/space/mm.c
    ${OCTAVO_DIR}/src/space/mremap.c
    ${OCTAVO_DIR}/src/space/vma.c
    ${OCTAVO_DIR}/src/space/walk.c
    ${OCTAVO_DIR}/src/space/selftest.c
    ${OCTAVO_DIR}/src/track/marks.c
    ${OCTAVO_DIR}/src/track/scan.c
    ${OCTAVO_DIR}/src/track/userfault.c)
set(OCTAVO_T3_SOURCES
    ${OCTAVO_T2_SOURCES}
    ${OCTAVO_DIR}/src/page/cache.c
    ${OCTAVO_DIR}/src/page/mapping.c
    ${OCTAVO_DIR}/src/reclaim/collapse_mapping.c
    ${OCTAVO_DIR}/src/reclaim/device.c
    ${OCTAVO_DIR}/src/reclaim/merge.c
    ${OCTAVO_DIR}/src/reclaim/reclaim.c
    ${OCTAVO_DIR}/src/reclaim/retract.c
    ${OCTAVO_DIR}/src/reclaim/swap.c
    ${OCTAVO_DIR}/src/space/file.c
    ${OCTAVO_DIR}/src/space/move.c
    ${OCTAVO_DIR}/src/space/supply.c
    ${OCTAVO_DIR}/src/track/bitmap.c
    ${OCTAVO_DIR}/src/track/shared.c
    ${OCTAVO_DIR}/src/track/tracker.c)
