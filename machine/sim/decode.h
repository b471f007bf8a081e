/* decode.h: entries as the sim's walker reads them. SPDX-License-Identifier: MIT
 *
 * What an entry links, how much it maps and where: from the architectures' manuals, not from
 * src/arch, so that a wrong bit there shows. Rights and state are asked of the format's functions, which the
 * unit tests hold against bit numbers.
 * Sources: Intel SDM volume 3 chapter 4; Arm ARM DDI 0487 D8.3; RISC-V privileged 12.3 to 12.6, Svnapot. */
#ifndef OCT_SIM_DECODE_H
#define OCT_SIM_DECODE_H

#include <octavo/octavo.h>

/* What a walker makes of an entry. */
enum sim_entry {
	SIM_INVALID,
	SIM_LINK,     /* another table: base */
	SIM_LEAF,     /* 2^shift bytes from base */
	SIM_RESERVED, /* bits that no software may combine like that */
};

struct sim_decoded {
	enum sim_entry kind;
	unsigned shift;
	oct_phys_t base;
};

#define SIM_BITS(high, low) ((((oct_pte_t)2 << (high)) - 1) & ~(((oct_pte_t)1 << (low)) - 1))

static inline struct sim_decoded sim_leaf(oct_pte_t pte, oct_pte_t address, unsigned shift)
{
	oct_pte_t offset = ((oct_pte_t)1 << shift) - 1;

	return (struct sim_decoded){SIM_LEAF, shift, (pte & address) & ~offset};
}

#if defined(OCT_ARCH_ARM64)
/* Bit 1: table or page; a block where it is clear. Bit 52: one of 16 that map one block of memory. */
static inline struct sim_decoded sim_decode(oct_pte_t pte, unsigned level)
{
	const oct_pte_t address = SIM_BITS(47, 12);
	unsigned shift = 12 + 9 * level;

	if (!(pte & 1))
		return (struct sim_decoded){.kind = SIM_INVALID};
	if (level > 0 && (pte & 2))
		return (struct sim_decoded){SIM_LINK, 0, pte & address};
	if (level > 2 || (level == 0 && !(pte & 2)))
		return (struct sim_decoded){.kind = SIM_RESERVED};
	return sim_leaf(pte, address, pte >> 52 & 1 ? shift + 4 : shift);
}
#elif defined(OCT_ARCH_X86_64)
/* Bit 7 above the leaves: a large page, whose bit 12 is PAT; the others up to its size are reserved. */
static inline struct sim_decoded sim_decode(oct_pte_t pte, unsigned level)
{
	const oct_pte_t address = SIM_BITS(51, 12);
	unsigned shift = 12 + 9 * level;

	if (!(pte & 1))
		return (struct sim_decoded){.kind = SIM_INVALID};
	if (level > 0 && !(pte & 1 << 7))
		return (struct sim_decoded){SIM_LINK, 0, pte & address};
	if (level > 2 || (level > 0 && (pte & SIM_BITS(shift - 1, 13))))
		return (struct sim_decoded){.kind = SIM_RESERVED};
	return sim_leaf(pte, address, shift);
}
#elif defined(OCT_ARCH_RISCV64)
/* No right at all: a link. Bit 63, in leaf tables: the low four bits of the number are 8 and the
 * entry is one of 16 equal ones. */
static inline struct sim_decoded sim_decode(oct_pte_t pte, unsigned level)
{
	unsigned shift = 12 + 9 * level;
	oct_pte_t physical = (pte & SIM_BITS(53, 10)) << 2;

	if (!(pte & 1))
		return (struct sim_decoded){.kind = SIM_INVALID};
	if (!(pte & 0xe)) {
		if (level == 0 || pte >> 63)
			return (struct sim_decoded){.kind = SIM_RESERVED};
		return (struct sim_decoded){SIM_LINK, 0, physical};
	}
	if (pte >> 63) {
		if (level > 0 || (pte >> 10 & 0xf) != 8)
			return (struct sim_decoded){.kind = SIM_RESERVED};
		return sim_leaf(physical, ~(oct_pte_t)0, shift + 4);
	}
	if (physical & (((oct_pte_t)1 << shift) - 1))
		return (struct sim_decoded){.kind = SIM_RESERVED};
	return sim_leaf(physical, ~(oct_pte_t)0, shift);
}
#else
#error "the sim knows no walker of this format"
#endif

#endif
