/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The numbers and layouts of the interface, in names of our own.
 *
 * Everything here is fixed by somebody else: by Linux's VFIO uAPI (level of Linux 7.2) or by the
 * vfio-user protocol. Having it under our own names lets the library be built where the system's
 * <linux/vfio.h> is older than the interface that the library speaks, and lets a kernel module, a
 * server and a client share one text. A test compares it with the <linux/vfio.h> of the build
 * machine, number by number and field by field, as far as that file goes.
 *
 * Structures have the layout that the kernel's have, in the byte order of the machine. What goes
 * over a socket or into a file is encoded field by field (src/abi/), little endian.
 *
 * Plain names (VFMIG_STATE_, VFMIG_FEATURE_) are protocol v2 and what all revisions share. Other
 * revisions carry their own prefix, since they use the same words for other values.
 *
 * The functions at the end are pure: no state, no allocation, safe from any thread.
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
 * The migration states of a device: enum vfio_device_mig_state. Values as in the uAPI.
 *
 * PRE_COPY, PRE_COPY_P2P and STOP_COPY are the saving group: they share one data session.
 */
enum vfmig_state {
	VFMIG_STATE_ERROR = 0,	      /* failed; only a reset leads out */
	VFMIG_STATE_STOP = 1,	      /* changes nothing, inside or outside */
	VFMIG_STATE_RUNNING = 2,      /* runs; where a device is after reset */
	VFMIG_STATE_STOP_COPY = 3,    /* stopped; its state is read to the end */
	VFMIG_STATE_RESUMING = 4,     /* stopped; its state is written */
	VFMIG_STATE_RUNNING_P2P = 5,  /* runs, but starts no peer-to-peer DMA */
	VFMIG_STATE_PRE_COPY = 6,     /* runs, and its state can be read */
	VFMIG_STATE_PRE_COPY_P2P = 7, /* both of the last two */
};
#define VFMIG_STATE_COUNT 8

/* What a device can do: payload of VFMIG_FEATURE_MIGRATION. STOP_COPY is always set. */
#define VFMIG_MIGRATION_STOP_COPY (1ULL << 0) /* STOP, STOP_COPY, RESUMING */
#define VFMIG_MIGRATION_P2P	  (1ULL << 1) /* RUNNING_P2P; with PRE_COPY, PRE_COPY_P2P too */
#define VFMIG_MIGRATION_PRE_COPY  (1ULL << 2) /* PRE_COPY */

/* ---- Device features ------------------------------------------------------------------------ */

/* The flags word of struct vfmig_device_feature: an index, and what to do with it. */
#define VFMIG_FEATURE_MASK  0xffffU    /* the feature's index */
#define VFMIG_FEATURE_GET   (1U << 16) /* read it; not together with SET, except in a probe */
#define VFMIG_FEATURE_SET   (1U << 17) /* write it */
#define VFMIG_FEATURE_PROBE (1U << 18) /* only ask whether it is there, with GET and SET if set */

/* Feature indexes, as in Linux. */
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
 * Not in Linux: pre-copy info as a feature, which is how vfio-user carries it when both sides
 * have offered the "vfmig" capability. GET: struct vfmig_precopy_info. See docs/vfio-user.md.
 */
#define VFMIG_FEATURE_USER_PRECOPY_INFO 0x7f01U
/* Nor this: what DMA_LOGGING_REPORT tells, as runs of pages. vfio-user only, both sides at version 2. */
#define VFMIG_FEATURE_USER_REPORT_RUNS 0x7f02U
/* 0x7f03 is in <vfmig/abi_history.h>. */

/* VFIO_DEVICE_FEATURE: the payload follows. argsz counts this structure and the payload. */
struct vfmig_device_feature {
	uint32_t argsz;
	uint32_t flags;
};

struct vfmig_feature_migration {
	uint64_t flags; /* VFMIG_MIGRATION_ */
};

struct vfmig_feature_mig_state {
	uint32_t device_state; /* enum vfmig_state */
	int32_t data_fd;       /* out, of SET: a new data session's fd, else -1 */
};

