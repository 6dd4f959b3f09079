/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Constants and layouts of the VFIO uAPI (as of Linux 7.2) and of the vfio-user protocol, under names of this library.
 *
 * With them the library builds where <linux/vfio.h> is older than the interface. A test compares every number and member
 * with the <linux/vfio.h> of the build machine, as far as that file goes.
 *
 * Structures have the kernel's layout, in the byte order of the machine. Encodings for sockets and files are
 * little-endian (src/abi/).
 *
 * Names are the uAPI's with VFIO_ or VFIO_DEVICE_ replaced by VFMIG_, so that both headers can be included:
 * VFIO_DEVICE_STATE_STOP_COPY is VFMIG_STATE_STOP_COPY. docs/abi.md has a table, and what differs between pfn, v1 and
 * v2. The names of the earlier revisions contain V1 or PFN, since they use the same words for other values.
 *
 * The functions at the end are pure: no state, no allocation, callable from any thread.
 */
#ifndef VFMIG_ABI_H
#define VFMIG_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Migration states and flags of v2 ------------------------------------------------------- */

/*
 * The migration states of a device: enum vfio_device_mig_state, VFIO_DEVICE_STATE_ERROR and so on.
 * PRE_COPY, PRE_COPY_P2P and STOP_COPY are the saving group: they share one data session.
 */
enum vfmig_state {
	VFMIG_STATE_ERROR = 0,	      /* failed; only a reset leaves it */
	VFMIG_STATE_STOP = 1,	      /* changes nothing, inside or outside */
	VFMIG_STATE_RUNNING = 2,      /* runs; where a device is after reset */
	VFMIG_STATE_STOP_COPY = 3,    /* stopped; its state is read to the end */
	VFMIG_STATE_RESUMING = 4,     /* stopped; its state is written */
	VFMIG_STATE_RUNNING_P2P = 5,  /* runs, but starts no peer-to-peer DMA */
	VFMIG_STATE_PRE_COPY = 6,     /* runs, and its state can be read */
	VFMIG_STATE_PRE_COPY_P2P = 7, /* as PRE_COPY, but starts no peer-to-peer DMA */
};
#define VFMIG_STATE_COUNT 8

/* VFIO_MIGRATION_: the states that a device has; payload of VFMIG_FEATURE_MIGRATION. STOP_COPY is always set. */
#define VFMIG_MIGRATION_STOP_COPY (1ULL << 0) /* STOP, STOP_COPY, RESUMING */
#define VFMIG_MIGRATION_P2P	  (1ULL << 1) /* RUNNING_P2P; with PRE_COPY, PRE_COPY_P2P too */
#define VFMIG_MIGRATION_PRE_COPY  (1ULL << 2) /* PRE_COPY */

/* ---- Device features ------------------------------------------------------------------------ */

/* Flags of struct vfmig_device_feature: the index of a feature and an operation on it. */
#define VFMIG_FEATURE_MASK  0xffffU    /* the feature's index */
#define VFMIG_FEATURE_GET   (1U << 16) /* read it; not together with SET, except in a probe */
#define VFMIG_FEATURE_SET   (1U << 17) /* write it */
#define VFMIG_FEATURE_PROBE (1U << 18) /* whether the feature exists, with GET and SET as set */

