/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a container says of itself, read from any bytes: a chain of capabilities that leads anywhere. What was read is
 * said again and read again, and is the same.
 */
#include "abi/type1.h"
#include "fuzz/property.h"

#define RANGES 32u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vfmig_type1_iova_range ranges[RANGES] = {{0}}, again[RANGES] = {{0}};
	struct abi_type1_says says = {.ranges = ranges}, read = {.ranges = again};
	static uint8_t buf[1024];
	size_t n;

	if (abi_type1_get_info(data, size, &says, RANGES))
		return 0;
	HOLDS(says.range_count <= RANGES);
	n = abi_type1_put_info(buf, sizeof(buf), sizeof(buf), &says);
	HOLDS(n);
	HOLDS(!abi_type1_get_info(buf, n, &read, RANGES));
	HOLDS(read.range_count == says.range_count && !memcmp(ranges, again, sizeof(ranges)));
	HOLDS(read.iova_pgsizes == says.iova_pgsizes && read.has_migration == says.has_migration &&
	      read.has_dma_avail == says.has_dma_avail && read.dma_avail == says.dma_avail);
	HOLDS(read.pgsize_bitmap == says.pgsize_bitmap &&
	      read.max_dirty_bitmap_size == says.max_dirty_bitmap_size);
	/* With less room it says how much it needs. */
	HOLDS(abi_type1_put_info(buf, sizeof(buf), VFMIG_TYPE1_INFO_MIN, &says) ==
	      VFMIG_TYPE1_INFO_MIN);
	return 0;
}
