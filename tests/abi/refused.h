/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests of decoders: what was said, and a fence behind the last byte.
 *
 * Every sentence that src/abi can refuse with must stand in one of these tests; the script
 * refusals.py keeps that.
 */
#ifndef VFMIG_TESTS_ABI_REFUSED_H
#define VFMIG_TESTS_ABI_REFUSED_H

#include <sys/mman.h>

#include "tests/lib/check.h"

static inline void expect_sentence(const char *file, int line, const char *what,
				   const char *reported, const char *expected)
{
	if (!reported && !expected)
		return;
	if (reported && expected && !strcmp(reported, expected))
		return;
	fprintf(stderr, "%s:%d: %s said \"%s\", expected \"%s\"\n", file, line, what,
		reported ? reported : "(good)", expected ? expected : "(good)");
	exit(1);
}

#define GOOD(call)		expect_sentence(__FILE__, __LINE__, #call, (call), NULL)
#define REFUSED(call, sentence) expect_sentence(__FILE__, __LINE__, #call, (call), sentence)

/* A copy of the bytes, behind whose end nothing can be read. Good until the next call. */
static inline uint8_t *fenced(const void *bytes, size_t len)
{
	static const size_t size = 2u << 20;
	static uint8_t *base;

	if (!base) {
		base = mmap(NULL, size + 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
		CHECK(base != MAP_FAILED);
		CHECK(!mprotect(base + size, 65536, PROT_NONE));
	}
	CHECK(len <= size);
	if (len)
		memcpy(base + size - len, bytes, len);
	return base + size - len;
}

#endif
