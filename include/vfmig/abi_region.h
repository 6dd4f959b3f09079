/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The numbers and layouts of the migration region, by which a device is migrated in the two revisions before v2.
 *
 * The rest of the interface, which the revisions share, is in abi.h. v1 and v2 use the same words for
 * other values, and v1 and pfn have the same structure's name for two structures: so each name here
 * carries its revision.
 */
#ifndef VFMIG_ABI_REGION_H
#define VFMIG_ABI_REGION_H

#include <vfmig/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The region type and subtype under which both show it: nothing but its user can tell them apart. */
#define VFMIG_REGION_TYPE_MIGRATION    3U
#define VFMIG_REGION_SUBTYPE_MIGRATION 1U

enum vfmig_region_revision {
	VFMIG_REGION_PFN = 1, /* of 2019: written pages are asked of the region itself */
	VFMIG_REGION_V1 = 2,  /* Linux 5.8 to 5.17: written pages are asked of the container */
};

/* Bits of device_state. Bits 3 to 31 are reserved: a user writes back what it read. */
#define VFMIG_V1_RUNNING    (1U << 0)
#define VFMIG_V1_SAVING	    (1U << 1)
#define VFMIG_V1_RESUMING   (1U << 2)
#define VFMIG_V1_STATE_MASK 7U

/* What the three bits are together. The two values that are missing have no meaning. */
enum vfmig_v1_state {
	VFMIG_V1_STATE_STOP = 0,
	VFMIG_V1_STATE_RUNNING = 1,
	VFMIG_V1_STATE_STOP_COPY = 2,
	VFMIG_V1_STATE_PRE_COPY = 3,
	VFMIG_V1_STATE_RESUMING = 4,
	VFMIG_V1_STATE_ERROR = 6, /* only a reset leads out; in pfn its name is INVALID */
};

/* What the region begins with, in v1. */
struct vfmig_v1_migration_info {
	uint32_t device_state;	/* read, write */
	uint32_t reserved;	/* reads as 0, ignores writes */
	uint64_t pending_bytes; /* read */
	uint64_t data_offset;	/* read; from the start of the region */
	uint64_t data_size;	/* read, write */
};

/* And in pfn. The first 32 bytes are the same. */
struct vfmig_pfn_migration_info {
	uint32_t device_state;
	uint32_t reserved;
	uint64_t pending_bytes;
	uint64_t data_offset;
	uint64_t data_size;
	uint64_t start_pfn;   /* write; first page asked about, in units of page_size */
	uint64_t page_size;   /* write; bytes */
	uint64_t total_pfns;  /* write; how many pages are asked about */
	uint64_t copied_pfns; /* read; how many the bitmap at data_offset tells of, or: */
};
#define VFMIG_PFN_DIRTY_NONE 0ULL  /* none of the rest was written */
#define VFMIG_PFN_DIRTY_ALL  ~0ULL /* all of the rest counts as written */

/*
 * Not in Linux: which revision of the migration protocol a migration region follows, and what can be
 * relied on beyond its text. A user that does not know it passes it over. See docs/decisions.md.
 */
#define VFMIG_REGION_CAP_REVISION 0x7f01U

struct vfmig_region_cap_revision {
	struct vfmig_info_cap_header header;
	uint32_t revision; /* enum vfmig_region_revision */
	uint32_t flags;	   /* VFMIG_REGION_REVISION_ */
	uint64_t capacity; /* the most bytes of a transaction */
};
/* The data is in the encoding of docs/device-state.md: any transaction size will do. */
#define VFMIG_REGION_REVISION_FRAMED (1U << 0)
/* RESUMING may be left for STOP: what was loaded is checked without running. */
#define VFMIG_REGION_REVISION_CHECKS (1U << 1)

#ifdef __cplusplus
}
#endif

#endif
