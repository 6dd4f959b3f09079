#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# exports_are_what_the_headers_declare.sh ROOT LIBRARY: the shared library exports each function and
# variable that a public header declares, under a version, and nothing else. What is declared is asked of the
# compiler, not of tools/symbol-map, which made the library's list by reading the text.
set -eu
cd "$1"
library=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for header in include/vfmig/*.h; do
	echo "#include <vfmig/${header##*/}>"
done > "$work/all.c"
gcc -std=gnu11 -Iinclude -S -o /dev/null -aux-info "$work/all.txt" "$work/all.c"
# The compiler lists functions; variables are what is extern and has no parameters.
gcc -std=gnu11 -Iinclude -E -P "$work/all.c" | tr '\n' ' ' |
	grep -oE 'extern [^;()]*[ *]vfmig_[a-z0-9_]+(\[[^]]*\])?;' |
	sed 's/\[.*//; s/;$//; s/.*[ *]//; s/$/@@VFMIG/' > "$work/variables" || :
sed -n 's|^/\* include/vfmig/[^*]*\*/ extern [^(]*[ *]\(vfmig_[a-z0-9_]*\) (.*|\1@@VFMIG|p' \
	"$work/all.txt" | cat - "$work/variables" | LC_ALL=C sort -u > "$work/declared"
nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' |
	sed 's/@@VFMIG_[0-9.]*$/@@VFMIG/' | LC_ALL=C sort -u > "$work/exported"

[ -s "$work/declared" ] || { echo "no header declares anything: that cannot be"; exit 1; }
wrong=0
for name in $(LC_ALL=C comm -23 "$work/declared" "$work/exported"); do
	echo "${name%@@*}: declared in a public header, but not exported (is it written?)"
	wrong=1
done
for name in $(LC_ALL=C comm -13 "$work/declared" "$work/exported"); do
	echo "$name: exported, but no public header declares it so"
	wrong=1
done
exit $wrong
