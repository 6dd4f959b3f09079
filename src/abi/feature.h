/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VFIO_DEVICE_FEATURE as bytes and as rules: the header, every payload that migration and low
 * power use, and the arithmetic of DMA logging.
 *
 * The conventions of all of src/abi: an encoder writes into a buffer of `cap` bytes and returns
 * the number of bytes written, 0 if they do not fit. A decoder reads at most `len` bytes and
 * returns NULL, or a static sentence why it refused; its outputs are undefined then. Nothing here
 * keeps state.
 *
 * The payloads are in their vfio-user form (ranges and bitmap in line, not by pointer). For the
 * ioctl, whose structures are in <vfmig/abi.h>, the checks are separate functions.
 */
#ifndef ABI_FEATURE_H
#define ABI_FEATURE_H

#include <vfmig/abi.h>

/* ---- The header ----------------------------------------------------------------------------- */

#define ABI_FEATURE_HEADER_SIZE 8U

/*
 * Encode and decode the header alone. Decoding refuses unknown bits, no operation, and GET with
 * SET (which only a probe may have). argsz is ignored.
 */
size_t abi_feature_put(void *buf, size_t cap, const struct vfmig_device_feature *f);
const char *abi_feature_get(const void *buf, size_t len, struct vfmig_device_feature *f);

/*
 * The uAPI's rule for one feature: ops is the device's operations for it (VFMIG_FEATURE_GET, SET),
 * size the length of its fixed payload.
 *
 * NULL and *run true: execute the request. NULL and *run false: it was a probe, and the device
 * supports it.
 */
const char *abi_feature_check(const struct vfmig_device_feature *f, uint32_t ops, size_t size,
			      bool *run);

/*
 * The same rule for a request that is not in bytes: its flags, with room bytes for the payload.
 * Unknown flags, and GET with SET without a probe, are refused as well.
 */
const char *abi_feature_asked(uint32_t flags, size_t capacity, uint32_t ops, size_t size,
			      bool *perform);

/* Which vfio-user connections carry a feature. */
enum abi_feature_since {
	ABI_FEATURE_KERNEL,	 /* no connection */
	ABI_FEATURE_ALL,	 /* all connections */
	ABI_FEATURE_EXTENSION_1, /* those that agreed on version 1 of the extension, … */
	ABI_FEATURE_EXTENSION_2, /* … or version 2 */
};

/*
 * A feature: its name, its operations, the size of its fixed payload in vfio-user, and where it
 * exists there.
 */
struct abi_feature_kind {
	const char *name;
	uint32_t ops;
	uint32_t size;
	enum abi_feature_since since;
};

/* NULL for an unknown index. Static. */
const struct abi_feature_kind *abi_feature_find_kind(uint32_t index);
/* Whether a connection with this version of the extension (0: without it) carries a feature. */
bool abi_feature_in_vfio_user(uint32_t index, uint32_t extension);
/* Whether a state is one of the P2P states, which vfio-user has only with the extension. */
bool abi_state_is_p2p(uint32_t state);

/* ---- Fixed payloads ------------------------------------------------------------------------- */

size_t abi_feature_put_migration(void *buf, size_t cap, uint64_t flags);
/* flags are the peer's, unchecked: see vfmig_v2_flags_valid(). */
const char *abi_feature_get_migration(const void *buf, size_t len, uint64_t *flags);

size_t abi_feature_put_mig_state(void *buf, size_t cap, const struct vfmig_feature_mig_state *s);
/* Refuses an unknown state. */
const char *abi_feature_get_mig_state(const void *buf, size_t len,
				      struct vfmig_feature_mig_state *s);

size_t abi_feature_put_data_size(void *buf, size_t cap, uint64_t stop_copy_length);
const char *abi_feature_get_data_size(const void *buf, size_t len, uint64_t *stop_copy_length);

size_t abi_feature_put_precopy_info(void *buf, size_t cap, const struct vfmig_precopy_info *p);
/* Refuses an argsz below the structure's size, and unknown flags. */
const char *abi_feature_get_precopy_info(const void *buf, size_t len, struct vfmig_precopy_info *p);

size_t abi_feature_put_low_power_wake(void *buf, size_t cap,
				      const struct vfmig_feature_low_power_wake *w);
const char *abi_feature_get_low_power_wake(const void *buf, size_t len,
					   struct vfmig_feature_low_power_wake *w);

size_t abi_feature_put_bus_master(void *buf, size_t cap, uint32_t op);
const char *abi_feature_get_bus_master(const void *buf, size_t len, uint32_t *op);

/* ---- DMA logging ---------------------------------------------------------------------------- */

#define ABI_LOGGING_PAGE_MIN   4096ULL	      /* smallest page that a report may ask for */
#define ABI_LOGGING_RANGES_MAX 256U	      /* what Linux guarantees: one page of ranges */
#define ABI_BITMAP_BYTES_MAX   (256ULL << 20) /* type1's limit, and ours */

