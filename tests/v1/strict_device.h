/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stranger's v1 device, which has read the text and nothing else: it takes the transitions that are drawn (and
 * RUNNING to give up, and what begins at STOP), wants its reserved bits back, insists on the order of accesses, hands
 * its transactions over at another place each time, forgets the current one when pre-copy is left, and takes
 * a state back only in the transactions in which it gave it.
 */
#ifndef TESTS_V1_STRICT_DEVICE_H
#define TESTS_V1_STRICT_DEVICE_H

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/abi_region.h>

#include "device/device.h"
#include "protocol/v1/v1.h"
#include "tests/lib/check.h"

#define STRICT_INDEX 11
#define STRICT_SIZE  0x40000u
#define STRICT_DATA  0x1000u
#define STRICT_KEEP  0xa5a5a5a8u /* its reserved bits */

enum strict_step { STRICT_ASKED, STRICT_PLACED, STRICT_SIZED };

struct strict {
	struct vfmig_device device; /* first */
	uint8_t *bytes;
	int fd;
	uint32_t bits;
	unsigned writes[64], nwrites; /* of device_state */
	unsigned runs;		      /* how often it was in RUNNING or PRE_COPY anew */

	/* saving: sizes; byte i of transaction t is t * 7 + i */
	const size_t *sizes;
	unsigned count, stopped; /* the first @stopped come in pre-copy */
	unsigned next;
	enum strict_step step;
	bool staged;
	size_t fetched; /* by trapped reads, from the start on */
	uint64_t at;

	/* resuming */
	unsigned loaded;
	bool placed;

	/* its kind */
	uint32_t width; /* of the widest access to data; 0 is any */
	bool mapped;	/* half of its data section */
	bool lies;	/* the memory behind it is smaller than it says */
	int fail_data, fail_size;
	unsigned wide, narrow; /* accesses to data */
};

static inline bool strict_byte(const struct strict *s, unsigned t, size_t i, uint8_t byte)
{
	return byte == (uint8_t)(t * 7 + i);
}

static inline unsigned strict_there(const struct strict *s)
{
	return s->bits == 3 ? s->stopped : s->bits == 2 ? s->count : 0;
}

static inline ssize_t strict_set_state(struct strict *s, uint32_t to)
{
	static const uint8_t takes[8] = {
		/* from STOP */ 1 << 1 | 1 << 2 | 1 << 4,
		/* RUNNING */ 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4,
		/* STOP_COPY */ 1 << 0 | 1 << 1,
		/* PRE_COPY */ 1 << 2 | 1 << 1,
		/* RESUMING */ 1 << 1,
	};
	uint32_t from = s->bits;

	CHECK_EQ(to & ~7u, STRICT_KEEP); /* read, modify, write */
	to &= 7;
	s->writes[s->nwrites++ % 64] = to;
	if (!(takes[from] >> to & 1))
		return -EINVAL;
	if (from == 4 && s->loaded != s->count)
		return -EINVAL;
	if ((to & 1) && !(from & 1))
		s->runs++;
	if ((to & 2) && !(from & 2))
		s->next = 0;
	/* The buffer is not kept over a change: what was not fetched of it is gone, but not what was. */
	if (s->staged && (from & 2))
		s->next++;
	s->staged = false;
	s->step = STRICT_ASKED;
	if (to == 4)
		s->loaded = 0;
	s->placed = false;
	s->bits = to;
	return 0;
}

static inline uint64_t strict_pending(struct strict *s)
{
	uint64_t pending = 0;

	if (s->staged) {
		/* It is over with the transaction: then all of it must have been fetched. */
		CHECK_EQ(s->step, STRICT_SIZED);
		if (!s->mapped)
			CHECK_EQ(s->fetched, s->sizes[s->next]);
		s->staged = false;
		s->next++;
	}
	s->step = STRICT_ASKED;
	for (unsigned t = s->next; t < strict_there(s); t++)
		pending += s->sizes[t];
	return pending;
}

