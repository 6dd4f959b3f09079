/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mediators: migration for a device that has none, by a shared object that stands between it and its user.
 *
 * A mediator sees the accesses of the device's user to the regions that it watches, and does with each what it
 * likes: pass it on, answer it, or change it. So it knows what the device was told, and with what the device shows
 * of itself that can be enough to save it, to load another one, and to tell which pages it wrote. For that it
 * gets a region of its own, the migration region of v1 or pfn (abi_region.h).
 *
 * The filter `mediate` loads mediators and asks them, in the order given, whether they take the device; the first
 * that does is the one. docs/mediators.md says how to write one, examples/mediate-copier is one. The operations are
 * those of the "vfio_pci_mediate_ops" proposal of 2019, in user space.
 *
 * A mediator's shared object defines one symbol, VFMIG_MEDIATOR_SYMBOL:
 *
 *	const struct vfmig_mediator vfmig_mediator = {
 *		.abi = VFMIG_MEDIATOR_ABI, .size = sizeof(struct vfmig_mediator), .name = "mine", ...
 *	};
 *
 * It needs nothing of libvfmig to link with: what it may ask for comes in struct vfmig_mediator_host.
 *
 * Versions. VFMIG_MEDIATOR_ABI changes only when something that is here changes its meaning; a filter takes mediators
 * of exactly its own. New members are appended to the structures, each of which says its size: members
 * beyond the @size that a mediator was compiled with count as NULL or 0, and a mediator looks at the host's
 * @size before it uses a member that is newer than its ABI's first.
 *
 * Threads. One operation at a time is called, from a thread of the filter's. An operation may take its time and wait
 * for what it asks of the host; accesses to watched regions wait meanwhile, others do not.
 *
 * A mediator is code in the process of whoever opens the device, with all its rights. See docs/mediators.md for
 * what is checked and what cannot be.
 */
#ifndef VFMIG_MEDIATOR_H
#define VFMIG_MEDIATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/abi.h>
#include <vfmig/abi_region.h>
#include <vfmig/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this page. */
#define VFMIG_MEDIATOR_ABI 1u

/* The name under which a shared object has its struct vfmig_mediator. */
#define VFMIG_MEDIATOR_SYMBOL "vfmig_mediator"

/* What rw() and mmap() return for: do what the device would do without me. */
#define VFMIG_MEDIATOR_PASS 1

/* What a mediator brings: bits that open() sets. Others are refused. */
/* The device gets a migration region, of length 0 until get_region_info() has said more. */
#define VFMIG_MEDIATOR_CAP_MIGRATION (1ull << 0)
/* The device gets DMA logging: the mediator tells with host->mark() which pages were written (v1 has no other way). */
#define VFMIG_MEDIATOR_CAP_LOGGING (1ull << 1)
/* The mediator wants memory that the device reaches: host->memory(). */
#define VFMIG_MEDIATOR_CAP_MEMORY (1ull << 2)
#define VFMIG_MEDIATOR_CAPS	  7ull

/* Parts of a region that can be mapped, at the most. */
#define VFMIG_MEDIATOR_AREAS 16u

/* No migration region is larger. */
#define VFMIG_MEDIATOR_REGION_MAX (1ull << 30)

/* What host->memory() gives to one mediator, at the most. */
#define VFMIG_MEDIATOR_MEMORY_MAX (256ull << 20)

/**
 * struct vfmig_mediator_area - a part of a region that can be mapped
 * @offset: in the region; a multiple of 4096
 * @size: bytes; a multiple of 4096
 */
struct vfmig_mediator_area {
	uint64_t offset, size;
};

