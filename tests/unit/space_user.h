/* space_user.h: user accesses for tests of address spaces. SPDX-License-Identifier: MIT
 *
 * The CPU host_cpu switches to the space and makes one access through its TLB, stale or not. Hardware
 * sets young and dirty if user_sets_bits; where hardware would fault, oct_fault() is called. An access
 * that reaches a freed page fails the test. */
#ifndef SPACE_USER_H
#define SPACE_USER_H

#include "host_port.h"
#include <octavo/mm.h>

/* The hardware sets young and dirty by itself; else it faults for them. */
extern bool user_sets_bits;
/* Faults taken so far. */
extern unsigned user_faults;

/* One access to the word at va (4-byte aligned). 0; -OCT_EFAULT after OCT_FAULT_SIGNAL; -OCT_EBUSY
 * after OCT_FAULT_EVENT; the fault's own error. Fails the test if faults do not end. */
int user_load(struct oct_mm *mm, uintptr_t va, uint32_t *value);
int user_store(struct oct_mm *mm, uintptr_t va, uint32_t value);
/* The entry that maps va, 0 for none. */
oct_pte_t user_entry(struct oct_mm *mm, uintptr_t va);
/* The folio mapped at va, NULL for none. */
struct oct_folio *user_folio(struct oct_mm *mm, uintptr_t va);

#endif
