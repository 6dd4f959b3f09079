/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The user side of v1 and pfn, on a device whose migration region answers what the input says: any value in any
 * register, refusals, answers that come late or never. Used as a session, or by the filter translate, which exposes it
 * in another revision. Whatever the device says, a request has one answer, reads no more than there is room for, and
 * can be taken back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/abi_region.h>
#include <vfmig/session.h>

#include "device/device.h"
#include "filter/filters.h"
#include "fuzz/property.h"
#include "tests/lib/requests.h"

#define INDEX	 9
#define MEMORY	 65536u
#define DATA	 4096u
#define REQUESTS 4

enum { PFN = 1, REVISION = 2, FRAMED = 4, CHECKS = 8, MAPPED = 16, TRANSLATED = 32, LATE = 64 };

static struct {
	const uint8_t *at;
	size_t left;
} in;

static uint64_t take(size_t bytes)
{
	uint64_t value = 0;

	bytes = bytes < in.left ? bytes : in.left;
	memcpy(&value, in.at, bytes);
	in.at += bytes;
	in.left -= bytes;
	return value;
}

/* The device. */
static struct {
	struct vfmig_device device;
	uint8_t kind;
	uint64_t size;
	uint64_t reg[8];
	int fd;
	bool late;
	struct request_list held;
} dev;

static ssize_t region_info(struct vfmig_request *request)
{
	struct {
		struct vfmig_region_info info;
		struct vfmig_region_cap_type type;
		struct vfmig_region_cap_sparse_mmap sparse;
		struct vfmig_sparse_mmap_area area;
		struct vfmig_region_cap_revision revision;
	} all = {
		.info = {.argsz = sizeof(all), .index = request->info.index},
		.type.header = {.id = VFMIG_REGION_CAP_TYPE, .version = 1},
		.type.type = VFMIG_REGION_TYPE_MIGRATION,
		.type.subtype = VFMIG_REGION_SUBTYPE_MIGRATION,
		.sparse.header = {.id = VFMIG_REGION_CAP_SPARSE_MMAP, .version = 1},
		.sparse.nr_areas = 1,
		.area = {.offset = DATA, .size = dev.size / 2 & ~4095ull},
		.revision.header = {.id = VFMIG_REGION_CAP_REVISION, .version = 1},
		.revision.revision = dev.kind & PFN ? VFMIG_REGION_PFN : VFMIG_REGION_V1,
		.revision.flags = (uint32_t)(dev.kind & (FRAMED | CHECKS)) >> 2,
		.revision.capacity = dev.size,
	};

	if (request->info.index == INDEX) {
		all.info.flags =
			VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE | VFMIG_REGION_FLAG_CAPS;
		all.info.cap_offset = offsetof(__typeof__(all), type);
		all.info.size = dev.size;
		if (dev.kind & MAPPED) {
			all.info.flags |= VFMIG_REGION_FLAG_MMAP;
			all.type.header.next = offsetof(__typeof__(all), sparse);
			all.sparse.header.next =
				dev.kind & REVISION ? offsetof(__typeof__(all), revision) : 0;
		} else if (dev.kind & REVISION) {
			all.type.header.next = offsetof(__typeof__(all), revision);
		}
	}
	memcpy(request->info.buf, &all,
	       request->info.size < sizeof(all) ? request->info.size : sizeof(all));
	return sizeof(all);
}

/* Mostly what can be, or nothing would get far; when the input is at its end, so is the data. */
static void fill_register(unsigned n)
{
	uint8_t how = (uint8_t)take(1);

	if (how >= 240) {
		dev.reg[n] = take(8);
		return;
	}
	switch (n) {
	case 1:
		dev.reg[n] = how ? take(2) : 0;
		break;
	case 2:
		dev.reg[n] = how & 1 ? DATA : dev.kind & PFN ? 64 : 32;
		break;
	case 3:
		dev.reg[n] = take(how & 1 ? 2 : 1);
		break;
	case 7:
		dev.reg[n] = how & 1 ? take(1) : how & 2 ? VFMIG_PFN_DIRTY_ALL : 0;
		break;
	default:
		break;
	}
}

