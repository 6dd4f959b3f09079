/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Constants and layouts of the migration region, the interface of the two revisions before v2.
 *
 * abi.h has what all revisions share. v1 and v2 use the same words for different values, and v1 and pfn the same name
 * for different structures, so each name here contains its revision.
 */
#ifndef VFMIG_ABI_REGION_H
#define VFMIG_ABI_REGION_H

#include <vfmig/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Type and subtype of the region in both revisions; they do not tell which of the two it is. */
#define VFMIG_REGION_TYPE_MIGRATION    3U
#define VFMIG_REGION_SUBTYPE_MIGRATION 1U

/* The revision that a migration region follows. */
enum vfmig_region_revision {
	VFMIG_REGION_PFN = 1, /* the RFC of 2019: dirty pages are read from the region itself */
	VFMIG_REGION_V1 = 2,  /* Linux 5.8 to 5.17: dirty pages are read from the container */
};

/* Bits of device_state. Bits 3 to 31 are reserved: a user writes back what it read. */
#define VFMIG_V1_RUNNING    (1U << 0)
#define VFMIG_V1_SAVING	    (1U << 1)
#define VFMIG_V1_RESUMING   (1U << 2)
#define VFMIG_V1_STATE_MASK 7U

/* The valid combinations of the three bits. The two other values have no meaning. */
enum vfmig_v1_state {
	VFMIG_V1_STATE_STOP = 0,      /* stopped */
	VFMIG_V1_STATE_RUNNING = 1,   /* runs */
	VFMIG_V1_STATE_STOP_COPY = 2, /* stopped; its state is read to the end */
	VFMIG_V1_STATE_PRE_COPY = 3,  /* runs, and its state can be read */
	VFMIG_V1_STATE_RESUMING = 4,  /* stopped; its state is written */
	VFMIG_V1_STATE_ERROR = 6,     /* only a reset leaves it; named INVALID in pfn */
};

/* struct vfio_device_migration_info of Linux 5.8 to 5.17: the start of the region in v1. */
struct vfmig_v1_migration_info {
	uint32_t device_state;	/* read, write */
	uint32_t reserved;	/* reads as 0, ignores writes */
	uint64_t pending_bytes; /* read */
	uint64_t data_offset;	/* read; from the start of the region */
	uint64_t data_size;	/* read, write */
};

/* struct vfio_device_migration_info of the RFC of 2019: the start in pfn. The first 32 bytes are the same. */
struct vfmig_pfn_migration_info {
	uint32_t device_state;
	uint32_t reserved;
	uint64_t pending_bytes;
	uint64_t data_offset;
	uint64_t data_size;
	uint64_t start_pfn;   /* write; first page of the query, in units of page_size */
	uint64_t page_size;   /* write; bytes */
	uint64_t total_pfns;  /* write; number of pages of the query */
	uint64_t copied_pfns; /* read; number of pages in the bitmap at data_offset, or: */
};
#define VFMIG_PFN_DIRTY_NONE 0ULL  /* none of the other pages was written */
#define VFMIG_PFN_DIRTY_ALL  ~0ULL /* all other pages count as written */

/*
 * Not in Linux: the revision of the protocol that a migration region follows, and guarantees beyond its text. Users
 * that do not know it ignore it. See docs/decisions.md.
 */
#define VFMIG_REGION_CAP_REVISION 0x7f01U

struct vfmig_region_cap_revision {
	struct vfmig_info_cap_header header; /* id VFMIG_REGION_CAP_REVISION, version 1 */
	uint32_t revision;		     /* enum vfmig_region_revision */
	uint32_t flags;			     /* VFMIG_REGION_REVISION_ */
	uint64_t capacity;		     /* maximum bytes of a transaction */
};
/* The data has the encoding of docs/device-state.md: transactions may have any size. */
#define VFMIG_REGION_REVISION_FRAMED (1U << 0)
/* RESUMING may be left for STOP, which checks the loaded state without running. */
#define VFMIG_REGION_REVISION_CHECKS (1U << 1)

#ifdef __cplusplus
}
#endif

#endif
