/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The migration region itself: its memory, its information, and what each access means.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/vfio_user.h" /* region information has the uAPI's layout */
#include "abi/range.h"
#include "device/answer.h"
#include "protocol/region/driver.h"

#define PAGE 4096u

/* A separate bitmap covers this many bytes of pages; some users read 8 bytes more. */
#define BITMAP 65536u

/* ---- accesses: steps ---- */

bool region_driver_void(struct region_driver *driver)
{
	if (driver->began == driver->resets)
		return false;
	vfmig_err(&driver->steps.err, -ECANCELED, "the device was reset during the access");
	return true;
}

ssize_t region_give(struct region_driver *driver, uint64_t value)
{
	const struct vfmig_request *outer = driver->steps.outer;

	memcpy(outer->region.buf, &value, outer->region.len);
	return outer->region.len;
}

uint64_t region_taken(const struct region_driver *driver)
{
	const struct vfmig_request *outer = driver->steps.outer;
	uint64_t value = 0;

	memcpy(&value, outer->region.buf, outer->region.len);
	return value;
}

/*
 * The data section is memory, whatever state the device is in, for read and write as for a
 * mapping.
 */
static ssize_t access_data(struct region_driver *driver, struct vfmig_request *outer)
{
	uint8_t *at = driver->bytes + outer->region.offset;

	if (outer->op == VFMIG_OP_REGION_WRITE)
		memcpy(at, outer->region.buf, outer->region.len);
	else
		memcpy(outer->region.buf, at, outer->region.len);
	return outer->region.len;
}

static ssize_t read_register(struct region_driver *driver)
{
	switch (driver->reg) {
	case ABI_REG_DEVICE_STATE:
		return region_read_state(driver);
	case ABI_REG_PENDING_BYTES:
		return region_read_pending(driver);
	case ABI_REG_DATA_OFFSET:
		return region_read_offset(driver);
	case ABI_REG_DATA_SIZE:
		return region_read_size(driver);
	case ABI_REG_COPIED_PFNS:
		return region_read_copied(driver);
	default:
		return region_give(driver, 0); /* reserved */
	}
}

static ssize_t write_register(struct region_driver *driver)
{
	switch (driver->reg) {
	case ABI_REG_DEVICE_STATE:
		return region_write_state(driver);
	case ABI_REG_DATA_SIZE:
		return region_write_size(driver);
	case ABI_REG_START_PFN:
	case ABI_REG_PAGE_SIZE:
	case ABI_REG_TOTAL_PFNS:
		return region_write_range(driver);
	default:
		return driver->steps.outer->region.len; /* reserved */
	}
}

static ssize_t begin(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);
	struct vfmig_request *outer = steps->outer;
	bool write = outer->op == VFMIG_OP_REGION_WRITE;
	const char *why = abi_region_decode(&driver->layout, outer->region.offset,
					    outer->region.len, write, &driver->reg);

	if (why)
		return vfmig_err(&steps->err, -EINVAL, "region %u: %s of %u bytes at 0x%llx: %s",
				 outer->region.index, write ? "write" : "read", outer->region.len,
				 (unsigned long long)outer->region.offset, why);
	driver->began = driver->resets;
	if (driver->reg == ABI_REG_DATA)
		return access_data(driver, outer);
	return write ? write_register(driver) : read_register(driver);
}

/*
 * An access was cancelled between two steps. Its user may try again, and must not get the next
 * data or the next written pages in place of those that arrived too late.
 */
static void dropped(struct steps *steps)
{
	struct region_driver *driver = region_driver_of(steps);

	if (driver->moving)
		region_data_dropped(driver);
	if (driver->pages.asking)
		region_pages_dropped(driver);
}

/* ---- region information ---- */

static ssize_t tell(struct region_driver *driver, struct vfmig_request *request)
{
	struct abi_msg_region_caps caps = {
		.areas = driver->area,
		.nr_areas = driver->nr_areas,
		.has_sparse = driver->nr_areas,
		.has_type = true,
		.type = VFMIG_REGION_TYPE_MIGRATION,
		.subtype = VFMIG_REGION_SUBTYPE_MIGRATION,
		.has_revision = !driver->options.mute,
		.revision = driver->layout.revision,
		.revision_flags = VFMIG_REGION_REVISION_CHECKS,
		.revision_capacity = driver->capacity,
	};
	struct vfmig_region_info info = {
		.flags = VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE,
		.index = driver->options.index,
		.size = driver->layout.size,
		.offset = (uint64_t)driver->options.index << 40,
	};

	if (driver->options.framed)
		caps.revision_flags |= VFMIG_REGION_REVISION_FRAMED;
	if (driver->nr_areas)
		info.flags |= VFMIG_REGION_FLAG_MMAP;
	return answer_region(request, &info, &caps);
}

