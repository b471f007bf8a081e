# Prints the sources of TIER, for tools/tiers.sh. SPDX-License-Identifier: MIT
include octavo.mk
print:
	@echo $(OCTAVO_$(TIER)_SOURCES)
