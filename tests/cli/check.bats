#!/usr/bin/env bats
# check.bats: octavo check on the real model. SPDX-License-Identifier: MIT
# OCTAVO_COMMAND names the command (default build/octavo).

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	octavo=${OCTAVO_COMMAND:-build/octavo}
	dir=$(mktemp -d)
}

teardown() {
	rm -rf "$dir"
}

# A scenario with one word and two threads; $1: expected verdict, $2: what must hold of x at the end.
small_scenario() {
	cat > "$dir/small.c" <<-END
	#include <octavo/check.h>
	static int x;
	static void setup(void) { x = 0; }
	static void one(void) { oct_fetch_add(&x, 1, OCT_RLX); }
	static void final(void) { OC_ASSERT(OC_ASSERTION, $2); }
	OC_SCENARIO(.setup = setup, .final = final, .actors = { OC_THREAD(one), OC_THREAD(OC_VARIANT) },
		.variants = { { "plain", one, $1 } })
	END
}

@test "a scenario that holds: status 0" {
	run $octavo check rc11/fetch-add-6 --arch arm64
	[ "$status" -eq 0 ]
	[[ "$output" == *" 720 "* ]]
}

@test "names: exact, all variants, group, unknown" {
	run $octavo check --list rc11/
	[ "$status" -eq 0 ]
	[[ "$output" == *rc11/sb* && "$output" == *rc11/ticket-4* && "$output" != *vmsa/* ]]
	run $octavo check --list questions/E1
	[ "$status" -eq 0 ]
	[[ "$output" == *questions/E1-now* ]]
	run $octavo check --list questions/E1-now
	[ "$(echo "$output" | wc -l)" -eq 3 ]
	run $octavo check questions/E
	[ "$status" -eq 2 ]
	[[ "$output" == *"unknown scenario 'questions/E'"* ]]
}

@test "a name that is not for the architecture asked for: status 2" {
	run $octavo check --arch x86_64 vmsa/ROT+dmb
	[ "$status" -eq 2 ]
}

@test "wrong options: status 2" {
	for arguments in "--bound x" "--arch mips" "--memory tso" "--bbm 3" "--jobs 0" "--time -1" \
		"--max-executions 1x" "--gdb" "--nonsense"; do
		run $octavo check $arguments
		[ "$status" -eq 2 ]
	done
	run $octavo
	[ "$status" -eq 2 ]
	run $octavo frobnicate
	[ "$status" -eq 2 ]
}

@test "a file of one's own: holds" {
	small_scenario OC_HOLDS 'oct_load(&x, OCT_RLX) == 2'
	run $octavo check "$dir/small.c"
	[ "$status" -eq 0 ]
	[[ "$output" == *arm64* && "$output" == *x86_64* ]]
}

@test "a file of one's own: an unexpected verdict is status 1 and shows its schedule" {
	small_scenario OC_HOLDS 'oct_load(&x, OCT_RLX) == 3'
	run $octavo check --arch arm64 "$dir/small.c"
	[ "$status" -eq 1 ]
	[[ "$output" == *UNEXPECTED* && "$output" == *"small.c:4"* && "$output" == *"--replay"* ]]
}

@test "an expected violation that does not happen: status 1" {
	small_scenario 'OC_VIOLATES(OC_ASSERTION)' 'oct_load(&x, OCT_RLX) == 2'
	run $octavo check --arch arm64 "$dir/small.c"
	[ "$status" -eq 1 ]
}

@test "a file that does not compile: the compiler's words, status 2" {
	echo 'int x = ;' > "$dir/bad.c"
	run $octavo check "$dir/bad.c"
	[ "$status" -eq 2 ]
	[[ "$output" == *"bad.c:1"* && "$output" == *"does not compile"* ]]
	run $octavo check "$dir/missing.c"
	[ "$status" -eq 2 ]
}

@test "a file without a scenario: status 2" {
	echo 'int x;' > "$dir/none.c"
	run $octavo check "$dir/none.c"
	[ "$status" -eq 2 ]
	[[ "$output" == *"no OC_SCENARIO"* ]]
}

@test "a file compiled by clang" {
	command -v clang >/dev/null || skip "no clang"
	small_scenario OC_HOLDS 'oct_load(&x, OCT_RLX) == 2'
	CC=clang run $octavo check "$dir/small.c"
	[ "$status" -eq 0 ]
}

@test "temporary libraries are removed" {
	small_scenario OC_HOLDS 'oct_load(&x, OCT_RLX) == 2'
	mkdir "$dir/t"
	TMPDIR="$dir/t" run $octavo check "$dir/small.c"
	[ "$status" -eq 0 ]
	[ -z "$(ls "$dir/t")" ]
}

@test "not exhausted: status 3" {
	run $octavo check --max-executions 10 --arch arm64 rc11/fetch-add-6
	[ "$status" -eq 3 ]
	[[ "$output" == *bounded* ]]
	# what is learnt in the middle of a bounded search starts it anew
	run $octavo check --bound 1 --arch arm64 core/ticket-fork-now
	[ "$status" -eq 3 ]
	run $octavo check --bound 0 --arch arm64 rc11/fetch-add-6
	[ "$status" -eq 3 ]
	run $octavo check --sample 20 --arch arm64 rc11/fetch-add-6
	[ "$status" -eq 3 ]
}

@test "JSON has the documented shape" {
	$octavo check --json --arch arm64 rc11/fetch-add-6 > "$dir/out"
	jq -e '.version and (.results | length == 1)' "$dir/out"
	jq -e '.results[0] | .name == "rc11/fetch-add-6" and .arch == "arm64" and .memory == "rc11"
		and .verdict == "holds" and .expected == "holds" and .invariant == null
		and .executions == 720 and (.blocked | type) == "number"
		and (.events_max | type) == "number" and (.seconds | type) == "number"
		and has("id") and (.schedule | type) == "array"' "$dir/out"
}

@test "JSON of a violation: invariant, id, schedule with source lines" {
	small_scenario OC_HOLDS 'oct_load(&x, OCT_RLX) == 3'
	run $octavo check --json --arch x86_64 "$dir/small.c"
	[ "$status" -eq 1 ]
	echo "$output" | jq -e '.results[0] | .verdict == "violation" and (.invariant | length > 0)
		and (.id | contains("@x86_64")) and (.schedule | length > 1)
		and (.schedule | any(.source | contains("small.c:4")))'
}

@test "--list --json: names with their expected verdicts" {
	$octavo check --list --json > "$dir/out"
	jq -e '.scenarios | any(.name == "vmsa/ROT+dmb" and .arch == "arm64" and .expected == "allowed")' "$dir/out"
	jq -e '.scenarios | all(.expected != null and .arch != null)' "$dir/out"
}

@test "--outcomes --json: states and how often" {
	$octavo check --json --outcomes --arch arm64 rc11/sb > "$dir/out"
	jq -e '.results[0].outcomes | length == 4 and all(.executions == 1 and (.state | type) == "object")' "$dir/out"
}

@test "sequential consistency has fewer executions" {
	rc11=$($octavo check --json --arch arm64 rc11/sb | jq '.results[0].executions')
	sc=$($octavo check --json --arch arm64 --memory sc rc11/sb | jq '.results[0].executions')
	[ "$rc11" -eq 4 ]
	[ "$sc" -eq 3 ]
}

@test "an id replays the same schedule" {
	id=$($octavo check --json --arch arm64 'vmsa/ROT+dmb' | tee "$dir/first" | jq -r '.results[0].id')
	[ "$id" != null ]
	$octavo check --json --replay "$id" > "$dir/second"
	jq '.results[0].schedule' "$dir/first" > "$dir/a"
	jq '.results[0].schedule' "$dir/second" > "$dir/b"
	cmp "$dir/a" "$dir/b"
	[ "$(jq length "$dir/a")" -gt 2 ]
}

@test "an id of a file's scenario replays with the file" {
	small_scenario OC_HOLDS 'oct_load(&x, OCT_RLX) == 3'
	id=$($octavo check --json --arch arm64 "$dir/small.c" | jq -r '.results[0].id')
	run $octavo check --replay "$id" "$dir/small.c"
	[ "$status" -eq 0 ]
	[[ "$output" == *"small.c:4"* ]]
}

@test "an unknown id: status 2" {
	for id in nonsense rc11/sb@arm64 rc11/nope@arm64.rc11.b0.k1 rc11/sb@mips.rc11.b0.k1 \
		rc11/sb@arm64.rc11.b0.k0 rc11/sb@arm64.rc11.b0.k99999; do
		run $octavo check --replay $id
		[ "$status" -eq 2 ]
	done
}

# bats test_tags=long
@test "parallel jobs print the same answers in the same order" {
	$octavo check --json rc11/sb rc11/mp rc11/lb | jq '[.results[] | del(.seconds, .cpu_seconds, .cpu_seconds_workers, .rss_kib)]' > "$dir/one"
	$octavo check --json --jobs 2 rc11/sb rc11/mp rc11/lb | jq '[.results[] | del(.seconds, .cpu_seconds, .cpu_seconds_workers, .rss_kib)]' > "$dir/two"
	cmp "$dir/one" "$dir/two"
}

@test "installed elsewhere it finds its scenarios, core and headers" {
	make --no-print-directory install BUILD="$(dirname "$octavo")" DESTDIR="$dir/root" PREFIX=/usr
	small_scenario OC_HOLDS 'oct_load(&x, OCT_RLX) == 2'
	run "$dir/root/usr/bin/octavo" check --arch arm64 rc11/sb
	[ "$status" -eq 0 ]
	run "$dir/root/usr/bin/octavo" check "$dir/small.c"
	[ "$status" -eq 0 ]
	# The headers are files, the architectures' among them: a host compiles against them.
	[ -z "$(find "$dir/root" -type l)" ]
	echo '#include <octavo/octavo.h>' > "$dir/host.c"
	for arch in ARM64 X86_64; do
		gcc -std=gnu11 -fsyntax-only -DOCT_ARCH_$arch -DOCT_MMU_MACHINE -I"$dir/root/usr/include" "$dir/host.c"
	done
}

# bats test_tags=long
@test "golden counts: a changed number, a new variant and a lost one are told" {
	export BUILD=$(dirname "$octavo")
	run tools/counts.sh checks/leak rc11/sb
	[ "$status" -eq 0 ]
	# What the files say of these two, as answers.
	cat scenario/*/counts-golden.txt | awk '$2 == "sc" && $1 ~ /./' > "$dir/golden"
	awk 'BEGIN { printf "{\"results\":[" } { for (i = 3; i <= NF; i++) { split($i, a, "=")
		printf "%s{\"name\":\"%s\",\"memory\":\"sc\",\"arch\":\"%s\",\"verdict\":\"holds\",\"executions\":%s}", n++ ? "," : "", $1, a[1], a[2] } }
		END { print "]}" }' "$dir/golden" > "$dir/answers"
	run tools/counts.sh --json "$dir/answers" sc
	[ "$status" -eq 0 ]
	jq '.results[3].executions += 1' "$dir/answers" > "$dir/changed"
	run tools/counts.sh --json "$dir/changed" sc
	[ "$status" -eq 1 ]
	[[ "$output" == *"make counts"* ]]
	jq 'del(.results[3])' "$dir/answers" > "$dir/lost"
	run tools/counts.sh --json "$dir/lost" sc
	[ "$status" -eq 1 ]
	jq '.results += [.results[0] | .name = "checks/new"]' "$dir/answers" > "$dir/new"
	run tools/counts.sh --json "$dir/new" sc
	[ "$status" -eq 1 ]
	[[ "$output" == *checks/new* ]]
}

