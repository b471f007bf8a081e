#!/bin/bash
# Every test, part by part. SPDX-License-Identifier: MIT
#
# usage: tools/test.sh [PART...]     (make test: all parts)
# Each part prints what it counted; the last line is the total. What could not be run because a
# tool is missing is counted as skipped and named. Logs: $BUILD/tests/PART.log.
set -u
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
LOGS=$BUILD/tests
mkdir -p "$LOGS"
total_passed=0 total_failed=0 total_skipped=0
passed=0 failed=0 skipped=0
unset MAKEFLAGS MAKELEVEL

ok()   { passed=$((passed + 1)); }
bad()  { failed=$((failed + 1)); echo "  FAILED: $*"; }
skip() { skipped=$((skipped + ${2:-1})); echo "  SKIPPED: $1"; }
have() { command -v "$1" >/dev/null; }

# expect WHAT COMMAND...: one test, its output in the log.
expect() {
	local what=$1
	shift
	echo "== $what: $*" >> "$log"
	if "$@" >> "$log" 2>&1; then ok; else bad "$what (see $log)"; fi
}

# part NAME FUNCTION
part() {
	local start=$SECONDS
	passed=0 failed=0 skipped=0
	log=$LOGS/$1.log
	: > "$log"
	echo "$1"
	"$2"
	printf '  %-20s %d passed, %d failed%s  (%d s)\n' "" "$passed" "$failed" \
		"$([ "$skipped" -eq 0 ] || echo ", $skipped skipped")" $((SECONDS - start))
	total_passed=$((total_passed + passed))
	total_failed=$((total_failed + failed))
	total_skipped=$((total_skipped + skipped))
}

sanitizers="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
# The fake model answers by the name of the variant; everything else is the real command.
fake_make() {
	make "$@" COMMAND="$(echo cli/*.c tests/cli/fake_model.c)" SCENARIOS=tests/cli/answers.c CORE= GLUE=
}

builds() {
	expect "gcc" make BUILD="$BUILD" CC=gcc all
	expect "gcc, sanitized" make BUILD="$BUILD/asan" CC=gcc SANITIZE=address,undefined all
	if have clang; then
		expect "clang" make BUILD="$BUILD/clang" CC=clang all
	else
		skip "clang is missing"
	fi
}

# One unit-test program: cmocka says how many of its tests passed.
unit_program() {
	local out n
	out=$(timeout 300 "$1" 2>&1)
	local status=$?
	printf '== %s\n%s\n' "$1" "$out" >> "$log"
	n=$(printf '%s\n' "$out" | sed -n 's/^\[  PASSED  \] \([0-9]*\) test(s).*/\1/p' | awk '{s += $1} END {print s + 0}')
	passed=$((passed + n))
	if [ $status -ne 0 ]; then
		bad "$1 (status $status, see $log)"
	elif [ "$n" -eq 0 ]; then
		bad "$1 ran no test"
	fi
}

unit_compiler() { # name, compiler, extra flags
	local program
	if ! have "$2"; then
		skip "unit tests under $1: $2 is missing"
		return
	fi
	if ! make -f tests/tests.mk OUT="$LOGS/$1" CC="$2" EXTRA="$3" unit >> "$log" 2>&1; then
		bad "unit tests do not build under $1 (see $log)"
		return
	fi
	for program in "$LOGS/$1"/unit/*/test_*; do
		case $program in *.o | *.d) continue ;; esac
		unit_program "$program"
	done
}

unit() {
	unit_compiler gcc gcc ""
	unit_compiler clang clang ""
	unit_compiler gcc-sanitized gcc "$sanitizers"
}

headers() {
	local header arch cc
	for header in include/octavo/*.h; do
		local model=
		case $header in
		*/check.h | */linux.h) model="-DOCT_MODEL -DOCT_MMU_MACHINE -Imachine/model -DOCT_PORT_HEADER=\"octavo_model_port.h\"" ;;
		esac
		for arch in ARM64 X86_64 RISCV64; do
			for cc in gcc clang; do
				have $cc || continue
				# shellcheck disable=SC2086
				expect "$header alone, C11, $cc, $arch" $cc -std=gnu11 -fsyntax-only -Wall -Wextra -Werror \
					-Wno-unused-function -DOCT_ARCH_$arch $model -DOCT_MMU_MACHINE -Iinclude -x c "$header"
			done
			if have g++; then
				# shellcheck disable=SC2086
				expect "$header alone, C++17, $arch" g++ -std=gnu++17 -fsyntax-only -Wall -Wextra -Werror \
					-Wno-unused-function -DOCT_ARCH_$arch $model -DOCT_MMU_MACHINE -Iinclude -x c++ "$header"
			fi
		done
	done
	have g++ || skip "headers as C++17: g++ is missing"
	have clang || skip "headers under clang: clang is missing"
}

