/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The registers of the migration region, and which access is to which.
 *
 * A register is read or written as a whole and alone. The text leaves the result of any other
 * access undefined and recommends an error, so other accesses fail. The data section is memory.
 */
#include "abi/region.h"
#include "abi/range.h"

#define R  VFMIG_REGION_FLAG_READ
#define W  VFMIG_REGION_FLAG_WRITE
#define RW (R | W)

#define REGISTER(member, may)                                                                      \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct vfmig_pfn_migration_info, member),      \
		.width = sizeof(((struct vfmig_pfn_migration_info *)NULL)->member), .access = may  \
	}

/* In order of offset. */
const struct abi_region_register_info abi_registers[ABI_REG_COUNT] = {
	[ABI_REG_DEVICE_STATE] = REGISTER(device_state, RW),
	[ABI_REG_RESERVED] = REGISTER(reserved, RW),
	[ABI_REG_PENDING_BYTES] = REGISTER(pending_bytes, R),
	[ABI_REG_DATA_OFFSET] = REGISTER(data_offset, R),
	[ABI_REG_DATA_SIZE] = REGISTER(data_size, RW),
	[ABI_REG_START_PFN] = REGISTER(start_pfn, W),
	[ABI_REG_PAGE_SIZE] = REGISTER(page_size, W),
	[ABI_REG_TOTAL_PFNS] = REGISTER(total_pfns, W),
	[ABI_REG_COPIED_PFNS] = REGISTER(copied_pfns, R),
};

_Static_assert(sizeof(struct vfmig_v1_migration_info) == 32, "packed");
_Static_assert(sizeof(struct vfmig_pfn_migration_info) == 64, "packed");
_Static_assert(offsetof(struct vfmig_pfn_migration_info, start_pfn) ==
		       sizeof(struct vfmig_v1_migration_info),
	       "pfn begins as v1 does");

uint64_t abi_region_info_size(enum vfmig_region_revision revision)
{
	return revision == VFMIG_REGION_PFN ? sizeof(struct vfmig_pfn_migration_info)
					    : sizeof(struct vfmig_v1_migration_info);
}

bool abi_region_revision_known(uint32_t revision)
{
	return revision == VFMIG_REGION_PFN || revision == VFMIG_REGION_V1;
}

static const char *decode_register(uint64_t offset, uint64_t len, bool write,
				   enum abi_region_register *reg)
{
	uint32_t i = 0;

	while (abi_registers[i].offset + (uint64_t)abi_registers[i].width <= offset)
		i++;
	if (abi_registers[i].offset != offset || abi_registers[i].width != len)
		return "a register of the migration region must be accessed as a whole, and alone";
	if (!(abi_registers[i].access & (write ? W : R)))
		return write ? "that register of the migration region can only be read"
			     : "that register of the migration region can only be written";
	*reg = (enum abi_region_register)i;
	return NULL;
}

const char *abi_region_decode(const struct abi_region_layout *layout, uint64_t offset, uint64_t len,
			      bool write, enum abi_region_register *reg)
{
	if (!len)
		return "an access to the migration region is of no bytes";
	if (abi_sum(offset, len) > layout->size)
		return "an access leaves the migration region";
	if (offset < abi_region_info_size(layout->revision))
		return decode_register(offset, len, write, reg);
	if (offset < layout->data_start)
		return "there is nothing between the registers and the data section";
	*reg = ABI_REG_DATA;
	return NULL;
}
