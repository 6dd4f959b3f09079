/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA: across adjoining maps of every kind, not over a hole, not against the protection; what was written until
 * then is marked, and nothing else.
 */
#include "device/space.h"
#include "dirty/map.h"
#include "tests/lib/scripted_device.h"

static char bar[4096], far[4096];

static ssize_t region(struct scripted_device *fake, struct vfmig_request *request)
{
	char *at = bar + request->region.offset;

	if (request->op == VFMIG_OP_REGION_READ)
		memcpy(request->region.buf, at, request->region.len);
	else if (request->op == VFMIG_OP_REGION_WRITE)
		memcpy(at, request->region.buf, request->region.len);
	return request->region.len;
}

static int remote(void *context, uint64_t iova, void *buf, size_t len, bool write,
		  struct vfmig_error *err)
{
	char *at = far + (iova - 0x3000);

	CHECK(context == far);
	memcpy(write ? at : buf, write ? buf : at, len);
	return 0;
}

int main(void)
{
	struct vfmig_space *space = vfmig_space_new();
	struct scripted_device *peer = scripted_new(region);
	struct vfmig_dirty *log;
	struct vfmig_error err = {0};
	struct space_entry *held;
	static char memory[4096], in[3 * 4096], out[3 * 4096];
	const uint32_t rw = VFMIG_PROT_READ | VFMIG_PROT_WRITE;
	struct vfmig_map maps[] = {
		{.iova = 0x1000, .size = 4096, .prot = rw, .ptr = memory, .fd = -1},
		{.iova = 0x2000,
		 .size = 4096,
		 .prot = rw,
		 .kind = VFMIG_MAP_REGION,
		 .device = &peer->device},
		{.iova = 0x3000,
		 .size = 4096,
		 .prot = rw,
		 .kind = VFMIG_MAP_REMOTE,
		 .access = remote,
		 .context = far},
		{.iova = 0x8000, .size = 4096, .prot = VFMIG_PROT_READ, .ptr = memory, .fd = -1},
	};
	size_t len;

	for (size_t i = 0; i < 4; i++)
		CHECK_EQ(vfmig_space_map(space, &maps[i], NULL), 0);
	CHECK_EQ(dirty_create(&log, NULL), 0);
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (char)(i * 7 + 3);

	CHECK_EQ(space_dma(space, 0x1000, in, sizeof(in), true, log, NULL), 0);
	CHECK(!memcmp(memory, in, 4096) && !memcmp(bar, in + 4096, 4096) &&
	      !memcmp(far, in + 8192, 4096));
	CHECK_EQ(dirty_count(log, 0, UINT64_MAX), 3);
	CHECK_EQ(space_dma(space, 0x1000, out, sizeof(out), false, log, NULL), 0);
	CHECK(!memcmp(in, out, sizeof(in)));
	CHECK_EQ(dirty_count(log, 0, UINT64_MAX), 3); /* a read marks nothing */
	dirty_clear(log, 0, UINT64_MAX);

	/* Into the hole: what was before it is there, and marked. */
	CHECK_EQ(space_dma(space, 0x3ff0, in, 32, true, log, &err), -EFAULT);
	CHECKF(strstr(err.text, "0x4000"), "%s", err.text);
	CHECK(!memcmp(far + 0xff0, in, 16));
	CHECK_EQ(dirty_count(log, 0, UINT64_MAX), 1);
	CHECK(dirty_test(log, 0x3000, 1));
	CHECK_EQ(space_dma(space, 0x8000, in, 1, true, log, &err), -EFAULT);
	CHECKF(strstr(err.text, "read-only"), "%s", err.text);
	CHECK(!dirty_test(log, 0x8000, 1));
	CHECK_EQ(vfmig_space_read(space, 0x8000, out, 1, NULL), 0);
	CHECK_EQ(space_dma(space, UINT64_MAX, in, 2, true, log, NULL), -EFAULT);

	/* In place: memory only, and as far as the map goes. */
	len = 10000;
	CHECK(space_hold(space, 0x1800, &len, true, &held) == memory + 0x800);
	CHECK_EQ(len, 0x800);
	space_release(space, held);
	len = 1;
	CHECK(!space_hold(space, 0x2000, &len, true, &held));
	CHECK(!space_hold(space, 0x8000, &len, true, &held));
	CHECK(!space_hold(space, 0x5000, &len, false, &held));

	dirty_free(log);
	vfmig_space_free(space);
	vfmig_device_close(&peer->device);
	return 0;
}
