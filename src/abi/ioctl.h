/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ioctls of /dev/vfio and /dev/iommu as sizes and rules: which structure each takes, how much
 * of it must be there, and what is refused before its meaning is considered.
 *
 * VFIO's structures begin with argsz: at least the original structure, more if the caller's buffer
 * is larger. iommufd's begin with size: the structure's size in the caller's version; a larger one
 * is accepted if the rest is zero. Conventions as in feature.h; a refusal with an errno of its own
 * is marked.
 */
#ifndef ABI_IOCTL_H
#define ABI_IOCTL_H

#include <vfmig/abi_type1.h>

/* ---- VFIO: n of _IO(';', n); those of a device and of a container are in
 * <vfmig/abi.h> and <vfmig/abi_type1.h> -------------------------- */

#define ABI_IOCTL_TYPE 0x3bU /* ';', of VFIO and of iommufd */

/* The parts of an ioctl's number that matter here; neither family encodes size or direction. */
#define ABI_IOCTL_IS_OURS(cmd) (((cmd) >> 8 & 0xffU) == ABI_IOCTL_TYPE)
#define ABI_IOCTL_NR(cmd)      ((cmd)&0xffU)

#define ABI_IOCTL_GROUP_GET_STATUS	103
#define ABI_IOCTL_GROUP_SET_CONTAINER	104
#define ABI_IOCTL_GROUP_UNSET_CONTAINER 105
#define ABI_IOCTL_GROUP_GET_DEVICE_FD	106
#define ABI_IOCTL_DEVICE_HOT_RESET_INFO 112
#define ABI_IOCTL_DEVICE_BIND_IOMMUFD	118
#define ABI_IOCTL_DEVICE_ATTACH_PT	119
#define ABI_IOCTL_DEVICE_DETACH_PT	120

struct abi_group_status {
	uint32_t argsz;
	uint32_t flags; /* ABI_GROUP_ */
};
#define ABI_GROUP_VIABLE	(1U << 0)
#define ABI_GROUP_CONTAINER_SET (1U << 1)

struct abi_bind_iommufd {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
};

struct abi_attach_pt {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pt_id; /* in: an IOAS or a page table; out: the page table */
};

struct abi_detach_pt {
	uint32_t argsz;
	uint32_t flags;
};

/* The largest of VFIO's fixed structures, and the least argsz; 0: no structure. */
#define ABI_IOCTL_MAX_FIXED 64U

struct abi_ioctl_kind {
	uint16_t min;  /* the original structure */
	uint16_t size; /* the current structure */
	bool writes;   /* it is copied back to the caller */
	bool no_flags; /* the word behind argsz must be 0 */
};

/*
 * NULL for a number that takes no structure with argsz (or is not a device's or a group's).
 * Static.
 */
const struct abi_ioctl_kind *abi_ioctl_find_kind(uint32_t nr);

/*
 * The rules of argsz for a structure of which `len` bytes (at least the first 8) are in buf: *take
 * is how many of the bytes that this library supports the caller has.
 */
const char *abi_ioctl_check(uint32_t nr, const void *buf, size_t len, size_t *take);

/*
 * SET_IRQS: one kind of data, one action, and argsz large enough. *data_bytes is what follows the
 * structure. The device checks that the interrupts exist.
 */
#define ABI_IRQS_MAX 2048U /* the most vectors of MSI-X, and of one request */
const char *abi_irq_set_check(const struct vfmig_irq_set *set, size_t *data_bytes);

/* ---- iommufd: n of _IO(';', n) --------------------------------------------------------------- */

enum abi_iommufd_cmd {
	ABI_IOMMUFD_DESTROY = 0x80,
	ABI_IOMMUFD_IOAS_ALLOC = 0x81,
	ABI_IOMMUFD_IOAS_ALLOW_IOVAS = 0x82,
	ABI_IOMMUFD_IOAS_COPY = 0x83,
	ABI_IOMMUFD_IOAS_IOVA_RANGES = 0x84,
	ABI_IOMMUFD_IOAS_MAP = 0x85,
	ABI_IOMMUFD_IOAS_UNMAP = 0x86,
	ABI_IOMMUFD_HWPT_ALLOC = 0x89,
	ABI_IOMMUFD_GET_HW_INFO = 0x8a,
	ABI_IOMMUFD_SET_DIRTY_TRACKING = 0x8b,
	ABI_IOMMUFD_GET_DIRTY_BITMAP = 0x8c,
	ABI_IOMMUFD_IOAS_MAP_FILE = 0x8f,
};

