/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that shows a fake session as a migration region and has nothing else.
 */
#ifndef TESTS_V1_SHOWN_H
#define TESTS_V1_SHOWN_H

#include <vfmig/abi_region.h>

#include "protocol/pfn/pfn.h"
#include "protocol/v1/v1.h"
#include "tests/lib/fake_session.h"

#define SHOWN_INDEX 9

struct shown {
	struct vfmig_device device; /* first */
	struct fake_session fake;
	struct region_driver *offer;
	uint64_t data; /* where the data section begins */
};

static inline struct shown *shown_of(struct vfmig_device *device)
{
	return (struct shown *)device;
}

static inline void shown_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct shown *shown = shown_of(device);
	struct vfmig_device_info info = {
		.argsz = sizeof(info),
		.flags = VFMIG_DEVICE_FLAG_PCI | VFMIG_DEVICE_FLAG_RESET,
		.num_regions = SHOWN_INDEX + 1,
	};
	struct vfmig_region_info none = {.argsz = sizeof(none)};

	if (region_driver_submit(shown->offer, request))
		return;
	switch (request->op) {
	case VFMIG_OP_DEVICE_INFO:
		memcpy(request->info.buf, &info,
		       request->info.size < sizeof(info) ? request->info.size : sizeof(info));
		request_complete(request, sizeof(info));
		return;
	case VFMIG_OP_REGION_INFO:
		none.index = request->info.index;
		memcpy(request->info.buf, &none,
		       request->info.size < sizeof(none) ? request->info.size : sizeof(none));
		request_complete(request, sizeof(none));
		return;
	case VFMIG_OP_RESET:
		pthread_mutex_lock(&shown->fake.lock);
		shown->fake.state = VFMIG_STATE_RUNNING;
		pthread_mutex_unlock(&shown->fake.lock);
		region_driver_reset(shown->offer);
		request_complete(request, 0);
		return;
	case VFMIG_OP_ATTACH:
	case VFMIG_OP_DETACH:
	case VFMIG_OP_SPACE_MAP:
	case VFMIG_OP_SPACE_UNMAP:
		request_complete(request, 0);
		return;
	default:
		request_complete(request, -ENOTTY);
		return;
	}
}

static inline bool shown_cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	return region_driver_cancel(shown_of(device)->offer, request);
}

static inline int shown_fd(struct vfmig_device *device)
{
	return -1;
}

static inline int shown_process(struct vfmig_device *device, struct vfmig_error *err)
{
	return 0;
}

static inline void shown_close(struct vfmig_device *device)
{
	struct shown *shown = shown_of(device);

	region_driver_close(shown->offer);
	fake_session_fini(&shown->fake);
	device_fini(device);
	free(shown);
}

static const struct device_ops shown_ops = {
	.submit = shown_submit,
	.cancel = shown_cancel,
	.fd = shown_fd,
	.process = shown_process,
	.close = shown_close,
};

static inline struct shown *shown_new(enum vfmig_region_revision revision, uint64_t flags,
				      struct logger *logger, const struct region_options *how)
{
	struct shown *shown = calloc(1, sizeof(*shown));
	struct region_options options = *how;
	struct region_log log = {.logger = logger};

	CHECK(shown);
	options.index = SHOWN_INDEX;
	CHECK_EQ(device_init(&shown->device, &shown_ops, "shown", NULL), 0);
	fake_session_init(&shown->fake, flags);
	if (revision == VFMIG_REGION_PFN)
		CHECK_EQ(pfn_driver_open(&shown->fake.session, &log, &options, &shown->offer, NULL),
			 0);
	else
		CHECK_EQ(v1_driver_open(&shown->fake.session, &options, &shown->offer, NULL), 0);
	shown->data = shown->offer->layout.data_start;
	return shown;
}

/* ---- registers: -errno or 0 ---- */

static inline int get32(struct shown *shown, uint64_t offset, uint32_t *value)
{
	return vfmig_device_region_read(&shown->device, SHOWN_INDEX, offset, value, 4, NULL);
}

static inline int get64(struct shown *shown, uint64_t offset, uint64_t *value)
{
	return vfmig_device_region_read(&shown->device, SHOWN_INDEX, offset, value, 8, NULL);
}

static inline int put64(struct shown *shown, uint64_t offset, uint64_t value)
{
	return vfmig_device_region_write(&shown->device, SHOWN_INDEX, offset, &value, 8, NULL);
}

static inline int put_state(struct shown *shown, uint32_t value)
{
	return vfmig_device_region_write(&shown->device, SHOWN_INDEX, 0, &value, 4, NULL);
}

static inline uint32_t state(struct shown *shown)
{
	uint32_t value;

	CHECK_EQ(get32(shown, 0, &value), 0);
	return value;
}

static inline uint64_t reg64(struct shown *shown, uint64_t offset)
{
	uint64_t value;

	CHECK_EQ(get64(shown, offset, &value), 0);
	return value;
}

#define PENDING	    8
#define DATA_OFFSET 16
#define DATA_SIZE   24
#define START_PFN   32
#define PAGE_SIZE   40
#define TOTAL_PFNS  48
#define COPIED_PFNS 56

/* One iteration: is a chunk of that size and fill handed over? */
static inline void fetch_chunk(struct shown *shown, size_t len, uint8_t fill)
{
	uint8_t *buf = malloc(len);
	uint64_t at = reg64(shown, DATA_OFFSET);

	CHECK(at >= 32 && buf);
	CHECK_EQ(reg64(shown, DATA_SIZE), len);
	CHECK_EQ(
		vfmig_device_region_read(&shown->device, SHOWN_INDEX, at, buf, (uint32_t)len, NULL),
		0);
	CHECK(fake_is_chunk(buf, len, fill));
	free(buf);
}

#endif