@test "--machine sim: a stress loop finds what the model finds, and proves nothing" {
	export ASAN_OPTIONS=detect_leaks=0 # LeakSanitizer does not run beside the loop's threads
	run $octavo check --machine sim --arch arm64 --max-executions 100000 --time 60 races/14-old
	[ "$status" -eq 0 ]
	[[ "$output" == *"violation I2"*"a stress loop on the sim, no proof"* ]]
	run $octavo check --machine sim --arch x86_64 --max-executions 200 races/14-now
	[ "$status" -eq 3 ]
	[[ "$output" == *bounded*"not exhausted"*"a stress loop, no proof: nothing was found in 200 turns"* ]]
	run $octavo check --machine sim --arch riscv64 --max-executions 200 --json races/14-now
	[ "$status" -eq 3 ]
	[ "$(echo "$output" | jq -r '.results[0] | "\(.machine) \(.verdict) \(.executions)"')" = "sim bounded 200" ]
}

@test "--machine sim: every turn begins with the variables as they were loaded" {
	cat > "$dir/fresh.c" <<-END
	#include <octavo/check.h>
	static unsigned zero, seven = 7;
	static void actor(void) { oct_fetch_add(&zero, 1, OCT_RLX); oct_fetch_add(&seven, 1, OCT_RLX); }
	static void final(void) { OC_ASSERT(OC_ASSERTION, zero == 2 && seven == 9); }
	OC_SCENARIO(.final = final, .actors = { OC_THREAD(actor), OC_THREAD(OC_VARIANT) },
		.variants = { { "plain", actor, OC_HOLDS } })
	END
	run $octavo check --machine sim --max-executions 50 "$dir/fresh.c"
	[ "$status" -eq 3 ]
	[[ "$output" == *"nothing was found in 50 turns"* ]]
}

