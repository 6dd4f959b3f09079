/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The migration region of v1 and pfn: what its bytes mean.
 *
 * A structure of registers at offset 0, then the data section. The registers are a table of place,
 * width and access; what device_state may hold, and which change of it is a transition, are tables
 * too. Both revisions share the tables, since pfn's registers begin with v1's, and differ in four
 * registers and in which values of the state have no meaning.
 *
 * Freestanding, as all of src/abi.
 */
#ifndef ABI_REGION_H
#define ABI_REGION_H

#include <vfmig/abi_region.h>

/* ---- Registers: region.c -------------------------------------------------------------------- */

enum abi_region_register {
	ABI_REG_DEVICE_STATE,
	ABI_REG_RESERVED,
	ABI_REG_PENDING_BYTES,
	ABI_REG_DATA_OFFSET,
	ABI_REG_DATA_SIZE,
	ABI_REG_START_PFN,
	ABI_REG_PAGE_SIZE,
	ABI_REG_TOTAL_PFNS,
	ABI_REG_COPIED_PFNS,
	ABI_REG_COUNT,
	ABI_REG_DATA = ABI_REG_COUNT, /* no register: the data section */
};

/* Where a register is, in bytes from the region's start, how wide it is, and what may be done. */
struct abi_region_register_info {
	const char *name;
	uint8_t offset;
	uint8_t width;
	uint8_t access; /* VFMIG_REGION_FLAG_READ, _WRITE */
};
extern const struct abi_region_register_info abi_registers[ABI_REG_COUNT];

/* The bytes of the registers: 32 or 64. */
uint64_t abi_region_info_size(enum vfmig_region_revision revision);

bool abi_region_revision_known(uint32_t revision);

/* A region as its driver lays it out. data_start: not below abi_region_info_size(). */
struct abi_region_layout {
	enum vfmig_region_revision revision;
	uint64_t data_start;
	uint64_t size; /* of the whole region */
};

/*
 * Which register an access is to; *reg is ABI_REG_DATA if it lies in the data section, where any
 * width and alignment will do. Refuses what leaves the region, a register that is not accessed as
 * a whole, one that does not allow it, and the gap between the two parts.
 */
const char *abi_region_decode(const struct abi_region_layout *layout, uint64_t offset, uint64_t len,
			      bool write, enum abi_region_register *reg);

/* ---- States: region_state.c ----------------------------------------------------------------- */

/*
 * Whether the three low bits of value are a state that a user can request. NULL, or why not:
 * values without meaning, and the error state. The bits above are ignored.
 */
const char *abi_region_state_check(enum vfmig_region_revision revision, uint32_t value);

/*
 * Whether a driver accepts a write of to to device_state if a read returns from. Both with all 32
 * bits. A write of the current value is accepted, and changes nothing.
 */
const char *abi_region_transition(enum vfmig_region_revision revision, uint32_t from, uint32_t to);

/*
 * The same states in v2's terms. The P2P states become those without P2P. ERROR becomes
 * VFMIG_V1_STATE_ERROR and the other way round; values without meaning become ERROR, too.
 */
enum vfmig_v1_state abi_region_state_from(enum vfmig_state state);
enum vfmig_state abi_region_state_to(uint32_t value);

/*
 * The values that a user writes to device_state, one after the other, to bring a device from one
 * of v2's states to another: only transitions that the text lists, those needed to give up, and
 * those that begin at STOP. The device only runs if the user requests it, or to leave RESUMING,
 * which has no other way out; with checks (VFMIG_REGION_REVISION_CHECKS) it has.
 *
 * *count: 0 if from == to. NULL, or why there is no way.
 */
#define ABI_REGION_WRITES_MAX 3
const char *abi_region_way(enum vfmig_state from, enum vfmig_state to, bool checks,
			   uint8_t writes[ABI_REGION_WRITES_MAX], uint32_t *count);

#endif
