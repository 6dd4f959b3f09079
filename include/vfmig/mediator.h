/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mediators: add migration to a device that has none, by a shared object between the device and its user.
 *
 * A mediator receives the user's accesses to the regions that it watches. It passes each access on, answers it, or
 * changes it. From these accesses and from the device's registers it may be able to save the device's
 * state, to load it into another device, and to report which pages the device wrote. For that the device gets an
 * additional region, the migration region of v1 or pfn (abi_region.h).
 *
 * The filter `mediate` loads mediators and calls their open() in the order given until one accepts the device.
 * docs/mediators.md explains how to write one, and examples/mediate-copier is one. The operations are those of
 * the "vfio_pci_mediate_ops" proposal of 2019, in user space.
 *
 * A mediator's shared object defines one symbol, VFMIG_MEDIATOR_SYMBOL:
 *
 *	const struct vfmig_mediator vfmig_mediator = {
 *		.abi = VFMIG_MEDIATOR_ABI, .size = sizeof(struct vfmig_mediator), .name = "mine", ...
 *	};
 *
 * It does not link to libvfmig: the functions that it may call are in struct vfmig_mediator_host.
 *
 * Versions. VFMIG_MEDIATOR_ABI changes only if something in this header changes its meaning; the filter loads mediators of
 * exactly its own version. New members are appended to the structures, each of which contains its size. Members
 * beyond the @size that a mediator was compiled with count as NULL or 0. A mediator checks the host's
 * @size before it uses a member that the first release of its ABI version did not have.
 *
 * Threads. Operations are called one at a time, from a thread of the filter. An operation may block and may wait for
 * the calls that it makes to the host. Accesses to watched regions wait meanwhile, others do not.
 *
 * A mediator runs with all rights of the process that opens the device. docs/mediators.md lists what is checked and what
 * cannot be checked.
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

/* The version of the interface in this header. */
#define VFMIG_MEDIATOR_ABI 1u

/* The symbol of a shared object that is its struct vfmig_mediator. */
#define VFMIG_MEDIATOR_SYMBOL "vfmig_mediator"

/* Returned by rw() and mmap(): the device handles the access as it would without the mediator. */
#define VFMIG_MEDIATOR_PASS 1

/* Capabilities of a mediator, set by open(). Unknown bits make the open fail. */
/* The device gets a migration region, of length 0 until get_region_info() sets it. */
#define VFMIG_MEDIATOR_CAP_MIGRATION (1ull << 0)
/* The device gets DMA logging: the mediator calls host->mark() for pages that were written (required by v1). */
#define VFMIG_MEDIATOR_CAP_LOGGING (1ull << 1)
/* The mediator uses host->memory(), memory that the device can access. */
#define VFMIG_MEDIATOR_CAP_MEMORY (1ull << 2)
#define VFMIG_MEDIATOR_CAPS	  7ull

/* Maximum number of areas of a region that can be mapped. */
#define VFMIG_MEDIATOR_AREAS 16u

/* Maximum size of a migration region. */
#define VFMIG_MEDIATOR_REGION_MAX (1ull << 30)

/* Maximum total size of the memory that one mediator gets from host->memory(). */
#define VFMIG_MEDIATOR_MEMORY_MAX (256ull << 20)

/**
 * struct vfmig_mediator_area - an area of a region that can be mapped
 * @offset: in the region; a multiple of 4096
 * @size: in bytes; a multiple of 4096
 */
struct vfmig_mediator_area {
	uint64_t offset, size;
};

