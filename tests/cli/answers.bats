#!/usr/bin/env bats
# answers.bats: what the command makes of each answer; the model is a fake (fake_model.c).
# SPDX-License-Identifier: MIT
# FAKE_OCTAVO names the command linked with it (default build/fake/octavo).

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	octavo=${FAKE_OCTAVO:-build/fake/octavo}
}

status_of() {
	run $octavo check --arch arm64 "$@"
	echo "$output"
}

@test "exit status of each answer" {
	for pair in holds:0 violation:0 violation-unexpected:1 bounded:3 bounded-expected:0 vacuous:1 \
		error:2 crash:2; do
		run $octavo check --arch arm64 "fake/answers-${pair%:*}"
		[ "$status" -eq "${pair#*:}" ]
	done
}

@test "a wrong verdict outweighs, then what could not run, then what was not exhausted" {
	run $octavo check fake/
	[ "$status" -eq 1 ]
	run $octavo check fake/answers-holds fake/answers-bounded fake/answers-crash
	[ "$status" -eq 2 ]
	run $octavo check fake/answers-bounded fake/answers-holds
	[ "$status" -eq 3 ]
}

@test "a crash loses one answer, and is named" {
	run $octavo check --jobs 3 --arch arm64 fake/answers-crash fake/answers-holds
	[ "$status" -eq 2 ]
	[[ "$output" == *"crashed: Aborted"* && "$output" == *"fake/answers-holds"*"holds"* ]]
}

@test "the cover point that was not reached is named" {
	run $octavo check --arch arm64 fake/answers-vacuous
	[[ "$output" == *"never reached: cow-copy"* ]]
}

@test "answers are printed in order whichever is ready first" {
	run $octavo check --jobs 4 --arch arm64 fake/answers-slow-holds fake/answers-holds
	[ "$status" -eq 0 ]
	[[ "$output" == *slow-holds*answers-holds* ]]
}

@test "a schedule tells of the stale entry, its source and the lanes" {
	run $octavo check --arch arm64 fake/answers-violation
	[[ "$output" == *"stores 7 to 0x10004 through the stale entry [p3 rw dirty young]"* ]]
	[[ "$output" == *"overwritten at step 2"* ]]
	[[ "$output" == *"tests/cli/answers.c:"* ]]
	[[ "$output" == *"What each TLB may hold"* ]]
}

@test "no colour where the output is no terminal" {
	run $octavo check --arch arm64 fake/answers-violation
	[[ "$output" != *$'\033'* ]]
}