static ssize_t access_region(struct vfmig_request *request, bool write)
{
	uint64_t at = request->region.offset;
	uint8_t how = at && at < 64 ? 0 : (uint8_t)take(1);

	/* The user must stay in the region that it was told of. */
	HOLDS(request->region.index == INDEX && request->region.len);
	HOLDS(at <= dev.size && request->region.len <= dev.size - at);
	if (how >= 250)
		return -(ssize_t)take(1) % 133 - 1;
	if (at + request->region.len > 64 || at % 8) {
		if (!write)
			memset(request->region.buf, how, request->region.len);
		return request->region.len;
	}
	if (write) {
		memcpy(&dev.reg[at / 8], request->region.buf,
		       request->region.len < 8 ? request->region.len : 8);
	} else {
		fill_register((unsigned)at / 8);
		memcpy(request->region.buf, &dev.reg[at / 8],
		       request->region.len < 8 ? request->region.len : 8);
	}
	return request->region.len;
}

static ssize_t answer(struct vfmig_request *request)
{
	struct vfmig_device_info info = {.argsz = sizeof(info),
					 .flags = VFMIG_DEVICE_FLAG_RESET | VFMIG_DEVICE_FLAG_PCI,
					 .num_regions = INDEX + 1};

	switch (request->op) {
	case VFMIG_OP_DEVICE_INFO:
		memcpy(request->info.buf, &info,
		       request->info.size < sizeof(info) ? request->info.size : sizeof(info));
		return sizeof(info);
	case VFMIG_OP_REGION_INFO:
		return region_info(request);
	case VFMIG_OP_REGION_FD:
		request->region_fd.fd = dup(dev.fd);
		request->region_fd.file_offset = 0;
		return 0;
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		return access_region(request, request->op == VFMIG_OP_REGION_WRITE);
	case VFMIG_OP_RESET:
		dev.reg[0] = VFMIG_V1_STATE_RUNNING;
		return 0;
	default:
		return -ENOTTY;
	}
}

static void answer_one(struct vfmig_request *request)
{
	ssize_t ret = answer(request);

	if (ret < 0)
		request_complete_err(request, (int)ret, "the input says no");
	else
		request_complete(request, ret);
}

static void dev_submit(struct vfmig_device *device, struct vfmig_request *request)
{
	if (dev.late)
		request_push(&dev.held, request);
	else
		answer_one(request);
}

static bool dev_cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	return request_remove(&dev.held, request);
}

static int dev_fd(struct vfmig_device *device)
{
	return -1;
}

static int dev_process(struct vfmig_device *device, struct vfmig_error *err)
{
	return 0;
}

static void dev_close(struct vfmig_device *device)
{
	HOLDS(!dev.held.first);
	device_fini(device);
}

static const struct device_ops ops = {
	.submit = dev_submit,
	.cancel = dev_cancel,
	.fd = dev_fd,
	.process = dev_process,
	.close = dev_close,
};

/* ---- the user ---- */

static uint8_t buf[MEMORY];
static uint64_t bitmap[8];
static struct vfmig_dma_logging_range range = {0x10000, 512 * 4096};
static struct vfmig_feature_dma_logging_control control = {
	.page_size = 4096, .num_ranges = 1, .ranges = (uintptr_t)&range};
static struct vfmig_feature_dma_logging_report report = {
	.iova = 0x10000, .length = 512 * 4096, .page_size = 4096, .bitmap = (uintptr_t)bitmap};

static bool done;

static void note(struct vfmig_request *request)
{
	HOLDS(!done);
	done = true;
}

static void feature(struct vfmig_request *request, uint32_t flags, void *data, uint32_t size)
{
	request->op = VFMIG_OP_FEATURE;
	request->feature.flags = flags;
	request->feature.data = data;
	request->feature.size = size;
}

