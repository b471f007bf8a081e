#!/bin/bash
# The pages of octavo check --report in a browser. SPDX-License-Identifier: MIT
#
# usage: tools/test-report.sh [NAME...]     (make test-report; default races/14-old)
# Writes the report to $BUILD/report, opens each page in headless Chromium, and fails on a message in
# its console, and on a lane, step or tag that is missing from what the browser made of the page. Pictures,
# light and dark: $BUILD/report/*.png.
set -u
cd "$(dirname "$0")/.." || exit 2
BUILD=${BUILD:-build}
OUT=$BUILD/report
[ $# -gt 0 ] || set -- races/14-old
passed=0 failed=0
ok()  { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); echo "  FAILED: $*"; }

browser=
for name in chromium chromium-browser google-chrome; do
	[ -n "$browser" ] || browser=$(command -v $name || true)
done
if [ -z "$browser" ] || ! command -v python3 >/dev/null; then
	echo "test-report: chromium or python3 is missing" >&2
	exit 2
fi
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

# chrome URL OPTION...: standard output of the browser; what it logs goes to $profile/log.
chrome() {
	local url=$1
	shift
	timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
		--disable-background-networking --disable-component-update --disable-sync \
		--user-data-dir="$profile" --hide-scrollbars --enable-logging=stderr "$@" "$url" 2> "$profile/log"
}

console() { grep -i 'CONSOLE' "$profile/log"; }

# A console message must be seen when there is one, or its absence means nothing.
printf '<!DOCTYPE html><title>x</title><script>console.error("seen")</script>' > "$profile/control.html"
chrome "file://$profile/control.html" --dump-dom > /dev/null
if console | grep -q seen; then ok; else bad "the browser's console cannot be read"; fi

rm -rf "$OUT"
mkdir -p "$OUT"
"$BUILD/octavo" check "$@" --report "$OUT" > "$OUT/answers.txt" || bad "octavo check $* (status $?)"
for page in "$OUT"/*.html; do
	name=$(basename "$page" .html)
	url=file://$(cd "$OUT" && pwd)/$name.html
	chrome "$url" --dump-dom > "$profile/dom.html"
	if [ -s "$profile/dom.html" ]; then ok; else bad "$name: the browser gives no page"; fi
	if console; then bad "$name: messages in the console"; else ok; fi
	# What the browser made of it has every lane, or the parser dropped something.
	if python3 tests/cli/page.py "$profile/dom.html" > "$profile/wrong"; then ok; else bad "$name: $(cat "$profile/wrong")"; fi
	for scheme in light dark; do
		number=0
		[ $scheme = dark ] || number=1 # as Blink numbers them
		chrome "$url" --window-size=1500,2200 --blink-settings=preferredColorScheme=$number \
			--screenshot="$OUT/$name.$scheme.png"
		if [ -s "$OUT/$name.$scheme.png" ]; then ok; else bad "$name: no picture"; fi
		if cmp -s "$OUT/$name.light.png" "$OUT/$name.dark.png" && [ $scheme = dark ]; then
			bad "$name: dark looks like light"
		fi
	done
	echo "  $OUT/$name.light.png $OUT/$name.dark.png"
done
echo "test-report: $passed passed, $failed failed"
[ $failed -eq 0 ]
