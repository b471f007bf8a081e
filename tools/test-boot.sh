#!/bin/sh
# The core in a kernel of its own under QEMU: riscv64, Sv39, Sv48 and Sv57. SPDX-License-Identifier: MIT
#
# make test-boot. Builds tests/boot/riscv64 with T1 and boots it on two harts under OpenSBI: the walkers and
# TLBs are QEMU's, the remote fences the firmware's. Fails if a check fails or the last line is missing.
set -u
cd "$(dirname "$0")/.." || exit 2
out=${BUILD:-build}/boot
mkdir -p "$out" || exit 2
cross=riscv64-linux-gnu-
for tool in ${cross}gcc qemu-system-riscv64; do
	command -v $tool > /dev/null || { echo "test-boot: $tool is missing" >&2; exit 2; }
done

status=0
for levels in 3 4 5; do
	name=$out/riscv64-$levels
	${cross}gcc -std=gnu11 -O2 -g -ffreestanding -fno-builtin -fno-pic -static -nostdlib -march=rv64imac_zicsr \
		-mabi=lp64 -mcmodel=medany -Wall -Wextra -Wshadow -Wconversion -Werror -Iinclude -DOCT_ARCH_RISCV64 \
		-DOCT_LEVELS=$levels -Wl,-T,tests/boot/riscv64/kernel.ld -Wl,--build-id=none -o "$name.elf" \
		tests/boot/riscv64/start.S tests/boot/riscv64/kernel.c src/tlb/*.c src/table/*.c || exit 1
	${cross}objcopy -O binary "$name.elf" "$name.bin" || exit 1
	timeout 60 qemu-system-riscv64 -M virt -m 128M -smp 2 -nographic -kernel "$name.bin" \
		< /dev/null 2> "$name.errors" | tr -d '\r' > "$name.log"
	grep -E '^(FAILED|panic)' "$name.log"
	echo "riscv64, $levels levels: $(grep '^boot: ' "$name.log" || echo "did not end, see $name.log")"
	grep -q '^boot: [1-9][0-9]* passed, 0 failed$' "$name.log" || status=1
done
exit $status
