# tests.mk: unit tests and brute force, for one compiler. SPDX-License-Identifier: MIT
#
#   make -f tests/tests.mk OUT=build/tests/gcc CC=gcc [EXTRA='-fsanitize=address,undefined']
# builds $(OUT)/unit/FORMAT/test_NAME for each tests/unit/test_NAME.c and format, and (with
# brute) the brute-force programs. Running them is tools/test.sh's business.
OUT   ?= build/tests/gcc
EXTRA ?=
FORMATS := arm64 x86_64 riscv64 riscv64_sv57 fake
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: unit brute

OCTAVO := .
include octavo.mk
CORE    := $(patsubst ./%,%,$(wildcard $(OCTAVO_T3_SOURCES)))
TESTS   := $(sort $(wildcard tests/unit/test_*.c))
HELPERS := $(filter-out $(TESTS),$(sort $(wildcard tests/unit/*.c)))
WARN    := -Wall -Wextra -Wshadow -Wconversion -Werror $(if $(EXTRA),-Wno-error)
FLAGS   := -std=gnu11 -O0 -g $(WARN) -MMD -MP -D_GNU_SOURCE -DOCT_MMU_MACHINE -Iinclude -Itests/unit $(EXTRA)
define_arm64  := -DOCT_ARCH_ARM64
define_x86_64 := -DOCT_ARCH_X86_64
define_riscv64 := -DOCT_ARCH_RISCV64
define_riscv64_sv57 := -DOCT_ARCH_RISCV64 -DOCT_LEVELS=5
define_fake   := -DOCT_ARCH_FAKE
# For what depends on tables, formats or sizes: 5 levels, and CPUs that bear two sizes of a leaf.
VARIANTS := x86_64_l5 arm64_bbm2
define_x86_64_l5 := -DOCT_ARCH_X86_64 -DOCT_LEVELS=5
define_arm64_bbm2 := -DOCT_ARCH_ARM64 -DOCT_BBM_LEVEL=2
IN_VARIANTS := test_arch test_contpte test_table test_large test_tlb

# A test that says "formats: ..." in its first lines is built for these formats only.
formats_of = $(filter $(FORMATS),$(or $(shell sed -n '1,12s/.*formats: *\([a-z0-9_ ]*\).*/\1/p' $1),$(FORMATS)))

all_formats_of = $(call formats_of,$1) $(if $(filter $(IN_VARIANTS),$(basename $(notdir $1))),$(VARIANTS))

# $1: format
define format
$$(OUT)/unit/$1/%.o: %.c
	@mkdir -p $$(@D)
	@$$(CC) $$(FLAGS) $$(define_$1) -c '$$<' -o '$$@'
shared_$1 := $$(CORE:%.c=$$(OUT)/unit/$1/%.o) $$(HELPERS:%.c=$$(OUT)/unit/$1/%.o)
endef
$(foreach f,$(FORMATS) $(VARIANTS),$(eval $(call format,$f)))

# $1: test, $2: format
define program
$$(OUT)/unit/$2/$(notdir $(1:.c=)): $$(OUT)/unit/$2/$(1:.c=.o) $$(shared_$2)
	@$$(CC) $$(EXTRA) -o $$@ $$^ -lcmocka -lpthread
PROGRAMS += $$(OUT)/unit/$2/$(notdir $(1:.c=))
endef
$(foreach t,$(TESTS),$(foreach f,$(call all_formats_of,$t),$(eval $(call program,$t,$f))))
unit: $(PROGRAMS)

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)

# ---- Brute force against the explorer --------------------------------------------------------------
# The explorer's side is the model machine without its command.
BRUTE    := $(sort $(wildcard tests/brute/*.c))
BRUTE_MAINS := tests/brute/compare.c tests/brute/selfcheck.c
BRUTE_SHARED := $(filter-out $(BRUTE_MAINS),$(BRUTE))
MODEL    := $(sort $(wildcard machine/model/*.c machine/model/*.S))
BRUTE_FLAGS := -std=gnu11 -O2 -g $(WARN) -MMD -MP -D_GNU_SOURCE -DOCT_MODEL -DOCT_MMU_MACHINE \
	-DOCT_ARCH_ARM64 -DOCT_PORT_HEADER='"octavo_model_port.h"' -Iinclude -Imachine/model -Itests/brute $(EXTRA)
$(OUT)/brute/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(BRUTE_FLAGS) -c '$<' -o '$@'
$(OUT)/brute/%.o: %.S
	@mkdir -p $(@D)
	@$(CC) $(BRUTE_FLAGS) -c '$<' -o '$@'
brute_shared := $(BRUTE_SHARED:%.c=$(OUT)/brute/%.o)
brute_model  := $(patsubst %.S,$(OUT)/brute/%.o,$(patsubst %.c,$(OUT)/brute/%.o,$(MODEL)))
$(OUT)/brute/compare $(OUT)/brute/selfcheck: $(OUT)/brute/%: $(OUT)/brute/tests/brute/%.o $(brute_shared) $(brute_model)
	@$(CC) $(EXTRA) -rdynamic -o $@ $^ -ldl -ljansson -ldw -lm
brute: $(OUT)/brute/compare $(OUT)/brute/selfcheck

# ---- The model machine's parts ------------------------------------------------------------------------
# They run with the unit tests: unit/model_FORMAT/test_NAME.
MODEL_TESTS := $(sort $(wildcard tests/model/test_*.c))
MODEL_FORMATS := arm64 x86_64 riscv64
# $1: test, $2: format
define model_program
$$(OUT)/unit/model_$2/$(notdir $(1:.c=)): $1 $$(brute_model)
	@mkdir -p $$(@D)
	@$$(CC) $$(filter-out -DOCT_ARCH_ARM64,$$(BRUTE_FLAGS)) $$(define_$2) -rdynamic -o $$@ $$< $$(brute_model) -ldl -lcmocka
unit: $$(OUT)/unit/model_$2/$(notdir $(1:.c=))
endef
model_formats_of = $(or $(shell sed -n '1,12s/.*formats: *\([a-z0-9_ ]*\).*/\1/p' $1),$(MODEL_FORMATS))
$(foreach t,$(MODEL_TESTS),$(foreach f,$(call model_formats_of,$t),$(eval $(call model_program,$t,$f))))
