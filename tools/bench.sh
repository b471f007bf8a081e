#!/bin/bash
# Executions per second, medians of five. SPDX-License-Identifier: MIT
#
# usage: tools/bench.sh     (make bench)
# Printed, never gated. The largest scenario of questions/E is the one with the most executions; a smaller one
# would time its setup.
set -eu
cd "$(dirname "$0")/.."
octavo=${BUILD:-build}/octavo

median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# rates NAME ARCH: executions per second, and with the blocked ones, which cost as much
rates() {
	"$octavo" check --json --arch "$2" "$1" |
		jq -r '.results[0] | (if .seconds > 0 then .seconds else 1e-6 end) as $s
			| "\(.executions / $s) \((.executions + .blocked) / $s)"'
}

line() { # name, arch
	local events all
	events=$("$octavo" check --json --arch "$2" "$1" | jq '.results[0].events_max')
	all=$(for _ in 1 2 3 4 5; do rates "$1" "$2"; done)
	printf '%-24s %-7s %4d events %9.0f executions/s, %9.0f with blocked ones\n' "$1" "$2" "$events" \
		"$(echo "$all" | cut -d' ' -f1 | median)" "$(echo "$all" | cut -d' ' -f2 | median)"
}

largest() { # architecture
	"$octavo" check --json --arch "$1" --jobs 2 questions/ |
		jq -r '[.results[] | select(.verdict == "holds")] | max_by(.executions + .blocked) | .name'
}

line rc11/fetch-add-7 arm64
for arch in arm64 x86_64; do
	name=$(largest $arch || true)
	[ -n "$name" ] && [ "$name" != null ] && line "$name" $arch
done
