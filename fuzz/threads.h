/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads of fuzz targets, and of the library below them. AddressSanitizer writes the shadow of a thread's whole stack
 * as it begins and as it ends: of 8 MiB that takes longer than most inputs.
 */
#ifndef VFMIG_FUZZ_THREADS_H
#define VFMIG_FUZZ_THREADS_H

#include <pthread.h>

static inline void fuzz_small_stacks(void)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 512u << 10);
	pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
}

#endif
