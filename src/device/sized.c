/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "device/sized.h"

static size_t shorter(size_t a, size_t b)
{
	return a < b ? a : b;
}

int sized_read(void *into, size_t known, const void *from, const char *name,
	       struct vfmig_error *err)
{
	const unsigned char *bytes = from;
	size_t size;

	memcpy(&size, from, sizeof(size));
	if (size < sizeof(size))
		return vfmig_err(err, -EINVAL,
				 "struct %s: struct_size is %zu: set it to sizeof(struct %s)", name,
				 size, name);
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return vfmig_err(err, -E2BIG,
					 "struct %s: byte %zu is set, but this version of the "
					 "library knows %zu bytes: use a later version",
					 name, i, known);
	memset(into, 0, known);
	memcpy(into, from, shorter(size, known));
	memcpy(into, &known, sizeof(known));
	return 0;
}

void sized_write(void *into, size_t size, const void *from, size_t known)
{
	memset(into, 0, size);
	memcpy(into, from, shorter(size, known));
	memcpy(into, &size, shorter(size, sizeof(size)));
}
