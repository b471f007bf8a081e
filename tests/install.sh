#!/bin/bash
# Does an installed copy serve a host outside the tree? SPDX-License-Identifier: MIT
#
# usage: tests/install.sh BUILD OUT
# Installs into OUT/root, then builds and runs the examples from there alone: by pkg-config and octavo.mk, and
# by CMake. A line "ok: ..." or "not ok: ..." for each check.
set -u
unset MAKEFLAGS MAKELEVEL
cd "$(dirname "$0")/.."
build=$1
out=$(mkdir -p "$2" && cd "$2" && pwd)
root=$out/root prefix=$out/root/opt/octavo
failed=0

check() { # what, command...
	local what=$1
	shift
	echo "== $what: $*"
	if "$@"; then echo "ok: $what"; else echo "not ok: $what"; failed=1; fi
}

rm -rf "$out/root" "$out/host" "$out/cmake"
check "make install" make --no-print-directory install BUILD="$build" PREFIX="$prefix"
mkdir -p "$out/host" "$out/cmake"
export PKG_CONFIG_PATH=$prefix/share/pkgconfig
check "pkg-config knows it" pkg-config --exists octavo
cp "$prefix"/share/doc/octavo/examples/{t0,t1,t2,host_mmu,host_pages}.c "$out/host/"
cat > "$out/host/Makefile" <<'END'
OCTAVO := $(shell pkg-config --variable=sourcedir octavo)
include $(OCTAVO)/octavo.mk
FLAGS := -std=gnu11 -O2 -Wall -Wextra -Werror $(shell pkg-config --cflags octavo) -DOCT_MMU_MACHINE $(OCTAVO_X86_64)
t0: t0.c host_mmu.c $(OCTAVO_T0_SOURCES)
	cc $(FLAGS) -DOCT_TIER=0 -o $@ $^
t1: t1.c host_mmu.c host_pages.c $(OCTAVO_T1_SOURCES)
	cc $(FLAGS) -o $@ $^ -lpthread
t2: t2.c host_mmu.c host_pages.c $(OCTAVO_T2_SOURCES)
	cc $(FLAGS) -o $@ $^ -lpthread
kernel.o: $(firstword $(OCTAVO_T1_SOURCES))
	cc $(OCTAVO_CFLAGS) $(OCTAVO_X86_64) -c -o $@ $<
END
for tier in t0 t1 t2; do
	check "$tier builds with octavo.mk" make --no-print-directory -C "$out/host" $tier
	check "$tier runs" timeout 60 "$out/host/$tier"
done
check "OCTAVO_CFLAGS find the headers" make --no-print-directory -C "$out/host" kernel.o
if command -v cmake >/dev/null; then
	cp "$out"/host/{t1,host_mmu,host_pages}.c "$out/cmake/"
	cat > "$out/cmake/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.18)
project(host C)
include($prefix/share/octavo/octavo.cmake)
add_executable(t1 t1.c host_mmu.c host_pages.c \${OCTAVO_T1_SOURCES})
target_include_directories(t1 PRIVATE \${OCTAVO_INCLUDE})
target_compile_definitions(t1 PRIVATE OCT_ARCH_ARM64 OCT_MMU_MACHINE)
target_link_libraries(t1 pthread)
END
	check "CMake configures" cmake -S "$out/cmake" -B "$out/cmake/build"
	check "CMake builds" cmake --build "$out/cmake/build"
	check "CMake's t1 runs" timeout 60 "$out/cmake/build/t1"
fi
if command -v scdoc >/dev/null && command -v man >/dev/null; then
	check "man page" sh -c "MANWIDTH=80 man -P cat -l '$prefix/share/man/man1/octavo.1' | grep -q 'EXIT STATUS'"
fi
# Every option has a place in the man page.
for option in $("$prefix/bin/octavo" check --help | grep -o -- '--[a-z][a-z0-9-]*' | sort -u | grep -v -- '--usage\|--help\|--version'); do
	check "man page tells $option" grep -q -- "\*$option\*" docs/octavo.1.scd
done
check "nothing names the tree" sh -c "! grep -rIl -e '$(pwd)/src' -e '$(pwd)/include' '$prefix/share' '$prefix/include'"
exit $failed
