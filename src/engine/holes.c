/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Holes: pages of a map that were never touched. They read as zero, and reading them would allocate them.
 *
 * mincore(2) reports which pages are resident, without touching any. A page that is not resident is a hole only if its
 * content is not elsewhere (in swap, on a disk). How that is proved depends on the kind of memory:
 *
 *	FILE	a shared mapping of the map's descriptor, on tmpfs (a memfd), ext4 or xfs: SEEK_DATA finds what
 *		is written, also what is swapped out or not on the disk yet
 *	MEMORY	private anonymous memory, and shared memory of which the space has no descriptor: while the
 *		system has no swap, what is not resident was never written
 *	PAGES	private memory of hugetlbfs, which is never swapped: the same
 *	HUGE	a shared mapping of the map's descriptor, on hugetlbfs: mincore(2) reports only
 *		pages that this process has touched, and SEEK_DATA does not find holes. read(2)
 *		returns zeros for a hole and allocates nothing
 *	NONE	is always read: private mappings of files (their pages are not zero), other file systems, memory
 *		that a userfaultfd handler fills
 *
 * With swap, MEMORY is read, too: a page that is swapped out looks like one that a write-protecting userfaultfd
 * has marked. Reading anonymous memory does not allocate it, so this only costs time.
 *
 * Pages are taken from the cursor before this file looks at them. A device marks a page after it writes to it, so a
 * page that is written after the look is taken again.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "abi/stream.h"
#include "device/space_map.h"
#include "engine/memory.h"
#include "engine/vma.h"

#define PAGE ((uint64_t)ABI_STREAM_PAGE)
/* Pages of one mincore(2): the first time, and after a hole. */
#define FEW  64u
#define MANY 4096u

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

/* ---- the kind of memory of a map ---- */

struct finder {
	struct engine_memory *memory;
	dev_t shm; /* the device of shared memory that is in no file system */
};

static enum engine_backing file_system(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return ENGINE_BACKING_NONE;
	switch ((unsigned long)fs.f_type) {
	case TMPFS_MAGIC:
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
		return ENGINE_BACKING_FILE;
	case HUGETLBFS_MAGIC:
		return ENGINE_BACKING_HUGE;
	default:
		return ENGINE_BACKING_NONE;
	}
}

/* Whether this mapping maps the descriptor of @at. */
static bool is_descriptor(const struct engine_vma *vma, const struct engine_map *at)
{
	uint64_t start = (uintptr_t)at->ptr;
	struct stat file;

	return at->fd >= 0 && !fstat(at->fd, &file) && vma->inode == file.st_ino &&
	       vma->major == major(file.st_dev) && vma->minor == minor(file.st_dev) &&
	       vma->offset - vma->start == at->fd_offset - start;
}

static enum engine_backing backing_of(const struct finder *f, const struct engine_vma *vma,
				      const struct engine_map *at)
{
	if (vma->served)
		return ENGINE_BACKING_NONE;
	if (vma->anonymous)
		return vma->page > PAGE ? ENGINE_BACKING_PAGES : ENGINE_BACKING_MEMORY;
	if (!vma->shared)
		return ENGINE_BACKING_NONE;
	if (is_descriptor(vma, at))
		return file_system(at->fd);
	return f->shm && makedev(vma->major, vma->minor) == f->shm ? ENGINE_BACKING_MEMORY
								   : ENGINE_BACKING_NONE;
}

/* A map may span several mappings. It has a kind if all of them have the same, and they cover it. */
static int look_at_vma(void *context, const struct engine_vma *vma)
{
	const struct finder *f = context;

	for (uint32_t i = 0; i < f->memory->region_count; i++) {
		struct engine_map *at = &f->memory->regions[i];
		uint64_t start = (uintptr_t)at->ptr, end = start + at->size;
		uint64_t first = start + at->covered;
		enum engine_backing backing;

		if (at->covered == at->size || vma->start > first || vma->end <= first)
			continue;
		backing = backing_of(f, vma, at);
		if (first == start)
			at->backing = backing;
		else if (at->backing != backing)
			at->backing = ENGINE_BACKING_NONE;
		at->covered = (vma->end < end ? vma->end : end) - start;
	}
	return 0;
}