static inline uint64_t strict_offset(struct strict *s)
{
	if (s->bits == 4) {
		s->at = STRICT_DATA + s->loaded % 5 * 8;
		s->placed = true;
		s->fetched = 0;
		return s->at;
	}
	CHECK(s->bits & 2);
	CHECK(s->next < strict_there(s)); /* pending_bytes said 0 */
	CHECK_EQ(s->step, STRICT_ASKED);
	s->step = STRICT_PLACED;
	s->staged = true;
	s->fetched = 0;
	s->at = STRICT_DATA + s->next % 7 * 24;
	for (size_t i = 0; i < s->sizes[s->next]; i++)
		s->bytes[s->at + i] = (uint8_t)(s->next * 7 + i);
	return s->at;
}

static inline ssize_t strict_load(struct strict *s, uint64_t size)
{
	size_t wanted = s->loaded < s->count ? s->sizes[s->loaded] : 0;
	int ret = s->fail_size;

	s->fail_size = 0;
	if (ret)
		return ret;
	CHECK_EQ(s->bits, 4);
	CHECK(s->placed);
	if (!s->mapped)
		CHECK_EQ(s->fetched, size);
	s->placed = false;
	if (size != wanted)
		return -EBADMSG; /* not what was given */
	for (size_t i = 0; i < size; i++)
		if (!strict_byte(s, s->loaded, i, s->bytes[s->at + i]))
			return -EBADMSG;
	memset(s->bytes + s->at, 0xee, size);
	s->loaded++;
	return 0;
}

static inline ssize_t strict_data(struct strict *s, struct vfmig_request *request, bool write)
{
	uint64_t at = request->region.offset;
	uint32_t len = request->region.len;
	int ret = s->fail_data;

	s->fail_data = 0;
	if (ret)
		return ret;
	if (s->width && (len > s->width || at % len))
		return -EINVAL;
	if (len > 8)
		s->wide++;
	else
		s->narrow++;
	if (write) {
		CHECK(s->placed);
		memcpy(s->bytes + at, request->region.buf, len);
	} else {
		CHECK_EQ(s->step, STRICT_SIZED);
		CHECK(at + len <= s->at + s->sizes[s->next]);
		memcpy(request->region.buf, s->bytes + at, len);
	}
	if (!s->mapped)
		CHECK_EQ(at, s->at + s->fetched); /* in order, each byte once */
	s->fetched += len;
	return len;
}

static inline ssize_t strict_access(struct strict *s, struct vfmig_request *request)
{
	bool write = request->op == VFMIG_OP_REGION_WRITE;
	uint64_t value = 0;
	ssize_t ret = 0;

	if (request->region.offset >= STRICT_DATA) {
		CHECK(request->region.offset + request->region.len <= STRICT_SIZE);
		return strict_data(s, request, write);
	}
	CHECK_EQ(request->region.len, request->region.offset ? 8 : 4);
	if (write)
		memcpy(&value, request->region.buf, request->region.len);
	switch (request->region.offset + write) {
	case 0:
		value = s->bits | STRICT_KEEP;
		break;
	case 1:
		ret = strict_set_state(s, (uint32_t)value);
		break;
	case 8:
		value = strict_pending(s);
		break;
	case 16:
		value = strict_offset(s);
		break;
	case 24:
		CHECK_EQ(s->step, STRICT_PLACED);
		s->step = STRICT_SIZED;
		value = s->sizes[s->next];
		break;
	case 25:
		ret = strict_load(s, value);
		break;
	default:
		CHECK(!"a register that cannot be accessed");
	}
	if (ret < 0)
		return ret;
	if (!write)
		memcpy(request->region.buf, &value, request->region.len);
	return request->region.len;
}

