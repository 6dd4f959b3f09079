/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is written into the migration region of a mediated copier is refused or taken, whichever bit of it is wrong; it
 * never does more than that, and a copier that was reset works.
 */
#include <stdlib.h>

#include <vfmig/abi_region.h>

#include "tests/copier/setup.h"

static const uint32_t region = VFMIG_PCI_REGION_COUNT;

static int set_state(struct setup *setup, uint32_t bits)
{
	return vfmig_device_region_write(setup->device, region, 0, &bits, 4, &setup->err);
}

static uint64_t get(struct setup *setup, uint64_t at)
{
	uint64_t value;

	GOOD(setup, vfmig_device_region_read(setup->device, region, at, &value, 8, &setup->err));
	return value;
}

/* The last transaction of a stopped copier: the registers. */
static uint64_t save(struct setup *setup, uint8_t *bytes, size_t capacity)
{
	uint64_t size = 0, at;

	GOOD(setup, set_state(setup, VFMIG_V1_SAVING));
	while (get(setup, 8)) {
		at = get(setup, 16);
		size = get(setup, 24);
		if (size <= capacity)
			GOOD(setup, vfmig_device_region_read(setup->device, region, at, bytes,
							     (uint32_t)size, &setup->err));
	}
	CHECK(size && size <= capacity);
	return size;
}

static int load(struct setup *setup, const uint8_t *bytes, uint64_t size)
{
	int ret;

	GOOD(setup, set_state(setup, VFMIG_V1_RESUMING));
	GOOD(setup, vfmig_device_region_write(setup->device, region, get(setup, 16), bytes,
					      (uint32_t)size, &setup->err));
	ret = vfmig_device_region_write(setup->device, region, 24, &size, 8, &setup->err);
	return ret ? ret : set_state(setup, VFMIG_V1_RUNNING);
}

static void works_after_a_reset(struct setup *setup)
{
	const struct cp_descriptor d = {.operation = CP_FILL, .flags = CP_TO_BOARD, .length = 8};

	GOOD(setup, vfmig_device_reset(setup->device, &setup->err));
	GOOD(setup,
	     cp_open(&setup->driver, setup->device, setup->guest, SETUP_IOVA, 8, &setup->err));
	CHECK_EQ(setup_do(setup, d).status, CP_OK);
}

int main(int argc, char **argv)
{
	unsigned taken = 0, refused = 0;
	uint8_t bytes[8192];
	char filter[4096];
	struct setup here, there;
	uint64_t size;

	CHECK_EQ(argc, 2);
	snprintf(filter, sizeof(filter), "mediate,so=%s", argv[1]);
	setenv("RIG_FILTER", filter, 1);
	setup_open(&here, "size=4K", 1u << 20, 8);
	for (int i = 0; i < 3; i++)
		setup_do(&here, (struct cp_descriptor){
					.operation = CP_FILL, .flags = CP_TO_BOARD, .length = 8});
	size = save(&here, bytes, sizeof(bytes));
	setup_close(&here);

	setup_open_bare(&there, &vfmig_model_copier, "size=4K", 1u << 20);
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
	setup_close(&there);
	return 0;
}
