/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever is wrong with a mediator when it is opened, a crash included, the device is refused with a sentence that
 * says it, and is as it was. What shows only later fails the access that it shows with.
 */
#include <errno.h>

#include <vfmig/abi_region.h>

#include "tests/mediate/bad.h"

static void refused(const char *what, const char *sentence)
{
	struct vfmig_device *device = unmediated(), *before = device;
	struct vfmig_error err = {0};
	char filter[4096];
	uint32_t id = 0;

	snprintf(filter, sizeof(filter), "mediate,so=%s", bad_path(what));
	CHECKF(vfmig_device_add_filter(&device, filter, &err) < 0, "%s was taken", what);
	CHECKF(strstr(err.text, sentence), "%s: '%s' does not say '%s'", what, err.text, sentence);
	CHECK(device == before);
	CHECK(!vfmig_device_region_read(device, 0, 0, &id, 4, &err) && id == 0x59504f43);
	vfmig_device_close(device);
}

static struct vfmig_device *taken(const char *what)
{
	struct vfmig_device *device = unmediated();
	struct vfmig_error err = {0};
	char filter[4096];

	snprintf(filter, sizeof(filter), "mediate,so=%s", bad_path(what));
	CHECKF(!vfmig_device_add_filter(&device, filter, &err), "%s: %s", what, err.text);
	return device;
}

static void fails_later(const char *what, bool map, const char *sentence)
{
	struct vfmig_device *device = taken(what);
	struct vfmig_error err = {0};
	struct vfmig_region region;
	struct vfmig_device_info info;
	uint64_t word = 0;
	void *ptr;
	int ret;

	CHECK(!vfmig_device_get_info(device, &info, &err));
	CHECK(!vfmig_device_get_region_info(device, info.num_regions - 1, &region, &err));
	CHECK_EQ(region.type, VFMIG_REGION_TYPE_MIGRATION);
	if (map)
		ret = vfmig_device_region_map(device, region.index, 4096, 4096, &ptr, &err);
	else
		ret = vfmig_device_region_read(device, region.index, 8, &word, 8, &err);
	CHECKF(ret == -EPROTO, "%s: %d", what, ret);
	CHECKF(strstr(err.text, sentence), "%s: '%s' does not say '%s'", what, err.text, sentence);
	vfmig_device_close(device);
}

int main(int argc, char **argv)
{
	bad_paths = argv + 1;
	refused("ABI", "version 2");
	refused("TABLE", "invalid size 8");
	refused("HALF", "invalid size");
	refused("NAME", "1 to 64 characters");
	refused("OPEN", "no operation open()");
	refused("RELEASE", "no operation release()");
	refused("INFO", "no operation get_region_info()");
	refused("RW", "no operation rw()");
	refused("NULL_SELF", "returned no context");
	refused("CAPABILITIES", "unknown capabilities");
	refused("ANSWER", "invalid value 7");
	refused("REFUSES", "does not support device");
	refused("FAILS", "the moon is in the wrong phase");
	refused("CRASHES_AT_LOAD", "crashed (signal 9)");
	refused("CRASHES_IN_OPEN", "crashed (signal 9)");
	refused("CRASHES_IN_INFO", "crashed (signal 9)");
	refused("EXITS_IN_OPEN", "ended the process (status 0)");
	refused("HANGS_MUTE", "closed the result pipe");
	refused("ASKS_IN_OPEN", "must not send a request to the device");
	refused("TOO_SMALL", "too small to hold data");
	refused("TOO_LARGE", "larger than");
	refused("RESIZES", "must not change the size");
	refused("ADDS_FLAGS", "not add any");
	refused("NO_REVISION", "revision is not in enum");
	refused("NO_MMAP", "the mediator has no mmap()");
	refused("MAPS_REGISTERS", "registers cannot be mapped");
	refused("AREA_LEAVES", "exceeds the region");
	refused("AREAS_OVERLAP", "overlap");
	refused("OTHER_INDEX", "another index");
	refused("NO_SYMBOL", "no symbol vfmig_mediator");
	fails_later("SHORT_FILE", true, "a file of 0x0 bytes");
	fails_later("NO_FILE", true, "not a descriptor");
	fails_later("PASSES", false, "the device does not have");
	fails_later("COUNTS", false, "invalid value 8");

	/* The control: the same without a fault is taken. */
	vfmig_device_close(taken("NOTHING"));
	return 0;
}
