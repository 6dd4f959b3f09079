#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# links_lead_somewhere.sh ROOT: each page that a page of the tree links to is there.
set -eu
cd "$1"
wrong=$(find . -type d \( -name .git -o -path './build*' \) -prune -o -type f -name '*.md' -print |
	LC_ALL=C sort | while IFS= read -r page; do
	grep -no '](\([^)#: ]*\)[)#]' "$page" | while IFS=: read -r line link; do
		target=${link#"]("}
		target=${target%[)#]}
		[ -z "$target" ] || [ -e "$(dirname "$page")/$target" ] ||
			echo "${page#./}:$line: there is no $target"
	done
done)
[ -z "$wrong" ] || { echo "$wrong"; exit 1; }
