/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The regions of a mediated device: as the device has them, as the mediator describes them, and
 * checks of that.
 *
 * The mediator is called once, and its description is checked here. Code behind the filter can rely
 * on it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/le.h"
#include "device/answer.h"
#include "abi/region.h"
#include "abi/vfio_user.h"
#include "abi/range.h"
#include "filter/mediate/mediate.h"

#define ALL_FLAGS (VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE | VFMIG_REGION_FLAG_MMAP)
#define ALL_SAID  (VFMIG_REGION_REVISION_FRAMED | VFMIG_REGION_REVISION_CHECKS)

/* ---- what the device is ---- */

static int see_region(struct vfmig_device *inner, uint32_t index,
		      struct vfmig_mediator_region *seen, struct vfmig_error *err)
{
	struct vfmig_region region;
	int ret = vfmig_device_get_region_info(inner, index, &region, err);

	*seen = (struct vfmig_mediator_region){.index = index};
	if (ret)
		return device_index_absent(ret) ? 0 : ret;
	seen->flags = region.flags & ALL_FLAGS;
	seen->size = region.size;
	return 0;
}

static int see_ids(struct mediate *m, struct vfmig_device *inner, struct vfmig_error *err)
{
	uint8_t config[64];
	int ret = vfmig_device_region_read(inner, VFMIG_PCI_REGION_CONFIG, 0, config,
					   sizeof(config), err);

	if (ret)
		return vfmig_err_at(err, ret, "configuration space");
	m->about.vendor = abi_get16(config);
	m->about.device = abi_get16(config + 2);
	m->about.revision = config[8];
	m->about.class_code = abi_get32(config + 8) >> 8;
	m->about.subsystem_vendor = abi_get16(config + 0x2c);
	m->about.subsystem = abi_get16(config + 0x2e);
	return 0;
}

int mediate_look(struct mediate *m, struct vfmig_device *inner, struct vfmig_error *err)
{
	struct vfmig_device_info info;
	int ret = vfmig_device_get_info(inner, &info, err);
	uint32_t n;

	if (ret)
		return ret;
	if (info.num_regions >= MEDIATE_REGIONS)
		return vfmig_err(err, -E2BIG,
				 "device %s has %u regions; a mediator supports up to %u",
				 inner->name, info.num_regions, MEDIATE_REGIONS - 1);
	n = info.num_regions;
	/* A place for the migration region behind what any PCI device has. */
	m->about.migration_index = n < VFMIG_PCI_REGION_COUNT ? VFMIG_PCI_REGION_COUNT : n;
	m->seen = calloc(MEDIATE_REGIONS, sizeof(*m->seen));
	m->region = calloc(MEDIATE_REGIONS, sizeof(*m->region));
	if (!m->seen || !m->region)
		return vfmig_err(err, -ENOMEM, "no memory for a mediator's regions");
	for (uint32_t i = 0; i < n && !ret; i++)
		ret = see_region(inner, i, &m->seen[i], err);
	if (ret)
		return ret;
	m->about.size = sizeof(m->about);
	m->about.flags = info.flags;
	m->about.regions = n;
	m->about.irqs = info.num_irqs;
	m->about.region = m->seen;
	m->about.name = inner->name;
	if (info.flags & VFMIG_DEVICE_FLAG_PCI)
		return see_ids(m, inner, err);
	return 0;
}

/* ---- the mediator's description ---- */

static const char *bad_area(const struct vfmig_mediator_region *reported, uint32_t i)
{
	const struct vfmig_mediator_area *area = &reported->area[i];

	if (!area->size || area->offset % 4096 || area->size % 4096)
		return "a mappable area is not a whole number of pages";
	if (area->offset > reported->size || area->size > reported->size - area->offset)
		return "a mappable area exceeds the region";
	/* Writes to mapped registers would not reach the mediator. */
	if (area->offset < abi_region_info_size((enum vfmig_region_revision)reported->revision))
		return "the registers cannot be mapped";
	for (uint32_t k = 0; k < i; k++)
		if (area->offset < abi_sum(reported->area[k].offset, reported->area[k].size) &&
		    reported->area[k].offset < abi_sum(area->offset, area->size))
			return "two mappable areas overlap";
	return NULL;
}

