/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the dev-vfio export.
 *
 *   file     what a descriptor leads to: a container, a group, a device, an iommufd, a migration's data
 *   slot     one of the view's devices, open or not
 *   ioas     an address space: a container's, or an IOAS of an iommufd. It is a space of the library's
 *
 * Locks, in this order: a slot's or an iommufd's, an ioas's, the view's. The view's guards the table of descriptors and
 * counts, and nothing is called under it.
 */
#ifndef EXPORT_DEV_VFIO_PRIV_H
#define EXPORT_DEV_VFIO_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include <vfmig/space.h>
#include <vfmig/type1.h>

#include "abi/feature.h"
#include "abi/ioctl.h"
#include "device/ranges.h"
#include "export/dev-vfio/dev_vfio.h"

/* Descriptors beyond this are not ours. */
#define DEV_VFIO_FDS 65536
/* Region n begins at n << this in a device's file, as in Linux, unless a region is larger. */
#define DEV_VFIO_REGION_SHIFT 40
/* Objects of an iommufd, and maps of an address space that a VMM may leave behind. */
#define DEV_VFIO_OBJECTS 1024u

enum dev_vfio_kind {
	DEV_VFIO_CONTAINER,
	DEV_VFIO_GROUP,
	DEV_VFIO_DEVICE,
	DEV_VFIO_IOMMUFD,
	DEV_VFIO_DATA
};

struct dev_vfio_slot;
struct dev_vfio_ioas;
struct dev_vfio_iommufd;

/*
 * @uses: descriptors and calls under way
 * @fds: descriptors
 * @dev, @ino: of the memfd
 * @next: of the view's files
 */
struct dev_vfio_file {
	enum dev_vfio_kind kind;
	struct dev_vfio *view;
	unsigned uses, fds;
	dev_t dev;
	ino_t ino;
	struct dev_vfio_file *next;
	struct dev_vfio_slot *slot;	      /* GROUP, DEVICE, DATA */
	struct dev_vfio_container *container; /* CONTAINER; GROUP once it is in one */
	struct dev_vfio_iommufd *iommufd;     /* IOMMUFD */
	bool cdev;			      /* DEVICE: opened by its own file, not by its group */
	bool bound;			      /* DEVICE: may be used */
	uint64_t session;		      /* DATA: of which session of the slot */
};

/* A container: refs are its file and its groups. */
struct dev_vfio_container {
	unsigned refs; /* the view's lock */
	unsigned groups;
	pthread_mutex_t lock;
	struct dev_vfio_ioas *ioas; /* once it has an IOMMU */
};

/*
 * @users: device files; @device is there while there are any
 * @shift: where its regions are in its file: region n at n << @shift
 * @group_open: its group's file is open
 * @container: its group's
 * @iommufd, @devid: what its file is bound to
 * @pt: its page table there, and whether detaching frees that
 * @no_log: the device has no log: everything counts as written
 * @logging: by the device's own feature, in @ranges; the container's or iommufd's tracking is another matter
 * @log: the pages it wrote. NULL: no log, and everything counts as written
 * @flags, @state, @session: migration. A new data file begins a new session
 */
struct dev_vfio_slot {
	struct dev_vfio *view;
	unsigned n;
	pthread_mutex_t lock;
	unsigned users;
	bool group_open;
	struct dev_vfio_container *container;
	struct vfmig_device *device;
	unsigned shift;
	struct dev_vfio_ioas *ioas;
	struct dev_vfio_iommufd *iommufd;
	uint32_t devid, pt;
	bool no_log, logging;
	struct vfmig_cursor *log;
	struct vfmig_dma_logging_range ranges[ABI_LOGGING_RANGES_MAX];
	uint32_t num_ranges;
	uint64_t flags;
	enum vfmig_state state;
	bool state_known;
	uint64_t session;
};

struct dev_vfio {
	struct dev_vfio_config config;
	pthread_mutex_t lock;
	struct dev_vfio_file *files;
	struct dev_vfio_backing *backings;
	bool reported_private;
	unsigned may_say, unsaid; /* sentences: how many more, and how many were left out */
	int64_t reported_at;
	int fds; /* /proc/self/fd, also after a chroot */
	struct dev_vfio_slot slots[DEV_VFIO_DEVICES];
	_Atomic(struct dev_vfio_file *) at[DEV_VFIO_FDS];
};

