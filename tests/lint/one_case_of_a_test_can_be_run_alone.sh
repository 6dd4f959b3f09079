#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# one_case_of_a_test_can_be_run_alone.sh TEST: a program with several cases lists them, runs those that CASE names, and
# fails if CASE names none.
set -eu

list=$(CASE=list "$1")
count=$(echo "$list" | wc -l)
[ "$count" -gt 1 ] || { echo "CASE=list printed $count cases: $list"; exit 1; }
first=$(echo "$list" | head -n 1)
CASE=$first "$1"
if CASE=no_such_case "$1" 2> /dev/null; then
	echo "CASE=no_such_case passed"
	exit 1
fi