static ssize_t show_fd(struct region_driver *driver, struct vfmig_request *request)
{
	int fd;

	if (!driver->nr_areas)
		return vfmig_err(request->err, -ENODEV, "region %u has no mappable area",
				 driver->options.index);
	fd = fcntl(driver->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return vfmig_err(request->err, -errno, "region %u: dup of the descriptor: %s",
				 driver->options.index, strerror(errno));
	request->region_fd.fd = fd;
	request->region_fd.file_offset = 0;
	return 0;
}

bool region_driver_submit(struct region_driver *driver, struct vfmig_request *request)
{
	uint32_t index = driver->options.index;

	switch (request->op) {
	case VFMIG_OP_REGION_INFO:
		if (request->info.index != index)
			return false;
		request_complete(request, tell(driver, request));
		return true;
	case VFMIG_OP_REGION_FD:
		if (request->region_fd.index != index)
			return false;
		request_complete(request, show_fd(driver, request));
		return true;
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		if (request->region.index != index)
			return false;
		steps_submit(&driver->steps, request);
		return true;
	default:
		return false;
	}
}

bool region_driver_cancel(struct region_driver *driver, struct vfmig_request *request)
{
	return steps_cancel(&driver->steps, request);
}

/* ---- open, reset, close ---- */

static uint64_t to_page(uint64_t n)
{
	return abi_product(abi_pages(n, PAGE), PAGE);
}

static void lay_out(struct region_driver *driver)
{
	bool mapped = driver->options.data != REGION_DATA_TRAPPED;
	uint64_t end;

	driver->layout.data_start = abi_region_info_size(driver->layout.revision);
	if (mapped)
		driver->layout.data_start = PAGE;
	end = abi_sum(driver->layout.data_start, driver->capacity);
	driver->pages.at = driver->layout.data_start;
	driver->pages.size = driver->capacity;
	if (driver->options.bitmap_apart) {
		driver->pages.at = mapped ? to_page(end) : (end + 7) & ~7ull;
		driver->pages.size = BITMAP + 8;
		end = abi_sum(driver->pages.at, driver->pages.size);
	}
	driver->layout.size = mapped ? to_page(end) : end;
	if (!mapped)
		return;
	driver->nr_areas = 1;
	driver->area[0].offset = driver->layout.data_start;
	driver->area[0].size = driver->options.data == REGION_DATA_PARTLY
				       ? to_page(driver->capacity / 2)
				       : driver->layout.size - driver->layout.data_start;
}

/* The region's memory; sealed, so that a process that maps it cannot shrink it. */
static int make_memory(struct region_driver *driver, struct vfmig_error *err)
{
	uint64_t size = driver->layout.size;

	driver->fd = memfd_create("vfmig-migration", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (driver->fd < 0 || ftruncate(driver->fd, (off_t)size) ||
	    fcntl(driver->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return vfmig_err(err, -errno, "no memory for a migration region: %s",
				 strerror(errno));
	driver->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, driver->fd, 0);
	if (driver->bytes == MAP_FAILED) {
		driver->bytes = NULL;
		return vfmig_err(err, -errno, "mmap of a migration region: %s", strerror(errno));
	}
	driver->own = malloc(driver->capacity);
	return driver->own ? 0
			   : vfmig_err(err, -ENOMEM, "no memory for transactions of %llu bytes",
				       (unsigned long long)driver->capacity);
}

int region_driver_open(struct vfmig_session *session, const struct region_log *log,
		       enum vfmig_region_revision revision, const struct region_options *options,
		       struct region_driver **out, struct vfmig_error *err)
{
	struct region_driver *driver;
	uint64_t capacity = options->transaction ? options->transaction : REGION_TRANSACTION;
	int ret;

	if (capacity < 16 || capacity > REGION_TRANSACTION_MAX)
		return vfmig_err(err, -EINVAL,
				 "option for transactions of %llu bytes: must be 16 to %llu",
				 (unsigned long long)capacity, REGION_TRANSACTION_MAX);
	if (options->reserved & VFMIG_V1_STATE_MASK)
		return vfmig_err(err, -EINVAL,
				 "bits 0 to 2 of device_state are not in the reserved mask");
	driver = calloc(1, sizeof(*driver));
	if (!driver)
		return vfmig_err(err, -ENOMEM, "no memory for a migration region");
	steps_init(&driver->steps);
	driver->steps.session = session;
	driver->steps.begin = begin;
	driver->steps.dropped = dropped;
	if (log)
		driver->log = *log;
	driver->steps.device = driver->log.device;
	driver->options = *options;
	driver->layout.revision = revision;
	driver->capacity = capacity;
	driver->fd = -1;
	driver->bits = VFMIG_V1_STATE_RUNNING;
	lay_out(driver);
	ret = make_memory(driver, err);
	if (!ret && revision == VFMIG_REGION_PFN)
		ret = region_pages_open(driver, err);
	if (ret) {
		region_driver_close(driver);
		return ret;
	}
	*out = driver;
	return 0;
}

void region_driver_close(struct region_driver *driver)
{
	if (!driver)
		return;
	steps_wait(&driver->steps);
	region_log_end(driver, false);
	steps_fini(&driver->steps);
	if (driver->bytes)
		munmap(driver->bytes, driver->layout.size);
	if (driver->fd >= 0)
		close(driver->fd);
	free(driver->pages.bitmap);
	free(driver->pages.ranges);
	free(driver->own);
	free(driver);
}

void region_driver_reset(struct region_driver *driver)
{
	pthread_mutex_lock(&driver->steps.lock);
	driver->resets++;
	driver->bits = VFMIG_V1_STATE_RUNNING;
	driver->precopy_only_shown = false;
	driver->failed = false;
	region_drop_data(driver);
	/* The reset discards what was pending. */
	madvise(driver->bytes, driver->layout.size, MADV_REMOVE);
	pthread_mutex_unlock(&driver->steps.lock);
	region_log_end(driver, true);
}
