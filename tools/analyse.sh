#!/bin/bash
# Static analysers over the core and the sim. SPDX-License-Identifier: MIT
#
# usage: tools/analyse.sh [all]      (make analyse: all)
# Contracts of the public headers (tools/contracts.py), clang-tidy with the project's .clang-tidy, cppcheck, and gcc's
# analyser, for each architecture. Without all the two that walk paths (clang's analyser, and gcc's on more
# than one architecture) are left out. Prints "ok: ..." or "not ok: ..." for each, findings after it.
set -u
cd "$(dirname "$0")/.."
failed=0
core=$(find src -name '*.c' | sort)
machine=$(find machine/sim -maxdepth 1 -name '*.c' | sort)

check() { # what, command...: what it prints is a finding
	local what=$1 found
	shift
	found=$("$@" 2>&1)
	if [ $? -eq 0 ] && [ -z "$found" ]; then
		echo "ok: $what"
	else
		echo "not ok: $what"
		printf '%s\n' "$found" | head -n 40
		failed=1
	fi
}

tidy() { # checks, flags...
	local checks=$1
	shift
	# shellcheck disable=SC2086
	clang-tidy --quiet --checks="$checks" $core $machine -- -std=gnu11 "$@" 2>/dev/null | grep -E '(error|warning):'
	return 0
}

cpp_check() {
	# shellcheck disable=SC2086
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --suppress=ctuuninitvar --library=tools/cppcheck.cfg "$@" $core
}

gcc_analyser() {
	local file
	for file in $core; do
		gcc -std=gnu11 -O2 -fanalyzer "$@" -c -o /dev/null "$file" 2>&1 | grep -E 'warning:|error:'
	done
	return 0
}

if [ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import clang.cindex' 2>/dev/null; then
	tools/contracts.py || failed=1
else
	echo "skip: contracts: python3-clang is missing"
fi
for arch in ARM64 X86_64 RISCV64; do
	flags="-DOCT_ARCH_$arch -DOCT_MMU_MACHINE -Iinclude"
	# shellcheck disable=SC2086
	if command -v clang-tidy >/dev/null; then
		check "clang-tidy, $arch" tidy '-clang-analyzer-*' $flags
		[ "${1:-}" != all ] || check "clang's analyser, $arch" tidy '-*,clang-analyzer-*,-clang-analyzer-deadcode.DeadStores,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling' $flags
	else
		echo "skip: clang-tidy is missing"
	fi
	# shellcheck disable=SC2086
	if command -v cppcheck >/dev/null; then
		check "cppcheck, $arch" cpp_check $flags
	else
		echo "skip: cppcheck is missing"
	fi
	# shellcheck disable=SC2086
	if [ $arch = ARM64 ] || [ "${1:-}" = all ]; then
		check "gcc -fanalyzer, $arch" gcc_analyser $flags
	fi
done
exit $failed
