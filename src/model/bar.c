/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Regions: the memory and registers behind each BAR, and accesses to them.
 *
 * A BAR has the model's registers, one block of memory, or both. One BAR belongs to the kit and
 * has the MSI-X table. Memory is accessed in place, without calling the model or waiting for it.
 * So two devices whose models copy into each other's memory never wait for one another. Registers
 * belong to the model: it sees aligned accesses of at most the width in its description, and none
 * while its state is being loaded or is lost. Registers without a model behind them read as all
 * ones, as on a bus.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "abi/range.h"
#include "device/answer.h"
#include "model/kit.h"

/* ---- working the BARs out ---- */

static uint64_t power_of_two_from(uint64_t n)
{
	uint64_t p = 16;

	while (p < n)
		p *= 2;
	return p;
}

static int open_memory(struct vfmig_kit *kit, unsigned i, struct vfmig_error *err)
{
	const struct vfmig_bar *from = &kit->model->pci.bar[i];
	struct kit_bar *bar = &kit->bar[i];
	uint64_t end;

	bar->memory = kit_block_named(kit, from->memory);
	if (!bar->memory)
		return vfmig_err(err, -EINVAL, "BAR %u: there is no block \"%s\"", i, from->memory);
	end = abi_sum(from->memory_at, bar->memory->block.size);
	bar->memory_at = from->memory_at;
	if (!bar->size)
		bar->size = power_of_two_from(end);
	if (end > bar->size)
		return vfmig_err(err, -EINVAL, "BAR %u: block \"%s\" does not fit", i,
				 from->memory);
	return 0;
}

static int open_bar(struct vfmig_kit *kit, unsigned i, struct vfmig_error *err)
{
	const struct vfmig_pci *pci = &kit->model->pci;
	const struct vfmig_bar *from = &pci->bar[i];
	struct kit_bar *bar = &kit->bar[i];
	int ret;

	if (bar->msix)
		return from->size || from->memory
			       ? vfmig_err(err, -EINVAL, "BAR %u has the MSI-X table", i)
			       : 0;
	if (!from->size && !from->memory)
		return 0;
	bar->size = from->size;
	bar->flags = from->flags;
	if (from->flags & VFMIG_BAR_MAPPABLE_IF) {
		uint64_t mappable;

		memcpy(&mappable, (const char *)kit->self + from->mappable_at, sizeof(mappable));
		if (mappable)
			bar->flags |= VFMIG_BAR_MAPPABLE;
	}
	bar->width = from->width ? from->width : 4;
	if ((from->size && (from->size < 16 || from->size & (from->size - 1))) || bar->width > 8 ||
	    bar->width & (bar->width - 1))
		return vfmig_err(err, -EINVAL, "BAR %u has an impossible size or width", i);
	if (from->memory) {
		ret = open_memory(kit, i, err);
		if (ret)
			return ret;
	}
	if (!(bar->flags & VFMIG_BAR_64)) {
		if (bar->size > 1ull << 31)
			return vfmig_err(err, -EINVAL, "BAR %u is too large for 32 bits", i);
	} else if (i + 1 == VFMIG_BARS || pci->bar[i + 1].size || pci->bar[i + 1].memory ||
		   kit->bar[i + 1].msix) {
		return vfmig_err(err, -EINVAL, "BAR %u is of 64 bits: the next one must be empty",
				 i);
	}
	return 0;
}

