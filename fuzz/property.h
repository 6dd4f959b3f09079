/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold in a fuzz target for every input; libFuzzer keeps the input of one that does not. */
#ifndef VFMIG_FUZZ_PROPERTY_H
#define VFMIG_FUZZ_PROPERTY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HOLDS(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#endif