@test "--machine sim refuses what it cannot do: status 2" {
	run $octavo check --machine sim --arch arm64 classic/mp-relaxed
	[ "$status" -eq 2 ]
	[[ "$output" == *"does not run on the sim: a litmus test"* ]]
	run $octavo check --machine sim --arch arm64 --bbm 2 races/14-now
	[ "$status" -eq 2 ]
	[[ "$output" == *"a knob that only the model has"* ]]
	for option in "--bound 1" "--sample 5" "--memory sc" "--outcomes"; do
		run $octavo check --machine sim $option races/14
		[ "$status" -eq 2 ]
		[[ "$output" == *"explores nothing"* ]]
	done
	run $octavo check --machine emulator races/14
	[ "$status" -eq 2 ]
	run $octavo check --machine sim vmsa/
	[ "$status" -eq 2 ]
}

# bats test_tags=long
@test "each minimal broken scenario has a schedule of under 15 steps" {
	$octavo check --json --jobs 2 checks/ > "$dir/out"
	# what a schedule shows: not the routine of the walk; the last row only says again what is wrong
	jq -r '.results[] | select(.verdict == "violation")
		| "\([.schedule[] | select((.routine | not) and .kind != "fail")] | length) \(.name) \(.arch) \(.invariant)"' "$dir/out" > "$dir/lengths"
	[ "$(wc -l < "$dir/lengths")" -gt 100 ]
	# These show what the model says of the core's own switches, flushes and tables; they are not the minimal ones.
	grep -vE ' checks/(first-run|i3-unlinked-table|i8-device-broken-told|leaf-kept-whole|free-|i7-unaccounted-broken-other-page)' "$dir/lengths" > "$dir/minimal"
	awk '$1 >= 15 { print; bad = 1 } END { exit bad }' "$dir/minimal"
	for kind in I1 I2 I3 I4 I5 I6 I7 I8 I9 I10 I11 race use-after-free deadlock leak assertion; do
		grep -q " $kind\$" "$dir/minimal"
	done
	jq -e 'all(.results[] | select(.verdict == "violation"); .schedule | length > 0)' "$dir/out"
}

