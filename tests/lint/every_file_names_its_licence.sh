#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# every_file_names_its_licence.sh ROOT: each file has its SPDX line at the top. C files have it first
# and in one form. Prose for people, the licence itself and fuzz inputs go without.
set -eu
cd "$1"
id='SPDX-License-Identifier: BSD-3-Clause'
wrong=$(find . -type d \( -name .git -o -path './build*' -o -path './fuzz/corpus' -o \
		-name __pycache__ -o -name .cache \) -prune -o \
	-type f ! -name '*.md' ! -name LICENSE ! -path './compile_commands.json' ! -path './.git' -print |
	LC_ALL=C sort | while IFS= read -r file; do
	case $file in
	*.c | *.h)
		[ "$(head -n 1 "$file")" = "/* $id */" ] ||
			echo "$file: the first line is not /* $id */"
		;;
	*)
		head -n 4 "$file" | grep -qF "$id" || echo "$file: no SPDX line in the first four"
		;;
	esac
done)
[ -z "$wrong" ] || { echo "$wrong"; exit 1; }
