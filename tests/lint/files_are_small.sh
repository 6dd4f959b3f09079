#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# files_are_small.sh ROOT: no source file is over 500 lines, unless tests/lint/long_files.txt says
# why. That list may not outlive its reasons: a name on it that is gone, or short now, is wrong too.
set -eu
cd "$1"
list=tests/lint/long_files.txt
most=500
wrong=$(
	find . -type d \( -name .git -o -path './build*' \) -prune -o \
		-type f \( -name '*.[ch]' -o -name '*.py' -o -name '*.sh' -o -path './tools/*' \) -print |
		LC_ALL=C sort | while IFS= read -r file; do
		file=${file#./}
		lines=$(wc -l < "$file")
		[ "$lines" -gt $most ] || continue
		grep -q "^$file: ." "$list" 2> /dev/null ||
			echo "$file: $lines lines, over $most; split it, or list it with a reason in $list"
	done
	[ ! -f "$list" ] || grep -v -e '^#' -e '^$' "$list" | while IFS= read -r line; do
		file=${line%%:*}
		if [ ! -f "$file" ]; then
			echo "$list: $file is gone"
		elif [ "$(wc -l < "$file")" -le $most ]; then
			echo "$list: $file is short now"
		fi
	done
)
[ -z "$wrong" ] || { echo "$wrong"; exit 1; }
