#!/bin/bash
# Every test, part by part. SPDX-License-Identifier: MIT
#
# usage: tools/test.sh [PART...]     (make test: all parts)
# Each part prints what it counted; the last line is the total. What could not be run because a
# tool is missing is counted as skipped and named. Logs: $BUILD/tests/PART.log.
# Two parts run at a time (LANES=N: N), since many of them keep one processor busy only.
# WHOLE="arm64 x86_64 riscv64": nothing is left out for the sake of time (make check-all).
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

# The end of a failed command's output: who reads only what a run printed has to know why.
say_why() { tail -n "${LINES_OF_A_FAILURE:-25}" | sed 's/^/    | /'; }

# expect WHAT COMMAND...: one test, its output in the log.
expect() {
	local what=$1
	shift
	echo "== $what: $*" >> "$log"
	if "$@" > "$log.one" 2>&1; then
		ok
	else
		bad "$what (status $?, see $log)"
		say_why < "$log.one"
	fi
	cat "$log.one" >> "$log"
	rm -f "$log.one"
}

# part NAME FUNCTION: in a process of its own, which leaves its counts in a file
part() {
	local start=$SECONDS
	passed=0 failed=0 skipped=0
	log=$LOGS/$1.log
	: > "$log"
	echo "$1"
	"$2"
	printf '  %-20s %d passed, %d failed%s  (%d s)\n' "" "$passed" "$failed" \
		"$([ "$skipped" -eq 0 ] || echo ", $skipped skipped")" $((SECONDS - start))
	echo "$passed $failed $skipped" > "$LOGS/$1.counts"
}

sanitizers="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
# The fake model answers by the name of the variant; everything else is the real command.
fake_make() {
	make "$@" COMMAND="$(echo cli/*.c tests/cli/fake_model.c)" SCENARIOS=tests/cli/answers.c CORE= GLUE=
}

builds() {
	expect "gcc" make BUILD="$BUILD" CC=gcc all
	expect "gcc, sanitized" make BUILD="$BUILD/asan" LIBRARIES="$BUILD" CC=gcc SANITIZE=address,undefined all
	if have clang; then
		expect "clang" make BUILD="$BUILD/clang" CC=clang MACHINES=scenarios ARCHS="${WHOLE:-x86_64}" all
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
		say_why <<< "$out"
	elif [ "$n" -eq 0 ]; then
		bad "$1 ran no test"
	fi
}

