#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# exports_are_what_the_headers_declare.sh ROOT LIBRARY...: each library exports the functions and variables that the
# public headers declare and no others; a shared library exports them with a version. The compiler lists the
# declarations, since tools/symbol-map, which reads the text, made the list that the libraries were linked with.
set -eu
cd "$1"
shift
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
[ -s "$work/declared" ] || { echo "the public headers declare nothing"; exit 1; }
wrong=0
for library; do
	# The symbols of an archive have no version: its names are compared as if they had.
	case $library in
	*.a) nm -g --defined-only "$library" | awk 'NF == 3 { print $3 "@@VFMIG" }' ;;
	*) nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sed 's/@@VFMIG_[0-9.]*$/@@VFMIG/' ;;
	esac | LC_ALL=C sort -u > "$work/exported"
	for name in $(LC_ALL=C comm -23 "$work/declared" "$work/exported"); do
		echo "${library##*/}: ${name%@@*} is declared in a public header and not exported (is it defined?)"
		wrong=1
	done
	for name in $(LC_ALL=C comm -13 "$work/declared" "$work/exported"); do
		echo "${library##*/}: $name is exported and no public header declares it so"
		wrong=1
	done
done
exit $wrong