# bats test_tags=long
@test "progress: on a terminal with an estimate, elsewhere nothing" {
	command -v script >/dev/null || skip "no script(1)"
	script -qec "$octavo check --time 6 --arch x86_64 core/ticket-lock-dropped-now" /dev/null > "$dir/terminal" || [ $? -eq 3 ]
	tr '\r' '\n' < "$dir/terminal" | grep -E "executions, [0-9]+ blocked, perhaps [0-9.e-]+ % done, .* left"
	$octavo check --time 1 --arch x86_64 core/ticket-lock-dropped-now > /dev/null 2> "$dir/file" || [ $? -eq 3 ]
	[ ! -s "$dir/file" ]
}

# bats test_tags=long
@test "--time and --max-executions end a search in time, and say how far it came" {
	local start=$(date +%s)
	run $octavo check --json --time 1 --arch x86_64 core/ticket-lock-dropped-now
	[ "$status" -eq 3 ]
	[ $(($(date +%s) - start)) -le 5 ]
	[ "$(echo "$output" | jq -r '.results[0].verdict')" = bounded ]
	run $octavo check --json --max-executions 100 --arch arm64 rc11/fetch-add-6
	[ "$status" -eq 3 ]
	[ "$(echo "$output" | jq '.results[0] | .verdict == "bounded" and .executions + .blocked <= 100 and .executions > 0')" = true ]
	# enough for all of it
	run $octavo check --max-executions 100000 --arch arm64 rc11/fetch-add-6
	[ "$status" -eq 0 ]
}

# bats test_tags=long
@test "setup that has no end is a violation; code without accesses that has none, an error in time" {
	cat > "$dir/endless.c" <<-END
	#include <octavo/check.h>
	static uint32_t word;
	static void setup(void) { while (oct_load(&word, OCT_RLX) != 1) ; }
	static void one(void) {}
	OC_SCENARIO(.setup = setup, .actors = { OC_CPU(OC_VARIANT) }, .variants = { { "it", one, OC_VIOLATES(OC_I9) } })
	END
	run $octavo check "$dir/endless.c" --arch arm64
	[ "$status" -eq 0 ]
	[[ "$output" == *"violation I9"* ]]
	cat > "$dir/deaf.c" <<-END
	#include <octavo/check.h>
	static void one(void) { for (;;) asm volatile("" ::: "memory"); }
	OC_SCENARIO(.actors = { OC_CPU(OC_VARIANT) }, .variants = { { "it", one, OC_HOLDS } })
	END
	run timeout 60 $octavo check "$dir/deaf.c" --arch arm64 --time 0.1
	[ "$status" -eq 2 ]
	[[ "$output" == *"something has no end"* ]]
}

# bats test_tags=long
@test "--gdb stops where the execution starts, and goes on to the same answer" {
	id=$($octavo check --json --arch arm64 checks/assertion-broken | jq -r '.results[0].id')
	run $octavo check --replay "$id" --gdb
	[ "$status" -eq 133 ] # SIGTRAP, and nobody there
	command -v gdb >/dev/null || return 0
	export ASAN_OPTIONS=detect_leaks=0 # nor under a debugger
	run gdb -q -batch -ex run -ex bt -ex continue --args $octavo check --replay "$id" --gdb
	[[ "$output" == *SIGTRAP*execute*explore* && "$output" == *"violation"* ]]
}
