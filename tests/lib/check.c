/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The choice of one case of a test; see RUN() in check.h.
 */
#include <unistd.h>

#include "tests/lib/check.h"

__thread struct vfmig_error test_err;

static bool looked, matched;

bool test_case_selected(const char *call)
{
	const char *wanted = getenv("CASE");

	looked = true;
	if (!wanted || !*wanted)
		return matched = true;
	if (!strcmp(wanted, "list")) {
		matched = true;
		puts(call);
		return false;
	}
	if (strncmp(call, wanted, strlen(wanted)))
		return false;
	matched = true;
	return true;
}

/* A mistyped CASE must not look like a test that passed. */
static void __attribute__((destructor)) require_match(void)
{
	if (!looked || matched)
		return;
	fprintf(stderr, "no case begins with CASE=%s; CASE=list prints them\n", getenv("CASE"));
	_exit(1);
}