unit_compiler() { # name, compiler, extra flags, formats (all)
	local program
	if ! have "$2"; then
		skip "unit tests under $1: $2 is missing"
		return
	fi
	if ! make -f tests/tests.mk OUT="$LOGS/$1" CC="$2" EXTRA="$3" ${4:+FORMATS="$4" VARIANTS=} unit >> "$log" 2>&1; then
		bad "unit tests do not build under $1 (see $log)"
		return
	fi
	for program in "$LOGS/$1"/unit/*/test_*; do
		case $program in *.o | *.d) continue ;; esac
		unit_program "$program"
	done
}

# Every format with one compiler, the three architectures with the sanitizers, one with the other compiler.
unit() {
	unit_compiler gcc gcc ""
	unit_compiler clang clang "" x86_64
	unit_compiler gcc-sanitized gcc "-O1 $sanitizers" "arm64 x86_64 riscv64"
}

headers() {
	local header arch cc order
	for header in include/octavo/*.h; do
		local model=
		case $header in
		*/check.h | */linux.h) model="-DOCT_MODEL -DOCT_MMU_MACHINE -Imachine/model -DOCT_PORT_HEADER=\"octavo_model_port.h\"" ;;
		esac
		for arch in ARM64 X86_64 RISCV64; do
			for cc in gcc clang; do
				have $cc || continue
				# check.h and linux.h are hosted, and use what gnu11 has.
				# shellcheck disable=SC2086
				expect "$header alone, C11, $cc, $arch" $cc ${model:+-std=gnu11} ${model:--std=c11 -Wshadow -Wconversion} \
					-fsyntax-only -Wall -Wextra -Werror \
					-Wno-unused-function -DOCT_ARCH_$arch -DOCT_MMU_MACHINE -Iinclude -x c "$header"
			done
			if have g++; then
				# shellcheck disable=SC2086
				expect "$header alone, C++17, $arch" g++ -std=gnu++17 -fsyntax-only -Wall -Wextra -Werror \
					-Wno-unused-function -DOCT_ARCH_$arch $model -DOCT_MMU_MACHINE -Iinclude -x c++ "$header"
			fi
		done
	done
	for order in "-DOCT_HUGE_ORDER=0" "-DOCT_FOLIO_ORDER=0" "-DOCT_HUGE_ORDER=0 -DOCT_FOLIO_ORDER=0"; do
		# shellcheck disable=SC2086,SC2046
		expect "the core compiles with $order" gcc -std=gnu11 -fsyntax-only -Wall -Wextra -Wshadow -Wconversion -Werror \
			-DOCT_ARCH_ARM64 -DOCT_MMU_MACHINE $order -Iinclude $(make -s print-core)
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
	# with hardware updates, roots and interrupts; `make brute` tries 10,000 each
	for arch in arm64 x86_64 riscv64; do
		expect "1,000 random programs of all kinds agree, $arch" \
			"$LOGS/gcc/brute/compare" --programs 1000 --mix --threads 0 --arch "$arch"
		tail -n 1 "$log" | sed 's/^/  /'
	done
	expect "textbook maximality is caught" "$LOGS/gcc/brute/compare" --programs 2000 --textbook
	tail -n 1 "$log" | sed 's/^/  /'
}

# All scenarios with one build of the command; each answer is one test.
scenarios_of() { # build directory, what, options and names...
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

# The quick ones: under SC what is there for the memory model; one architecture with clang; on one, with the
# sanitizers, which watch the command, what asks the model for something of its own. `make check-all` leaves
# nothing out.
scenarios() {
	explored "rc11/ vmsa/ classic/ checks/" "--arch x86_64" "--arch arm64 rc11/ vmsa/ classic/ checks/ questions/ races/"
}
explored_wholly() { explored "" "" ""; }

explored() { # names under SC, options with clang, options of the sanitized command
	local -a litmus by_clang part_of_all
	if ! have jq; then
		skip "scenarios: jq is missing"
		return
	fi
	read -ra litmus <<< "$1"
	read -ra by_clang <<< "$2"
	read -ra part_of_all <<< "$3"
	scenarios_of "$BUILD" gcc
	counts rc11 "$LOGS/scenarios-gcc.json" scenario/*/counts.txt
	# A litmus test that is allowed under RC11 only is no failure here.
	"$BUILD/octavo" check --json --jobs 2 --memory sc "${litmus[@]}" > "$LOGS/scenarios-sc.json" 2>> "$log"
	counts sc "$LOGS/scenarios-sc.json" scenario/*/counts-sc.txt -- "${litmus[@]}"
	if have clang; then scenarios_of "$BUILD/clang" clang "${by_clang[@]}"; else skip "scenarios under clang"; fi
	scenarios_of "$BUILD/asan" sanitized "${part_of_all[@]}"
}

# Exact numbers of executions: those with an argument stand in the files beside the scenarios (memory model,
# answers, files), those of every exhausted variant in counts-golden.txt.
counts() { # memory model, answers, files... [-- the names that were explored]
	local name count got memory=$1 json=$2
	local -a files=()
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		files+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	while read -r name count; do
		case $name in '' | '#'*) continue ;; esac
		got=$(jq -r --arg name "$name" '[.results[] | select(.name == $name) | .executions] | unique | map(tostring) | join(",")' "$json")
		if [ "$got" = "$count" ]; then ok; else bad "$name, $memory: ${got:-no} executions, not $count"; fi
	done < <(cat "${files[@]}")
	if tools/counts.sh --json "$json" "$memory" "$@" > "$log.counts" 2>&1; then ok; else bad "golden counts, $memory"; fi
	sed 's/^/  /' "$log.counts"
	cat "$log.counts" >> "$log"
	rm -f "$log.counts"
}

