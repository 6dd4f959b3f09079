/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks for test programs: each reports its file, line and values, and ends the program with exit code 1.
 *
 * A test is a main() that returns 0. The first failed check ends it, as later failures would mostly follow from the first.
 * SKIP() ends it with 77 and prints the reason. A program with several cases calls each through RUN(), so that
 * CASE=name runs one of them alone.
 */
#ifndef TESTS_LIB_CHECK_H
#define TESTS_LIB_CHECK_H

#include <inttypes.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <vfmig/error.h>

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond);         \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* The same with a sentence of the test's own behind it. */
#define CHECKF(cond, ...)                                                                          \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: failed: %s: ", __FILE__, __LINE__, #cond);         \
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

/* Where CHECK_OK() expects the message of a call that failed; one for each thread. */
extern __thread struct vfmig_error test_err;

/* The call returns 0 or a count; its last argument is &test_err. */
#define CHECK_OK(call)                                                                             \
	do {                                                                                       \
		int ret_ = (int)(call);                                                            \
		CHECKF(ret_ >= 0, "%d: %s", ret_, test_err.text);                                  \
	} while (0)

/**
 * RUN() - run one case of a test: a call, such as RUN(refuses(-1))
 *
 * With CASE=TEXT in the environment, only cases whose call begins with TEXT run; CASE=list prints them all and runs
 * none. The test fails if CASE matches no case.
 */
#define RUN(call)                                                                                  \
	do {                                                                                       \
		if (test_case_selected(#call))                                                     \
			call;                                                                      \
	} while (0)
bool test_case_selected(const char *call);

#define SKIP(...)                                                                                  \
	do {                                                                                       \
		printf("skipped: " __VA_ARGS__);                                                   \
		putchar('\n');                                                                     \
		exit(77);                                                                          \
	} while (0)

#endif
