#!/bin/bash
# Golden numbers of executions. SPDX-License-Identifier: MIT
#
# usage: tools/counts.sh [--update] [NAME...]     (make counts: --update)
#        tools/counts.sh --json FILE MEMORY [GROUP/...]
# scenario/GROUP/counts-golden.txt has, for every variant that is exhausted, its complete executions for each
# memory model and architecture. Without an option they are compared with what the command explores now
# (everything, or the names given); --update writes them; --json compares answers that are there already,
# of these groups only.
set -u
cd "$(dirname "$0")/.."
octavo=${BUILD:-build}/octavo
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One line a variant and memory model: "name memory arch=executions ...". What holds within a bound, or by
# sampling, has no number that means anything.
lines() { # answers as JSON
	jq -r '.results | map(select(.verdict == "holds" or .verdict == "forbidden" or .verdict == "allowed"
			or .verdict == "vacuous")) | group_by([.name, .memory])[]
		| "\(.[0].name) \(.[0].memory) \(sort_by(.arch) | map("\(.arch)=\(.executions)") | join(" "))"' "$1" |
		LC_ALL=C sort
}

# Does the line belong to one of the names?
asked() { # names...
	"$octavo" check --list --json "$@" | jq -r '.scenarios[].name' > "$work/asked"
	awk 'NR == FNR { want[$1]; next } $1 in want' "$work/asked" -
}

compare() { # memory, golden lines, lines of now
	diff "$2" "$3" > "$work/diff" && { echo "exact counts, $1: $(wc -l < "$3") variants"; return 0; }
	sed -n 's/^< /  committed: /p; s/^> /  now:       /p' "$work/diff"
	echo "numbers of executions changed. Why? If it is meant, 'make counts', and the reason in the commit."
	return 1
}

golden() { # memory
	cat scenario/*/counts-golden.txt 2>/dev/null | awk -v m="$1" '$1 !~ /^#/ && $2 == m' | LC_ALL=C sort
}

write() { # names that were explored, or none: all
	local group file
	cat scenario/*/counts-golden.txt 2>/dev/null | grep -v '^#' > "$work/before"
	if [ $# -gt 0 ]; then
		asked "$@" < "$work/before" > "$work/drop"
		grep -vxFf "$work/drop" "$work/before" > "$work/kept"
	else
		: > "$work/kept"
	fi
	LC_ALL=C sort -u "$work/kept" "$work/rc11" "$work/sc" > "$work/all"
	for group in scenario/*/; do
		group=$(basename "$group")
		file=scenario/$group/counts-golden.txt
		grep "^$group/" "$work/all" > "$work/group" || { rm -f "$file"; continue; }
		{
			echo "# Complete executions of what is exhausted. Written by 'make counts'; a change needs its reason."
			cat "$work/group"
		} > "$file"
	done
	git diff --stat -- 'scenario/*/counts-golden.txt'
}

if [ "${1:-}" = --json ]; then
	lines "$2" > "$work/now"
	golden "$3" > "$work/golden"
	if [ $# -gt 3 ]; then
		printf '^%s\n' "${@:4}" > "$work/groups"
		grep -f "$work/groups" "$work/golden" > "$work/asked"
		mv "$work/asked" "$work/golden"
	fi
	compare "$3" "$work/golden" "$work/now"
	exit
fi
update=no status=0
if [ "${1:-}" = --update ]; then
	update=yes
	shift
fi
for memory in rc11 sc; do
	"$octavo" check --json --jobs "$(nproc)" --memory $memory "$@" > "$work/json"
	lines "$work/json" > "$work/$memory"
	[ $update = no ] || continue
	golden $memory | if [ $# -gt 0 ]; then asked "$@"; else cat; fi > "$work/golden"
	compare $memory "$work/golden" "$work/$memory" || status=1
done
[ $update = no ] || write "$@"
exit $status
