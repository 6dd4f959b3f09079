/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is written into the migration region of a mediated copier is refused or taken, whichever bit of it is wrong; it
 * never does more than that, and a copier that was reset works.
 */
#include <stdlib.h>

#include <vfmig/abi_region.h>

#include "tests/copier/rig.h"

static const uint32_t region = VFMIG_PCI_REGION_COUNT;

static int set_state(struct rig *rig, uint32_t bits)
{
	return vfmig_device_region_write(rig->device, region, 0, &bits, 4, &rig->err);
}

static uint64_t get(struct rig *rig, uint64_t at)
{
	uint64_t value;

	GOOD(rig, vfmig_device_region_read(rig->device, region, at, &value, 8, &rig->err));
	return value;
}

/* The last transaction of a stopped copier: the registers. */
static uint64_t save(struct rig *rig, uint8_t *bytes, size_t capacity)
{
	uint64_t size = 0, at;

	GOOD(rig, set_state(rig, VFMIG_V1_SAVING));
	while (get(rig, 8)) {
		at = get(rig, 16);
		size = get(rig, 24);
		if (size <= capacity)
			GOOD(rig, vfmig_device_region_read(rig->device, region, at, bytes,
							   (uint32_t)size, &rig->err));
	}
	CHECK(size && size <= capacity);
	return size;
}

static int load(struct rig *rig, const uint8_t *bytes, uint64_t size)
{
	int ret;

	GOOD(rig, set_state(rig, VFMIG_V1_RESUMING));
	GOOD(rig, vfmig_device_region_write(rig->device, region, get(rig, 16), bytes,
					    (uint32_t)size, &rig->err));
	ret = vfmig_device_region_write(rig->device, region, 24, &size, 8, &rig->err);
	return ret ? ret : set_state(rig, VFMIG_V1_RUNNING);
}

static void works_after_a_reset(struct rig *rig)
{
	const struct cp_descriptor d = {.operation = CP_FILL, .flags = CP_TO_BOARD, .length = 8};

	GOOD(rig, vfmig_device_reset(rig->device, &rig->err));
	GOOD(rig, cp_open(&rig->driver, rig->device, rig->guest, RIG_IOVA, 8, &rig->err));
	CHECK_EQ(rig_do(rig, d).status, CP_OK);
}

int main(int argc, char **argv)
{
	unsigned taken = 0, refused = 0;
	uint8_t bytes[8192];
	char filter[4096];
	struct rig here, there;
	uint64_t size;

	CHECK_EQ(argc, 2);
	snprintf(filter, sizeof(filter), "mediate,so=%s", argv[1]);
	setenv("RIG_FILTER", filter, 1);
	rig_open(&here, "size=4K", 1u << 20, 8);
	for (int i = 0; i < 3; i++)
		rig_do(&here, (struct cp_descriptor){
				      .operation = CP_FILL, .flags = CP_TO_BOARD, .length = 8});
	size = save(&here, bytes, sizeof(bytes));
	rig_close(&here);

	rig_open_bare(&there, &vfmig_model_copier, "size=4K", 1u << 20);
	CHECKF(!load(&there, bytes, size), "%s", there.err.text);
	works_after_a_reset(&there);
	for (uint64_t i = 0; i < size; i++) {
		bytes[i] ^= (uint8_t)(1u << i % 8);
		if (load(&there, bytes, size))
			refused++;
		else
			taken++;
		bytes[i] ^= (uint8_t)(1u << i % 8);
		works_after_a_reset(&there);
	}
	/* Cut off, and more than there is room for. */
	CHECK(load(&there, bytes, size - 1));
	works_after_a_reset(&there);
	CHECK(load(&there, bytes, 1));
	works_after_a_reset(&there);
	GOOD(&there, set_state(&there, VFMIG_V1_RESUMING));
	size = UINT64_MAX;
	CHECK(vfmig_device_region_write(there.device, region, 24, &size, 8, &there.err));
	works_after_a_reset(&there);
	CHECKF(refused > 50 && taken > 50, "%u refused, %u taken", refused, taken);
	rig_close(&there);
	return 0;
}
