/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The migration region itself: its memory, what is told of it, and which access means what.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/vfio_user.h" /* its region information is the uAPI's */
#include "abi/range.h"
#include "device/answer.h"
#include "protocol/region/offer.h"

#define PAGE 4096u

/* A bitmap of its own tells of this many bytes of pages at once; 8 more may be read, as some users do. */
#define BITMAP 65536u

/* ---- accesses: steps ---- */

bool region_driver_void(struct region_driver *offer)
{
	if (offer->began == offer->resets)
		return false;
	vfmig_err(&offer->steps.err, -ECANCELED, "the device was reset meanwhile");
	return true;
}

ssize_t region_give(struct region_driver *offer, uint64_t value)
{
	const struct vfmig_request *outer = offer->steps.outer;

	memcpy(outer->region.buf, &value, outer->region.len);
	return outer->region.len;
}

uint64_t region_taken(const struct region_driver *offer)
{
	const struct vfmig_request *outer = offer->steps.outer;
	uint64_t value = 0;

	memcpy(&value, outer->region.buf, outer->region.len);
	return value;
}

/* The data section is memory, whatever state the device is in, for read and write as for a mapping. */
static ssize_t access_data(struct region_driver *offer, struct vfmig_request *outer)
{
	uint8_t *at = offer->bytes + outer->region.offset;

	if (outer->verb == VFMIG_VERB_REGION_WRITE)
		memcpy(at, outer->region.buf, outer->region.len);
	else
		memcpy(outer->region.buf, at, outer->region.len);
	return outer->region.len;
}

static ssize_t read_register(struct region_driver *offer)
{
	switch (offer->reg) {
	case ABI_REG_DEVICE_STATE:
		return region_read_state(offer);
	case ABI_REG_PENDING_BYTES:
		return region_read_pending(offer);
	case ABI_REG_DATA_OFFSET:
		return region_read_offset(offer);
	case ABI_REG_DATA_SIZE:
		return region_read_size(offer);
	case ABI_REG_COPIED_PFNS:
		return region_read_copied(offer);
	default:
		return region_give(offer, 0); /* reserved */
	}
}

static ssize_t write_register(struct region_driver *offer)
{
	switch (offer->reg) {
	case ABI_REG_DEVICE_STATE:
		return region_write_state(offer);
	case ABI_REG_DATA_SIZE:
		return region_write_size(offer);
	case ABI_REG_START_PFN:
	case ABI_REG_PAGE_SIZE:
	case ABI_REG_TOTAL_PFNS:
		return region_write_range(offer);
	default:
		return offer->steps.outer->region.len; /* reserved */
	}
}

static ssize_t begin(struct steps *steps, ssize_t result)
{
	struct region_driver *offer = region_driver_of(steps);
	struct vfmig_request *outer = steps->outer;
	bool write = outer->verb == VFMIG_VERB_REGION_WRITE;
	const char *why = abi_region_decode(&offer->layout, outer->region.offset, outer->region.len,
					    write, &offer->reg);

	if (why)
		return vfmig_err(&steps->err, -EINVAL, "region %u: %s of %u bytes at 0x%llx: %s",
				 outer->region.index, write ? "write" : "read", outer->region.len,
				 (unsigned long long)outer->region.offset, why);
	offer->began = offer->resets;
	if (offer->reg == ABI_REG_DATA)
		return access_data(offer, outer);
	return write ? write_register(offer) : read_register(offer);
}

/*
 * An access was taken back between two steps. Its user may try again, and must not get the next data or the next
 * written pages for those that came too late.
 */
static void dropped(struct steps *steps)
{
	struct region_driver *offer = region_driver_of(steps);

	if (offer->moving)
		region_data_dropped(offer);
	if (offer->pages.asking)
		region_pages_dropped(offer);
}

/* ---- what is told ---- */

static ssize_t tell(struct region_driver *offer, struct vfmig_request *request)
{
	struct abi_msg_region_caps caps = {
		.areas = offer->area,
		.nr_areas = offer->nr_areas,
		.has_sparse = offer->nr_areas,
		.has_type = true,
		.type = VFMIG_REGION_TYPE_MIGRATION,
		.subtype = VFMIG_REGION_SUBTYPE_MIGRATION,
		.has_revision = !offer->options.mute,
		.revision = offer->layout.revision,
		.revision_flags = VFMIG_REGION_REVISION_CHECKS,
		.revision_room = offer->room,
	};
	struct vfmig_region_info info = {
		.flags = VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE,
		.index = offer->options.index,
		.size = offer->layout.size,
		.offset = (uint64_t)offer->options.index << 40,
	};

	if (offer->options.framed)
		caps.revision_flags |= VFMIG_REGION_REVISION_FRAMED;
	if (offer->nr_areas)
		info.flags |= VFMIG_REGION_FLAG_MMAP;
	return answer_region(request, &info, &caps);
}

