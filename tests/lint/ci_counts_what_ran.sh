#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# ci_counts_what_ran.sh ROOT: tools/tally adds up all runs, gives each skip's reason, and fails for a
# failure, a time-out, a control that passed, a skip without a reason, and for no test at all.
set -eu
root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p build/meson-logs build-asan/meson-logs
tally() {
	status=0
	python3 "$root/tools/tally" --final "$@" > said 2>&1 || status=$?
	last=$(tail -n 1 said)
}
expect() {
	[ "$status $last" = "$1" ] || { echo "expected \"$1\", got \"$status $last\":"; cat said; exit 1; }
}
result() {
	printf '{"name": "t", "result": "%s", "stdout": "%s"}\n' "$1" "${2:-}"
}

tally plain asan
expect "1 0 passed, 1 failed, 0 skipped"

{ result OK; result OK; result SKIP 'much\nskipped: no /dev/kvm here\n'; } > build/meson-logs/check.json
{ result OK; result EXPECTEDFAIL; } > build-asan/meson-logs/check.json
tally plain asan
expect "0 4 passed, 0 failed, 1 skipped"
grep -qx 'plain: skipped t: no /dev/kvm here' said

for bad in FAIL TIMEOUT ERROR UNEXPECTEDPASS INTERRUPT SKIP; do
	{ result OK; result $bad ''; } > build-asan/meson-logs/check.json
	tally plain asan
	expect "1 3 passed, 1 failed, 1 skipped"
done
