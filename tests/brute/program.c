/* program.c: print a program in the notation of litmus tests. SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include "program.h"

static const char *order_name(int order)
{
	switch (order) {
	case __ATOMIC_RELAXED:
		return "rlx";
	case __ATOMIC_ACQUIRE:
		return "acq";
	case __ATOMIC_RELEASE:
		return "rel";
	case __ATOMIC_ACQ_REL:
		return "acq_rel";
	default:
		return "sc";
	}
}

static void print_location(const struct program *p, unsigned l)
{
	if (l < AT_FRAME)
		printf("m%u", l);
	else if (l < AT_LEAF)
		printf("p%u", l - AT_FRAME);
	else if (l >= AT_ROOT)
		printf("root%u.%u", (l - AT_ROOT) / PROGRAM_ASIDS, (l - AT_ROOT) % PROGRAM_ASIDS + 1);
	else if (l >= AT_UPPER)
		printf("E2(%s)", p->uppers == 1 ? "x,y" : l == AT_UPPER ? "x" : "y");
	else if (p->levels == 1)
		printf("E(%c)", "xy"[(l - AT_LEAF) % PROGRAM_PAGES]);
	else
		printf("E(T%u,%c)", (l - AT_LEAF) / PROGRAM_PAGES, "xy"[(l - AT_LEAF) % PROGRAM_PAGES]);
}

static void print_value(unsigned l, uint64_t value)
{
	if (l < AT_LEAF)
		printf("%" PRIu64, value);
	else if (!(value & ENTRY_PRESENT))
		printf("invalid");
	else if (l >= AT_UPPER)
		printf("T%u", ENTRY_NUMBER(value));
	else
		printf("p%u %s%s", ENTRY_NUMBER(value), value & ENTRY_WRITABLE ? "rw" : "ro",
		       value & ENTRY_DIRTY ? "" : " clean");
}

static void print_tlbi(const struct program *p, const struct instruction *in)
{
	printf(in->device ? "device tlbi" : "tlbi");
	if (p->arch != PROGRAM_X86_64 && in->broadcast)
		printf(".is");
	if (p->arch != PROGRAM_X86_64 && in->leaf_only)
		printf(".leaf");
	printf(in->where == TLBI_ALL ? " all" : in->where == 0 ? " x" : " y");
	if (in->asid)
		printf(" of %u", in->asid);
}

static void print_memory_instruction(const struct program *p, const struct instruction *in)
{
	static const char *const names[] = {
	    [OP_FETCH_ADD] = "fetch_add", [OP_XCHG] = "xchg", [OP_CAS] = "cas"};

	if (in->op == OP_LOAD) {
		printf("load ");
		print_location(p, in->where);
	} else if (in->op == OP_STORE) {
		print_location(p, in->where);
		printf(" = ");
		print_value(in->where, in->value);
	} else {
		printf("%s(", names[in->op]);
		print_location(p, in->where);
		printf(", ");
		if (in->op == OP_CAS) {
			print_value(in->where, in->expected);
			printf(" -> ");
		}
		print_value(in->where, in->value);
		printf(")");
	}
	if (in->order != __ATOMIC_RELAXED)
		printf(" %s", order_name(in->order));
}

static void print_instruction(const struct program *p, const struct instruction *in)
{
	switch (in->op) {
	case OP_FENCE:
		printf("fence %s", order_name(in->order));
		break;
	case OP_DMB:
		printf("dmb");
		break;
	case OP_DSB:
		printf("dsb");
		break;
	case OP_ISB:
		printf("isb");
		break;
	case OP_TLBI:
		print_tlbi(p, in);
		break;
	case OP_USER_LOAD:
		printf("load [%c]", "xy"[in->where]);
		break;
	case OP_USER_STORE:
		printf("[%c] = %" PRIu64, "xy"[in->where], in -> value);
		break;
	case OP_AWAIT:
		printf("await ");
		print_location(p, in->where);
		printf(" == %" PRIu64 "%s", in->value, in->order == __ATOMIC_RELAXED ? "" : " acq");
		break;
	case OP_AWAIT_EITHER:
		printf("await ");
		print_location(p, in->where);
		printf(" == %" PRIu64 " or ", in->value);
		print_location(p, in->other);
		printf(" == 1%s", in->order == __ATOMIC_RELAXED ? "" : " acq");
		break;
	case OP_LOCK:
		printf("lock ");
		print_location(p, in->where);
		break;
	case OP_LOAD_ROOT:
		printf("root %u = ", in->where);
		print_value(AT_ROOT, in->value);
		printf(in->keep ? " keep" : "");
		break;
	default:
		print_memory_instruction(p, in);
		break;
	}
}

void program_print(const struct program *p)
{
	static const char *const archs[] = {"arm64", "x86_64", "riscv64"};

	printf("%s%s, %u level%s%s%s;", archs[p->arch], p->ets2 && p->arch == PROGRAM_ARM64 ? " ets2" : "",
	       p->levels, p->levels == 1 ? "" : "s",
	       p->roots         ? ", roots"
	       : p->levels == 2 ? p->uppers == 1 ? ", one upper entry" : ", two upper entries"
	                        : "",
	       p->hw_dirty ? ", hardware dirty" : "");
	printf(p->snoops ? " iommu snoops;" : "");
	for (unsigned l = 0; l < PROGRAM_LOCATIONS; l++)
		if (p->initial[l]) {
			printf(" ");
			print_location(p, l);
			printf(" = ");
			print_value(l, p->initial[l]);
			printf(";");
		}
	printf("\n");
	for (unsigned t = 0; t < p->threads; t++) {
		printf("  %u: ", t);
		if (p->cpu[t] != t)
			printf("(cpu %u) ", p->cpu[t]);
		if (p->device[t])
			printf(p->no_ad[t] ? "(device without A/D) " : "(device) ");
		for (unsigned i = 0; i < p->length[t]; i++) {
			print_instruction(p, &p->code[t][i]);
			printf(i + 1 < p->length[t] ? "; " : "");
		}
		printf("\n");
	}
}

unsigned program_results(const struct program *p)
{
	unsigned results = 0;

	for (unsigned t = 0; t < p->threads; t++)
		for (unsigned i = 0; i < p->length[t]; i++)
			switch (p->code[t][i].op) {
			case OP_LOAD:
			case OP_FETCH_ADD:
			case OP_XCHG:
			case OP_CAS:
			case OP_USER_LOAD:
			case OP_USER_STORE:
				results++;
				break;
			default:
				break;
			}
	return results;
}

unsigned program_asid(const struct program *p, unsigned thread, unsigned at)
{
	unsigned asid = p->roots;

	for (unsigned i = 0; i < at; i++)
		if (p->code[thread][i].op == OP_LOAD_ROOT)
			asid = p->code[thread][i].where;
	return asid;
}

bool program_first_load(const struct program *p, unsigned thread, unsigned at)
{
	unsigned asid = p->code[thread][at].where;

	for (unsigned i = 0; i < at; i++)
		if (p->code[thread][i].op == OP_LOAD_ROOT && p->code[thread][i].where == asid)
			return false;
	return asid != 1;
}

unsigned program_upper(const struct program *p, unsigned thread, unsigned at, unsigned page)
{
	return p->roots ? AT_ROOT_OF(p->cpu[thread], program_asid(p, thread, at))
	                : AT_UPPER + page % p->uppers;
}
