/* octavo.h: the whole core. SPDX-License-Identifier: MIT */
#ifndef OCTAVO_OCTAVO_H
#define OCTAVO_OCTAVO_H

#include <octavo/atomic.h>
#include <octavo/config.h>
#include <octavo/port.h>
#include <octavo/mmu.h>
#include <octavo/types.h>
#include <octavo/pte.h>
#include <octavo/tlb.h>
#include <octavo/table.h>
#include <octavo/contpte.h>
#include <octavo/notify.h>
#include <octavo/interval.h>
#include <octavo/mm.h>
#include <octavo/anon.h>
#include <octavo/swap.h>
#include <octavo/reclaim.h>
#include <octavo/pin.h>
#include <octavo/migrate.h>
#include <octavo/merge.h>
#include <octavo/device.h>
#include <octavo/mapping.h>
#include <octavo/collapse.h>
#include <octavo/userfault.h>
#include <octavo/track.h>
#include <octavo/selftest.h>

#endif
