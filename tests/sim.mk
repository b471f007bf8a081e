# sim.mk: programs that run the core on machine/sim, for one compiler. SPDX-License-Identifier: MIT
#
#   make -f tests/sim.mk OUT=build/tests/gcc CC=gcc [EXTRA=-fsanitize=thread]
# builds $(OUT)/sim/FORMAT/{hardware,stress,files,shadow,sweep,bench,dirty,flushes} for each format (tests: the first five).
# Running them is the business of tools/test.sh, tools/bench-core.sh and `make stress`.
OUT   ?= build/tests/gcc
EXTRA ?=
FORMATS ?= arm64 x86_64 x86_64_la57 riscv64 riscv64_sv57
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: all tests
all:
tests:

OCTAVO := .
include octavo.mk
CORE    := $(patsubst ./%,%,$(wildcard $(OCTAVO_T3_SOURCES)))
MACHINE := $(sort $(wildcard machine/sim/*.c))
PROGRAMS := hardware stress files shadow sweep bench dirty flushes
COUNTED  := contpte syncs # built by tools/bench.sh, whose EXTRA counts what they need
MIRROR  := $(patsubst %,tests/sim/%.c,mirror calls movers objects stacks leaves huge pins supply)
SHARED  := $(CORE) $(MACHINE) $(MIRROR)
FLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Wconversion $(if $(EXTRA),,-Werror) -MMD -MP -D_GNU_SOURCE \
	-DOCT_MMU_MACHINE -Iinclude $(EXTRA)
define_arm64  := -DOCT_ARCH_ARM64
define_x86_64 := -DOCT_ARCH_X86_64
define_x86_64_la57 := -DOCT_ARCH_X86_64 -DOCT_LEVELS=5
define_riscv64 := -DOCT_ARCH_RISCV64
define_riscv64_sv57 := -DOCT_ARCH_RISCV64 -DOCT_LEVELS=5

# $1: format
define format
$$(OUT)/sim/$1/%.o: %.c
	@mkdir -p $$(@D)
	@$$(CC) $$(FLAGS) $$(define_$1) -c '$$<' -o '$$@'
$$(PROGRAMS:%=$$(OUT)/sim/$1/%) $$(COUNTED:%=$$(OUT)/sim/$1/%): $$(OUT)/sim/$1/%: $$(OUT)/sim/$1/tests/sim/%.o $$(SHARED:%.c=$$(OUT)/sim/$1/%.o)
	@$$(CC) $$(EXTRA) -o $$@ $$^ -lpthread
all: $$(PROGRAMS:%=$$(OUT)/sim/$1/%)
tests: $$(patsubst %,$$(OUT)/sim/$1/%,$$(filter-out bench dirty flushes,$$(PROGRAMS)))
endef
$(foreach f,$(FORMATS),$(eval $(call format,$f)))

# tools/fuzz.sh: the mirror.
.PHONY: print-mirror
print-mirror:
	@echo '$(MIRROR)'

# tests/sim/broken.sh: what a changed file of the core is compiled with, and what it is linked with.
.PHONY: print-flags print-objects
print-flags:
	@echo '$(FLAGS) $(define_$(FORMATS))'
print-objects:
	@echo '$(SHARED:%.c=$(OUT)/sim/$(FORMATS)/%.o) $(OUT)/sim/$(FORMATS)/tests/sim/stress.o'

-include $(shell find $(OUT)/sim -name '*.d' 2>/dev/null)
