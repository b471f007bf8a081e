#!/usr/bin/env bats
# report.bats: the pages of octavo check --report, without a browser. SPDX-License-Identifier: MIT
# OCTAVO_COMMAND names the command (default build/octavo), FAKE_OCTAVO the one linked with
# fake_model.c (default build/fake/octavo). page.py says whether a page is complete.

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	octavo=${OCTAVO_COMMAND:-build/octavo}
	fake=${FAKE_OCTAVO:-build/fake/octavo}
	dir=$(mktemp -d)
	command -v python3 >/dev/null || skip "python3 is missing"
}

teardown() {
	rm -rf "$dir"
}

@test "a page per schedule and an index, complete and well-formed" {
	run $octavo check races/14-old races/05-old rc11/sb rc11/mp --report "$dir"
	[ "$status" -eq 0 ]
	[ -f "$dir/races.14-old.arm64.html" ]
	[ -f "$dir/races.14-old.x86_64.html" ]
	[ -f "$dir/rc11.sb.arm64.html" ]
	[ ! -e "$dir/rc11.mp.arm64.html" ]
	run python3 tests/cli/page.py "$dir"/*.html
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$(find "$dir" ! -name '*.html' -type f)" ]
}

@test "a page tells who kept which entry, from which store, until which use" {
	$octavo check races/14-old --arch arm64 --report "$dir"
	page=$dir/races.14-old.arm64.html
	grep -q '<strong>cpu1</strong> kept <strong>\[p[0-9]* rw dirty\]</strong>' "$page"
	grep -q 'overwrote it with \[p[0-9]* ro\] at <a href="#step-4">' "$page"
	grep -q 'still used it at .*: store of 1 to page' "$page"
	grep -q 'invalidation was issued at .*, complete at ' "$page"
	grep -q 'class="bar stale"' "$page"
	grep -q 'octavo check --replay races/14-old@arm64' "$page"
	grep -q 'a <strong>flush on every CPU, complete,</strong> after <code>scenario/races/14.c:22' "$page"
}

@test "the words are those of the terminal" {
	$octavo check races/45-old --arch arm64 --report "$dir" --json > "$dir/result.json"
	python3 - "$dir" <<-'END'
	import html, json, sys
	page = html.unescape(open(sys.argv[1] + "/races.45-old.arm64.html").read())
	for step in json.load(open(sys.argv[1] + "/result.json"))["results"][0]["schedule"]:
	    assert step["routine"] or step["does"] in page, step
	END
}

@test "a page that lost a lane, a step or a tag is found" {
	$octavo check races/14-old --arch arm64 --report "$dir"
	page=$dir/races.14-old.arm64.html
	for change in 's/id="tlb-cpu1"/id="tlb-cpu9"/' 's/id="lane-2"/id="lane-9"/' \
		's/id="graph-lane-0"//' 's/<tr id="step-4"/<tr id="step-400"/' 's/<\/table>//' \
		's/"lanes": \[/"lanes": /'; do
		quoted=$(printf '%s' "$change" | sed 's/"lanes"/\&quot;lanes\&quot;/g')
		sed "$quoted" "$page" > "$dir/broken.html"
		run cmp -s "$page" "$dir/broken.html"
		[ "$status" -eq 1 ]
		run python3 tests/cli/page.py "$dir/broken.html"
		[ "$status" -eq 1 ]
	done
}

@test "the index has a row for each result and links that lead somewhere" {
	$octavo check contpte/ --report "$dir"
	[ "$(grep -c '<tr><td>' "$dir/index.html")" -eq "$($octavo check --list contpte/ | wc -l)" ]
	for link in $(sed -n 's/.*<td><a href="\([^"]*\)".*/\1/p' "$dir/index.html"); do
		[ -f "$dir/$link" ]
	done
}

@test "a directory that cannot be is refused before anything is explored" {
	run $octavo check rc11/sb --report "$dir/none/there"
	[ "$status" -eq 2 ]
	[[ "$output" == *"cannot make"* && "$output" != *allowed* ]]
	touch "$dir/file"
	run $octavo check rc11/sb --report "$dir/file"
	[ "$status" -eq 2 ]
	run $octavo check --list --report "$dir"
	[ "$status" -eq 2 ]
}

@test "answers without a schedule are in the index; text is escaped" {
	[ -x "$fake" ] || skip "the fake is not built"
	run $fake check --arch arm64 fake/ --report "$dir"
	[ "$status" -eq 1 ]
	run python3 tests/cli/page.py "$dir"/*.html
	echo "$output"
	[ "$status" -eq 0 ]
	grep -q 'crashed: Aborted' "$dir/index.html"
	grep -q 'never reached: cow-copy' "$dir/index.html"
	grep -q '<tr class="unmet">' "$dir/index.html"
	grep -q 'not as expected' "$dir/fake.answers-violation-unexpected.arm64.html"
}

@test "a file of one's own: its name is made safe" {
	cat > "$dir/a<b>&.c" <<-'END'
	#include <octavo/check.h>
	static int x;
	static void one(void) { oct_store(&x, 1, OCT_RLX); }
	static void final(void) { OC_ASSERT(OC_ASSERTION, 1 < 0 && oct_load(&x, OCT_RLX) == 2); }
	OC_SCENARIO(.final = final, .actors = { OC_THREAD(one), OC_THREAD(OC_VARIANT) },
		.variants = { { "same", one, OC_VIOLATES(OC_ASSERTION) } })
	END
	run $octavo check --arch arm64 --report "$dir/pages" "$dir/a<b>&.c"
	echo "$output"
	[ "$status" -eq 0 ]
	run python3 tests/cli/page.py "$dir"/pages/*.html
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(find "$dir/pages" -name '*.arm64.html' | wc -l)" -eq 1 ]
}
