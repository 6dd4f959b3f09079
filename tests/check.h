/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every test program needs: a check that says where and what, and a skip that says why.
 *
 * A test is a main() that returns 0. CHECK ends it at the first thing that is not so: what comes
 * after would only repeat the news.
 */
#ifndef VFMIG_TESTS_CHECK_H
#define VFMIG_TESTS_CHECK_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #cond);         \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* The same with a sentence of the test's own behind it. */
#define CHECKF(cond, ...)                                                                          \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #cond);         \
			fprintf(stderr, __VA_ARGS__);                                              \
			fputc('\n', stderr);                                                       \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define CHECK_EQ(a, b)                                                                             \
	do {                                                                                       \
		long long va_ = (long long)(a), vb_ = (long long)(b);                              \
		if (va_ != vb_) {                                                                  \
			fprintf(stderr, "%s:%d: %s is %lld (0x%llx), %s is %lld (0x%llx)\n",       \
				__FILE__, __LINE__, #a, va_, va_, #b, vb_, vb_);                   \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define CHECK_STR(a, b)                                                                            \
	do {                                                                                       \
		const char *va_ = (a), *vb_ = (b);                                                 \
		if (strcmp(va_, vb_)) {                                                            \
			fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__,   \
				#a, va_, vb_);                                                     \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define SKIP(...)                                                                                  \
	do {                                                                                       \
		printf("skipped: " __VA_ARGS__);                                                   \
		putchar('\n');                                                                     \
		exit(77);                                                                          \
	} while (0)

#endif