/* Feature indexes: VFIO_DEVICE_FEATURE_. */
enum vfmig_feature {
	VFMIG_FEATURE_PCI_VF_TOKEN = 0,		/* SET: 16 bytes, a UUID */
	VFMIG_FEATURE_MIGRATION = 1,		/* GET: struct vfmig_feature_migration */
	VFMIG_FEATURE_MIG_STATE = 2,		/* GET, SET: struct vfmig_feature_mig_state */
	VFMIG_FEATURE_LOW_POWER_ENTRY = 3,	/* SET, no payload */
	VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE = 4, /* SET: struct vfmig_feature_low_power_wake */
	VFMIG_FEATURE_LOW_POWER_EXIT = 5,	/* SET, no payload */
	VFMIG_FEATURE_DMA_LOGGING_START = 6,	/* SET: struct vfmig_feature_dma_logging_control */
	VFMIG_FEATURE_DMA_LOGGING_STOP = 7,	/* SET, no payload */
	VFMIG_FEATURE_DMA_LOGGING_REPORT = 8,	/* GET: struct vfmig_feature_dma_logging_report */
	VFMIG_FEATURE_MIG_DATA_SIZE = 9,	/* GET: struct vfmig_feature_mig_data_size */
	VFMIG_FEATURE_BUS_MASTER = 10,		/* SET: struct vfmig_feature_bus_master */
	VFMIG_FEATURE_DMA_BUF = 11, /* GET: struct vfmig_feature_dma_buf, returns an fd */
	VFMIG_FEATURE_MIG_PRECOPY_INFO_V2 = 12, /* SET, no payload: opts in to REINIT */
};
#define VFMIG_FEATURE_COUNT 13

/*
 * Not in Linux: VFIO_MIG_GET_PRECOPY_INFO as a feature of vfio-user, if both sides have negotiated the
 * "vfmig" capability. GET: struct vfmig_precopy_info. See docs/vfio-user.md.
 */
#define VFMIG_FEATURE_USER_PRECOPY_INFO 0x7f01U
/* Not in Linux: DMA_LOGGING_REPORT as runs of pages, in vfio-user with version 2 of the capability. */
#define VFMIG_FEATURE_USER_REPORT_RUNS 0x7f02U
/* 0x7f03 is in <vfmig/abi_history.h>. */

/* struct vfio_device_feature, of VFIO_DEVICE_FEATURE: the payload follows. argsz includes both. */
struct vfmig_device_feature {
	uint32_t argsz;
	uint32_t flags;
};

/* struct vfio_device_feature_migration. */
struct vfmig_feature_migration {
	uint64_t flags; /* VFMIG_MIGRATION_ */
};

/* struct vfio_device_feature_mig_state. */
struct vfmig_feature_mig_state {
	uint32_t device_state; /* enum vfmig_state */
	int32_t data_fd;       /* out, SET: the fd of a new data session, else -1 */
};

/* struct vfio_device_low_power_entry_with_wakeup. */
struct vfmig_feature_low_power_wake {
	int32_t wakeup_eventfd;
	uint32_t reserved;
};

/* struct vfio_device_feature_dma_logging_range: iova and length in bytes, multiples of the page size. */
struct vfmig_dma_logging_range {
	uint64_t iova;
	uint64_t length;
};

/* struct vfio_device_feature_dma_logging_control. In vfio-user the ranges replace the pointer. */
struct vfmig_feature_dma_logging_control {
	uint64_t page_size;  /* in: a hint; out: the page size that the device uses */
	uint32_t num_ranges; /* Linux rejects 0; in vfio-user 0 means all addresses */
	uint32_t reserved;
	uint64_t ranges; /* address of struct vfmig_dma_logging_range[num_ranges] */
};

/* struct vfio_device_feature_dma_logging_report. In a reply of vfio-user the bitmap replaces the pointer. */
struct vfmig_feature_dma_logging_report {
	uint64_t iova;
	uint64_t length;
	uint64_t page_size; /* per bit; a power of two, at least 4 KiB */
	uint64_t bitmap;    /* address of uint64_t[]; bits are only set, never cleared */
};

/* struct vfio_device_feature_mig_data_size. */
struct vfmig_feature_mig_data_size {
	uint64_t stop_copy_length; /* estimated bytes until the end of STOP_COPY */
};

/* struct vfio_device_feature_bus_master. */
struct vfmig_feature_bus_master {
	uint32_t op; /* VFMIG_BUS_MASTER_ */
};
#define VFMIG_BUS_MASTER_CLEAR 0U
#define VFMIG_BUS_MASTER_SET   1U