#define ABI_LOGGING_START_SIZE	16U /* vfio-user: before the ranges */
#define ABI_LOGGING_REPORT_SIZE 24U /* vfio-user: before the bitmap */
#define ABI_LOGGING_RUNS_SIZE	32U /* and before the runs */
#define ABI_RUN_SIZE		8U

/*
 * The rules of START, for ranges in memory: page size a power of two, ranges not empty, aligned to
 * it, within 2^64, not overlapping, at most ABI_LOGGING_RANGES_MAX. The kernel refuses an empty
 * list, and in vfio-user it means everything: none_is_all selects which.
 */
const char *abi_logging_start_check(uint64_t page_size,
				    const struct vfmig_dma_logging_range *ranges, uint32_t n,
				    bool none_is_all);

size_t abi_logging_put_start(void *buf, size_t cap, uint64_t page_size,
			     const struct vfmig_dma_logging_range *ranges, uint32_t n);

/* Decode and check, none_is_all. ranges has max elements; *n of them are filled. */
const char *abi_logging_get_start(const void *buf, size_t len, uint64_t *page_size,
				  struct vfmig_dma_logging_range *ranges, uint32_t max,
				  uint32_t *n);

/* The parameters of REPORT. */
struct abi_logging_report {
	uint64_t iova;
	uint64_t length;
	uint64_t page_size;
};

/*
 * The rules of REPORT: page size a power of two and at least 4 KiB, iova a multiple of 4 KiB,
 * length not zero and a multiple of the page size, the end within 2^64, and the bitmap within
 * ABI_BITMAP_BYTES_MAX. On success *bitmap_bytes (may be NULL) is the size of the bitmap.
 */
const char *abi_logging_report_check(const struct abi_logging_report *r, uint64_t *bitmap_bytes);

size_t abi_logging_put_report(void *buf, size_t cap, const struct abi_logging_report *r);

/*
 * Decode and check a request, or the head of a reply. In a reply the bitmap, *bitmap_bytes of it,
 * stands at ABI_LOGGING_REPORT_SIZE; the caller must check that it is complete.
 */
const char *abi_logging_get_report(const void *buf, size_t len, struct abi_logging_report *r,
				   uint64_t *bitmap_bytes);

/*
 * The bitmap: page n = (addr - iova) / page_size is bit n % 64 of 64-bit word n / 64. In memory
 * that is little endian, and so bit n % 8 of byte n / 8. Its size is a whole number of words.
 *
 * Bytes for `length` bytes of address space, rounded up to whole pages; 0 if page_size is no power
 * of two. Cannot overflow.
 */
uint64_t abi_bitmap_bytes(uint64_t length, uint64_t page_size);

static inline bool abi_bitmap_test(const void *bitmap, uint64_t n)
{
	return ((const uint8_t *)bitmap)[n / 8] >> n % 8 & 1;
}

static inline void abi_bitmap_set(void *bitmap, uint64_t n)
{
	uint8_t *byte = (uint8_t *)bitmap + n / 8;

	*byte = (uint8_t)(*byte | 1U << n % 8);
}

/* ---- DMA logging, reported as runs (runs.c) -------------------------------------------------- */

/*
 * The head of such a reply. Behind it are @count runs, each of two 32-bit numbers: pages that were
 * not written since the run before, and pages that were. With ABI_RUNS_ARE_BITS the bitmap follows
 * in place of runs.
 */
struct abi_logging_runs {
	uint64_t iova;
	uint64_t length;
	uint64_t page_size;
	uint32_t form;
	uint32_t count;
};
#define ABI_RUNS_ARE_BITS 1U

size_t abi_logging_put_runs(void *buf, size_t cap, const struct abi_logging_runs *r);
/* The head of a reply; @len is the size of the whole reply. */
const char *abi_logging_get_runs(const void *buf, size_t len, struct abi_logging_runs *r,
				 uint64_t *bitmap_bytes);

/*
 * Encode a bitmap of @words 64-bit words as runs. Returns their size in bytes; *count is the
 * number of runs. SIZE_MAX if they do not fit into @cap bytes. The bitmap may have up to 2^32
 * pages, which is twice what a report has.
 */
size_t abi_runs_put(void *buf, size_t cap, const uint64_t *bitmap, uint64_t words, uint32_t *count);
/* Checks that these @len bytes are @count runs, within @pages pages. */
const char *abi_runs_check(const void *buf, size_t len, uint32_t count, uint64_t pages);
/*
 * Set the runs' pages in a bitmap that is large enough for them, or clear them. The runs must have
 * been checked.
 */
void abi_runs_set(const void *buf, uint32_t count, uint64_t *bitmap);
void abi_runs_clear(const void *buf, uint32_t count, uint64_t *bitmap);

#endif
