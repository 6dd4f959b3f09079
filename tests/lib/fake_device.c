/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/feature.h"
#include "abi/vfio_user.h"
#include "device/space.h"
#include "dirty/map.h"
#include "tests/lib/check.h"
#include "tests/lib/fake_device.h"

static ssize_t info(struct fake_device *f, struct vfmig_request *r)
{
	struct vfmig_device_info info = {
		.argsz = sizeof(info),
		.flags = VFMIG_DEVICE_FLAG_RESET | VFMIG_DEVICE_FLAG_PCI,
		.num_regions = VFMIG_PCI_REGION_COUNT,
		.num_irqs = VFMIG_PCI_IRQ_COUNT,
	};

	memcpy(r->info.buf, &info, r->info.size < sizeof(info) ? r->info.size : sizeof(info));
	return sizeof(info);
}

static uint64_t region_size(uint32_t index)
{
	return index == 0   ? FAKE_DEVICE_BAR0
	       : index == 2 ? FAKE_DEVICE_BAR2
	       : index == 7 ? FAKE_DEVICE_CONFIG
			    : 0;
}

static ssize_t region_info(struct fake_device *f, struct vfmig_request *r)
{
	struct vfmig_sparse_mmap_area area = {FAKE_DEVICE_BAR2_FROM, FAKE_DEVICE_BAR2_LEN};
	struct abi_msg_region_caps caps = {.areas = &area, .nr_areas = 1, .has_sparse = true};
	struct vfmig_region_info info = {
		.index = r->info.index,
		.size = region_size(r->info.index),
		.flags = VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE,
	};
	uint8_t buf[256];
	size_t n;

	if (r->info.index >= VFMIG_PCI_REGION_COUNT)
		return vfmig_err(r->err, -EINVAL, "no region %u", r->info.index);
	if (r->info.index == 2)
		info.flags |= VFMIG_REGION_FLAG_MMAP;
	n = abi_msg_put_region_info(buf, sizeof(buf), (uint32_t)r->info.size, &info,
				    r->info.index == 2 ? &caps : NULL);
	memcpy(r->info.buf, buf, n < r->info.size ? n : r->info.size);
	memcpy(&info, buf, sizeof(info));
	return info.argsz;
}

static ssize_t irq_info(struct fake_device *f, struct vfmig_request *r)
{
	struct vfmig_irq_info info = {
		.argsz = sizeof(info),
		.flags = VFMIG_IRQ_INFO_EVENTFD,
		.index = r->info.index,
		.count = r->info.index == VFMIG_PCI_IRQ_MSIX ? FAKE_DEVICE_VECTORS : 0,
	};

	if (r->info.index >= VFMIG_PCI_IRQ_COUNT)
		return -EINVAL;
	memcpy(r->info.buf, &info, sizeof(info));
	return sizeof(info);
}

static ssize_t region_access(struct fake_device *f, struct vfmig_request *r)
{
	uint64_t size = region_size(r->region.index), offset = r->region.offset;
	uint8_t *mem = r->region.index == 0 ? f->bar0 : r->region.index == 2 ? f->bar2 : f->config;

	if (offset > size || r->region.len > size - offset)
		return vfmig_err(r->err, -EINVAL, "outside of region %u", r->region.index);
	if (r->op == VFMIG_OP_REGION_READ) {
		memcpy(r->region.buf, mem + offset, r->region.len);
		return r->region.len;
	}
	memcpy(mem + offset, r->region.buf, r->region.len);
	if (r->region.index == 0 && offset == FAKE_DEVICE_DOORBELL)
		fake_device_ring(f);
	if (r->region.index == 7 && f->on_write)
		f->on_write(f);
	return r->region.len;
}

