#!/bin/bash
# Instructions that the core takes per operation, counted by callgrind on the sim. SPDX-License-Identifier: MIT
#
# usage: tools/bench-core.sh [--growth] [--update]     (make bench-core)
# Prints each count beside the one of bench/counts.txt; a rise of over 5 % fails, if the compiler is the
# one that made the file. Only instructions of src/ and of the headers inlined there count: not clearing
# and copying pages, not the host's allocator. --growth: counts per page from 1 to 1,000,000 pages, and
# per call from 1 to 100,000 areas; fails where that grows with their number. --update: writes bench/counts.txt anew (say why in the commit).
set -eu
unset MAKEFLAGS MAKELEVEL
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
out=$BUILD/bench-core
compiler=$(gcc --version | head -n 1 | sed 's/.* //')
growth=no update=no
for option; do
	case $option in
	--growth) growth=yes ;;
	--update) update=yes ;;
	*) echo "usage: tools/bench-core.sh [--growth] [--update]" >&2; exit 2 ;;
	esac
done
command -v valgrind >/dev/null || { echo "bench-core: valgrind is missing" >&2; exit 2; }
formats=${FORMATS:-arm64 x86_64 riscv64}
# A million pages twice; their contents, which nobody looks at here, would be gigabytes.
[ $growth = no ] || out=$BUILD/bench-growth
[ $growth = no ] || extra="-DSIM_PAGES=4194304ul -DSIM_NO_CONTENTS"
for format in $formats; do
	make -s -f tests/sim.mk OUT="$out" CC=gcc EXTRA="${extra:-}" FORMATS="$format" "$out/sim/$format/bench"
done

# dumps ARCH MODE: "operation number instructions-of-the-core" for each dump, in order
dumps() {
	rm -f "$out"/dump."$1".*
	valgrind -q --tool=callgrind --collect-atstart=no --callgrind-out-file="$out/dump.$1" \
		"$out/sim/$1/bench" "$2" >&2
	for file in $(ls -v "$out"/dump."$1".*); do
		awk '/^desc: Trigger: Client Request: / { name = $5 " " $6 }
			# Names are numbered when they first come: fl=(3) path, later fl=(3).
			/^(fl|fi|fe)=/ {
				id = $1; sub(/^f.=/, "", id)
				if (NF > 1) path[id] = $2
				if ($1 ~ /^fl=/) core = path[id] ~ /(^|\/)src\/[a-z]+\/[a-z_]+\.c$/
				next
			}
			/^cfi=|^cfl=/ { id = $1; sub(/^cf.=/, "", id); if (NF > 1) path[id] = $2; next }
			/^calls=/ { skip = 1; next }
			/^[0-9+*-]/ { if (!skip && core) sum += $NF; skip = 0 }
			END { if (name != "") print name, sum + 0 }' "$file"
	done
}

# per NAME: is the count per page (or per area), or per call?
shape='function per(name, number, total) {
	return name ~ /^area-(mmap|fault|mprotect|munmap)/ ? total : total / number
}'

# Per page nothing may take more at a million than at a thousand; among 100,000 areas a call, or one area's share
# of it, less than twice as much as among 1,000: trees get deeper by two thirds.
if [ $growth = yes ]; then
	failed=0
	for arch in $formats; do
		dumps "$arch" growth | awk -v arch="$arch" "$shape"'{
			count = per($1, $2, $3)
			if (!($1 in row)) { row[$1] = ""; order[++n] = $1 }
			row[$1] = row[$1] sprintf("%10.0f", count)
			if ($2 == 1000) small[$1] = count
			last[$1] = count
		} END {
			printf "%-8s %-15s%10s%10s%10s%10s%10s%10s%10s\n", arch, "instructions", 1, 10, 100, 1000, 10000, 100000, 1000000
			for (i = 1; i <= n; i++) {
				name = order[i]
				grows = last[name] > small[name] * (name ~ /^area-/ ? 2 : 1.1) + 2
				printf "%-8s %-15s%s%s\n", "", name, row[name], grows ? "  GROWS" : ""
				failed += grows
			}
			exit failed > 0 || n < 19
		}' || failed=1
	done
	exit $failed
fi

for arch in $formats; do
	dumps "$arch" counts | awk -v arch="$arch" "$shape"'{ printf "%s %s %.0f\n", arch, $1, per($1, $2, $3) }'
done > "$out/counts"

if [ $update = yes ]; then
	{
		echo "# Instructions of the core per page (area-fork, area-exit: per area; other area-: per call among"
		echo "# 1,000 areas). Made by tools/bench-core.sh --update with:"
		echo "# compiler $compiler -O2"
		cat "$out/counts"
	} > bench/counts.txt
fi
[ -e bench/counts.txt ] || { cat "$out/counts"; exit; }
same=$(grep -c "^# compiler $compiler " bench/counts.txt || true)
[ "$same" -gt 0 ] || echo "bench-core: another compiler than the committed figures'; printed, not gated"
awk -v gate="$same" '
	NR == FNR { if (!/^#/) was[$1 " " $2] = $3; next }
	{
		key = $1 " " $2
		verdict = !(key in was) ? "new" : $3 > was[key] * 1.05 + 1 ? "RISEN" : ""
		if (verdict == "RISEN" && gate) failed = 1
		printf "%-8s %-15s %7d instructions, committed %7s  %s\n", $1, $2, $3, (key in was) ? was[key] : "-", verdict
		seen[key] = 1
	}
	END {
		for (key in was) if (!(key in seen)) { print "bench-core: not measured: " key; failed = 1 }
		exit failed
	}' bench/counts.txt "$out/counts"
