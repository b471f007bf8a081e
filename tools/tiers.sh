#!/bin/sh
# tiers.sh: each tier links freestanding, for each architecture and compiler. SPDX-License-Identifier: MIT
#
# Compiles with a kernel's flags, joins the objects with ld -r, and fails if a symbol is undefined that
# is not one of the tier's upcalls (tests/tiers/tN.txt) or memcpy, memmove, memset, memcmp. Prints text
# sizes; T0 may not exceed its limit.
# Status 0 good, 1 bad. A compiler that is missing is a skip, said aloud.
set -u
cd "$(dirname "$0")/.." || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0
t0_limit=16384 # bytes of text

flags="-std=c11 -O2 -ffreestanding -fno-pic -fno-asynchronous-unwind-tables -fno-unwind-tables -Iinclude -Wall -Wextra -Wshadow -Wconversion -Werror"
x86_flags="-DOCT_ARCH_X86_64 -mgeneral-regs-only -mno-red-zone -mcmodel=kernel"
arm_flags="-DOCT_ARCH_ARM64 -mgeneral-regs-only -mno-outline-atomics"
riscv_flags="-DOCT_ARCH_RISCV64 -mabi=lp64 -mcmodel=medany -march=rv64imac"

printf '%-8s %-8s %-6s %8s  %s\n' arch compiler tier text verdict

# tier arch compiler-name compiler-command linker nm size extra-flags
tier() {
	dir=$work/$1.$2.$3
	objects=
	mkdir -p "$dir"
	allowed=$dir/allowed
	printf '%s\n' memcpy memmove memset memcmp > "$allowed"
	level=${1#T}
	for lower in 0 1 2 3; do
		[ "$lower" -le "$level" ] && cat "tests/tiers/t$lower.txt" >> "$allowed"
	done
	define=
	[ "$1" = T0 ] && define=-DOCT_TIER=0
	compiled=$work/$2.$3$define # T1 and up have the same objects
	mkdir -p "$compiled"
	for source in $(make -s -f tests/tiers/sources.mk TIER="$1" print); do
		object=$compiled/$(echo "${source#./}" | tr / _).o
		objects="$objects $object"
		# The flags are lists of words.
		# shellcheck disable=SC2086
		if [ ! -e "$object" ] && ! $4 $flags $8 $define -c "$source" -o "$object"; then
			failed=$((failed + 1))
			printf '%-8s %-8s %-6s %8s  does not compile: %s\n' "$2" "$3" "$1" - "$source"
			return
		fi
	done
	# shellcheck disable=SC2086
	if ! $5 -r -o "$dir/core" $objects; then
		failed=$((failed + 1))
		printf '%-8s %-8s %-6s %8s  does not link\n' "$2" "$3" "$1" -
		return
	fi
	bad=$($6 -u "$dir/core" | awk '{print $2}' | grep -vxF -f "$allowed" | tr '\n' ' ')
	text=$($7 "$dir/core" | awk 'NR == 2 {print $1}')
	if [ -n "$bad" ]; then
		failed=$((failed + 1))
		printf '%-8s %-8s %-6s %8s  undefined: %s\n' "$2" "$3" "$1" "$text" "$bad"
	elif [ "$1" = T0 ] && [ "$text" -gt $t0_limit ]; then
		failed=$((failed + 1))
		printf '%-8s %-8s %-6s %8s  more than %s\n' "$2" "$3" "$1" "$text" $t0_limit
	else
		passed=$((passed + 1))
		printf '%-8s %-8s %-6s %8s  links\n' "$2" "$3" "$1" "$text"
	fi
}

# program architecture
missing() {
	command -v "$1" > /dev/null && return 1
	skipped=$((skipped + 4))
	echo "SKIPPED: four tiers for $2: $1 is not installed"
}

for t in T0 T1 T2 T3; do
	command -v gcc > /dev/null && tier $t x86_64 gcc gcc ld nm size "$x86_flags"
	command -v clang > /dev/null && tier $t x86_64 clang "clang --target=x86_64-linux-gnu" ld nm size "$x86_flags"
done
# Tables of 5 levels.
command -v gcc > /dev/null && tier T1 x86_64 gcc_l5 gcc ld nm size "$x86_flags -DOCT_LEVELS=5"
command -v clang > /dev/null && tier T1 x86_64 clang_l5 "clang --target=x86_64-linux-gnu" ld nm size "$x86_flags -DOCT_LEVELS=5"
missing gcc "x86_64 gcc"
missing clang "x86_64, arm64 and riscv64 clang"

# architecture, prefix of its tools, flags, and more of them for gcc
cross() {
	missing "$2-gcc" "$1" && return
	for t in T0 T1 T2 T3; do
		tier $t "$1" gcc "$2-gcc" "$2-ld" "$2-nm" "$2-size" "$3$4"
		command -v clang > /dev/null && tier $t "$1" clang "clang --target=$2" "$2-ld" "$2-nm" "$2-size" "$3"
	done
}
cross arm64 aarch64-linux-gnu "$arm_flags" ""
cross riscv64 riscv64-linux-gnu "$riscv_flags" _zicsr # clang 14 has CSRs without it, and does not know it
command -v riscv64-linux-gnu-gcc > /dev/null && tier T1 riscv64 gcc_l5 riscv64-linux-gnu-gcc riscv64-linux-gnu-ld \
	riscv64-linux-gnu-nm riscv64-linux-gnu-size "${riscv_flags}_zicsr -DOCT_LEVELS=5"

echo "tiers: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