/**
 * struct vfmig_mediator_region - a region, as the device's user is to see it
 * @index: which
 * @flags: VFMIG_REGION_FLAG_READ, _WRITE, _MMAP. Of the device's own regions, flags can be taken away and none added
 * @watch: rw() sees each access. Takes the MMAP flag away, as accesses to mapped memory are seen by nobody
 * @reserved: 0
 * @size: bytes. That of a device's own region cannot be changed; that of the migration region is 0 at first, and must
 *	be more than its registers and at most VFMIG_MEDIATOR_REGION_MAX
 * @areas: how many of @area there are; at least one for a migration region with the MMAP flag, none without. Those of
 *	the device's own regions are not told here, and not looked at
 * @area: the parts of the migration region that can be mapped; its registers must not be
 * @revision: of the migration region: enum vfmig_region_revision, in whose protocol it is served
 * @revision_flags: VFMIG_REGION_REVISION_ (abi_region.h): what can be relied on beyond the revision's text
 * @revision_capacity: the most bytes of a transaction, with a @revision; 0 if it is not known
 */
struct vfmig_mediator_region {
	uint32_t index;
	uint32_t flags;
	uint32_t watch;
	uint32_t reserved;
	uint64_t size;
	uint32_t areas;
	uint32_t revision;
	uint32_t revision_flags;
	uint32_t reserved2;
	uint64_t revision_capacity;
	struct vfmig_mediator_area area[VFMIG_MEDIATOR_AREAS];
};

/**
 * struct vfmig_mediator_device - what there is to know of a device before it is touched
 * @size: bytes of this structure
 * @flags: VFMIG_DEVICE_FLAG_ (abi.h), such as VFMIG_DEVICE_FLAG_PCI
 * @vendor: with the next five, from the configuration space of a PCI device; else 0
 * @class_code: 24 bits
 * @regions: how many regions the device has
 * @region: these, as the device shows them
 * @migration_index: which region the migration region would be
 * @irqs: how many interrupt indexes
 * @name: as it was opened
 * @argument: what the user of the filter gave for this mediator (arg=), or ""
 *
 * All of it is there only during open().
 */
struct vfmig_mediator_device {
	uint32_t size;
	uint32_t flags;
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint32_t revision;
	uint32_t class_code;
	uint32_t regions;
	const struct vfmig_mediator_region *region;
	uint32_t migration_index;
	uint32_t irqs;
	const char *name;
	const char *argument;
};

/**
 * struct vfmig_mediator_host - what a mediator may ask for
 * @abi: VFMIG_MEDIATOR_ABI of the host
 * @size: bytes of this structure
 * @read: read @len bytes at @offset of one of the device's own regions, @index, as the device answers
 * @write: the same for a write
 * @dma_read: read @len bytes at @iova of the address space that the device is attached to. -EFAULT where nothing is
 *	mapped (bytes before it may have been read), -ENXIO if it is not attached
 * @dma_write: the same for a write. Marks nothing
 * @mark: these pages were written, the data first. Only with VFMIG_MEDIATOR_CAP_LOGGING; else nothing
 * @memory: get @size bytes that the device reaches, at *@iova for the device and *@ptr here. Zeros at first; there
 *	until release(), and not part of what its user sees or moves. -EPERM without
 *	VFMIG_MEDIATOR_CAP_MEMORY, -ENXIO if the device is not attached, -ENOSPC beyond VFMIG_MEDIATOR_MEMORY_MAX
 * @wait: let the device work for @usec microseconds, at most. For who looks at a register until it has changed
 * @reset: VFIO_DEVICE_RESET. The mediator's own reset() is not called
 *
 * Owned by the filter, there from open() to release(). Functions return 0 or a negative errno and fill in @err,
 * which may be NULL. They are called within an operation, from its thread. Within open(), get_region_info() and
 * release() nothing can be asked: these are done without the device, and return -EBUSY.
 */
