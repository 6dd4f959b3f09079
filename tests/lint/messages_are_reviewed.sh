#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# messages_are_reviewed.sh ROOT: tests/lint/messages.txt lists every text that a user can see. A change to
# a message is a change to that list, so a reviewer reads it beside its neighbours.
set -eu
tools=$(cd "$(dirname "$0")/../../tools" && pwd)
cd "$1"
"$tools/messages" . | diff -u tests/lint/messages.txt - || {
	echo "messages have changed: run tools/messages > tests/lint/messages.txt, read the difference, commit it"
	exit 1
}