command_line() {
	local file
	local -a short=(--filter-tags '!long')
	[ -z "${WHOLE:-}" ] || short=()
	fake_make BUILD="$BUILD/fake" CC=gcc all >> "$log" 2>&1
	fake_make BUILD="$BUILD/fake-asan" CC=gcc SANITIZE=address,undefined all >> "$log" 2>&1
	if ! have bats || ! have jq; then
		skip "command-line tests: bats or jq is missing"
		return
	fi
	for file in check answers report; do
		OCTAVO_COMMAND=$BUILD/octavo FAKE_OCTAVO=$BUILD/fake/octavo bats --tap "tests/cli/$file.bats" > "$log.tap" 2>&1
		tap
	done
	# Once more with the sanitized command, which reads and refuses there, but what only takes long; the test of
	# make install keeps its flags.
	for file in check ${WHOLE:+answers report}; do
		SANITIZE=address,undefined OCTAVO_COMMAND=$BUILD/asan/octavo FAKE_OCTAVO=$BUILD/fake-asan/octavo \
			bats --tap "${short[@]}" "tests/cli/$file.bats" > "$log.tap" 2>&1
		tap
	done
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

# C blocks of the documents: one with a scenario is explored, another compiles as part of a host. What
# they show of the command runs.
documents() {
	local file block arch line
	for file in README.md docs/*.md; do
		rm -f "$LOGS"/block-*.c
		awk -v out="$LOGS/block-" '/^```c$/ { n++; inside = 1; next } /^```/ { inside = 0 }
			inside { print > (out n ".c") }' "$file"
		for block in "$LOGS"/block-*.c; do
			[ -e "$block" ] || continue
			if grep -q OC_SCENARIO "$block"; then
				expect "$file, $(basename "$block")" "$BUILD/octavo" check "$block"
				continue
			fi
			for arch in ARM64 X86_64 RISCV64; do
				expect "$file, $(basename "$block"), $arch" gcc -std=gnu11 -fsyntax-only -Wall -Wextra -Werror \
					-DOCT_ARCH_$arch -DOCT_MMU_MACHINE -Iinclude -include tests/documents/host.h \
					-Wno-unused-parameter "$block"
			done
		done
		while read -r line; do
			# shellcheck disable=SC2086
			expect "$file: $line" "$BUILD/octavo" $line
		done < <(awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 }
			inside && /^build\/octavo / { sub(/^build\/octavo /, ""); sub(/ *#.*/, ""); print }' "$file")
	done
	rm -f "$LOGS"/block-*.c
	expect "docs/RACES.md says what the races do" env BUILD="$BUILD" tools/races.sh --check
}

# answer WHAT FILE VARIANT ARCH VERDICT [INVARIANT]: one line of a JSON file
answer() {
	local got
	got=$(jq -r --arg name "$3" --arg arch "$4" \
		'.results[] | select((.name == $name or (.name | endswith("-" + $name))) and .arch == $arch) | "\(.verdict) \(.invariant // "")"' "$2")
	if [ "${got% }" = "$5" ]; then ok; else bad "$1, $3 on $4: ${got:-no answer}, not $5"; fi
}

# Hosts of each tier: compile, link with the tier's sources, run.
hosts() { # name, compiler, extra flags, architectures (all)
	local arch tier out sources flags
	have "$2" || { skip "hosts under $1: $2 is missing"; return; }
	for arch in ${4:-ARM64 X86_64 RISCV64}; do
		for tier in 0 1 2; do
			out=$LOGS/$1-t$tier-$arch
			flags="-std=gnu11 -O1 -Wall -Wextra -Wshadow -Wconversion -Werror -DOCT_MMU_MACHINE -DOCT_ARCH_$arch"
			sources=$(make -s -f tests/tiers/sources.mk TIER=T$tier print)
			sources+=" examples/host_mmu.c"
			if [ $tier = 0 ]; then flags+=" -DOCT_TIER=0"; else sources+=" examples/host_pages.c"; fi
			# shellcheck disable=SC2086
			expect "examples/t$tier.c compiles, $1, $arch" "$2" $flags $3 -Iinclude -o "$out" \
				examples/t$tier.c $sources -lpthread
			expect "examples/t$tier.c runs, $1, $arch" timeout 60 "$out"
		done
	done
}

