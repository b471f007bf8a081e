#!/bin/sh
# Installs the packages of packages.txt that are missing. SPDX-License-Identifier: MIT
#
# usage: tools/deps.sh demo|test|boot|report|mutate
# Prints names and sizes first. DEPS=no in the environment refuses to install: says what is missing
# and fails only where the build itself cannot do without (demo).
set -eu
cd "$(dirname "$0")/.."
want=${1:-demo}

list() {
	awk -v want="$want" '/^[^#]/ && ($2 == "demo" || $2 == want) { print $1 }' packages.txt
}

if ! command -v dpkg-query >/dev/null; then
	echo "deps: not a Debian system; needed are: $(list | tr '\n' ' ')" >&2
	exit 0
fi

missing=
for package in $(list); do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "${DEPS:-yes}" = no ]; then
	echo "deps: missing:$missing (DEPS=no: not installed)" >&2
	[ "$want" = demo ] && exit 1
	exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "deps: missing:$missing" >&2
	echo "deps: install them, or run as root: apt-get install$missing" >&2
	[ "$want" = demo ] && exit 1
	exit 0
fi

export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
plan=$(apt-get install -y --no-install-recommends --simulate $missing 2>/dev/null) || {
	apt-get update -q >/dev/null
	plan=$(apt-get install -y --no-install-recommends --simulate $missing)
}
echo "deps: installing"
# shellcheck disable=SC2046
apt-cache show --no-all-versions $(printf '%s\n' "$plan" | awk '$1 == "Inst" { print $2 }') |
	awk '/^Package:/ { name = $2 } /^Size:/ { n++; sum += $2; printf "  %-40s %9.1f kB\n", name, $2 / 1000 }
		END { printf "  %d packages, %.1f MB to download\n", n, sum / 1e6 }'
# shellcheck disable=SC2086
apt-get install -y -q --no-install-recommends $missing >/dev/null || {
	apt-get update -q >/dev/null
	apt-get install -y -q --no-install-recommends $missing >/dev/null
}
