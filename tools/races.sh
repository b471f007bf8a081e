#!/bin/bash
# The table of docs/RACES.md, from a run. SPDX-License-Identifier: MIT
#
# usage: tools/races.sh [--check]     (make races)
# Explores scenario/races/ on every architecture and writes what came of it: one line a race. --check: nothing
# is written; fails if the table says something else than the run, seconds apart.
set -eu
cd "$(dirname "$0")/.."
octavo=${BUILD:-build}/octavo
file=docs/RACES.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$octavo" check --json --jobs 2 races/ > "$work/answers"

# What a race is, from the first sentence of its file.
title() { # row
	awk 'NR == 1 { sub(/^\/\* races\/[0-9]*: /, "") } { sub(/^ \* /, ""); text = text $0 " " }
		/\*\/|^$/ { exit } END { sub(/SPDX.*/, "", text); sub(/[.;] .*/, "", text); sub(/[. ]*$/, "", text); print text }' "scenario/races/$1.c"
}

rows() {
	local row
	for row in $(jq -r '.results[].name | match("races/([0-9]+)").captures[0].string' "$work/answers" | sort -u); do
		jq -r --arg row "$row" --arg title "$(title "$row")" '
			def archs: ["arm64", "x86_64", "riscv64"];
			def each(f): . as $all | archs | map(. as $a | ($all | map(select(.arch == $a)) | if length == 0 then "-" else f end)) | join(" / ");
			[.results[] | select(.name | startswith("races/" + $row + "-"))] as $all
			| ($all | map(select(.name == "races/" + $row + "-old"))) as $old
			| ($all | map(select(.name | startswith("races/" + $row + "-now")))) as $now
			| "| \($row) | \($title) | \($old | each(.[0] | if .verdict == "violation" then .invariant else .verdict end)) | \($old | each(.[0].schedule // [] | map(select((.routine | not) and .kind != "fail")) | length | tostring)) | \($now | each(map(.verdict) | unique | join(", "))) | \($now | each(map(.executions) | add | tostring)) | \($all | map(.seconds) | add * 100 | round / 100) |"' "$work/answers"
	done
}

{
	sed '/^| row/,$d' "$file"
	echo '| row | race | `old`: found | steps | `now` | executions | seconds |'
	echo '|---|---|---|---|---|---|---|'
	rows
} > "$work/new"
without_seconds() { sed -E 's/ [0-9.]+ \|$//' "$1"; }
if [ "${1:-}" = --check ]; then
	diff <(without_seconds "$file") <(without_seconds "$work/new")
else
	cp "$work/new" "$file"
fi