static ssize_t set_irqs(struct fake_device *f, struct vfmig_request *r)
{
	uint64_t one = 1;

	f->last_action = r->irqs.flags;
	if (r->irqs.index != VFMIG_PCI_IRQ_MSIX)
		return r->irqs.count ? -EINVAL : 0;
	if (r->irqs.start > FAKE_DEVICE_VECTORS ||
	    r->irqs.count > FAKE_DEVICE_VECTORS - r->irqs.start)
		return vfmig_err(r->err, -EINVAL, "no such vectors");
	if (!r->irqs.count) {
		for (unsigned i = 0; i < FAKE_DEVICE_VECTORS; i++) {
			if (f->irqs[i] >= 0)
				close(f->irqs[i]);
			f->irqs[i] = -1;
		}
		return 0;
	}
	for (uint32_t i = 0; i < r->irqs.count; i++) {
		int *at = &f->irqs[r->irqs.start + i];

		if (r->irqs.flags & VFMIG_IRQ_SET_DATA_EVENTFD) {
			if (*at >= 0)
				close(*at);
			*at = r->irqs.fds[i] < 0 ? -1 : dup(r->irqs.fds[i]);
		} else if (*at >= 0 &&
			   (!(r->irqs.flags & VFMIG_IRQ_SET_DATA_BOOL) || r->irqs.bools[i])) {
			CHECK_EQ(write(*at, &one, sizeof(one)), sizeof(one));
		}
	}
	return 0;
}

/* ---- migration ---- */

static ssize_t go(struct fake_device *f, struct vfmig_feature_mig_state *s, struct vfmig_error *err)
{
	enum vfmig_state path[VFMIG_STATE_COUNT];
	size_t count;
	const char *why = vfmig_v2_path(f->flags, f->state, s->device_state, path, &count);

	if (why)
		return vfmig_err(err, -EINVAL, "%s", why);
	for (size_t i = 0; i < count; i++) {
		if (path[i] == VFMIG_STATE_RESUMING)
			f->data_len = f->data_at = 0;
		else if (path[i] == VFMIG_STATE_STOP_COPY || path[i] == VFMIG_STATE_PRE_COPY)
			f->data_at = 0;
		f->state = path[i];
	}
	s->data_fd = -1;
	return 0;
}

static ssize_t start(struct fake_device *f, struct vfmig_feature_dma_logging_control *c)
{
	const struct vfmig_dma_logging_range *ranges = (const void *)(uintptr_t)c->ranges;

	if (f->logs || !c->num_ranges ||
	    abi_logging_start_check(c->page_size, ranges, c->num_ranges, false))
		return -EINVAL;
	f->logs = true;
	f->log_page = c->page_size;
	f->log_ranges = c->num_ranges;
	dirty_clear(f->dirty, 0, UINT64_MAX);
	return 0;
}

static ssize_t report(struct fake_device *f, struct vfmig_feature_dma_logging_report *r)
{
	struct abi_logging_report asked = {r->iova, r->length, r->page_size};

	if (!f->logs || abi_logging_report_check(&asked, NULL))
		return -EINVAL;
	return dirty_read_clear_bitmap(f->dirty, r->iova, r->length, r->page_size,
				       (uint64_t *)(uintptr_t)r->bitmap);
}

static ssize_t feature(struct fake_device *f, struct vfmig_request *r)
{
	uint32_t index = r->feature.flags & VFMIG_FEATURE_MASK;
	const struct abi_feature_kind *kind = abi_feature_find_kind(index);
	bool set = r->feature.flags & VFMIG_FEATURE_SET;

	switch (index) {
	case VFMIG_FEATURE_MIGRATION:
	case VFMIG_FEATURE_MIG_STATE:
	case VFMIG_FEATURE_DMA_LOGGING_START:
	case VFMIG_FEATURE_DMA_LOGGING_STOP:
	case VFMIG_FEATURE_DMA_LOGGING_REPORT:
	case VFMIG_FEATURE_MIG_DATA_SIZE:
		if (f->flags)
			break;
		/* fall through */
	default:
		return vfmig_err(r->err, -ENOTTY, "no feature %u", index);
	}
	if (r->feature.flags & VFMIG_FEATURE_PROBE)
		return (r->feature.flags & (VFMIG_FEATURE_GET | VFMIG_FEATURE_SET) & ~kind->ops)
			       ? -EINVAL
			       : 0;
	switch (index) {
	case VFMIG_FEATURE_MIGRATION:
		memcpy(r->feature.data, &f->flags, 8);
		return 0;
	case VFMIG_FEATURE_MIG_STATE:
		if (set)
			return go(f, r->feature.data, r->err);
		*(struct vfmig_feature_mig_state *)r->feature.data =
			(struct vfmig_feature_mig_state){f->state, -1};
		return 0;
	case VFMIG_FEATURE_DMA_LOGGING_START:
		return start(f, r->feature.data);
	case VFMIG_FEATURE_DMA_LOGGING_STOP:
		f->logs = false;
		return 0;
	case VFMIG_FEATURE_DMA_LOGGING_REPORT:
		return report(f, r->feature.data);
	default:
		memcpy(r->feature.data, &(uint64_t){f->data_len - f->data_at}, 8);
		return 0;
	}
}