struct vfmig_feature_low_power_wake {
	int32_t wakeup_eventfd;
	uint32_t reserved;
};

/* One range of addresses to log: iova and length in bytes, multiples of the page size. */
struct vfmig_dma_logging_range {
	uint64_t iova;
	uint64_t length;
};

/* As the kernel has it: ranges is a user pointer. In vfio-user the ranges stand in its place. */
struct vfmig_feature_dma_logging_control {
	uint64_t page_size;  /* in: a hint; out: the page size that the device chose */
	uint32_t num_ranges; /* Linux refuses 0; in vfio-user 0 means all addresses */
	uint32_t reserved;
	uint64_t ranges; /* address of struct vfmig_dma_logging_range[num_ranges] */
};

/* As the kernel has it: bitmap is a user pointer. In vfio-user the reply has it in its place. */
struct vfmig_feature_dma_logging_report {
	uint64_t iova;
	uint64_t length;
	uint64_t page_size; /* of a bit; a power of two, not below 4 KiB */
	uint64_t bitmap;    /* address of uint64_t[]; bits are only set, never cleared */
};

struct vfmig_feature_mig_data_size {
	uint64_t stop_copy_length; /* bytes, estimated, until the end of STOP_COPY */
};

struct vfmig_feature_bus_master {
	uint32_t op; /* VFMIG_BUS_MASTER_ */
};
#define VFMIG_BUS_MASTER_CLEAR 0U
#define VFMIG_BUS_MASTER_SET   1U

/* struct vfmig_region_dma_range[range_count] follows. */
struct vfmig_feature_dma_buf {
	uint32_t region_index;
	uint32_t open_flags;
	uint32_t flags; /* zero */
	uint32_t range_count;
};

struct vfmig_region_dma_range {
	uint64_t offset;
	uint64_t length;
};

/*
 * VFIO_MIG_GET_PRECOPY_INFO, asked of a data session in PRE_COPY or PRE_COPY_P2P: estimates of what
 * can be read now. flags means something only after VFMIG_FEATURE_MIG_PRECOPY_INFO_V2 was set;
 * REINIT says that initial_bytes began anew and dirty_bytes went to zero.
 */
struct vfmig_precopy_info {
	uint32_t argsz; /* 24 */
	uint32_t flags; /* VFMIG_PRECOPY_INFO_ */
	uint64_t initial_bytes;
	uint64_t dirty_bytes;
};
#define VFMIG_PRECOPY_INFO_REINIT (1U << 0)

/* ---- Device, regions, interrupts ------------------------------------------------------------ */

/* VFIO_DEVICE_GET_INFO. Kernels before 6.6 end at cap_offset, vfio-user before it. */
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

/* VFIO_DEVICE_GET_REGION_INFO; capabilities follow. A region of size 0 does not exist. */
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

/* What every capability starts with; next is an offset from the start of the info, 0 the end. */
struct vfmig_info_cap_header {
	uint16_t id;
	uint16_t version;
	uint32_t next;
};

/* Ids of region capabilities. */
#define VFMIG_REGION_CAP_SPARSE_MMAP   1U /* only these areas may be mapped */
#define VFMIG_REGION_CAP_TYPE	       2U /* what a device specific region is */
#define VFMIG_REGION_CAP_MSIX_MAPPABLE 3U /* the MSI-X table may be mapped; no payload */

struct vfmig_sparse_mmap_area {
	uint64_t offset; /* in the region */
	uint64_t size;
};

/* struct vfmig_sparse_mmap_area[nr_areas] follows. */
struct vfmig_region_cap_sparse_mmap {
	struct vfmig_info_cap_header header;
	uint32_t nr_areas;
	uint32_t reserved;
};

struct vfmig_region_cap_type {
	struct vfmig_info_cap_header header;
	uint32_t type;
	uint32_t subtype;
};

