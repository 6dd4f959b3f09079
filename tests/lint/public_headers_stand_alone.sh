#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# public_headers_stand_alone.sh ROOT: each public header compiles alone, and twice over, as C11 and as
# C++, with each compiler that is here, without a warning.
set -eu
cd "$1"
wrong=0 ways=0
try() {
	compiler=$1 language=$2
	shift 2
	command -v "$compiler" > /dev/null || return 0
	ways="$ways $language"
	for header in include/vfmig/*.h; do
		name=vfmig/${header##*/}
		if ! printf '#include <%s>\n#include <%s>\n' "$name" "$name" |
			"$compiler" -x "$language" "$@" -Wall -Wextra -Wundef -Werror -fsyntax-only \
				-Iinclude -; then
			echo "$header: not by itself: $compiler $*"
			wrong=1
		fi
	done
}
try gcc c -std=c11 -Wshadow -Wstrict-prototypes
try clang c -std=c11 -Wshadow -Wstrict-prototypes
try g++ c++ -std=c++11
try clang++ c++ -std=c++11
case $ways in
*c++*) ;;
*) echo "skipped: there is no C++ compiler (g++)"; [ $wrong = 1 ] || exit 77 ;;
esac
exit $wrong