int kit_pci_open(struct vfmig_kit *kit, struct vfmig_error *err)
{
	const struct vfmig_pci *pci = &kit->model->pci;
	int ret;

	if (!kit->is_pci)
		return 0;
	if (pci->msix_vectors > VFMIG_MSIX_VECTORS || pci->msix_bar >= VFMIG_BARS)
		return vfmig_err(err, -EINVAL, "impossible MSI-X table");
	if (pci->msix_vectors) {
		kit->bar[pci->msix_bar].msix = true;
		kit->bar[pci->msix_bar].size = kit_msix_size(pci->msix_vectors);
	}
	for (unsigned i = 0; i < VFMIG_BARS; i++) {
		ret = open_bar(kit, i, err);
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- information ---- */

static uint64_t region_size(const struct vfmig_kit *kit, uint32_t index)
{
	const struct vfmig_model_region *own = kit_own_region(kit, index);

	if (own)
		return own->size;
	if (index < VFMIG_BARS)
		return kit->bar[index].size;
	return index == VFMIG_PCI_REGION_CONFIG ? KIT_CONFIG_SIZE : 0;
}

static bool mappable(const struct vfmig_kit *kit, uint32_t index)
{
	return kit->is_pci && index < VFMIG_BARS && kit->bar[index].memory &&
	       (kit->bar[index].flags & VFMIG_BAR_MAPPABLE);
}

bool kit_mappable(const struct vfmig_kit *kit, uint32_t index)
{
	if (kit->show.region && index == kit->show.index)
		return kit->options->show.data != REGION_DATA_TRAPPED;
	return mappable(kit, index);
}

static uint32_t region_access(const struct vfmig_kit *kit, uint32_t index)
{
	const struct vfmig_model_region *own = kit_own_region(kit, index);

	if (!region_size(kit, index))
		return 0;
	return own ? own->flags : VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE;
}

ssize_t kit_region_info(struct vfmig_kit *kit, struct vfmig_request *request)
{
	uint32_t index = request->info.index;
	const struct vfmig_model_region *own = kit_own_region(kit, index);
	struct abi_msg_region_caps caps = {0};
	struct vfmig_sparse_mmap_area area;
	struct vfmig_region_info info = {.index = index};

	if (index >= kit->region_count)
		return vfmig_err(request->err, -EINVAL, "%s has no region %u", kit->device.name,
				 index);
	info.size = region_size(kit, index);
	info.offset = (uint64_t)index << 40;
	info.flags = region_access(kit, index);
	if (own && own->type) {
		caps.has_type = true;
		caps.type = own->type;
		caps.subtype = own->subtype;
	}
	caps.msix_mappable = kit->info->msix_mappable && index < VFMIG_BARS && kit->bar[index].msix;
	if (mappable(kit, index)) {
		info.flags |= VFMIG_REGION_FLAG_MMAP;
		area.offset = kit->bar[index].memory_at;
		area.size = kit->bar[index].memory->block.size;
		caps.has_sparse = area.size != info.size;
		caps.nr_areas = 1;
		caps.areas = &area;
	}
	return answer_region(request, &info, &caps);
}

ssize_t kit_region_fd(struct vfmig_kit *kit, struct vfmig_request *request)
{
	struct kit_block *block;
	int fd;

	if (!mappable(kit, request->region_fd.index))
		return vfmig_err(request->err, -ENODEV, "%s: region %u cannot be mapped",
				 kit->device.name, request->region_fd.index);
	block = kit->bar[request->region_fd.index].memory;
	fd = fcntl(block->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return vfmig_err(request->err, -errno, "%s: region %u: %s", kit->device.name,
				 request->region_fd.index, strerror(errno));
	/* From now on others may write the block without the kit seeing it; saving compares it. */
	atomic_store(&block->shared, true);
	request->region_fd.fd = fd;
	request->region_fd.file_offset = 0;
	return 0;
}

/* ---- accesses ---- */

static void access_memory(struct kit_bar *bar, uint64_t offset, void *buf, uint32_t len, bool write)
{
	uint8_t *bytes = bar->memory->block.bytes + (offset - bar->memory_at);

	if (write) {
		kit_copy(bytes, buf, len);
		vfmig_block_mark(&bar->memory->block, offset - bar->memory_at, len);
	} else {
		kit_copy(buf, bytes, len);
	}
}

/* Is the whole access in the BAR's memory? */
static bool in_memory(const struct kit_bar *bar, uint64_t offset, uint32_t len)
{
	return bar->memory && offset >= bar->memory_at &&
	       offset - bar->memory_at < bar->memory->block.size &&
	       len <= bar->memory->block.size - (offset - bar->memory_at);
}

bool kit_region_quick(struct vfmig_kit *kit, struct vfmig_request *request, ssize_t *result)
{
	uint32_t index = request->region.index, len = request->region.len;
	uint64_t offset = request->region.offset, size;

	if (index >= kit->region_count) {
		*result = vfmig_err(request->err, -EINVAL, "%s has no region %u", kit->device.name,
				    index);
		return true;
	}
	size = region_size(kit, index);
	if (!len || offset >= size || len > size - offset) {
		*result = vfmig_err(request->err, -EINVAL,
				    "%s: region %u: access to %u bytes at 0x%llx leaves the region "
				    "(%llu bytes)",
				    kit->device.name, index, len, (unsigned long long)offset,
				    (unsigned long long)size);
		return true;
	}
	if (!(region_access(kit, index) &
	      (request->op == VFMIG_OP_REGION_WRITE ? VFMIG_REGION_FLAG_WRITE
						    : VFMIG_REGION_FLAG_READ))) {
		*result = vfmig_err(request->err, -EINVAL, "%s: region %u cannot be %s",
				    kit->device.name, index,
				    request->op == VFMIG_OP_REGION_WRITE ? "written" : "read");
		return true;
	}
	if (!kit->is_pci || index >= VFMIG_BARS || !in_memory(&kit->bar[index], offset, len))
		return false;
	access_memory(&kit->bar[index], offset, request->region.buf, len,
		      request->op == VFMIG_OP_REGION_WRITE);
	*result = len;
	return true;
}

/* The largest aligned access that one to len bytes at an offset can begin with. */
static uint32_t piece(uint64_t offset, uint32_t len, uint32_t width)
{
	while (width > len || offset & (width - 1))
		width /= 2;
	return width;
}

static void access_register(struct vfmig_kit *kit, unsigned bar, uint64_t offset, uint8_t *buf,
			    uint32_t size, bool write)
{
	const struct vfmig_model *model = kit->model;
	uint64_t value = 0;

	if (kit->state == VFMIG_STATE_RESUMING || kit->state == VFMIG_STATE_ERROR) {
		if (!write)
			memset(buf, 0xff, size);
		return;
	}
	if (write) {
		memcpy(&value, buf, size);
		if (model->write)
			model->write(kit, kit->self, bar, offset, value, size);
		return;
	}
	if (model->read)
		value = model->read(kit, kit->self, bar, offset, size);
	memcpy(buf, &value, size);
}

#define OWN_WIDTH 8u

static void access_own(struct vfmig_kit *kit, unsigned index, uint64_t offset, uint8_t *buf,
		       uint32_t len, bool write)
{
	while (len) {
		uint32_t n = piece(offset, len, OWN_WIDTH);

		access_register(kit, index, offset, buf, n, write);
		offset += n;
		buf += n;
		len -= n;
	}
}

static void access_bar(struct vfmig_kit *kit, unsigned index, uint64_t offset, uint8_t *buf,
		       uint32_t len, bool write)
{
	struct kit_bar *bar = &kit->bar[index];

	if (bar->msix) {
		kit_msix_access(kit, offset, buf, len, write);
		return;
	}
	while (len) {
		uint32_t n = 1;

		if (in_memory(bar, offset, 1)) {
			uint64_t rest = bar->memory_at + bar->memory->block.size - offset;

			n = len < rest ? len : (uint32_t)rest;
			access_memory(bar, offset, buf, n, write);
		} else {
			n = piece(offset, len, bar->width);
			access_register(kit, index, offset, buf, n, write);
		}
		offset += n;
		buf += n;
		len -= n;
	}
}

void kit_region_access(struct vfmig_kit *kit, struct vfmig_request *request)
{
	bool write = request->op == VFMIG_OP_REGION_WRITE;
	uint32_t offset = (uint32_t)request->region.offset, len = request->region.len;

	if (kit_own_region(kit, request->region.index))
		access_own(kit, request->region.index, request->region.offset, request->region.buf,
			   len, write);
	else if (request->region.index < VFMIG_BARS)
		access_bar(kit, request->region.index, request->region.offset, request->region.buf,
			   len, write);
	else if (write)
		kit_config_write(kit, offset, request->region.buf, len);
	else
		kit_config_read(kit, offset, request->region.buf, len);
}