static ssize_t data_read(struct fake_device *f, struct vfmig_request *r)
{
	size_t n = f->data_len - f->data_at;

	if (!vfmig_v2_state_saving(f->state))
		return vfmig_err(r->err, -EINVAL, "not saving");
	if (n > r->data.len)
		n = r->data.len;
	if (f->piece && n > f->piece)
		n = f->piece;
	memcpy(r->data.buf, f->data + f->data_at, n);
	f->data_at += n;
	if (!n && f->state != VFMIG_STATE_STOP_COPY)
		return -ENOMSG;
	return (ssize_t)n;
}

static ssize_t data_write(struct fake_device *f, struct vfmig_request *r)
{
	if (f->state != VFMIG_STATE_RESUMING)
		return vfmig_err(r->err, -EINVAL, "not resuming");
	if (f->data_len + r->data.len > f->data_room) {
		f->data_room = (f->data_len + r->data.len) * 2;
		f->data = realloc(f->data, f->data_room);
		CHECK(f->data);
	}
	memcpy(f->data + f->data_len, r->data.buf, r->data.len);
	f->data_len += r->data.len;
	return (ssize_t)r->data.len;
}

/* ---- the device ---- */

static ssize_t act(struct fake_device *f, struct vfmig_request *r)
{
	if (f->fail && r->op < VFMIG_OP_ATTACH)
		return vfmig_err(r->err, f->fail, "the fake was told to fail");
	switch (r->op) {
	case VFMIG_OP_DEVICE_INFO:
		return info(f, r);
	case VFMIG_OP_REGION_INFO:
		return region_info(f, r);
	case VFMIG_OP_IRQ_INFO:
		return irq_info(f, r);
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		return region_access(f, r);
	case VFMIG_OP_REGION_FD:
		if (r->region_fd.index != 2)
			return vfmig_err(r->err, -ENODEV, "it cannot be mapped");
		r->region_fd.fd = dup(f->bar2_fd);
		r->region_fd.file_offset = 0;
		return 0;
	case VFMIG_OP_SET_IRQS:
		return set_irqs(f, r);
	case VFMIG_OP_RESET:
		f->state = VFMIG_STATE_RUNNING;
		f->resets++;
		return 0;
	case VFMIG_OP_FEATURE:
		return feature(f, r);
	case VFMIG_OP_DATA_READ:
		return data_read(f, r);
	case VFMIG_OP_DATA_WRITE:
		return data_write(f, r);
	case VFMIG_OP_PRECOPY_INFO:
		r->precopy.initial_bytes = f->data_len - f->data_at;
		r->precopy.dirty_bytes = 77;
		r->precopy.flags = 0;
		return 0;
	case VFMIG_OP_ATTACH:
		f->space = r->space;
		return 0;
	case VFMIG_OP_DETACH:
		f->space = NULL;
		return 0;
	case VFMIG_OP_SPACE_MAP:
		f->maps++;
		return 0;
	case VFMIG_OP_SPACE_UNMAP:
		f->maps--;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static void submit(struct vfmig_device *device, struct vfmig_request *r)
{
	struct fake_device *f = (struct fake_device *)device;
	unsigned at;
	ssize_t ret;

	pthread_mutex_lock(&f->lock);
	at = atomic_load(&f->norder);
	if (at < FAKE_DEVICE_LOG) {
		f->order[at] = (uint8_t)r->op;
		atomic_store(&f->norder, at + 1);
	}
	if (atomic_load(&f->hold) && r->op < VFMIG_OP_ATTACH) {
		request_push(&f->held, r);
		atomic_fetch_add(&f->nheld, 1);
		pthread_mutex_unlock(&f->lock);
		return;
	}
	ret = act(f, r);
	pthread_mutex_unlock(&f->lock);
	request_complete(r, ret);
}

static bool cancel(struct vfmig_device *device, struct vfmig_request *r)
{
	struct fake_device *f = (struct fake_device *)device;
	bool found;

	pthread_mutex_lock(&f->lock);
	found = request_remove(&f->held, r);
	if (found)
		atomic_fetch_sub(&f->nheld, 1);
	pthread_mutex_unlock(&f->lock);
	return found;
}

void fake_device_release(struct fake_device *f, unsigned count)
{
	struct vfmig_request *r;
	ssize_t ret;

	for (unsigned i = 0; !count || i < count; i++) {
		pthread_mutex_lock(&f->lock);
		r = request_shift(&f->held);
		ret = r ? act(f, r) : 0;
		if (r)
			atomic_fetch_sub(&f->nheld, 1);
		pthread_mutex_unlock(&f->lock);
		if (!r)
			return;
		request_complete(r, ret);
	}
}

static int get_fd(struct vfmig_device *device)
{
	return ((struct fake_device *)device)->wake;
}

static int process(struct vfmig_device *device, struct vfmig_error *err)
{
	struct fake_device *f = (struct fake_device *)device;
	uint64_t n;

	if (read(f->wake, &n, sizeof(n)) == sizeof(n) && atomic_exchange(&f->rung, false) &&
	    f->doorbell)
		f->doorbell(f);
	return 0;
}

static void close_fake(struct vfmig_device *device)
{
	struct fake_device *f = (struct fake_device *)device;

	for (unsigned i = 0; i < FAKE_DEVICE_VECTORS; i++)
		if (f->irqs[i] >= 0)
			close(f->irqs[i]);
	munmap(f->bar2, FAKE_DEVICE_BAR2);
	close(f->bar2_fd);
	close(f->wake);
	dirty_free(f->dirty);
	pthread_mutex_destroy(&f->lock);
	free(f->data);
	device_fini(device);
	free(f);
}

static const struct device_ops ops = {
	.submit = submit,
	.cancel = cancel,
	.fd = get_fd,
	.process = process,
	.close = close_fake,
};

struct fake_device *fake_device_new(uint64_t flags)
{
	struct fake_device *f = calloc(1, sizeof(*f));

	CHECK(f);
	CHECK_EQ(device_init(&f->device, &ops, "fake", NULL), 0);
	pthread_mutex_init(&f->lock, NULL);
	f->flags = flags;
	f->state = VFMIG_STATE_RUNNING;
	f->bar2_fd = memfd_create("bar2", MFD_CLOEXEC);
	CHECK(f->bar2_fd >= 0 && !ftruncate(f->bar2_fd, FAKE_DEVICE_BAR2));
	f->bar2 = mmap(NULL, FAKE_DEVICE_BAR2, PROT_READ | PROT_WRITE, MAP_SHARED, f->bar2_fd, 0);
	CHECK(f->bar2 != MAP_FAILED);
	f->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK(f->wake >= 0);
	CHECK_EQ(dirty_create(&f->dirty, NULL), 0);
	for (unsigned i = 0; i < FAKE_DEVICE_VECTORS; i++)
		f->irqs[i] = -1;
	for (unsigned i = 0; i < FAKE_DEVICE_CONFIG; i++)
		f->config[i] = (uint8_t)i;
	return f;
}

void fake_device_ring(struct fake_device *f)
{
	uint64_t one = 1;

	atomic_store(&f->rung, true);
	CHECK_EQ(write(f->wake, &one, sizeof(one)), sizeof(one));
}

int fake_device_dma(struct fake_device *f, uint64_t iova, void *buf, size_t len, bool write)
{
	return f->space
		       ? space_dma(f->space, iova, buf, len, write, f->logs ? f->dirty : NULL, NULL)
		       : -ENODEV;
}

void fake_device_set_data(struct fake_device *f, const void *data, size_t len)
{
	free(f->data);
	f->data = malloc(len + 1);
	CHECK(f->data);
	memcpy(f->data, data, len);
	f->data_len = f->data_room = len;
	f->data_at = 0;
}
