/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mediators are asked in the order given: who refuses is passed over, the first that accepts is it, and who comes
 * behind is not even looked at. One that fails in the middle of the list is not passed over in silence.
 *
 * Rules: MED-01.
 */
#include <errno.h>

#include "tests/mediate/bad.h"

static int add(struct vfmig_device **device, const char *const *what, const char *more,
	       struct vfmig_error *err)
{
	char filter[8192] = "mediate";

	for (; *what; what++) {
		strcat(filter, ",so=");
		strcat(filter, bad_path(*what));
	}
	strcat(filter, more);
	return vfmig_device_add_filter(device, filter, err);
}

static int both(const char *first, const char *second, struct vfmig_error *err)
{
	struct vfmig_device *device = unmediated();
	int ret = add(&device, (const char *const[]){first, second, NULL}, "", err);

	vfmig_device_close(device);
	return ret;
}

int main(int argc, char **argv)
{
	struct vfmig_device *device;
	struct vfmig_error err = {0};

	bad_paths = argv + 1;
	CHECKF(!both("REFUSES", "NOTHING", &err), "%s", err.text);
	CHECKF(!both("NOTHING", "CRASHES_IN_OPEN", &err), "%s", err.text);
	CHECK_EQ(both("FAILS", "NOTHING", &err), -EIO);
	CHECK_EQ(both("REFUSES", "REFUSES", &err), -ENODEV);
	CHECKF(strstr(err.text, "none of the 2 mediators"), "%s", err.text);

	/* A device that migrates by itself needs none. */
	CHECK(!vfmig_open("model:copier,size=64K", &device, &err));
	CHECK_EQ(add(&device, (const char *const[]){"NOTHING", NULL}, "", &err), -EBUSY);
	CHECKF(strstr(err.text, "migration=off"), "%s", err.text);
	vfmig_device_close(device);

	device = unmediated();
	CHECK_EQ(add(&device, (const char *const[]){NULL}, "", &err), -EINVAL);
	CHECK_EQ(add(&device, (const char *const[]){NULL}, ",arg=x", &err), -EINVAL);
	CHECK_EQ(add(&device, (const char *const[]){"NOTHING", NULL}, ",iova=5", &err), -EINVAL);
	CHECK_EQ(vfmig_device_add_filter(&device, "mediate,so=/nowhere/to/be/found.so", &err),
		 -ENOEXEC);
	vfmig_device_close(device);
	return 0;
}