/* struct vfio_device_feature_dma_buf: struct vfmig_region_dma_range[range_count] follows. */
struct vfmig_feature_dma_buf {
	uint32_t region_index;
	uint32_t open_flags;
	uint32_t flags; /* zero */
	uint32_t range_count;
};

/* struct vfio_region_dma_range. */
struct vfmig_region_dma_range {
	uint64_t offset;
	uint64_t length;
};

/*
 * struct vfio_precopy_info, of VFIO_MIG_GET_PRECOPY_INFO on a data session in PRE_COPY or PRE_COPY_P2P: estimates
 * of what can be read now. flags are valid only after VFMIG_FEATURE_MIG_PRECOPY_INFO_V2 was set; REINIT means
 * that initial_bytes started again and dirty_bytes is zero.
 */
struct vfmig_precopy_info {
	uint32_t argsz; /* 24 */
	uint32_t flags; /* VFMIG_PRECOPY_INFO_ */
	uint64_t initial_bytes;
	uint64_t dirty_bytes;
};
#define VFMIG_PRECOPY_INFO_REINIT (1U << 0)

/* ---- Device, regions, interrupts ------------------------------------------------------------ */

/* struct vfio_device_info. Ends after cap_offset in kernels before 6.6, before it in vfio-user. */
struct vfmig_device_info {
	uint32_t argsz;
	uint32_t flags;	      /* VFMIG_DEVICE_FLAG_ */
	uint32_t num_regions; /* highest region index + 1 */
	uint32_t num_irqs;    /* highest interrupt index + 1 */
	uint32_t cap_offset;
	uint32_t pad;
};
#define VFMIG_DEVICE_FLAG_RESET (1U << 0)
#define VFMIG_DEVICE_FLAG_PCI	(1U << 1)
#define VFMIG_DEVICE_FLAG_CAPS	(1U << 7)

/* struct vfio_region_info; capabilities follow. A region of size 0 does not exist. */
struct vfmig_region_info {
	uint32_t argsz;	     /* of the whole answer, capabilities included */
	uint32_t flags;	     /* VFMIG_REGION_FLAG_ */
	uint32_t index;	     /* in */
	uint32_t cap_offset; /* of the first capability from the start of this structure, or 0 */
	uint64_t size;
	uint64_t offset; /* of the region in the fd that maps it */
};
#define VFMIG_REGION_FLAG_READ	(1U << 0)
#define VFMIG_REGION_FLAG_WRITE (1U << 1)
#define VFMIG_REGION_FLAG_MMAP	(1U << 2)
#define VFMIG_REGION_FLAG_CAPS	(1U << 3)

/* struct vfio_info_cap_header: next is an offset from the start of the information, 0 the end. */
struct vfmig_info_cap_header {
	uint16_t id;
	uint16_t version;
	uint32_t next;
};

/* Ids of region capabilities. */
#define VFMIG_REGION_CAP_SPARSE_MMAP   1U /* only these areas may be mapped */
#define VFMIG_REGION_CAP_TYPE	       2U /* the type of a device specific region */
#define VFMIG_REGION_CAP_MSIX_MAPPABLE 3U /* the MSI-X table may be mapped; no payload */

/* struct vfio_region_sparse_mmap_area. */
struct vfmig_sparse_mmap_area {
	uint64_t offset; /* in the region */
	uint64_t size;
};

/* struct vfio_region_info_cap_sparse_mmap: struct vfmig_sparse_mmap_area[nr_areas] follows. */
struct vfmig_region_cap_sparse_mmap {
	struct vfmig_info_cap_header header;
	uint32_t nr_areas;
	uint32_t reserved;
};

/* struct vfio_region_info_cap_type. */
struct vfmig_region_cap_type {
	struct vfmig_info_cap_header header;
	uint32_t type;
	uint32_t subtype;
};