static ssize_t show_fd(struct region_driver *offer, struct vfmig_request *request)
{
	int fd;

	if (!offer->nr_areas)
		return vfmig_err(request->err, -ENODEV, "region %u cannot be mapped",
				 offer->options.index);
	fd = fcntl(offer->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return vfmig_err(request->err, -errno, "region %u: no descriptor: %s",
				 offer->options.index, strerror(errno));
	request->region_fd.fd = fd;
	request->region_fd.file_offset = 0;
	return 0;
}

bool region_driver_submit(struct region_driver *offer, struct vfmig_request *request)
{
	uint32_t index = offer->options.index;

	switch (request->verb) {
	case VFMIG_VERB_REGION_INFO:
		if (request->info.index != index)
			return false;
		request_complete(request, tell(offer, request));
		return true;
	case VFMIG_VERB_REGION_FD:
		if (request->region_fd.index != index)
			return false;
		request_complete(request, show_fd(offer, request));
		return true;
	case VFMIG_VERB_REGION_READ:
	case VFMIG_VERB_REGION_WRITE:
		if (request->region.index != index)
			return false;
		steps_submit(&offer->steps, request);
		return true;
	default:
		return false;
	}
}

bool region_driver_cancel(struct region_driver *offer, struct vfmig_request *request)
{
	return steps_cancel(&offer->steps, request);
}

/* ---- from its making to its end ---- */

static uint64_t to_page(uint64_t n)
{
	return abi_product(abi_pages(n, PAGE), PAGE);
}

static void lay_out(struct region_driver *offer)
{
	bool mapped = offer->options.data != REGION_DATA_TRAPPED;
	uint64_t end;

	offer->layout.data_start = abi_region_info_size(offer->layout.revision);
	if (mapped)
		offer->layout.data_start = PAGE;
	end = abi_sum(offer->layout.data_start, offer->room);
	offer->pages.at = offer->layout.data_start;
	offer->pages.size = offer->room;
	if (offer->options.bitmap_apart) {
		offer->pages.at = mapped ? to_page(end) : (end + 7) & ~7ull;
		offer->pages.size = BITMAP + 8;
		end = abi_sum(offer->pages.at, offer->pages.size);
	}
	offer->layout.size = mapped ? to_page(end) : end;
	if (!mapped)
		return;
	offer->nr_areas = 1;
	offer->area[0].offset = offer->layout.data_start;
	offer->area[0].size = offer->options.data == REGION_DATA_PARTLY
				      ? to_page(offer->room / 2)
				      : offer->layout.size - offer->layout.data_start;
}

/* The region's memory; sealed, so that nobody who maps it can take it away from under us. */
static int make_memory(struct region_driver *offer, struct vfmig_error *err)
{
	uint64_t size = offer->layout.size;

	offer->fd = memfd_create("vfmig-migration", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (offer->fd < 0 || ftruncate(offer->fd, (off_t)size) ||
	    fcntl(offer->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return vfmig_err(err, -errno, "no memory for a migration region: %s",
				 strerror(errno));
	offer->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, offer->fd, 0);
	if (offer->bytes == MAP_FAILED) {
		offer->bytes = NULL;
		return vfmig_err(err, -errno, "a migration region cannot be mapped: %s",
				 strerror(errno));
	}
	offer->own = malloc(offer->room);
	return offer->own ? 0
			  : vfmig_err(err, -ENOMEM, "no memory for transactions of %llu bytes",
				      (unsigned long long)offer->room);
}

int region_driver_open(struct vfmig_session *session, const struct region_log *log,
		       enum vfmig_region_revision revision, const struct region_options *options,
		       struct region_driver **out, struct vfmig_error *err)
{
	struct region_driver *offer;
	uint64_t room = options->transaction ? options->transaction : REGION_TRANSACTION;
	int ret;

	if (room < 16 || room > REGION_TRANSACTION_MAX)
		return vfmig_err(err, -EINVAL, "transactions of %llu bytes: must be 16 to %llu",
				 (unsigned long long)room, REGION_TRANSACTION_MAX);
	if (options->reserved & VFMIG_V1_STATE_MASK)
		return vfmig_err(err, -EINVAL, "bits 0 to 2 of device_state are not reserved");
	offer = calloc(1, sizeof(*offer));
	if (!offer)
		return vfmig_err(err, -ENOMEM, "no memory for a migration region");
	steps_init(&offer->steps);
	offer->steps.session = session;
	offer->steps.begin = begin;
	offer->steps.dropped = dropped;
	if (log)
		offer->log = *log;
	offer->steps.device = offer->log.device;
	offer->options = *options;
	offer->layout.revision = revision;
	offer->room = room;
	offer->fd = -1;
	offer->bits = VFMIG_V1_STATE_RUNNING;
	lay_out(offer);
	ret = make_memory(offer, err);
	if (!ret && revision == VFMIG_REGION_PFN)
		ret = region_pages_open(offer, err);
	if (ret) {
		region_driver_close(offer);
		return ret;
	}
	*out = offer;
	return 0;
}

void region_driver_close(struct region_driver *offer)
{
	if (!offer)
		return;
	steps_wait(&offer->steps);
	region_log_end(offer, false);
	steps_fini(&offer->steps);
	if (offer->bytes)
		munmap(offer->bytes, offer->layout.size);
	if (offer->fd >= 0)
		close(offer->fd);
	free(offer->pages.bitmap);
	free(offer->pages.ranges);
	free(offer->own);
	free(offer);
}

void region_driver_reset(struct region_driver *offer)
{
	pthread_mutex_lock(&offer->steps.lock);
	offer->resets++;
	offer->bits = VFMIG_V1_STATE_RUNNING;
	offer->precopy_only_shown = false;
	offer->failed = false;
	region_drop_data(offer);
	/* What was in there is nobody's any more. */
	madvise(offer->bytes, offer->layout.size, MADV_REMOVE);
	pthread_mutex_unlock(&offer->steps.lock);
	region_log_end(offer, true);
}
