#!/bin/bash
# Line and branch coverage of the core by the unit tests and the sim. SPDX-License-Identifier: MIT
#
# usage: tools/coverage.sh      (make coverage)
# Compiles both with gcc's --coverage for each architecture, runs them, and prints gcovr's table of src/; the
# lines that no test ran are in build/coverage/index.html.
set -eu
unset MAKEFLAGS MAKELEVEL
cd "$(dirname "$0")/.."
out=${BUILD:-build}/coverage
formats=${FORMATS:-arm64 x86_64 riscv64}

rm -rf "$out"
mkdir -p "$out"
programs=
for format in $formats; do
	for test in tests/unit/test_*.c; do
		wanted=$(sed -n '1,12s/.*formats: *\([a-z0-9_ ]*\).*/\1/p' "$test")
		case " ${wanted:-$format} " in *" $format "*) programs="$programs $out/unit/$format/$(basename "${test%.c}")" ;; esac
	done
done
# shellcheck disable=SC2086
make -s -f tests/tests.mk OUT="$out" CC=gcc EXTRA=--coverage FORMATS="$formats" $programs > "$out/log" 2>&1
make -s -f tests/sim.mk OUT="$out" CC=gcc EXTRA=--coverage FORMATS="$formats" tests >> "$out/log" 2>&1
for program in $programs; do
	timeout 300 "$program" >> "$out/log" 2>&1 || echo "coverage: $program fails (see $out/log)"
done
for format in $formats; do
	for options in "--ops 40000 --large" "--ops 40000 --reclaim --io-fails" "--ops 40000 --cpus 4 --reclaim --software-bits"; do
		# shellcheck disable=SC2086
		timeout 600 "$out/sim/$format/stress" $options >> "$out/log" 2>&1 || echo "coverage: $format stress fails (see $out/log)"
	done
	timeout 300 "$out/sim/$format/sweep" 10 >> "$out/log" 2>&1 || echo "coverage: $format sweep fails (see $out/log)"
done
gcovr --root . --filter 'src/' --exclude-unreachable-branches --exclude-throw-branches --gcov-ignore-parse-errors \
	--html-details "$out/index.html" --txt "$out/lines.txt" --print-summary "$out/unit" "$out/sim" > "$out/summary.txt"
grep -E '^src/' "$out/lines.txt" | awk '{ printf "%-32s %6s lines\n", $1, $4 }'
gcovr --root . --filter 'src/' --exclude-unreachable-branches --gcov-ignore-parse-errors --branches --txt - "$out/unit" "$out/sim" |
	grep -E '^TOTAL' | awk '{ print "branches: " $4 }'
grep -E '^(lines|branches)' "$out/summary.txt"