/* struct vfio_irq_info. */
struct vfmig_irq_info {
	uint32_t argsz;
	uint32_t flags; /* VFMIG_IRQ_INFO_ */
	uint32_t index; /* in */
	uint32_t count; /* 0: the index does not exist */
};
#define VFMIG_IRQ_INFO_EVENTFD	  (1U << 0)
#define VFMIG_IRQ_INFO_MASKABLE	  (1U << 1)
#define VFMIG_IRQ_INFO_AUTOMASKED (1U << 2)
#define VFMIG_IRQ_INFO_NORESIZE	  (1U << 3)

/*
 * struct vfio_irq_set: one DATA and one ACTION flag. count bytes (BOOL), count fds (EVENTFD; in vfio-user
 * they are ancillary data of the message), or nothing (NONE) follow.
 * NONE | TRIGGER with count 0 disables the whole index.
 */
struct vfmig_irq_set {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t start;
	uint32_t count;
};
#define VFMIG_IRQ_SET_DATA_NONE	     (1U << 0)
#define VFMIG_IRQ_SET_DATA_BOOL	     (1U << 1)
#define VFMIG_IRQ_SET_DATA_EVENTFD   (1U << 2)
#define VFMIG_IRQ_SET_ACTION_MASK    (1U << 3)
#define VFMIG_IRQ_SET_ACTION_UNMASK  (1U << 4)
#define VFMIG_IRQ_SET_ACTION_TRIGGER (1U << 5)
#define VFMIG_IRQ_SET_DATA_TYPES     0x07U
#define VFMIG_IRQ_SET_ACTION_TYPES   0x38U

/*
 * Region indexes of a PCI device: VFIO_PCI_BAR0_REGION_INDEX and so on. Regions from VFMIG_PCI_REGION_COUNT on are
 * device specific.
 */
enum vfmig_pci_region {
	VFMIG_PCI_REGION_BAR0 = 0,   /* base address register 0 */
	VFMIG_PCI_REGION_BAR1 = 1,   /* base address register 1 */
	VFMIG_PCI_REGION_BAR2 = 2,   /* base address register 2 */
	VFMIG_PCI_REGION_BAR3 = 3,   /* base address register 3 */
	VFMIG_PCI_REGION_BAR4 = 4,   /* base address register 4 */
	VFMIG_PCI_REGION_BAR5 = 5,   /* base address register 5 */
	VFMIG_PCI_REGION_ROM = 6,    /* expansion ROM */
	VFMIG_PCI_REGION_CONFIG = 7, /* configuration space */
	VFMIG_PCI_REGION_VGA = 8,    /* legacy VGA ranges */
};
#define VFMIG_PCI_REGION_COUNT 9

/* Interrupt indexes of a PCI device: VFIO_PCI_INTX_IRQ_INDEX and so on. */
enum vfmig_pci_irq {
	VFMIG_PCI_IRQ_INTX = 0, /* interrupt pin */
	VFMIG_PCI_IRQ_MSI = 1,	/* message signalled */
	VFMIG_PCI_IRQ_MSIX = 2, /* message signalled, extended */
	VFMIG_PCI_IRQ_ERR = 3,	/* an uncorrectable error occurred */
	VFMIG_PCI_IRQ_REQ = 4,	/* the host requests the device back */
};
#define VFMIG_PCI_IRQ_COUNT 5

/* ---- ioctls: VFIO_DEVICE_GET_INFO is _IO(';', 107) and so on ------------------------------- */

#define VFMIG_IOCTL_DEVICE_GET_INFO	   107
#define VFMIG_IOCTL_DEVICE_GET_REGION_INFO 108
#define VFMIG_IOCTL_DEVICE_GET_IRQ_INFO	   109
#define VFMIG_IOCTL_DEVICE_SET_IRQS	   110
#define VFMIG_IOCTL_DEVICE_RESET	   111
#define VFMIG_IOCTL_DEVICE_FEATURE	   117
#define VFMIG_IOCTL_MIG_GET_PRECOPY_INFO   121

/* ---- vfio-user ------------------------------------------------------------------------------ */

