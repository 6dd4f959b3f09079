/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the checks of v1 and pfn share: the migration region's registers, and its sequences by the letter.
 */
#ifndef CONFORM_REGION_H
#define CONFORM_REGION_H

#include <vfmig/abi_region.h>

#include "conform/suite.h"

/* Registers, by their place; the first 32 bytes are the same in both revisions. */
#define REG(field) ((uint32_t)offsetof(struct vfmig_pfn_migration_info, field))

/* A register at its own width; the sentence of a failure names it. */
int region_get32(struct conform *c, uint32_t reg, uint32_t *value);
int region_put32(struct conform *c, uint32_t reg, uint32_t value);
int region_get64(struct conform *c, uint32_t reg, uint64_t *value);
int region_put64(struct conform *c, uint32_t reg, uint64_t value);

/* The three bits of device_state; written with the others as they were read. */
int region_state(struct conform *c, uint32_t *bits);
int region_go(struct conform *c, uint32_t bits);
const char *region_word(uint32_t bits);

/* Bytes of the data section, by read or write. */
int region_read_data(struct conform *c, uint64_t offset, void *buf, uint64_t len);
int region_write_data(struct conform *c, uint64_t offset, const void *buf, uint64_t len);

/*
 * One transaction, behind what @data has; its size goes behind what @sizes has, as a uint64_t. *len is 0 if nothing is
 * pending.
 */
int region_fetch(struct conform *c, struct conform_data *data, struct conform_data *sizes,
		 uint64_t *len);

/* All there is, in the state that there is; at most @most transactions (a busy device always has more). */
int region_fetch_all(struct conform *c, struct conform_data *data, struct conform_data *sizes,
		     unsigned most);

/* Stop-and-copy from wherever it is, all of it, and STOP. */
int region_save(struct conform *c);

/* A reset, RESUMING, and the transactions of c->data one by one. */
int region_load(struct conform *c);

#endif