static const char *bad_migration(const struct mediate *m,
				 const struct vfmig_mediator_region *reported)
{
	const char *why = NULL;

	if (!abi_region_revision_known(reported->revision))
		return "the migration region's revision is not in enum vfmig_region_revision";
	if (reported->size <= abi_region_info_size((enum vfmig_region_revision)reported->revision))
		return "the migration region is too small to hold data";
	if (reported->size > VFMIG_MEDIATOR_REGION_MAX)
		return "the migration region is larger than VFMIG_MEDIATOR_REGION_MAX";
	if ((reported->flags & ~VFMIG_REGION_FLAG_MMAP) !=
	    (VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE))
		return "the migration region must allow reading and writing";
	if ((reported->revision_flags & ~ALL_SAID) || reported->revision_capacity > reported->size)
		return "the revision and the capability of the migration region do not match";
	if (!(reported->flags & VFMIG_REGION_FLAG_MMAP))
		return reported->areas ? "it has mappable areas and no MMAP flag" : NULL;
	if (!m->ops.mmap)
		return "it has the MMAP flag, and the mediator has no mmap()";
	if (!reported->areas || reported->areas > VFMIG_MEDIATOR_AREAS)
		return "the number of mappable areas is 0 or above the limit";
	for (uint32_t i = 0; i < reported->areas && !why; i++)
		why = bad_area(reported, i);
	return why;
}

static const char *bad_region(const struct mediate *m, const struct vfmig_mediator_region *seen,
			      const struct vfmig_mediator_region *reported)
{
	if (reported->index != seen->index)
		return "region_info() returned another index than requested";
	if (reported->watch > 1 || reported->reserved || reported->reserved2)
		return "a reserved member is not 0";
	if (mediate_is_migration(m, seen->index))
		return bad_migration(m, reported);
	if (reported->size != seen->size)
		return "a mediator must not change the size of a region of the device";
	if (reported->flags & ~seen->flags)
		return "a mediator may remove flags from a region of the device, but not add any";
	return NULL;
}

static int ask_one(struct mediate *m, uint32_t index, struct vfmig_error *err)
{
	struct vfmig_mediator_region *reported = &m->region[index];
	const char *why;
	int ret;

	*reported = m->seen[index];
	if (mediate_is_migration(m, index))
		*reported = (struct vfmig_mediator_region){
			.index = index, .flags = VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE};
	else if (!reported->size)
		return 0;
	err->text[0] = 0;
	ret = mediate_answer(m, "get_region_info", m->ops.get_region_info(m->self, reported, err),
			     0, err);
	if (ret)
		return vfmig_err_at(err, ret, "region %u", index);
	why = bad_region(m,
			 &(struct vfmig_mediator_region){.index = index,
							 .flags = m->seen[index].flags,
							 .size = m->seen[index].size},
			 reported);
	if (why)
		return vfmig_err(err, -EPROTO, "region %u, of 0x%llx bytes: %s", index,
				 (unsigned long long)reported->size, why);
	if (reported->watch)
		reported->flags &= ~VFMIG_REGION_FLAG_MMAP;
	return 0;
}

int mediate_ask(struct mediate *m, struct vfmig_error *err)
{
	bool migrates = m->caps & VFMIG_MEDIATOR_CAP_MIGRATION;
	int ret = 0;

	m->regions = migrates ? m->about.migration_index + 1 : m->about.regions;
	for (uint32_t i = 0; i < m->regions && !ret; i++)
		ret = ask_one(m, i, err);
	return ret;
}

/* ---- what the user sees ---- */

void mediate_own_info(struct mediate *m, struct vfmig_request *request)
{
	const struct vfmig_mediator_region *region = &m->region[request->info.index];
	struct vfmig_sparse_mmap_area areas[VFMIG_MEDIATOR_AREAS];
	struct vfmig_region_info info = {
		.index = region->index,
		.flags = region->flags,
		.size = region->size,
		.offset = (uint64_t)region->index << 40,
	};
	const struct abi_msg_region_caps caps = {
		.areas = areas,
		.nr_areas = region->areas,
		.has_sparse = region->areas,
		.has_type = true,
		.has_revision = true,
		.type = VFMIG_REGION_TYPE_MIGRATION,
		.subtype = VFMIG_REGION_SUBTYPE_MIGRATION,
		.revision = region->revision,
		.revision_flags = region->revision_flags,
		.revision_capacity = region->revision_capacity,
	};

	for (uint32_t i = 0; i < region->areas; i++)
		areas[i] = (struct vfmig_sparse_mmap_area){region->area[i].offset,
							   region->area[i].size};
	request_complete(request, answer_region(request, &info, &caps));
}

const char *mediate_bad_access(const struct vfmig_mediator_region *region,
			       const struct vfmig_request *request)
{
	uint32_t need = request->op == VFMIG_OP_REGION_WRITE ? VFMIG_REGION_FLAG_WRITE
							     : VFMIG_REGION_FLAG_READ;

	if (!(region->flags & need))
		return "the flags of the region do not allow the access";
	if (request->region.offset > region->size ||
	    request->region.len > region->size - request->region.offset)
		return "the access exceeds the region";
	if (request->region.len > MEDIATE_ACCESS_MAX)
		return "the access is larger than a mediator supports";
	return NULL;
}