void dev_vfio_say(struct dev_vfio *view, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- view.c ---- */

/* A descriptor for a new file; the file is freed if it fails. */
int dev_vfio_install(struct dev_vfio_file *file, const char *name, int flags);
struct dev_vfio_file *dev_vfio_file(struct dev_vfio *view, enum dev_vfio_kind kind);
/* The file behind a descriptor, in use until put; NULL if it is not ours. */
struct dev_vfio_file *dev_vfio_get(struct dev_vfio *view, int fd);
void dev_vfio_put(struct dev_vfio_file *file);

/* ---- copy.c: the caller's memory, which may not be there; 0 or -EFAULT ---- */

int dev_vfio_copy_in(void *to, const void *from, size_t len);
int dev_vfio_copy_out(void *to, const void *from, size_t len);
/* Set the bits that are set in a bitmap of ours in the caller's. */
int dev_vfio_copy_bits(void *to, const uint64_t *from, size_t len);

/* ---- backing.c ---- */

/* @write: it is open for reading and writing */
struct dev_vfio_backing {
	struct dev_vfio *view;
	dev_t dev;
	ino_t ino;
	bool write;
	int fd;
	unsigned refs;
	struct dev_vfio_backing *next;
};

/* Returns the entry if it exists and can be written; NULL if not. */
struct dev_vfio_backing *dev_vfio_backing_find(struct dev_vfio *view, dev_t dev, ino_t ino);
/* That of a descriptor, which is taken over; NULL if there is no memory for it. */
struct dev_vfio_backing *dev_vfio_backing_of(struct dev_vfio *view, int fd);
/* NULL is fine. */
void dev_vfio_backing_put(struct dev_vfio_backing *backing);

/* ---- memory.c ---- */

/* What is behind @len bytes at @ptr: 0, with the file or NULL; or -EFAULT. */
int dev_vfio_memory(struct dev_vfio *view, const void *ptr, size_t len, bool write,
		    struct dev_vfio_backing **backing, uint64_t *offset);

/* ---- space.c ---- */

/*
 * What belongs to a map and goes with it.
 * @backing: NULL: memory without a file
 * @base: of a mapping of ours, @len bytes of it, where the VMM gave a file and no address; else NULL
 */
struct dev_vfio_map {
	struct ranges_node range; /* first, so that a range is its map */
	struct dev_vfio_backing *backing;
	void *base;
	size_t len;
};

/*
 * @maps: of struct dev_vfio_map
 * @cursor: while an iommufd's user has pages tracked
 * @type1: of a container; it has a cursor of its own. @looked_up is what is behind the map that it makes
 */
struct dev_vfio_ioas {
	struct dev_vfio *view;
	atomic_uint refs;
	struct vfmig_space *space;
	pthread_mutex_t lock;
	struct ranges maps;
	struct vfmig_cursor *cursor;
	struct vfmig_type1 *type1;
	struct dev_vfio_backing *looked_up;
};

struct dev_vfio_ioas *dev_vfio_ioas_new(struct dev_vfio *view);
void dev_vfio_ioas_put(struct dev_vfio_ioas *ioas);
int dev_vfio_ioas_attach(struct dev_vfio_ioas *ioas, struct dev_vfio_slot *slot,
			 struct vfmig_error *err);
void dev_vfio_ioas_detach(struct dev_vfio_slot *slot);
/* Fill in what is behind a map; under the lock or not. */
int dev_vfio_ioas_look(struct dev_vfio_ioas *ioas, struct vfmig_map *map,
		       struct dev_vfio_backing **backing, struct vfmig_error *err);
/* What belongs to a map that was made; under the lock. */
void dev_vfio_ioas_keep(struct dev_vfio_ioas *ioas, struct dev_vfio_map *map, uint64_t iova,
			uint64_t size);
/*
 * Release what belongs to the maps around [iova, last] that the space no longer has; called with
 * the lock held. Returns the bytes that these maps had: more than 0 if an unmap removed them,
 * whatever a device returned for it.
 */
uint64_t dev_vfio_ioas_forget(struct dev_vfio_ioas *ioas, uint64_t iova, uint64_t last);
/* NULL is fine. */
void dev_vfio_ioas_drop(struct dev_vfio_map *map);
int dev_vfio_ioas_map(struct dev_vfio_ioas *ioas, uint64_t iova, uint64_t size, uint32_t prot,
		      void *ptr, struct vfmig_error *err);
/* The same of a file, by a descriptor of the caller's. */
int dev_vfio_ioas_map_file(struct dev_vfio_ioas *ioas, uint64_t iova, uint64_t size, uint32_t prot,
			   int fd, uint64_t start, struct vfmig_error *err);
/* All in [iova, last]; *@unmapped is how much there was. -ENOENT if nothing. */
int dev_vfio_ioas_unmap(struct dev_vfio_ioas *ioas, uint64_t iova, uint64_t last,
			uint64_t *unmapped, struct vfmig_error *err);
int dev_vfio_ioas_track(struct dev_vfio_ioas *ioas, bool on, struct vfmig_error *err);
/* Into the caller's bitmap. */
int dev_vfio_ioas_dirty(struct dev_vfio_ioas *ioas, uint64_t iova, uint64_t size, uint64_t page,
			void *bitmap, bool keep, struct vfmig_error *err);

/* ---- group.c ---- */

int dev_vfio_open_container(struct dev_vfio *view, int flags);
int dev_vfio_open_group(struct dev_vfio_slot *slot, int flags);
long dev_vfio_container_ioctl(struct dev_vfio_file *file, uint32_t nr, void *arg);
long dev_vfio_group_ioctl(struct dev_vfio_file *file, uint32_t nr, void *arg);
void dev_vfio_container_close(struct dev_vfio_file *file);
void dev_vfio_group_close(struct dev_vfio_file *file);

/* ---- type1.c: an IOMMU of a container ---- */

/* @v1: VFIO_TYPE1_IOMMU, not VFIO_TYPE1v2_IOMMU */
int dev_vfio_type1_new(struct dev_vfio_ioas *ioas, bool v1);
long dev_vfio_type1_ioctl(struct dev_vfio_ioas *ioas, uint32_t nr, void *arg);

/* ---- device.c ---- */

int dev_vfio_open_cdev(struct dev_vfio_slot *slot, int flags);
/* A file of a device that is open; takes over a use of the slot. */
int dev_vfio_device_file(struct dev_vfio_slot *slot, bool cdev, int flags);
/* One more user of a slot's device, which is made for the first. */
int dev_vfio_slot_use(struct dev_vfio_slot *slot, struct vfmig_error *err);
void dev_vfio_slot_unuse(struct dev_vfio_slot *slot);
void dev_vfio_device_close(struct dev_vfio_file *file);
long dev_vfio_device_ioctl(struct dev_vfio_file *file, uint32_t nr, void *arg);
ssize_t dev_vfio_region(struct dev_vfio_file *file, void *buf, size_t len, int64_t offset,
			bool write);

/* ---- feature.c, and the data files ---- */

long dev_vfio_feature(struct dev_vfio_slot *slot, void *arg);
/* After the device was opened or reset. */
void dev_vfio_migration_begin(struct dev_vfio_slot *slot);
void dev_vfio_migration_reset(struct dev_vfio_slot *slot);
ssize_t dev_vfio_data(struct dev_vfio_file *file, void *buf, size_t len, bool write);
long dev_vfio_data_ioctl(struct dev_vfio_file *file, uint32_t nr, void *arg);

/* ---- logging.c: the features of DMA logging, whose payloads point to the caller's memory ---- */

long dev_vfio_logging(struct dev_vfio_slot *slot, uint32_t flags, void *payload);
/* Under the slot's lock: nothing more is known of its address space; before it is detached. */
void dev_vfio_logging_lost(struct dev_vfio_slot *slot);

/* ---- iommufd.c ---- */

int dev_vfio_open_iommufd(struct dev_vfio *view, int flags);
long dev_vfio_iommufd_ioctl(struct dev_vfio_file *file, uint32_t nr, void *arg);
void dev_vfio_iommufd_put(struct dev_vfio_iommufd *iommufd);

/* ---- bind.c ---- */

long dev_vfio_bind(struct dev_vfio_file *file, void *arg);
long dev_vfio_attach_pt(struct dev_vfio_file *file, void *arg);
long dev_vfio_detach_pt(struct dev_vfio_file *file, void *arg);
/* The device is closed: it is detached and unbound. */
void dev_vfio_unbind(struct dev_vfio_slot *slot);

#endif