/* VFIO_DEVICE_GET_IRQ_INFO */
struct vfmig_irq_info {
	uint32_t argsz;
	uint32_t flags; /* VFMIG_IRQ_INFO_ */
	uint32_t index; /* in */
	uint32_t count; /* 0: not there */
};
#define VFMIG_IRQ_INFO_EVENTFD	  (1U << 0)
#define VFMIG_IRQ_INFO_MASKABLE	  (1U << 1)
#define VFMIG_IRQ_INFO_AUTOMASKED (1U << 2)
#define VFMIG_IRQ_INFO_NORESIZE	  (1U << 3)

/*
 * VFIO_DEVICE_SET_IRQS: one DATA and one ACTION flag. After it come count bytes (BOOL), count fds
 * (EVENTFD; in vfio-user they are passed beside the message), or nothing (NONE).
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

/* Region indexes of a PCI device; from VFMIG_PCI_REGION_COUNT on they are device specific. */
enum vfmig_pci_region {
	VFMIG_PCI_REGION_BAR0 = 0,
	VFMIG_PCI_REGION_BAR1 = 1,
	VFMIG_PCI_REGION_BAR2 = 2,
	VFMIG_PCI_REGION_BAR3 = 3,
	VFMIG_PCI_REGION_BAR4 = 4,
	VFMIG_PCI_REGION_BAR5 = 5,
	VFMIG_PCI_REGION_ROM = 6,
	VFMIG_PCI_REGION_CONFIG = 7,
	VFMIG_PCI_REGION_VGA = 8,
};
#define VFMIG_PCI_REGION_COUNT 9

/* Interrupt indexes of a PCI device. */
enum vfmig_pci_irq {
	VFMIG_PCI_IRQ_INTX = 0,
	VFMIG_PCI_IRQ_MSI = 1,
	VFMIG_PCI_IRQ_MSIX = 2,
	VFMIG_PCI_IRQ_ERR = 3,
	VFMIG_PCI_IRQ_REQ = 4,
};
#define VFMIG_PCI_IRQ_COUNT 5

/* ---- ioctls: n of _IO(';', n) --------------------------------------------------------------- */

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
	VFMIG_USER_DIRTY_PAGES = 14, /* withdrawn, and still taken by who had it */
	VFMIG_USER_REGION_WRITE_MULTI = 15,
	VFMIG_USER_DEVICE_FEATURE = 16,
	VFMIG_USER_MIG_DATA_READ = 17,
	VFMIG_USER_MIG_DATA_WRITE = 18,
};
#define VFMIG_USER_COMMAND_COUNT 19

/*
 * Not in the specification: the window (docs/vfio-user.md), where both sides know version 2 of the extension. Memory of
 * the client's, through which migration data goes while messages say where it is.
 */
enum vfmig_user_window_command {
	VFMIG_USER_WINDOW = 0x7f00,
	VFMIG_USER_WINDOW_READ = 0x7f01,
	VFMIG_USER_WINDOW_WRITE = 0x7f02,
};

/* WINDOW, with a descriptor of the memory; size 0 and none: there is no window any more. */
struct vfmig_user_window {
	uint32_t argsz;
	uint32_t flags; /* 0 */
	uint64_t size;
};

/* WINDOW_READ and its reply, WINDOW_WRITE. */
struct vfmig_user_window_piece {
	uint32_t argsz;
	uint32_t size;
	uint64_t offset;
	uint64_t sum; /* XXH3-64 of the piece; 0 in WINDOW_READ */
};

/* What every message starts with. msg_size counts these 16 bytes too. */
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

struct vfmig_user_dma_map {
	uint32_t argsz;
	uint32_t flags;	 /* VFMIG_USER_DMA_MAP_ */
	uint64_t offset; /* in the fd that comes with the message */
	uint64_t addr;	 /* IOVA */
	uint64_t size;
};
#define VFMIG_USER_DMA_MAP_READ	   (1U << 0)
#define VFMIG_USER_DMA_MAP_WRITE   (1U << 1)
#define VFMIG_USER_DMA_MAP_MMAP	   (1U << 2) /* libvfio-user's: the fd is to be mapped */
#define VFMIG_USER_DMA_MAP_FILE_IO (1U << 3) /* libvfio-user's: the fd is to be read and written */