examples() {
	local file arch json=$LOGS/examples.json
	hosts gcc gcc "$sanitizers"
	hosts clang clang "" X86_64 # the tiers were linked for all
	if [ "$(wc -l < examples/t0.c)" -le 60 ]; then ok; else bad "examples/t0.c has more than 60 lines"; fi
	expect "docs/PORTING.md begins with examples/t0.c" cmp examples/t0.c \
		<(awk '/^```c$/ { inside = 1; next } /^```/ { if (inside) exit } inside' docs/PORTING.md)
	for file in examples/*.c; do
		grep -q OC_SCENARIO "$file" && expect "$file" "$BUILD/octavo" check --jobs 2 "$file"
	done
	expect "every name of octavo/linux.h" "$BUILD/octavo" check --jobs 2 tests/linux/names.c
	for file in gcc clang; do
		have $file && expect "every name of octavo/linux.h, $file, warnings" $file -std=gnu11 -fsyntax-only -Wall -Wextra \
			-Wshadow -Wconversion -Werror -Wno-unused-function -Wno-missing-field-initializers -DOCT_ARCH_ARM64 -DOCT_MODEL \
			-DOCT_MMU_MACHINE -DOCT_PORT_HEADER='"octavo_model_port.h"' -Imachine/model -Iinclude tests/linux/names.c
	done
	# What the header defines and no test calls.
	sed -n 's/^#define \([a-zA-Z_]*\)(.*/\1/p; s/^static inline .*[ *]\([a-zA-Z_]*\)(.*/\1/p' include/octavo/linux.h |
		grep -v '^linux_\|^spin_take$\|^folio_core$\|^$' | sort -u > "$LOGS/linux-names"
	expect "octavo/linux.h: every name is tested" \
		[ -z "$(grep -ohE '[A-Za-z_]+' tests/linux/names.c examples/mail-*.c | sort -u | comm -23 "$LOGS/linux-names" - | tee -a "$log")" ]
	have jq || return
	"$BUILD/octavo" check --json examples/mail-clear-refs.c examples/mail-migrate-device.c \
		examples/mail-clean-record.c examples/mail-retract.c examples/foreign-cow.c > "$json" 2>> "$log"
	answer "retraction of the mail" "$json" mail-retract-old arm64 "violation use-after-free"
	answer "retraction of the mail" "$json" mail-retract-old x86_64 holds
	for arch in arm64 x86_64 riscv64; do
		answer "clear_refs of the mail" "$json" mail-clear-refs-old $arch "violation I2"
		answer "clear_refs of the mail" "$json" mail-clear-refs-fixed $arch holds
		answer "device migration of the mail" "$json" mail-migrate-device-old $arch "violation I3"
		answer "device migration of the mail" "$json" mail-migrate-device-fixed $arch holds
		answer "dirty bits of the mail" "$json" mail-clean-record-old $arch "violation I3"
		answer "dirty bits of the mail" "$json" mail-clean-record-plain $arch "violation I3"
		answer "dirty bits of the mail" "$json" mail-clean-record-fixed $arch holds
		answer "retraction of the mail" "$json" mail-retract-fixed $arch holds
		answer "the foreign copy-on-write" "$json" foreign-cow-old-seen $arch "violation I2"
		answer "the foreign copy-on-write" "$json" foreign-cow-fixed $arch holds
	done
}

# What a visitor sees first: every question with its answers, and a schedule with lanes.
demo() {
	local text out=$LOGS/demo.out
	"$BUILD/octavo" demo > "$out" 2>> "$log"
	expect "octavo demo: status" [ $? -eq 0 ]
	for text in '^E1  ' '^E2  ' '^E3  ' '^E4  ' '^E5  ' '^E6  ' 'every answer is the expected one' \
		'through the stale entry' 'What each TLB may hold' '--replay questions/'; do
		expect "octavo demo: $text" grep -e "$text" "$out"
	done
	if grep -q 'UNEXPECTED' "$out"; then bad "octavo demo has an unexpected answer (see $out)"; else ok; fi
}

broken() {
	have jq || { skip "broken cores: jq is missing"; return; }
	tests/broken-core.sh "$BUILD" >> "$log" 2>&1
	local status=$?
	passed=$((passed + $(grep -c '^caught: ' "$log")))
	failed=$((failed + $(grep -c '^missed: ' "$log")))
	sed -n 's/^caught: \([^:]*\): \(.*\) in .*/  caught: \1 (\2)/p; s/^missed: /  FAILED: /p' "$log"
	[ $status -eq 0 ] || grep -q '^missed: ' "$log" || bad "tests/broken-core.sh ended early (see $log)"
	[ "$(grep -c '^caught: \|^missed: ' "$log")" -ge 4 ] || bad "fewer than four broken cores (see $log)"
}

# The core on the sim machine: N CPUs as threads, compared with a plain map.
sim_programs() { # name, compiler, extra flags, operations, sequences of the sweep, formats (all)
	local program dir
	if ! make -f tests/sim.mk OUT="$LOGS/$1" CC="$2" EXTRA="$3" ${6:+FORMATS="$6"} tests >> "$log" 2>&1; then
		bad "the sim does not build under $1 (see $log)"
		return
	fi
	for program in "$LOGS/$1"/sim/*/stress; do
		dir=${program%stress}
		case " ${6:-$(basename "$dir")} " in *" $(basename "$dir") "*) ;; *) continue ;; esac # of an earlier build
		expect "${dir}hardware" timeout 60 "${dir}hardware"
		expect "$program, 1 CPU" timeout 300 "$program" --ops "$4"
		expect "$program, 1 CPU, large folios, reclaim" timeout 300 "$program" --ops "$4" --large --reclaim
		expect "${dir}files, 4 CPUs" timeout 300 "${dir}files" --ops "$(($4 / 4))" --cpus 4
		expect "${dir}shadow, 4 CPUs" timeout 300 "${dir}shadow" --ops "$(($4 / 4))" --cpus 4
		expect "${dir}shadow that sleeps" timeout 300 "${dir}shadow" --ops "$(($4 / 8))" --cpus 4 --notifier
		expect "$program, 4 CPUs, reclaim, I/O fails" timeout 300 "$program" --ops "$4" --cpus 4 --reclaim --io-fails
		expect "$program, software sets bits, large folios" timeout 300 "$program" --ops "$4" --cpus 4 --software-bits --reclaim --large
		expect "${dir}sweep" timeout 300 "${dir}sweep" "$5"
	done
}

# The three architectures under gcc; with the further numbers of levels in make check-all, and long runs in make stress.
sim() {
	local formats="arm64 x86_64 riscv64"
	[ -z "${WHOLE:-}" ] || formats=
	expect "every call is made" tests/sim/called.sh
	sim_programs gcc gcc "" 120000 10 "$formats"
	# A shadow that fills in what has gone meanwhile is found out.
	expect "shadow without a second look" bash -c "timeout 60 '$LOGS/gcc/sim/x86_64/shadow' \
		--ops 60000 --cpus 4 --no-retry; status=\$?; [ \$status = 1 ] || [ \$status = 134 ]"
	expect "shadow that does not wait" bash -c "timeout 60 '$LOGS/gcc/sim/x86_64/shadow' \
		--ops 60000 --cpus 4 --notifier --no-retry; status=\$?; [ \$status = 1 ] || [ \$status = 134 ]"
	grep -A1 '4 CPUs: .*all pages back' "$log" | sed '/^--/d; /^==/d; s/^/  /'
	sim_programs sim-asan gcc "-O1 $sanitizers" 40000 2 "arm64 x86_64"
	sim_programs sim-tsan gcc "-O1 -fsanitize=thread" 40000 1 "arm64 x86_64"
	if have clang; then sim_programs clang clang "" 40000 2 riscv64; else skip "sim under clang"; fi
}

# Scripts that print "ok: ..." and "not ok: ..." for each check, "skip: ..." for what cannot be made here.
checked_by() { # command...
	timeout 600 "$@" >> "$log" 2>&1
	local status=$?
	passed=$((passed + $(grep -c '^ok: ' "$log")))
	failed=$((failed + $(grep -c '^not ok: ' "$log")))
	skipped=$((skipped + $(grep -c '^skip: ' "$log")))
	sed -n 's/^not ok: /  FAILED: /p; s/^skip: /  SKIPPED: /p; s/^count: /  /p' "$log"
	[ $status -eq 0 ] || grep -q '^not ok: ' "$log" || bad "$1 ended with status $status (see $log)"
	grep -q '^ok: ' "$log" || bad "$1 checked nothing (see $log)"
}

# The quick ones; make analyse runs all.
analysed() { checked_by tools/analyse.sh; }

# A short run of each fuzzer that is always the same.
fuzzed() { checked_by tools/fuzz.sh 0; }

installed() { checked_by tests/install.sh "$BUILD" "$LOGS/install"; }

run_part() {
	case $1 in
	build)     part build builds ;;
	unit)      part unit unit ;;
	headers)   part headers headers ;;
	brute)     part brute brute ;;
	scenarios) part scenarios scenarios ;;
	whole)     part whole explored_wholly ;;
	cli)       part cli command_line ;;
	tiers)     part tiers tiers ;;
	documents) part documents documents ;;
	examples)  part examples examples ;;
	demo)      part demo demo ;;
	broken)    part broken broken ;;
	sim)       part sim sim ;;
	install)   part install installed ;;
	analyse)   part analyse analysed ;;
	fuzz)      part fuzz fuzzed ;;
	*)
		echo "test: no part '$1' (build unit headers brute scenarios whole cli tiers documents examples demo broken sim install analyse fuzz)" >&2
		exit 2
		;;
	esac
}

# ---- All of them -----------------------------------------------------------------------------------
declare -A part_of=() # process: its part
start_part() {
	rm -f "$LOGS/$1.counts"
	run_part "$1" > "$LOGS/$1.said" 2>&1 &
	part_of[$!]=$1
}

# Waits until one part has ended, prints what it said and adds its counts.
finish_part() {
	local process name counted=() IFS=' '
	wait -n -p process
	name=${part_of[$process]}
	unset "part_of[$process]"
	cat "$LOGS/$name.said"
	if read -r -a counted 2>/dev/null < "$LOGS/$name.counts"; then
		total_passed=$((total_passed + counted[0]))
		total_failed=$((total_failed + counted[1]))
		total_skipped=$((total_skipped + counted[2]))
	else
		echo "  FAILED: $name ended early"
		total_failed=$((total_failed + 1))
	fi
}

is_running() { [[ " ${part_of[*]} " == *" $1 "* ]]; }

# Parts in the background do not hear an interrupt by themselves.
# shellcheck disable=SC2046
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM

# What a part needs is finished before it starts: everything needs the build, brute objects of unit.
[ $# -gt 0 ] || set -- build unit sim cli tiers broken scenarios analyse brute headers fuzz examples install documents demo
for name; do
	while [ ${#part_of[@]} -ge "${LANES:-2}" ] || is_running build || { [ "$name" = brute ] && is_running unit; }; do
		finish_part
	done
	start_part "$name"
done
while [ ${#part_of[@]} -gt 0 ]; do finish_part; done
echo "$total_passed passed, $total_failed failed$([ $total_skipped -eq 0 ] || echo ", $total_skipped skipped")"
[ $total_failed -eq 0 ]