/* Commands, as in QEMU's docs/interop/vfio-user.rst. */
enum vfmig_user_command {
	VFMIG_USER_VERSION = 1,
	VFMIG_USER_DMA_MAP = 2,
	VFMIG_USER_DMA_UNMAP = 3,
	VFMIG_USER_DEVICE_GET_INFO = 4,
	VFMIG_USER_DEVICE_GET_REGION_INFO = 5,
	VFMIG_USER_DEVICE_GET_REGION_IO_FDS = 6,
	VFMIG_USER_DEVICE_GET_IRQ_INFO = 7,
	VFMIG_USER_DEVICE_SET_IRQS = 8,
	VFMIG_USER_REGION_READ = 9,
	VFMIG_USER_REGION_WRITE = 10,
	VFMIG_USER_DMA_READ = 11,  /* server to client */
	VFMIG_USER_DMA_WRITE = 12, /* server to client */
	VFMIG_USER_DEVICE_RESET = 13,
	VFMIG_USER_DIRTY_PAGES = 14, /* withdrawn; early clients and servers use it */
	VFMIG_USER_REGION_WRITE_MULTI = 15,
	VFMIG_USER_DEVICE_FEATURE = 16,
	VFMIG_USER_MIG_DATA_READ = 17,
	VFMIG_USER_MIG_DATA_WRITE = 18,
};
#define VFMIG_USER_COMMAND_COUNT 19

/* Header of each vfio-user message. msg_size includes these 16 bytes. */
struct vfmig_user_header {
	uint16_t msg_id;
	uint16_t cmd;
	uint32_t msg_size;
	uint32_t flags;	   /* VFMIG_USER_FLAG_ */
	uint32_t error_no; /* of a reply with VFMIG_USER_FLAG_ERROR: an errno, or 0 */
};
#define VFMIG_USER_FLAG_TYPE_MASK    0xfU
#define VFMIG_USER_FLAG_TYPE_COMMAND 0x0U
#define VFMIG_USER_FLAG_TYPE_REPLY   0x1U
#define VFMIG_USER_FLAG_NO_REPLY     (1U << 4)
#define VFMIG_USER_FLAG_ERROR	     (1U << 5)

/* vfio-user: DMA_MAP. */
struct vfmig_user_dma_map {
	uint32_t argsz;
	uint32_t flags;	 /* VFMIG_USER_DMA_MAP_ */
	uint64_t offset; /* in the fd of the message */
	uint64_t addr;	 /* IOVA */
	uint64_t size;
};
#define VFMIG_USER_DMA_MAP_READ	   (1U << 0)
#define VFMIG_USER_DMA_MAP_WRITE   (1U << 1)
#define VFMIG_USER_DMA_MAP_MMAP	   (1U << 2) /* libvfio-user: map the fd */
#define VFMIG_USER_DMA_MAP_FILE_IO (1U << 3) /* libvfio-user: read and write the fd */

/* vfio-user: DMA_UNMAP. */
struct vfmig_user_dma_unmap {
	uint32_t argsz;
	uint32_t flags; /* VFMIG_DMA_UNMAP_, at most one */
	uint64_t addr;
	uint64_t size;
};
#define VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP (1U << 0) /* struct vfmig_user_bitmap follows */
#define VFMIG_DMA_UNMAP_ALL		 (1U << 1) /* all maps; addr and size are 0 */

struct vfmig_user_bitmap {
	uint64_t pgsize; /* bytes per bit */
	uint64_t size;	 /* of the bitmap, in bytes */
};

/* vfio-user: REGION_READ, REGION_WRITE: data follows in the write and in the reply to the read. */
struct vfmig_user_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

/* vfio-user: DMA_READ, DMA_WRITE: data follows in the write and in the reply to the read. */
struct vfmig_user_dma_access {
	uint64_t addr;
	uint64_t count;
};