brute() {
	local arch
	if ! make -f tests/tests.mk OUT="$LOGS/gcc" CC=gcc brute >> "$log" 2>&1; then
		bad "brute force does not build (see $log)"
		return
	fi
	expect "hand-made programs" "$LOGS/gcc/brute/selfcheck"
	expect "10,000 random programs agree, arm64" "$LOGS/gcc/brute/compare" --programs 10000 --arch arm64
	tail -n 1 "$log" | sed 's/^/  /'
	expect "2,000 random programs agree, x86-64" "$LOGS/gcc/brute/compare" --programs 2000 --arch x86_64
	tail -n 1 "$log" | sed 's/^/  /'
	expect "textbook maximality is caught" "$LOGS/gcc/brute/compare" --programs 2000 --textbook
	tail -n 1 "$log" | sed 's/^/  /'
}

# All scenarios with one build of the command; each answer is one test.
scenarios_of() { # build directory, what, names...
	local octavo=$1/octavo what=$2 json
	shift 2
	json=$LOGS/scenarios-${what// /-}.json
	if [ ! -x "$octavo" ]; then
		bad "$octavo was not built"
		return
	fi
	"$octavo" check --json --jobs 2 "$@" > "$json" 2>> "$log"
	local status=$? n wrong
	n=$(jq '[.results[] | select(.met)] | length' "$json")
	wrong=$(jq '[.results[] | select(.met | not)] | length' "$json")
	passed=$((passed + ${n:-0}))
	failed=$((failed + ${wrong:-1}))
	jq -r '.results[] | select(.met | not) | "  FAILED: \(.name) \(.arch): \(.verdict) \(.invariant // "") expected \(.expected) \(.text)"' "$json"
	[ $status -eq 0 ] || [ "${wrong:-0}" -gt 0 ] || bad "status $status with every verdict as expected ($what)"
	echo "  $what: $(jq -r '"\([.results[].executions] | add) executions, \([.results[].blocked] | add) blocked"' "$json")"
}

scenarios() {
	if ! have jq; then
		skip "scenarios: jq is missing"
		return
	fi
	scenarios_of "$BUILD" gcc
	counts "$LOGS/scenarios-gcc.json"
	if have clang; then scenarios_of "$BUILD/clang" clang; else skip "scenarios under clang"; fi
	ASAN_OPTIONS=detect_stack_use_after_return=0 scenarios_of "$BUILD/asan" sanitized rc11/ vmsa/
}

# Exact numbers of executions, from the counts.txt beside the scenarios.
counts() {
	local name count got
	while read -r name count; do
		case $name in '' | '#'*) continue ;; esac
		got=$(jq -r --arg name "$name" '[.results[] | select(.name == $name) | .executions] | unique | map(tostring) | join(",")' "$1")
		if [ "$got" = "$count" ]; then ok; else bad "$name: $got executions, not $count"; fi
	done < <(cat scenario/*/counts.txt)
}

command_line() {
	local file
	fake_make BUILD="$BUILD/fake" CC=gcc all >> "$log" 2>&1
	fake_make BUILD="$BUILD/fake-asan" CC=gcc SANITIZE=address,undefined all >> "$log" 2>&1
	if ! have bats || ! have jq; then
		skip "command-line tests: bats or jq is missing"
		return
	fi
	for file in check answers; do
		OCTAVO_COMMAND=$BUILD/octavo FAKE_OCTAVO=$BUILD/fake/octavo bats --tap "tests/cli/$file.bats" > "$log.tap" 2>&1
		tap
	done
	FAKE_OCTAVO=$BUILD/fake-asan/octavo bats --tap tests/cli/answers.bats > "$log.tap" 2>&1
	tap
}

tap() {
	cat "$log.tap" >> "$log"
	passed=$((passed + $(grep -c '^ok [0-9]*' "$log.tap") - $(grep -c '^ok .*# skip' "$log.tap")))
	skipped=$((skipped + $(grep -c '^ok .*# skip' "$log.tap")))
	failed=$((failed + $(grep -c '^not ok' "$log.tap")))
	grep '^not ok' "$log.tap" | sed 's/^/  FAILED: /'
	grep -q '^1\.\.' "$log.tap" || bad "bats did not run (see $log)"
	rm -f "$log.tap"
}

# The script counts for itself and says so in its last line.
tiers() {
	local last
	tools/tiers.sh >> "$log" 2>&1 || [ -s "$log" ] || bad "tools/tiers.sh did not run"
	last=$(grep '^tiers: ' "$log" | tail -n 1)
	if [ -z "$last" ]; then
		bad "tools/tiers.sh ended early (see $log)"
		return
	fi
	grep -E '^(x86_64|arm64|riscv64) ' "$log" | sed 's/^/  /'
	grep '^FAIL' "$log" | sed 's/^/  /'
	passed=$((passed + $(echo "$last" | sed 's/.* \([0-9]*\) passed.*/\1/')))
	failed=$((failed + $(echo "$last" | sed 's/.* \([0-9]*\) failed.*/\1/')))
	skipped=$((skipped + $(echo "$last" | sed 's/.* \([0-9]*\) skipped.*/\1/')))
}

# Every C block of the documents that defines a scenario compiles for each architecture.
documents() {
	local file block arch
	for file in README.md docs/*.md; do
		rm -f "$LOGS"/block-*.c
		awk -v out="$LOGS/block-" '/^```c$/ { n++; inside = 1; next } /^```/ { inside = 0 }
			inside { print > (out n ".c") }' "$file"
		for block in "$LOGS"/block-*.c; do
			[ -e "$block" ] && grep -q OC_SCENARIO "$block" || continue
			for arch in arm64 x86_64; do
				expect "$file, $(basename "$block"), $arch" "$BUILD/octavo" check --list --arch $arch "$block"
			done
		done
	done
	rm -f "$LOGS"/block-*.c
}

examples() {
	local file
	for file in examples/*.c; do
		grep -q OC_SCENARIO "$file" && expect "$file" "$BUILD/octavo" check --jobs 2 "$file"
	done
}

broken() {
	expect "a core without a flush is caught" tests/broken-core.sh "$BUILD"
	grep '^caught' "$log" | sed 's/^/  /'
}

run_part() {
	case $1 in
	build)     part build builds ;;
	unit)      part unit unit ;;
	headers)   part headers headers ;;
	brute)     part brute brute ;;
	scenarios) part scenarios scenarios ;;
	cli)       part cli command_line ;;
	tiers)     part tiers tiers ;;
	documents) part documents documents ;;
	examples)  part examples examples ;;
	broken)    part broken broken ;;
	*)
		echo "test: no part '$1' (build unit headers brute scenarios cli tiers documents examples broken)" >&2
		exit 2
		;;
	esac
}

[ $# -gt 0 ] || set -- build unit headers tiers brute scenarios examples cli documents broken
for name; do run_part "$name"; done
echo "$total_passed passed, $total_failed failed$([ $total_skipped -eq 0 ] || echo ", $total_skipped skipped")"
[ $total_failed -eq 0 ]
