#!/bin/bash
# The long comparison on the sim, and whether it notices broken cores. SPDX-License-Identifier: MIT
#
# usage: tests/sim/stress.sh OUT     (make stress; OPERATIONS=N, 10,000,000)
set -eu
unset MAKEFLAGS MAKELEVEL
cd "$(dirname "$0")/../.."
out=${1:-build/tests}
operations=${OPERATIONS:-10000000}

make -f tests/sim.mk OUT="$out/gcc" CC=gcc all
for arch in "$out"/gcc/sim/*/; do
	"${arch}stress" --ops "$operations"
	"${arch}stress" --ops "$operations" --cpus 4 --seed 2 --reclaim
	"${arch}stress" --ops "$((operations / 10))" --seed 5 --reclaim
	"${arch}stress" --ops "$((operations / 10))" --cpus 4 --seed 3 --software-bits --reclaim
	"${arch}files" --ops "$((operations / 10))" --cpus 4
	"${arch}sweep" 200
done
make -f tests/sim.mk OUT="$out/sim-tsan" CC=gcc EXTRA=-fsanitize=thread all
for arch in "$out"/sim-tsan/sim/*/; do
	"${arch}stress" --ops "$((operations / 10))" --cpus 4 --seed 4 --reclaim
	"${arch}files" --ops "$((operations / 100))" --cpus 4
done
tests/sim/broken.sh "$out"