/* vfio-user: one write of REGION_WRITE_MULTI: count bytes of data, at most 8. */
struct vfmig_user_write {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
	uint8_t data[8];
};

/* vfio-user: GET_REGION_IO_FDS: the request, and the header of the reply (count sub-regions follow). */
struct vfmig_user_io_fds {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};

/* vfio-user: one sub-region of GET_REGION_IO_FDS. */
struct vfmig_user_io_fd {
	uint64_t offset;
	uint64_t size;
	uint32_t fd_index;
	uint32_t type; /* VFMIG_USER_IO_FD_ */
	uint32_t flags;
	uint32_t shadow_fd_index; /* IOEVENTFD_SHADOW only, as is shadow_offset */
	uint64_t shadow_offset;
	uint64_t data; /* an ioeventfd's datamatch, an ioregionfd's user_data */
};
#define VFMIG_USER_IO_FD_IOEVENTFD	  0U
#define VFMIG_USER_IO_FD_IOREGIONFD	  1U
#define VFMIG_USER_IO_FD_IOEVENTFD_SHADOW 2U

/* vfio-user: MIG_DATA_READ, MIG_DATA_WRITE: data follows in the write and in the reply to the read. */
struct vfmig_user_mig_data {
	uint32_t argsz;
	uint32_t size;
};

/* ---- Names ---------------------------------------------------------------------------------- */

/* The uAPI's name of a feature without its prefix ("MIG_DEVICE_STATE"); "?" if it is unknown. Static. */
const char *vfmig_feature_name(uint32_t index);

/* ---- The finite state machine of v2 --------------------------------------------------------- */

/* The name of a state ("RUNNING_P2P"); "?" if it is unknown: any number may be passed. Static. */
const char *vfmig_state_name(uint32_t state);

/*
 * Find the state with this name. Case is ignored, and '-' is equal to '_'.
 * len: length of name in bytes; no NUL is required. Returns false and leaves *state unchanged if no state has
 * the name.
 */
bool vfmig_state_parse(const char *name, size_t len, enum vfmig_state *state);

/* Whether flags (VFMIG_MIGRATION_) are valid: STOP_COPY, optionally with P2P, PRE_COPY or both. */
bool vfmig_v2_flags_valid(uint64_t flags);

/* Whether a device with these flags has this state. Every device has ERROR and RUNNING. */
bool vfmig_v2_state_supported(uint64_t flags, uint32_t state);

/* Whether a state belongs to the saving group (PRE_COPY, PRE_COPY_P2P, STOP_COPY). */
bool vfmig_v2_state_saving(uint32_t state);

/*
 * The next step of a device with these flags from one state towards another.
 *
 * from, to: enum vfmig_state; any number may be passed. Repeated calls with from = *next reach
 * to in at most VFMIG_STATE_COUNT steps. If from == to, *next is to.
 *
 * Returns NULL on success and sets *next. Otherwise returns a static sentence why the transition is invalid (EINVAL
 * in the uAPI).
 */
const char *vfmig_v2_next(uint64_t flags, uint32_t from, uint32_t to, enum vfmig_state *next);

/* Store the path in path[]: the states after from up to to, *count of them. Returns as vfmig_v2_next(). */
const char *vfmig_v2_path(uint64_t flags, uint32_t from, uint32_t to,
			  enum vfmig_state path[VFMIG_STATE_COUNT], size_t *count);

/* Effect of one step on the data session. */
enum vfmig_v2_session {
	VFMIG_V2_SESSION_NONE = 0, /* none: no session, or it continues */
	VFMIG_V2_SESSION_SAVE,	   /* opens a session to read from */
	VFMIG_V2_SESSION_LOAD,	   /* opens a session to write to */
	VFMIG_V2_SESSION_CLOSE,	   /* closes the session */
};

/* from, to: two states, one step of vfmig_v2_next() apart. */
enum vfmig_v2_session vfmig_v2_session_of(uint32_t from, uint32_t to);

#ifdef __cplusplus
}
#endif

#endif
