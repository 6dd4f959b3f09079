/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio-user messages as bytes: the header, and the payload of each command and its reply.
 *
 * Encoders and decoders keep the conventions of feature.h. `buf` and `len` are always the payload,
 * without the 16 bytes of header. A decoder of a message whose data follows a fixed part checks
 * that exactly the data is there; the data itself is at buf + the size of the fixed part. A reply
 * with VFMIG_USER_FLAG_ERROR has no payload.
 *
 * The protocol specifies "endianness of the host". Every host that it runs on in practice is
 * little endian, and so are these.
 *
 * Deviations in the field from the specification that are accepted here: the reply to DMA_WRITE
 * with a 4 byte count (the specification's table) or 8 (all implementations); sub-regions of
 * GET_REGION_IO_FDS of 40 bytes (specification) or 48 (libvfio-user); an unmap with a bitmap or of
 * everything (libvfio-user; the specification has no flags).
 *
 * Our extension is negotiated in the version JSON: both sides send capabilities.vfmig =
 * {"version": 1}. The MIGRATION feature may then have the P2P bit, and states RUNNING_P2P and
 * PRE_COPY_P2P are in use; feature MIG_DATA_SIZE works as in Linux; feature
 * VFMIG_FEATURE_USER_PRECOPY_INFO (GET) returns a struct vfmig_precopy_info, and
 * MIG_PRECOPY_INFO_V2 (SET) opts in to its REINIT flag. A MIG_DATA_READ that returns less than
 * requested is not an end, only 0 bytes is: in the pre-copy states for now, in STOP_COPY for good.
 * From version 2 on, VFMIG_FEATURE_USER_REPORT_RUNS (GET) returns a report as runs.
 */
#ifndef ABI_VFIO_USER_H
#define ABI_VFIO_USER_H

#include <vfmig/abi_type1.h>

#include "abi/caps.h"

/* ---- Sizes and caps ------------------------------------------------------------------------- */

#define ABI_MSG_HEADER_SIZE   16U
#define ABI_MSG_XFER_DEFAULT  (1U << 20)   /* max_data_xfer_size if the JSON omits it */
#define ABI_MSG_XFER_MAX      (16U << 20)  /* the largest that we ever agree to */
#define ABI_MSG_MSG_FDS_MAX   64U	   /* the most fds in one message that we agree to */
#define ABI_MSG_JSON_MAX      16384U	   /* version JSON with its NUL */
#define ABI_MSG_IRQS_MAX      2048U	   /* interrupts of an index; MSI-X has no more */
#define ABI_MSG_REGIONS_MAX   1024U	   /* regions of a device */
#define ABI_MSG_IRQ_KINDS_MAX 64U	   /* interrupt indexes of a device */
#define ABI_MSG_WRITES_MAX    4096U	   /* writes of one REGION_WRITE_MULTI */
#define ABI_MSG_IO_FDS_MAX    1024U	   /* sub-regions of one region */
#define ABI_MSG_CAPS_MAX      ABI_CAPS_MAX /* capabilities of one region */
#define ABI_MSG_AREAS_MAX     1024U	   /* areas of one sparse mmap capability */

/* Sizes of the fixed parts. */
#define ABI_MSG_VERSION_SIZE	   4U
#define ABI_MSG_DMA_MAP_SIZE	   32U
#define ABI_MSG_DMA_UNMAP_SIZE	   24U
#define ABI_MSG_BITMAP_SIZE	   16U
#define ABI_MSG_DEVICE_INFO_SIZE   16U
#define ABI_MSG_REGION_INFO_SIZE   32U
#define ABI_MSG_IO_FDS_SIZE	   16U
#define ABI_MSG_IO_FD_SIZE	   40U
#define ABI_MSG_IRQ_INFO_SIZE	   16U
#define ABI_MSG_IRQ_SET_SIZE	   20U
#define ABI_MSG_REGION_ACCESS_SIZE 16U
#define ABI_MSG_DMA_ACCESS_SIZE	   16U
#define ABI_MSG_WRITE_MULTI_SIZE   8U
#define ABI_MSG_WRITE_SIZE	   24U
#define ABI_MSG_MIG_DATA_SIZE	   8U

/* ---- Header --------------------------------------------------------------------------------- */

size_t abi_msg_put_header(void *buf, size_t cap, const struct vfmig_user_header *h);

/*
 * Refuses a size below the header's or over max_size, a type that is neither command nor reply, a
 * command with the error bit and bits that mean nothing. The command's number is ignored: an
 * unknown one gets an error reply, not a broken connection.
 */
const char *abi_msg_get_header(const void *buf, size_t len, uint32_t max_size,
			       struct vfmig_user_header *h);

/* The properties of a command by its number. */
struct abi_msg_kind {
	const char *name;
	bool to_client;	      /* a request from server to client */
	uint32_t request_min; /* the least payload of a request */
};

/* NULL for an unknown number. Static. */
const struct abi_msg_kind *abi_msg_find_kind(uint32_t cmd);

/* ---- VERSION -------------------------------------------------------------------------------- */

struct abi_msg_version {
	uint16_t major;
	uint16_t minor;
	const char *json; /* NUL terminated, in the buffer; NULL if there is none */
	size_t json_len;  /* without the NUL */
};

size_t abi_msg_put_version(void *buf, size_t cap, const struct abi_msg_version *v);
/* Refuses JSON over the cap, without a NUL at its end, or with one before it. */
const char *abi_msg_get_version(const void *buf, size_t len, struct abi_msg_version *v);

/* ---- DMA ------------------------------------------------------------------------------------ */

size_t abi_msg_put_dma_map(void *buf, size_t cap, const struct vfmig_user_dma_map *m);
/* Refuses unknown flags, size 0, an address or file offset that passes 2^64. */
const char *abi_msg_get_dma_map(const void *buf, size_t len, struct vfmig_user_dma_map *m);

/* bitmap is encoded if the flag GET_DIRTY_BITMAP is set. */
size_t abi_msg_put_dma_unmap(void *buf, size_t cap, const struct vfmig_user_dma_unmap *u,
			     const struct vfmig_user_bitmap *bitmap);
/*
 * A request. Refuses unknown and several flags, an argsz that the reply does not fit, a bitmap too
 * small for the range or over ABI_BITMAP_BYTES_MAX, a range that is empty or passes 2^64, and with
 * ALL any range. *bitmap is zero without GET_DIRTY_BITMAP.
 */
const char *abi_msg_get_dma_unmap(const void *buf, size_t len, struct vfmig_user_dma_unmap *u,
				  struct vfmig_user_bitmap *bitmap);
/*
 * A reply: u and bitmap as in the request, their echo checked; *bits the bitmap (bitmap->size
 * bytes) or NULL. Servers that echo only the fixed part are accepted if the request has no bitmap.
 */
const char *abi_msg_get_dma_unmap_reply(const void *buf, size_t len,
					const struct vfmig_user_dma_unmap *u,
					const struct vfmig_user_bitmap *bitmap,
					const uint8_t **bits);

#define ABI_MSG_DIRTY_PAGES_SIZE 8U
#define ABI_MSG_DIRTY_RANGE_SIZE 32U

/* range: for GET_BITMAP, else NULL. In a reply the bitmap goes behind it. */
size_t abi_msg_put_dirty_pages(void *buf, size_t cap, const struct vfmig_type1_dirty_pages *d,
			       const struct vfmig_user_dirty_range *range);
/*
 * A request. Refuses what type1 refuses, with pages of pgsize. *range is zero except for
 * GET_BITMAP; *reply is the length of the whole reply, which need not fit in the request's argsz.
 */
const char *abi_msg_get_dirty_pages(const void *buf, size_t len, uint64_t pgsize,
				    struct vfmig_type1_dirty_pages *d,
				    struct vfmig_user_dirty_range *range, uint64_t *reply);
/* The fixed part of a reply: for the range of the request; NULL for START or STOP. */
const char *abi_msg_get_dirty_reply(const void *buf, size_t len,
				    const struct vfmig_user_dirty_range *asked);

size_t abi_msg_put_dma_access(void *buf, size_t cap, const struct vfmig_user_dma_access *a);
/*
 * data: whether count bytes of data must follow (a write's request, a read's reply). Refuses a
 * count over max, a range that passes 2^64, data too short or too long.
 */
const char *abi_msg_get_dma_access(const void *buf, size_t len, uint64_t max, bool data,
				   struct vfmig_user_dma_access *a);
/* The reply to DMA_WRITE, in either of its sizes. */
const char *abi_msg_get_dma_written(const void *buf, size_t len, struct vfmig_user_dma_access *a);

/* ---- Device and interrupts ------------------------------------------------------------------ */

/* The first four fields of the structure: vfio-user has no more. */
size_t abi_msg_put_device_info(void *buf, size_t cap, const struct vfmig_device_info *i);
const char *abi_msg_get_device_info(const void *buf, size_t len, struct vfmig_device_info *i);

size_t abi_msg_put_irq_info(void *buf, size_t cap, const struct vfmig_irq_info *i);
const char *abi_msg_get_irq_info(const void *buf, size_t len, struct vfmig_irq_info *i);

/* data: count bytes with DATA_BOOL, otherwise ignored. */
size_t abi_msg_put_irq_set(void *buf, size_t cap, const struct vfmig_irq_set *s,
			   const uint8_t *data);
/*
 * nfds: how many fds came with the message. Refuses anything but one DATA and one ACTION flag, a
 * range over the cap, BOOL data of another length than count, fds with other data, a number of fds
 * that is neither count nor 0 (which removes the eventfds), and count 0 unless it is NONE |
 * TRIGGER, which disables the index.
 */
const char *abi_msg_get_irq_set(const void *buf, size_t len, size_t nfds, struct vfmig_irq_set *s,
				const uint8_t **bools);

/* ---- Migration data ------------------------------------------------------------------------- */

size_t abi_msg_put_mig_data(void *buf, size_t cap, const struct vfmig_user_mig_data *m);
/* data: as in abi_msg_get_dma_access. Without data, argsz must be large enough for the reply. */
const char *abi_msg_get_mig_data(const void *buf, size_t len, uint32_t max, bool data,
				 struct vfmig_user_mig_data *m);

/* ---- Region access: vfio_user_region.c ------------------------------------------------------ */

size_t abi_msg_put_region_access(void *buf, size_t cap, const struct vfmig_user_region_access *a);
/* data, max: as in abi_msg_get_dma_access. The caller checks that the range stays in the region. */
const char *abi_msg_get_region_access(const void *buf, size_t len, uint32_t max, bool data,
				      struct vfmig_user_region_access *a);

size_t abi_msg_put_write_multi(void *buf, size_t cap, const struct vfmig_user_write *w, uint64_t n);
/* Checks all writes (1 to 8 bytes each, at most ABI_MSG_WRITES_MAX of them), fills only *n. */
const char *abi_msg_get_write_multi(const void *buf, size_t len, uint64_t *n);
/* The i-th write of a message that was checked. */
void abi_msg_write_at(const void *buf, uint64_t i, struct vfmig_user_write *w);

/* ---- Region information: vfio_user_region.c ------------------------------------------------- */

/* The content of a region's capabilities. */
struct abi_msg_region_caps {
	const struct vfmig_sparse_mmap_area *areas; /* with nr_areas; see has_sparse */
	uint32_t nr_areas;
	bool has_sparse;
	bool has_type;
	bool msix_mappable;
	bool has_revision;
	uint32_t type;
	uint32_t subtype;
	uint32_t revision; /* enum vfmig_region_revision, if it is known here */
	uint32_t revision_flags;
	uint64_t revision_capacity;
	uint32_t unknown_count; /* capabilities that are not known here; their ids in unknown[] */
	uint16_t unknown[ABI_CAPS_MAX];
};

/*
 * Encode a reply. argsz: the request's. What does not fit in it is left out by the uAPI's rule:
 * the flag CAPS set, cap_offset 0, and the reply's argsz is the size needed. The argsz, cap_offset
 * and CAPS flag of *i are ignored. caps may be NULL.
 */
size_t abi_msg_put_region_info(void *buf, size_t cap, uint32_t argsz,
			       const struct vfmig_region_info *i,
			       const struct abi_msg_region_caps *caps);

/* Encode a request for region index. */
size_t abi_msg_put_region_info_request(void *buf, size_t cap, uint32_t argsz, uint32_t index);

/* Decode the fixed part, of a request or a reply. */
const char *abi_msg_get_region_info(const void *buf, size_t len, struct vfmig_region_info *i);

/*
 * Decode the capabilities of a reply; buf and len are the whole payload, i the result of
 * abi_msg_get_region_info. Refuses chains that leave the buffer, point into the fixed part,
 * overlap or loop, that are longer than ABI_MSG_CAPS_MAX, and capabilities given twice. Unknown
 * capabilities are skipped. areas has max elements, filled with the peer's areas, each checked to
 * lie in the region. Without a chain (no CAPS flag, or cap_offset 0) *c is empty.
 */
const char *abi_msg_get_region_caps(const void *buf, size_t len, const struct vfmig_region_info *i,
				    struct vfmig_sparse_mmap_area *areas, uint32_t max,
				    struct abi_msg_region_caps *c);

/* ---- GET_REGION_IO_FDS: vfio_user_region.c -------------------------------------------------- */

size_t abi_msg_put_io_fds(void *buf, size_t cap, const struct vfmig_user_io_fds *h,
			  const struct vfmig_user_io_fd *fds);
/* A request. */
const char *abi_msg_get_io_fds_request(const void *buf, size_t len, struct vfmig_user_io_fds *h);
/*
 * A reply with nfds fds: checks every sub-region against nfds and its type; fills up to max. If
 * the reply needs a larger buffer (argsz over len), h->count is set to 0.
 */
const char *abi_msg_get_io_fds(const void *buf, size_t len, size_t nfds,
			       struct vfmig_user_io_fds *h, struct vfmig_user_io_fd *fds,
			       uint32_t max);

#endif