struct abi_iommufd_destroy {
	uint32_t size;
	uint32_t id;
};

struct abi_iommufd_ioas_alloc {
	uint32_t size;
	uint32_t flags; /* zero */
	uint32_t out_ioas_id;
};

struct abi_iommufd_iova_ranges {
	uint32_t size;
	uint32_t ioas_id;
	uint32_t num_iovas;
	uint32_t reserved;
	uint64_t allowed_iovas; /* address of pairs: first, last */
	uint64_t out_iova_alignment;
};

struct abi_iommufd_map {
	uint32_t size;
	uint32_t flags; /* ABI_IOMMUFD_MAP_ */
	uint32_t ioas_id;
	uint32_t reserved;
	uint64_t user_va;
	uint64_t length;
	uint64_t iova;
};
#define ABI_IOMMUFD_MAP_FIXED_IOVA (1U << 0)
#define ABI_IOMMUFD_MAP_WRITEABLE  (1U << 1)
#define ABI_IOMMUFD_MAP_READABLE   (1U << 2)

struct abi_iommufd_map_file {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	int32_t fd;
	uint64_t start;
	uint64_t length;
	uint64_t iova;
};

struct abi_iommufd_unmap {
	uint32_t size;
	uint32_t ioas_id;
	uint64_t iova;
	uint64_t length; /* out: how much was unmapped */
};

struct abi_iommufd_hwpt_alloc {
	uint32_t size;
	uint32_t flags; /* ABI_IOMMUFD_HWPT_ */
	uint32_t dev_id;
	uint32_t pt_id;
	uint32_t out_hwpt_id;
	uint32_t reserved;
	uint32_t data_type;
	uint32_t data_len;
	uint64_t data_uptr;
	uint32_t fault_id;
	uint32_t reserved2;
};
#define ABI_IOMMUFD_HWPT_NEST_PARENT	(1U << 0)
#define ABI_IOMMUFD_HWPT_DIRTY_TRACKING (1U << 1)

struct abi_iommufd_hw_info {
	uint32_t size;
	uint32_t flags;
	uint32_t dev_id;
	uint32_t data_len;
	uint64_t data_uptr;
	uint32_t out_data_type;
	uint32_t reserved;
	uint64_t out_capabilities; /* ABI_IOMMUFD_CAP_ */
};
#define ABI_IOMMUFD_CAP_DIRTY_TRACKING (1ULL << 0)

struct abi_iommufd_set_dirty {
	uint32_t size;
	uint32_t flags; /* 1: on, 0: off */
	uint32_t hwpt_id;
	uint32_t reserved;
};

struct abi_iommufd_get_dirty {
	uint32_t size;
	uint32_t hwpt_id;
	uint32_t flags; /* ABI_IOMMUFD_DIRTY_NO_CLEAR */
	uint32_t reserved;
	uint64_t iova;
	uint64_t length;
	uint64_t page_size;
	uint64_t data; /* address of the bitmap */
};
#define ABI_IOMMUFD_DIRTY_NO_CLEAR (1U << 0)

/* The largest of iommufd's structures. */
#define ABI_IOMMUFD_MAX 64U

enum abi_iommufd_verdict {
	ABI_IOMMUFD_FINE,
	ABI_IOMMUFD_UNKNOWN,   /* ENOTTY */
	ABI_IOMMUFD_TOO_SMALL, /* EINVAL */
	ABI_IOMMUFD_NEWER,     /* E2BIG: a part that this library does not support is not zero */
	ABI_IOMMUFD_WRONG,     /* EOPNOTSUPP: flags or reserved words */
};

/* The size of a structure in this library; 0 for an unknown number. */
size_t abi_iommufd_known(uint32_t nr);

/*
 * The rules of size, for the caller's bytes: `rest_is_zero` is whether all bytes behind the known
 * part are zero. And the rules of flags and reserved words. After FINE the structure in buf
 * (ABI_IOMMUFD_MAX bytes, zero behind the caller's) may be used.
 */
enum abi_iommufd_verdict abi_iommufd_check(uint32_t nr, const void *buf, uint32_t size,
					   bool rest_is_zero);

#endif
