# Octavo: build, demo, tests. SPDX-License-Identifier: MIT
#
#   make          builds build/octavo and its scenario libraries; installs nothing
#   make demo     installs what the build needs (as root), then answers the questions
#   make test     installs what the tests need (as root), then runs all of them
#   make test-boot    boots the core on riscv64 under QEMU, which it installs (as root)
#   make test-report  opens the HTML pages of answers in a browser, which it installs (as root)
# Variables: CC, BUILD (default build), SANITIZE=address,undefined for the command, MACHINES="scenarios sim"
# (the libraries to build: of the model, of the sim), PREFIX, DESTDIR,
# DEPS=no (install nothing).

VERSION := 0.1
ifeq ($(origin CC),default)
CC := gcc
endif
BUILD   ?= build
PREFIX  ?= /usr/local
SANITIZE ?=
ARCHS   := arm64 x86_64 riscv64

ifeq ($(MAKELEVEL)$(filter -j% --jobserver%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: all demo analyse fuzz coverage test test-boot test-report tiers bench bench-core stress brute check-all counts races mutate install clean unit
all: $(BUILD)/octavo

# ---- Sources -------------------------------------------------------------------------------------
# Not from the environment.
OCTAVO := .
-include octavo.mk
ifdef OCTAVO_T3_SOURCES
CORE := $(patsubst ./%,%,$(wildcard $(OCTAVO_T3_SOURCES)))
else
CORE := $(sort $(wildcard src/tlb/*.c src/table/*.c src/page/*.c src/lock/*.c src/space/*.c src/notify/*.c src/reclaim/*.c src/track/*.c))
endif
GLUE      := $(sort $(wildcard machine/model/glue/*.c))
SCENARIOS := $(sort $(wildcard scenario/*/*.c))
# The sim, and what runs on it: no litmus tests.
SIM       := $(sort $(wildcard machine/sim/*.c machine/sim/check/*.c))
STRESSED  := $(filter-out scenario/rc11/% scenario/vmsa/% tests/%,$(SCENARIOS))
COMMAND   := $(sort $(wildcard machine/model/*.c machine/model/*.S cli/*.c))

# ---- Flags ---------------------------------------------------------------------------------------
IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null))
# Scenarios leave fields of their variants out: that is how check.h means them.
WARN   := -Wall -Wextra -Wshadow -Wconversion -Werror -Wno-missing-field-initializers
# The checker supplies the __tsan_* entry points itself: volatile accesses are told apart from plain
# ones, function entry and exit are of no use to it.
ifneq ($(IS_CLANG),)
TSAN := -fsanitize=thread -mllvm -tsan-distinguish-volatile=1 \
	-mllvm -tsan-instrument-func-entry-exit=0
DEBUG := -g -gdwarf-aranges # libdw finds lines by address ranges, which clang leaves out
else
# Fences do become __tsan_atomic_thread_fence(); the warning is about the real sanitizer.
TSAN := -fsanitize=thread --param tsan-distinguish-volatile=1 \
	--param tsan-instrument-func-entry-exit=0 -Wno-tsan
DEBUG := -g
endif
MODEL  := -DOCT_MODEL -DOCT_MMU_MACHINE -DOCT_PORT_HEADER='"octavo_model_port.h"' \
	-Iinclude -Imachine/model
define_arm64  := -DOCT_ARCH_ARM64
define_x86_64 := -DOCT_ARCH_X86_64
define_riscv64 := -DOCT_ARCH_RISCV64
COMMON := -std=gnu11 -O2 $(DEBUG) $(WARN) -MMD -MP
LIBRARY := $(COMMON) $(MODEL) -fPIC -fvisibility=default -fno-builtin -fno-omit-frame-pointer \
	-fno-optimize-sibling-calls
# cli/compile.c uses the same for files. Real tables, but numbers and queues that run out soon.
ON_SIM := $(COMMON) -fPIC -fno-builtin -fvisibility=default -DOCT_SIM_CHECK -DOCT_MMU_MACHINE -DSIM_PAGES=4096 \
	-DOCT_PORT_HEADER='"octavo_sim_port.h"' -DOCT_GATHER_PAGES=2 -DOCT_MAX_ASIDS=3 -DOCT_MAX_CPUS=9 \
	-DOCT_OPEN_RANGES=4 -Iinclude -Imachine/sim/check -D_GNU_SOURCE
COMMAND_FLAGS := $(COMMON) $(MODEL) $(define_arm64) -Icli -D_GNU_SOURCE \
	-DOCTAVO_VERSION='"$(VERSION)"' \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined -Wno-error)
# The four mem functions of core and scenarios are accesses like any other.
WRAP := -Wl,--wrap=memcpy -Wl,--wrap=memmove -Wl,--wrap=memset -Wl,--wrap=memcmp
LIBS := -ldl -ljansson -ldw -lelf

# Whatever changes the meaning of the objects rebuilds them; a changed list of files links anew.
quoted = '$(subst ','"'"',$1)'
FLAGS := $(CC) $(LIBRARY) $(TSAN) $(ON_SIM) $(COMMAND_FLAGS) $(CFLAGS)
FILES := $(CORE) $(GLUE) $(SCENARIOS) $(COMMAND) $(SIM)
$(BUILD)/flags $(BUILD)/files: FORCE
	@mkdir -p $(@D)
	@echo $(call quoted,$(if $(filter %flags,$@),$(FLAGS),$(FILES))) > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
FORCE:

# ---- Per architecture: the core with the model's glue, and the scenarios over it -------------------
# $1: architecture
define library
core_$1 := $$(CORE:%.c=$$(BUILD)/$1/%.o)
glue_$1 := $$(GLUE:%.c=$$(BUILD)/$1/%.o)
scenarios_$1 := $$(SCENARIOS:%.c=$$(BUILD)/$1/%.o)

$$(core_$1) $$(scenarios_$1): $$(BUILD)/$1/%.o: %.c $$(BUILD)/flags
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LIBRARY) $$(define_$1) $$(TSAN) $$(CFLAGS) -c '$$<' -o '$$@'
$$(glue_$1): $$(BUILD)/$1/%.o: %.c $$(BUILD)/flags
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LIBRARY) $$(define_$1) $$(CFLAGS) -c '$$<' -o '$$@'
$$(BUILD)/lib/$1/core.a: $$(core_$1) $$(glue_$1) $$(BUILD)/files
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$(core_$1) $$(glue_$1)
$$(BUILD)/lib/$1/scenarios.so: $$(BUILD)/lib/$1/core.a $$(scenarios_$1)
	$$(Q)$$(CC) -shared -Wl,-Bsymbolic $(WRAP) -o $$@ -Wl,--whole-archive $$< -Wl,--no-whole-archive \
		$$(scenarios_$1)
OBJECTS += $$(core_$1) $$(glue_$1) $$(scenarios_$1)

# The same over the sim.
sim_$1 := $$(CORE:%.c=$$(BUILD)/$1/sim/%.o) $$(SIM:%.c=$$(BUILD)/$1/sim/%.o)
stressed_$1 := $$(STRESSED:%.c=$$(BUILD)/$1/sim/%.o)
$$(sim_$1) $$(stressed_$1): $$(BUILD)/$1/sim/%.o: %.c $$(BUILD)/flags
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ON_SIM) $$(define_$1) $$(CFLAGS) -c '$$<' -o '$$@'
$$(BUILD)/lib/$1/sim.a: $$(sim_$1) $$(BUILD)/files
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$(sim_$1)
$$(BUILD)/lib/$1/sim.so: $$(BUILD)/lib/$1/sim.a $$(stressed_$1)
	$$(Q)$$(CC) -shared -Wl,-Bsymbolic -o $$@ -Wl,--whole-archive $$< -Wl,--no-whole-archive $$(stressed_$1)
OBJECTS += $$(sim_$1) $$(stressed_$1)
endef
Q := $(if $(V),,@)
$(foreach arch,$(ARCHS),$(eval $(call library,$(arch))))

# ---- The command ---------------------------------------------------------------------------------
command_objects := $(patsubst %.S,$(BUILD)/command/%.o,$(patsubst %.c,$(BUILD)/command/%.o,$(COMMAND)))
OBJECTS += $(command_objects)
$(BUILD)/command/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMAND_FLAGS) $(CFLAGS) -c '$<' -o '$@'
$(BUILD)/command/%.o: %.S $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMAND_FLAGS) $(CFLAGS) -c '$<' -o '$@'
# LIBRARIES=DIR: those of another build with the same flags for them (a sanitized command has no other ones).
LIBRARIES ?= $(BUILD)
MACHINES  ?= scenarios sim
ifeq ($(LIBRARIES),$(BUILD))
built_libraries := $(foreach machine,$(MACHINES),$(ARCHS:%=$(BUILD)/lib/%/$(machine).so))
else
built_libraries := $(BUILD)/lib
$(BUILD)/lib: FORCE
	@mkdir -p $(@D)
	@ln -sfn '$(abspath $(LIBRARIES))/lib' $@
endif
$(BUILD)/octavo: $(BUILD)/files $(command_objects) $(built_libraries)
	@ln -sfn '$(CURDIR)/include' $(BUILD)/include
	@ln -sfn '$(CURDIR)/machine/model' $(BUILD)/model
	@ln -sfn '$(CURDIR)/machine/sim/check' $(BUILD)/sim
	$(Q)$(CC) -rdynamic $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -o $@ $(command_objects) $(LDFLAGS) $(LIBS)
	@echo "built $@"

-include $(OBJECTS:.o=.d)

# ---- Uses ----------------------------------------------------------------------------------------
# Without -j of the outer make: each script decides how many workers it uses.
demo:
	@tools/deps.sh demo
	@$(MAKE) --no-print-directory MACHINES=scenarios all
	@$(BUILD)/octavo demo

test:
	@tools/deps.sh test
	@BUILD='$(BUILD)' tools/test.sh

# A small kernel with the core in it, on an emulator's walkers and TLBs.
test-boot:
	@tools/deps.sh boot
	@BUILD='$(BUILD)' tools/test-boot.sh

# The pages of check --report in headless Chromium.
test-report:
	@tools/deps.sh report
	@$(MAKE) --no-print-directory all
	@BUILD='$(BUILD)' tools/test-report.sh

tiers:
	@tools/tiers.sh

bench:
	@tools/deps.sh bench
	@$(MAKE) --no-print-directory all
	@BUILD='$(BUILD)' tools/bench.sh

# Instructions per operation of the core, gated.
bench-core:
	@tools/deps.sh bench
	@BUILD='$(BUILD)' tools/bench-core.sh
	@BUILD='$(BUILD)' tools/bench-core.sh --growth

# OPERATIONS: how many, on one CPU and on four, for each architecture.
stress:
	@OPERATIONS='$(OPERATIONS)' tests/sim/stress.sh '$(BUILD)/tests'

# The golden numbers of executions, as they are now. COUNTS: names, such as COUNTS=core/.
counts: all
	@BUILD='$(BUILD)' tools/counts.sh --update $(COUNTS)

# The table of docs/RACES.md, anew.
races: all
	@BUILD='$(BUILD)' tools/races.sh

# Explorer against brute force on 10,000 random programs for each architecture's rules.
brute:
	@tools/deps.sh test
	@$(MAKE) --no-print-directory -f tests/tests.mk OUT=$(BUILD)/tests/gcc brute
	@for arch in arm64 x86_64 riscv64; do echo "$$arch"; \
		$(BUILD)/tests/gcc/brute/compare --programs 10000 --mix --threads 0 --arch $$arch || exit 1; done

# Every scenario under both memory models, both compilers and the sanitizers; every format on the sim.
check-all:
	@tools/deps.sh test
	@BUILD='$(BUILD)' WHOLE='$(ARCHS)' tools/test.sh build whole cli brute sim

# Contracts and static analysers, all of them.
analyse:
	@tools/deps.sh test
	@tools/analyse.sh all

# SECONDS_EACH: for each fuzzer.
fuzz:
	@tools/deps.sh test
	@BUILD='$(BUILD)' tools/fuzz.sh $(or $(SECONDS_EACH),60)

# Line and branch coverage of src/ by the unit tests and the sim.
coverage:
	@tools/deps.sh coverage
	@BUILD='$(BUILD)' tools/coverage.sh

# MUTATE: options of tools/mutate.py, such as MUTATE='--only tlb.c.*order'.
mutate:
	@tools/deps.sh mutate
	@tools/mutate.py $(MUTATE)

# share/octavo has what a host builds the core from. The man page where scdoc is there to make it.
SHARE = $(DESTDIR)$(PREFIX)/share
install: all
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/lib/octavo' '$(DESTDIR)$(PREFIX)/include'
	install $(BUILD)/octavo '$(DESTDIR)$(PREFIX)/bin/octavo'
	cp -R $(BUILD)/lib/. '$(DESTDIR)$(PREFIX)/lib/octavo/'
	cp -RL include/octavo '$(DESTDIR)$(PREFIX)/include/'
	install -d '$(DESTDIR)$(PREFIX)/lib/octavo/model' '$(DESTDIR)$(PREFIX)/lib/octavo/sim'
	install -m 644 machine/model/*.h '$(DESTDIR)$(PREFIX)/lib/octavo/model/'
	install -m 644 machine/sim/check/octavo_sim_port.h '$(DESTDIR)$(PREFIX)/lib/octavo/sim/'
	install -d '$(SHARE)/octavo/machine' '$(SHARE)/pkgconfig' '$(SHARE)/doc/octavo'
	cp -R src '$(SHARE)/octavo/'
	cp -R machine/sim '$(SHARE)/octavo/machine/'
	install -m 644 octavo.mk octavo.cmake '$(SHARE)/octavo/'
	cp -R examples docs/*.md LICENSE '$(SHARE)/doc/octavo/'
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' tools/octavo.pc.in > '$(SHARE)/pkgconfig/octavo.pc'
	if command -v scdoc >/dev/null; then install -d '$(SHARE)/man/man1' && \
		scdoc < docs/octavo.1.scd > '$(SHARE)/man/man1/octavo.1'; fi

clean:
	rm -rf $(BUILD)

# The list of the core's sources, for scripts.
.PHONY: print-core
print-core:
	@echo $(CORE)