/**
 * struct vfmig_mediator_region - a region as the device's user sees it
 * @index: index of the region
 * @flags: VFMIG_REGION_FLAG_READ, _WRITE, _MMAP. A mediator may clear flags of the device's own regions, and set none
 * @watch: rw() is called for each access. Clears the MMAP flag, since accesses to mapped memory cannot be observed
 * @reserved: 0
 * @size: in bytes. The size of a device's own region cannot be changed. The size of the migration region is 0 at first;
 *	it must become larger than its registers and at most VFMIG_MEDIATOR_REGION_MAX
 * @areas: number of entries in @area; at least 1 for a migration region with the MMAP flag, 0 without. Ignored for the
 *	device's own regions
 * @revision: of the migration region: enum vfmig_region_revision, the protocol that it follows
 * @revision_flags: VFMIG_REGION_REVISION_* (abi_region.h): guarantees beyond the text of the revision
 * @reserved2: 0
 * @revision_capacity: maximum bytes of a transaction, with @revision; 0 if it is unknown
 * @area: the areas of the migration region that can be mapped; they must not contain its registers
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
 * struct vfmig_mediator_device - the device, as described to open()
 * @size: sizeof(struct vfmig_mediator_device) of the host
 * @flags: VFMIG_DEVICE_FLAG_* (abi.h), such as VFMIG_DEVICE_FLAG_PCI
 * @vendor: from the configuration space of a PCI device, as are the next five; else 0
 * @device: device id
 * @subsystem_vendor: subsystem vendor id
 * @subsystem: subsystem id
 * @revision: revision id
 * @class_code: 24 bits: class, subclass, programming interface
 * @regions: number of regions of the device
 * @region: array of these regions, as the device describes them
 * @migration_index: index that the migration region gets
 * @irqs: number of interrupt indexes
 * @name: the name that the device was opened by
 * @argument: the option arg= of the filter for this mediator, or ""
 *
 * Valid during open() only.
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
 * struct vfmig_mediator_host - the functions that a mediator may call
 * @abi: VFMIG_MEDIATOR_ABI of the host
 * @size: sizeof(struct vfmig_mediator_host) of the host
 * @read: read @len bytes at @offset of one of the device's own regions, @index; the device answers
 * @write: write, likewise
 * @dma_read: read @len bytes at @iova of the space that the device is attached to. -EFAULT where nothing is mapped (bytes
 *	before it may have been read), -ENXIO if the device is not attached
 * @dma_write: write, likewise. Does not mark pages dirty
 * @mark: mark pages that the device wrote, after the data was written. No effect without VFMIG_MEDIATOR_CAP_LOGGING
 * @memory: get @size bytes of memory that the device can access, at *@iova for the device and *@ptr for the mediator. Zero at
 *	first; valid until release(). It is not part of the memory that the device's user sees or migrates. -EPERM
 *	without VFMIG_MEDIATOR_CAP_MEMORY, -ENXIO if the device is not attached, -ENOSPC beyond
 *	VFMIG_MEDIATOR_MEMORY_MAX
 * @wait: let the device work for at most @usec microseconds; for polling a register
 * @reset: VFIO_DEVICE_RESET. Does not call the mediator's own reset()
 *
 * Owned by the filter, valid from open() to release(). The functions return 0 or a negative errno and fill @err,
 * which may be NULL. They may be called within an operation, from its thread. Within open(), get_region_info() and
 * release(), which run without the device, they return -EBUSY.
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
 * The operations. @self is what open() returned. An operation that fails returns a negative errno and fills @err, which is
 * never NULL (with snprintf() to err->text, say). The first four are required; the others may be NULL.
 *
 * @open: check the ids of the device and accept it or not. Returns 0 with *@caps and *@self (not NULL) set; -ENODEV if
 *	the mediator does not support the device, so that the filter tries the next one; or another errno if it
 *	does and fails, which ends the search. The decision must depend on @device only: for an accepted device
 *	open() is called twice, first in a child process to detect a crash (docs/mediators.md)
 * @release: the device is closed; free everything
 * @get_region_info: describe a region. Called once for each region after open(), with the device's own description (of
 *	the migration region: length 0, READ and WRITE) in @region. Leave it unchanged to pass it on. Called in
 *	the child process as well
 * @rw: an access to a watched region or to the migration region, within its bounds: @len bytes at @offset, from 1 to
 *	the size of the region, from @buf (@write) or into it. Returns 0 when all of it is done,
 *	VFMIG_MEDIATOR_PASS to let the device do it (@buf may be changed before), or a negative errno
 * @mmap: the user maps region @index; NULL if the migration region cannot be mapped. Sets *@fd, which the mediator owns, and
 *	*@offset, where the region begins in it (a multiple of 4096). Users may insist on memory that cannot
 *	shrink: a memfd with F_SEAL_SHRINK. Returns 0, VFMIG_MEDIATOR_PASS to use the mapping of the device,
 *	or a negative errno
 * @attached: the device was attached to a space: maps come and go from now on, and dma_read() and memory() of the host
 *	work
 * @detached: the device is about to be detached
 * @reset: the user has reset the device (VFIO_DEVICE_RESET), and so its migration state
 * @written: with VFMIG_MEDIATOR_CAP_LOGGING: the filter is about to report the pages written in [@iova, @iova + @size):
 *	mark those that are not marked yet. If it fails, all pages count as written
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
