/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sanitizers' own control: a program with one planted fault, which must fail where its sanitizer
 * is on. Without it, a build that lost its -fsanitize would pass every test.
 */
#include <limits.h>
#include <pthread.h>

#include "tests/lib/check.h"

static int shared;

static void *race(void *unused)
{
	for (int i = 0; i < 100000; i++)
		shared++;
	return unused;
}

int main(int argc, char **argv)
{
	const char *fault = argc > 1 ? argv[1] : "";
	char *volatile block = malloc(16);
	volatile int number = INT_MAX;
	pthread_t thread;

	CHECK(block);
	if (!strcmp(fault, "leak")) {
		block = NULL;
		return 0;
	}
	if (!strcmp(fault, "stray")) {
		volatile char *past = block + 16;

		number = *past;
	} else if (!strcmp(fault, "overflow")) {
		number = number + 1;
	} else if (!strcmp(fault, "race")) {
		CHECK(!pthread_create(&thread, NULL, race, NULL));
		race(NULL);
		CHECK(!pthread_join(thread, NULL));
	}
	free(block);
	return 0;
}