struct vfmig_mediator_host {
	uint32_t abi;
	uint32_t size;
	int (*read)(struct vfmig_mediator_host *host, uint32_t index, uint64_t offset, void *buf,
		    uint32_t len, struct vfmig_error *err);
	int (*write)(struct vfmig_mediator_host *host, uint32_t index, uint64_t offset,
		     const void *buf, uint32_t len, struct vfmig_error *err);
	int (*dma_read)(struct vfmig_mediator_host *host, uint64_t iova, void *buf, size_t len,
			struct vfmig_error *err);
	int (*dma_write)(struct vfmig_mediator_host *host, uint64_t iova, const void *buf,
			 size_t len, struct vfmig_error *err);
	void (*mark)(struct vfmig_mediator_host *host, uint64_t iova, uint64_t size);
	int (*memory)(struct vfmig_mediator_host *host, uint64_t size, void **ptr, uint64_t *iova,
		      struct vfmig_error *err);
	void (*wait)(struct vfmig_mediator_host *host, uint32_t usec);
	int (*reset)(struct vfmig_mediator_host *host, struct vfmig_error *err);
};

/**
 * struct vfmig_mediator - a mediator
 * @abi: VFMIG_MEDIATOR_ABI
 * @size: sizeof(struct vfmig_mediator)
 * @name: one word, for messages
 *
 * The operations. @self is what open() gave. Those that can fail return a negative errno and put a sentence into
 * @err, which is never NULL (with snprintf() to err->text, say). The first four must be there.
 *
 * @open: look at the device's ids, and take it or not. Returns 0 with *@caps and *@self set (not NULL), -ENODEV if it
 *	is none of this mediator's (the next one is asked), or another errno if it is but cannot be done (nobody
 *	else is asked). Decides by @device alone: it is called twice for a device that is taken, first in a child process
 *	so that a crash is found there (docs/mediators.md)
 * @release: the device is closed; free all
 * @get_region_info: say how a region is seen. Called once for each region, after open(), with what the device shows (for
 *	the migration region: length 0, READ and WRITE) already in @region. To pass, leave it as it is.
 *	Called in the child as well
 * @rw: an access to a watched region or the migration region, which lies within it: @len bytes at @offset, from 1 to
 *	what the region has, to (@write) or from @buf. Returns 0 when all of it is done, VFMIG_MEDIATOR_PASS to
 *	have the device do it (@buf may have been changed before), or a negative errno
 * @mmap: NULL if the migration region cannot be mapped. What the user of region @index maps: *@fd, which stays the
 *	mediator's, with the region beginning at *@offset of it (a multiple of 4096). A careful user maps only what
 *	cannot shrink: a memfd with F_SEAL_SHRINK. Returns 0, VFMIG_MEDIATOR_PASS for what the device maps, or
 *	a negative errno
 * @attached: NULL or: the device has got its address space; its maps come and go from now on, and the host's dma_read()
 *	and memory() work
 * @detached: NULL or: it is about to lose it
 * @reset: NULL or: the device was reset by its user (VFIO_DEVICE_RESET), and so is its migration
 * @written: NULL or, with VFMIG_MEDIATOR_CAP_LOGGING: it is about to be told which pages were written in [@iova, @iova +
 *	@size): mark what is not marked yet. If it fails, all pages count as written
 */
struct vfmig_mediator {
	uint32_t abi;
	uint32_t size;
	const char *name;
	int (*open)(const struct vfmig_mediator_device *device, struct vfmig_mediator_host *host,
		    uint64_t *caps, void **self, struct vfmig_error *err);
	void (*release)(void *self);
	int (*get_region_info)(void *self, struct vfmig_mediator_region *region,
			       struct vfmig_error *err);
	int (*rw)(void *self, uint32_t index, uint64_t offset, void *buf, uint32_t len, bool write,
		  struct vfmig_error *err);
	int (*mmap)(void *self, uint32_t index, int *fd, uint64_t *offset, struct vfmig_error *err);
	int (*attached)(void *self, struct vfmig_error *err);
	void (*detached)(void *self);
	int (*reset)(void *self, struct vfmig_error *err);
	int (*written)(void *self, uint64_t iova, uint64_t size, struct vfmig_error *err);
};

#ifdef __cplusplus
}
#endif
#endif