static inline ssize_t strict_info(struct strict *s, struct vfmig_request *request)
{
	struct {
		struct vfmig_region_info info;
		struct vfmig_region_cap_type type;
		struct vfmig_region_cap_sparse_mmap sparse;
		struct vfmig_sparse_mmap_area area;
	} all = {
		.info = {.argsz = sizeof(all), .index = request->info.index},
		.type.header = {.id = VFMIG_REGION_CAP_TYPE, .version = 1},
		.type.type = VFMIG_REGION_TYPE_MIGRATION,
		.type.subtype = VFMIG_REGION_SUBTYPE_MIGRATION,
		.sparse.header = {.id = VFMIG_REGION_CAP_SPARSE_MMAP, .version = 1},
		.sparse.nr_areas = 1,
		.area = {.offset = STRICT_DATA, .size = STRICT_SIZE / 2 - STRICT_DATA},
	};

	if (request->info.index == STRICT_INDEX) {
		all.info.flags =
			VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE | VFMIG_REGION_FLAG_CAPS;
		all.info.cap_offset = offsetof(__typeof__(all), type);
		all.info.size = STRICT_SIZE;
		if (s->mapped) {
			all.info.flags |= VFMIG_REGION_FLAG_MMAP;
			all.type.header.next = offsetof(__typeof__(all), sparse);
		}
	}
	memcpy(request->info.buf, &all,
	       request->info.size < sizeof(all) ? request->info.size : sizeof(all));
	return sizeof(all);
}

static inline void strict_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct strict *s = (struct strict *)device;
	struct vfmig_device_info info = {
		.argsz = sizeof(info),
		.flags = VFMIG_DEVICE_FLAG_RESET,
		.num_regions = STRICT_INDEX + 3,
	};
	ssize_t ret = -ENOTTY;

	switch (request->op) {
	case VFMIG_OP_DEVICE_INFO:
		memcpy(request->info.buf, &info,
		       request->info.size < sizeof(info) ? request->info.size : sizeof(info));
		ret = sizeof(info);
		break;
	case VFMIG_OP_REGION_INFO:
		ret = strict_info(s, request);
		break;
	case VFMIG_OP_REGION_FD:
		request->region_fd.fd = dup(s->fd);
		request->region_fd.file_offset = 0;
		ret = 0;
		break;
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		CHECK_EQ(request->region.index, STRICT_INDEX);
		ret = strict_access(s, request);
		break;
	case VFMIG_OP_RESET:
		s->bits = 1;
		s->staged = s->placed = false;
		ret = 0;
		break;
	default:
		break;
	}
	request_complete(request, ret);
}

static inline bool strict_cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	return false;
}

static inline int strict_fd(struct vfmig_device *device)
{
	return -1;
}

static inline int strict_process(struct vfmig_device *device, struct vfmig_error *err)
{
	return 0;
}

static inline void strict_close(struct vfmig_device *device)
{
	struct strict *s = (struct strict *)device;

	munmap(s->bytes, STRICT_SIZE);
	close(s->fd);
	device_fini(device);
	free(s);
}

static const struct device_ops strict_ops = {
	.submit = strict_submit,
	.cancel = strict_cancel,
	.fd = strict_fd,
	.process = strict_process,
	.close = strict_close,
};

static inline struct strict *strict_new(const size_t *sizes, unsigned count, unsigned in_precopy)
{
	struct strict *s = calloc(1, sizeof(*s));

	CHECK(s);
	CHECK_EQ(device_init(&s->device, &strict_ops, "strict", NULL), 0);
	s->fd = memfd_create("strict", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CHECK(s->fd >= 0 && !ftruncate(s->fd, STRICT_SIZE));
	CHECK(!fcntl(s->fd, F_ADD_SEALS, F_SEAL_SHRINK));
	s->bytes = mmap(NULL, STRICT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	CHECK(s->bytes != MAP_FAILED);
	s->bits = 1;
	s->sizes = sizes;
	s->count = count;
	s->stopped = in_precopy;
	return s;
}

#endif