struct vfmig_user_dma_unmap {
	uint32_t argsz;
	uint32_t flags; /* VFMIG_DMA_UNMAP_, at most one */
	uint64_t addr;
	uint64_t size;
};
#define VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP (1U << 0) /* struct vfmig_user_bitmap follows */
#define VFMIG_DMA_UNMAP_ALL		 (1U << 1) /* everything; addr and size are 0 */

struct vfmig_user_bitmap {
	uint64_t pgsize; /* of a bit, bytes */
	uint64_t size;	 /* of the bitmap, bytes */
};

/* REGION_READ, REGION_WRITE: data follows in the write and in the reply to the read. */
struct vfmig_user_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

/* DMA_READ, DMA_WRITE: data follows in the write and in the reply to the read. */
struct vfmig_user_dma_access {
	uint64_t addr;
	uint64_t count;
};

/* One write of REGION_WRITE_MULTI: count, at most 8, bytes of data. */
struct vfmig_user_write {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
	uint8_t data[8];
};

/* GET_REGION_IO_FDS: the request, and what the reply starts with (count sub-regions follow). */
struct vfmig_user_io_fds {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};

/* One sub-region of GET_REGION_IO_FDS. */
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

/* MIG_DATA_READ, MIG_DATA_WRITE: data follows in the write and in the reply to the read. */
struct vfmig_user_mig_data {
	uint32_t argsz;
	uint32_t size;
};

/* ---- Names ---------------------------------------------------------------------------------- */

/* The uAPI's name of a feature without its prefix ("MIG_DEVICE_STATE"), "?" for none. Static. */
const char *vfmig_feature_name(uint32_t index);

/* ---- The finite state machine of v2 --------------------------------------------------------- */

/* The name of a state ("RUNNING_P2P"), "?" for a number that is none. Static. */
const char *vfmig_state_name(uint32_t state);

/*
 * The state that has this name. Case does not matter, and '-' is as good as '_'.
 * len: length of name in bytes (it needs no NUL). False, and *state untouched, if there is none.
 */
bool vfmig_state_parse(const char *name, size_t len, enum vfmig_state *state);

/* Whether flags (VFMIG_MIGRATION_) is one of the four valid sets: STOP_COPY, and +P2P, +PRE_COPY. */
bool vfmig_v2_flags_valid(uint64_t flags);

/* Whether a device with these flags can be in this state. ERROR and RUNNING are always there. */
bool vfmig_v2_state_supported(uint64_t flags, uint32_t state);

/* Whether a state belongs to the saving group (PRE_COPY, PRE_COPY_P2P, STOP_COPY). */
bool vfmig_v2_state_saving(uint32_t state);

/*
 * The next step of a device with these flags from one state towards another.
 *
 * from, to: enum vfmig_state; any number may be asked. Asking repeatedly with from = *next reaches
 * to in at most VFMIG_STATE_COUNT steps. from == to gives *next = to: nothing to do.
 *
 * Returns NULL, or a static sentence why the transition is refused: the uAPI then says EINVAL.
 * *next is set only on success.
 */
const char *vfmig_v2_next(uint64_t flags, uint32_t from, uint32_t to, enum vfmig_state *next);

/*
 * The whole way: the states after from, to last, in path[]; their number in *count (0 if
 * from == to). Returns as vfmig_v2_next does.
 */
const char *vfmig_v2_path(uint64_t flags, uint32_t from, uint32_t to,
			  enum vfmig_state path[VFMIG_STATE_COUNT], size_t *count);

/* What one step does to the data session. */
enum vfmig_v2_session {
	VFMIG_V2_SESSION_NONE = 0, /* there is none, or it goes on */
	VFMIG_V2_SESSION_SAVE,	   /* begins one to read from */
	VFMIG_V2_SESSION_LOAD,	   /* begins one to write to */
	VFMIG_V2_SESSION_CLOSE,	   /* ends it */
};

/* from, to: two states, one step of vfmig_v2_next() apart. */
enum vfmig_v2_session vfmig_v2_session_of(uint32_t from, uint32_t to);

#ifdef __cplusplus
}
#endif

#endif
