#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# the_abi_is_compatible.sh ROOT LIBRARY: programs that were linked to the last release work with this library.
#
# abidiff compares it with the baseline of that release, tests/lint/abi/vfmig.abi. Additions pass, and so do the changes
# that growth.abignore allows. Versions below 1.0 promise nothing and need no baseline.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$1 library=$2
baseline=$root/tests/lint/abi/vfmig.abi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

major=$(sed -n 's/^#define VFMIG_VERSION_MAJOR \([0-9]*\)$/\1/p' "$root/include/vfmig/version.h")
[ -n "$major" ] || { echo "include/vfmig/version.h does not define VFMIG_VERSION_MAJOR"; exit 1; }
if [ ! -f "$baseline" ]; then
	[ "$major" != 0 ] || exit 0
	echo "version $major has no baseline: run tools/abi-baseline on the last release (docs/abi.md)"
	exit 1
fi
command -v abidiff > /dev/null || { echo "skipped: abidiff is not installed (abigail-tools)"; exit 77; }
# Both sides are written by abidw: only then are types that no public header declares left out of both.
"$here/../../tools/abi-baseline" "$root" "$library" > "$work/now.abi"
abidiff --no-added-syms --suppressions "$here/abi/growth.abignore" "$baseline" "$work/now.abi" || {
	echo "programs that were linked to the last release may fail with this library (docs/abi.md)"
	exit 1
}
