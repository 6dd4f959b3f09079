/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the user side accesses the region: registers by trapped accesses of their own width; the
 * data section through a mapping, or by accesses as wide as the device takes.
 *
 * An access to mapped memory kills the process if the owner of the memory has shrunk it. So the
 * user side maps memory only if it is large enough and sealed against shrinking; it trusts the
 * kernel's devices. Otherwise it reads and writes the data, which always works.
 *
 * Drivers in the field may take no more than 8 bytes per access, as VMMs never use more. The user
 * side tries a wide access; if the device refuses it, the user side uses aligned accesses of at
 * most 8 bytes from then on, or 4, 2, 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/range.h"
#include "protocol/region/user.h"

static ssize_t ask(struct region_user *user, bool write, uint64_t offset, void *buf, uint32_t len,
		   step_fn then)
{
	struct vfmig_request *inner = &user->steps.inner.request;

	inner->op = write ? VFMIG_OP_REGION_WRITE : VFMIG_OP_REGION_READ;
	inner->region.index = user->index;
	inner->region.offset = offset;
	inner->region.buf = buf;
	inner->region.len = len;
	return steps_ask(&user->steps, then);
}

ssize_t region_user_get(struct region_user *user, enum abi_region_register reg, step_fn then)
{
	user->word = 0;
	return ask(user, false, abi_registers[reg].offset, &user->word, abi_registers[reg].width,
		   then);
}

ssize_t region_user_put(struct region_user *user, enum abi_region_register reg, uint64_t value,
			step_fn then)
{
	user->word = value;
	return ask(user, true, abi_registers[reg].offset, &user->word, abi_registers[reg].width,
		   then);
}

/* ---- the data section ---- */

uint8_t *region_user_mapped(struct region_user *user, uint64_t offset, uint64_t *n)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < user->maps; i++) {
		uint64_t start = user->map[i].offset;
		uint64_t end = abi_sum(start, user->map[i].size);

		if (offset >= start && offset < end) {
			if (*n > end - offset)
				*n = end - offset;
			return user->map[i].ptr + (offset - start);
		}
		if (start > offset && start < next)
			next = start;
	}
	if (*n > next - offset)
		*n = next - offset;
	return NULL;
}

ssize_t region_user_trapped(struct region_user *user, uint64_t offset, uint64_t n, bool write,
			    step_fn then)
{
	uint32_t width = user->width;

	if (width <= 8)
		while (width > n || offset % width)
			width /= 2;
	return ask(user, write, offset, user->bounce, (uint32_t)(n < width ? n : width), then);
}

bool region_user_refused(struct region_user *user, ssize_t result)
{
	uint32_t len = user->steps.inner.request.region.len;

	if (result >= 0) {
		user->took = user->took > len ? user->took : len;
		return false;
	}
	if (result == -ECANCELED || len <= user->took || len == 1)
		return false;
	for (user->width = 8; user->width >= len; user->width /= 2)
		;
	return true;
}

int region_user_place(struct region_user *user, uint64_t offset, uint64_t n)
{
	struct vfmig_error *err = &user->steps.err;

	if (offset >= abi_region_info_size(user->revision) && offset <= user->region_size &&
	    n <= user->region_size - offset)
		return 0;
	return vfmig_err(
		err, -EPROTO,
		"device %s: data of %llu bytes at 0x%llx exceeds its migration region of %llu bytes",
		vfmig_device_name(user->session.device), (unsigned long long)n,
		(unsigned long long)offset, (unsigned long long)user->region_size);
}

/* ---- mapping, while the session is being opened ---- */

static bool stays(int fd, uint64_t end)
{
	struct stat st;
	int seals;

	if (fstat(fd, &st))
		return false;
	if (!S_ISREG(st.st_mode))
		return true;
	seals = fcntl(fd, F_GET_SEALS);
	return seals >= 0 && (seals & F_SEAL_SHRINK) && (uint64_t)st.st_size >= end;
}

static void map_area(struct region_user *user, int fd, uint64_t file_offset, uint64_t offset,
		     uint64_t size)
{
	const uint64_t page = 4096;
	uint64_t end;
	void *ptr;

	if (!size || (offset | size | file_offset) % page ||
	    __builtin_add_overflow(file_offset, offset, &end) ||
	    __builtin_add_overflow(end, size, &end) || end > INT64_MAX || size > SIZE_MAX / 2 ||
	    !stays(fd, end))
		return;
	ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   (off_t)(file_offset + offset));
	if (ptr == MAP_FAILED)
		return;
	user->map[user->maps].offset = offset;
	user->map[user->maps].size = size;
	user->map[user->maps++].ptr = ptr;
}

void region_user_map(struct region_user *user, const struct vfmig_region *region)
{
	struct vfmig_request request = {.op = VFMIG_OP_REGION_FD,
					.region_fd = {.index = region->index, .fd = -1}};

	if (!region->areas || vfmig_call(user->session.device, &request) < 0)
		return;
	for (uint32_t i = 0; i < region->areas; i++)
		map_area(user, request.region_fd.fd, request.region_fd.file_offset,
			 region->area[i].offset, region->area[i].size);
	close(request.region_fd.fd);
}
