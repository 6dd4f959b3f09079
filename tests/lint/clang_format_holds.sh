#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# clang_format_holds.sh ROOT: every C file is as clang-format 14 (Debian 12's) would write it. Other
# versions have other opinions, so they are not asked; CI must have this one.
set -eu
cd "$1"
no() {
	echo "skipped: $1"
	[ -z "${CI:-}" ] || exit 1
	exit 77
}
command -v clang-format > /dev/null || no "there is no clang-format (make deps)"
case $(clang-format --version) in
*"version 14."*) ;;
*) no "$(clang-format --version) is not version 14" ;;
esac
find . -type d \( -name .git -o -path './build*' \) -prune -o -type f -name '*.[ch]' -print0 |
	LC_ALL=C sort -z | xargs -0 -r clang-format --dry-run -Werror || exit 1