void engine_holes_init(struct engine_memory *memory)
{
	int shm = memfd_create("vfmig", MFD_CLOEXEC);
	struct finder f = {.memory = memory};
	struct stat file;

	if (shm >= 0 && !fstat(shm, &file))
		f.shm = file.st_dev;
	if (shm >= 0)
		close(shm);
	/* mincore(2) counts in pages of the system. */
	if (sysconf(_SC_PAGESIZE) == (long)PAGE)
		engine_vmas_each(look_at_vma, &f, NULL);
	for (uint32_t i = 0; i < memory->region_count; i++)
		if (memory->regions[i].covered < memory->regions[i].size)
			memory->regions[i].backing = ENGINE_BACKING_NONE;
}

/* ---- which pages are resident ---- */

/* Swap counts until it is empty, also while it is being switched off. */
static bool swaps(void)
{
	struct sysinfo info;

	return sysinfo(&info) || info.totalswap;
}

/* How many bytes from @at on, up to @size, are all resident (*there) or all not. */
static uint64_t alike(const uint8_t *at, uint64_t size, unsigned most, bool *there)
{
	uint64_t pages = size / PAGE < most ? size / PAGE : most, n = 0;
	unsigned char resident[MANY];

	*there = true;
	if (mincore((void *)at, pages * PAGE, resident))
		return pages * PAGE;
	*there = resident[0] & 1;
	while (n < pages && (resident[n] & 1) == *there)
		n++;
	return n * PAGE;
}

/* How many bytes are not resident; @done is known so far. */
static uint64_t absent(const uint8_t *at, uint64_t done, uint64_t size)
{
	bool there = false;

	while (done < size) {
		uint64_t n = alike(at + done, size - done, MANY, &there);

		if (there)
			break;
		done += n;
	}
	return done;
}

/* How much of the @size bytes at @offset of the descriptor is a hole. */
static uint64_t file_hole(int fd, uint64_t offset, uint64_t size)
{
	off_t data = lseek(fd, (off_t)offset, SEEK_DATA);

	if (data < 0)
		return errno == ENXIO ? size : 0;
	if ((uint64_t)data - offset >= size)
		return size;
	return ((uint64_t)data - offset) & ~(PAGE - 1);
}

/* The same on hugetlbfs, for one of its pages; or for all of it if the file has none. */
static uint64_t huge_hole(int fd, uint64_t offset, uint64_t size)
{
	uint8_t bytes[16 * PAGE];
	struct stat file;
	uint64_t end, at;

	if (fstat(fd, &file))
		return 0;
	if (!file.st_blocks)
		return size;
	end = (offset | ((uint64_t)file.st_blksize - 1)) + 1;
	end = end - offset < size ? end : offset + size;
	for (at = offset; at < end;) {
		uint64_t want = end - at < sizeof(bytes) ? end - at : sizeof(bytes);
		ssize_t n = pread(fd, bytes, want, (off_t)at);

		if (n < (ssize_t)want)
			return 0;
		for (uint64_t i = 0; i < want; i += PAGE)
			if (!engine_page_zero(bytes + i))
				return 0;
		at += want;
	}
	return end - offset;
}

uint64_t engine_hole_find(const struct engine_map *at, const struct space_entry *held,
			  uint64_t offset, uint64_t size, bool *hole)
{
	const uint8_t *bytes = at->ptr + offset;
	uint64_t file_offset = held->map.fd_offset + offset, n, holes = 0;
	bool there;

	*hole = false;
	if (at->backing == ENGINE_BACKING_NONE || (at->backing == ENGINE_BACKING_MEMORY && swaps()))
		return size;
	n = alike(bytes, size, FEW, &there);
	if (there)
		return n;
	switch (at->backing) {
	case ENGINE_BACKING_FILE:
		holes = file_hole(held->map.fd, file_offset, size);
		break;
	case ENGINE_BACKING_HUGE:
		holes = huge_hole(held->map.fd, file_offset, size);
		break;
	case ENGINE_BACKING_MEMORY:
	case ENGINE_BACKING_PAGES:
		holes = absent(bytes, n, size);
		/* Swap may have been added meanwhile. */
		if (at->backing == ENGINE_BACKING_MEMORY && swaps())
			return size;
		break;
	case ENGINE_BACKING_NONE:
		break;
	}
	*hole = holes > 0;
	return holes ? holes : PAGE;
}

void engine_hole_zero(const struct engine_map *at, const struct space_entry *held, uint64_t offset,
		      uint64_t size)
{
	bool hole;

	for (uint64_t n; size; offset += n, size -= n) {
		n = engine_hole_find(at, held, offset, size, &hole);
		if (!hole)
			engine_bytes_zero(at->ptr + offset, n);
	}
}