static void fill(struct vfmig_request *request, uint8_t what)
{
	switch (what % 8) {
	case 0:
	case 1:
		request->op = VFMIG_OP_SET_STATE;
		request->state = (uint32_t)take(1) % VFMIG_STATE_COUNT;
		return;
	case 2:
		request->op = VFMIG_OP_DATA_READ;
		request->data.buf = buf;
		request->data.len = 1 + take(2);
		return;
	case 3:
		/* Bytes of the input's, since framed data has to be right. */
		request->op = VFMIG_OP_DATA_WRITE;
		request->data.len = take(1);
		if (request->data.len > in.left)
			request->data.len = in.left;
		memcpy(buf, in.at, request->data.len);
		in.at += request->data.len;
		in.left -= request->data.len;
		request->data.buf = buf;
		return;
	case 4:
		feature(request, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START, &control,
			sizeof(control));
		return;
	case 5:
		memset(bitmap, 0, sizeof(bitmap));
		report.page_size = 4096ull << (what >> 6);
		feature(request, VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT, &report,
			sizeof(report));
		return;
	case 6:
		if (what & 8) {
			feature(request, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP, NULL,
				0);
			return;
		}
		request->op = VFMIG_OP_PRECOPY_INFO;
		return;
	default:
		request->op = VFMIG_OP_GET_STATE;
		return;
	}
}

static void ask(struct vfmig_session *session, uint8_t what)
{
	struct vfmig_error err = {0};
	struct vfmig_request request = {.done = note, .err = &err};
	struct vfmig_request *next;

	fill(&request, what);
	done = false;
	dev.late = dev.kind & LATE && what & 16;
	vfmig_session_submit(session, &request);
	while (!done && (next = request_shift(&dev.held))) {
		answer_one(next);
		if (!done && !(take(1) % 16) && vfmig_session_cancel(session, &request)) {
			dev.late = false;
			return;
		}
	}
	dev.late = false;
	HOLDS(done && !dev.held.first);
	HOLDS(request.result >= 0 || err.text[0] || request.result == -ENOMSG);
	if (request.op == VFMIG_OP_DATA_READ && request.result >= 0)
		HOLDS((size_t)request.result <= request.data.len);
	if (request.op == VFMIG_OP_GET_STATE && request.result >= 0)
		HOLDS(request.state < VFMIG_STATE_COUNT);
}

static struct vfmig_session *open_session(struct vfmig_device **outer)
{
	static const char *const shown[] = {"protocol=v2", "protocol=v1", "protocol=pfn",
					    "protocol=v2+v1"};
	const char *name = dev.kind & PFN ? "pfn" : "v1";
	struct vfmig_session *session;
	struct vfmig_device *device;
	char options[64];
	unsigned as = take(1) % 4;

	*outer = &dev.device;
	if (dev.kind & TRANSLATED) {
		snprintf(options, sizeof(options), "%s,from=%s", shown[as], name);
		if (filter_translate.open(&dev.device, options, &device, NULL))
			return NULL;
		*outer = device;
		name = as == 1 ? "v1" : as == 2 ? "pfn" : "v2";
	}
	return vfmig_session_open(*outer, name, &session, NULL) ? NULL : session;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t sizes[] = {16384, 65, 4096, MEMORY};
	struct vfmig_session *session;
	struct vfmig_device *outer;
	int fd = dev.fd;

	if (!fd) {
		fd = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		HOLDS(fd > 0 && !ftruncate(fd, MEMORY));
		HOLDS(!fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	}
	in.at = data;
	in.left = size;
	memset(&dev, 0, sizeof(dev));
	dev.fd = fd;
	HOLDS(!device_init(&dev.device, &ops, "fuzz", NULL));
	dev.kind = (uint8_t)take(1);
	dev.size = sizes[take(1) % 4];
	dev.reg[0] = VFMIG_V1_STATE_RUNNING;
	session = open_session(&outer);
	while (session && in.left) {
		uint8_t what = (uint8_t)take(1);

		if (what == 255)
			vfmig_device_reset(outer, NULL);
		else
			ask(session, what);
	}
	if (session)
		vfmig_session_close(session);
	vfmig_device_close(outer);
	return 0;
}
