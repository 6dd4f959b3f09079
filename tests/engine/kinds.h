/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of every kind that a map may be made of, and a migration of one map to another.
 */
#ifndef TESTS_ENGINE_KINDS_H
#define TESTS_ENGINE_KINDS_H

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vfmig/migration.h>
#include <vfmig/space.h>

#include "tests/lib/check.h"

#define KIND_PAGE 4096ul
#define KIND_HUGE (2ul << 20)
#define KIND_IOVA 0x40000000ull

#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB (21u << 26)
#endif
#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26)
#endif

enum kind {
	KIND_MEMFD,	    /* shared, with its descriptor */
	KIND_MEMFD_PRIVATE, /* a private mapping of one */
	KIND_ANONYMOUS,
	KIND_THP,    /* the same, of transparent huge pages */
	KIND_SHARED, /* shared, without a descriptor */
	KIND_FILE,   /* of a file system on a disk, shared, with its descriptor */
	KIND_HUGE_MEMFD,
	KIND_HUGE_ANONYMOUS,
	KIND_HUGE_SHARED,
	KINDS,
};

static const char *const kind_name[] = {
	[KIND_MEMFD] = "a memfd",
	[KIND_MEMFD_PRIVATE] = "a private mapping of a memfd",
	[KIND_ANONYMOUS] = "anonymous",
	[KIND_THP] = "anonymous of transparent huge pages",
	[KIND_SHARED] = "shared anonymous",
	[KIND_FILE] = "a file on a disk",
	[KIND_HUGE_MEMFD] = "a memfd of 2 MiB pages",
	[KIND_HUGE_ANONYMOUS] = "anonymous of 2 MiB pages",
	[KIND_HUGE_SHARED] = "shared anonymous of 2 MiB pages",
};

struct memory {
	enum kind kind;
	uint8_t *bytes;
	size_t size;
	int fd;
};

static inline size_t kind_page(enum kind kind)
{
	return kind >= KIND_HUGE_MEMFD ? KIND_HUGE : KIND_PAGE;
}

/* Huge pages of 2 MiB for this program, as long as it holds the lock; 0 if the system gives none. */
static int kind_pages_lock = -1;
static unsigned long kind_pages_before;

static inline bool kind_pages_write(unsigned long pages)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%lu\n", pages);

	return pwrite(kind_pages_lock, text, (size_t)n, 0) == n;
}

static inline void kind_pages_give_back(void)
{
	kind_pages_write(kind_pages_before);
	close(kind_pages_lock);
}

static inline bool kind_huge_pages(unsigned long pages)
{
	char text[32] = "";

	kind_pages_lock =
		open("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", O_RDWR | O_CLOEXEC);
	if (kind_pages_lock < 0 || flock(kind_pages_lock, LOCK_EX) ||
	    pread(kind_pages_lock, text, sizeof(text) - 1, 0) <= 0)
		return false;
	kind_pages_before = strtoul(text, NULL, 10);
	atexit(kind_pages_give_back);
	if (!kind_pages_write(kind_pages_before + pages) ||
	    pread(kind_pages_lock, text, sizeof(text) - 1, 0) <= 0)
		return false;
	return strtoul(text, NULL, 10) >= kind_pages_before + pages;
}

static inline int kind_file(enum kind kind)
{
	const char *folder = getenv("TMPDIR");

	switch (kind) {
	case KIND_MEMFD:
	case KIND_MEMFD_PRIVATE:
		return memfd_create("kind", MFD_CLOEXEC);
	case KIND_HUGE_MEMFD:
		return memfd_create("kind", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	case KIND_FILE:
		return open(folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	default:
		return -1;
	}
}

static inline int kind_flags(enum kind kind)
{
	switch (kind) {
	case KIND_MEMFD_PRIVATE:
		return MAP_PRIVATE;
	case KIND_ANONYMOUS:
	case KIND_THP:
		return MAP_PRIVATE | MAP_ANONYMOUS;
	case KIND_SHARED:
		return MAP_SHARED | MAP_ANONYMOUS;
	case KIND_HUGE_ANONYMOUS:
		return MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB;
	case KIND_HUGE_SHARED:
		return MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB;
	default:
		return MAP_SHARED;
	}
}

static inline struct memory memory_new(enum kind kind, size_t size)
{
	struct memory memory = {.kind = kind, .size = size, .fd = kind_file(kind)};
	uint8_t *capacity = NULL;

	CHECK(memory.fd < 0 || !ftruncate(memory.fd, (off_t)size));
	if (kind == KIND_THP) {
		/* From a multiple of 2 MiB on. */
		capacity =
			mmap(NULL, size + KIND_HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(capacity != MAP_FAILED);
		capacity += -(uintptr_t)capacity & (KIND_HUGE - 1);
	}
	memory.bytes = mmap(capacity, size, PROT_READ | PROT_WRITE,
			    kind_flags(kind) | (capacity ? MAP_FIXED : 0), memory.fd, 0);
	CHECKF(memory.bytes != MAP_FAILED, "%s: %s", kind_name[kind], strerror(errno));
	madvise(memory.bytes, size, kind == KIND_THP ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return memory;
}

static inline void memory_free(struct memory *memory)
{
	munmap(memory->bytes, memory->size);
	if (memory->fd >= 0)
		close(memory->fd);
}

/* A space with it. */
static inline struct vfmig_space *memory_space(const struct memory *memory)
{
	struct vfmig_map map = {.iova = KIND_IOVA,
				.size = memory->size,
				.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
				.kind = VFMIG_MAP_MEMORY,
				.ptr = memory->bytes,
				.fd = memory->kind == KIND_MEMFD_PRIVATE ? -1 : memory->fd};
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_error err = {0};

	CHECK(space);
	CHECKF(!vfmig_space_map(space, &map, &err), "%s", err.text);
	vfmig_space_set_no_cpu_writes(space);
	return space;
}

static inline struct vfmig_migration *memory_end(enum vfmig_role role, struct vfmig_space *space)
{
	struct vfmig_migration_options options;
	struct vfmig_migration *m;
	struct vfmig_error err = {0};

	vfmig_migration_options_init(&options);
	/* What is tried here shall not depend on how fast the machine is just now. */
	options.downtime_ms = 60000;
	CHECKF(!vfmig_migration_new(role, &options, &m, &err), "%s", err.text);
	CHECKF(!vfmig_migration_add_space(m, space, &err), "%s", err.text);
	return m;
}

/* Memory moves. Returns what was counted. */
static inline struct vfmig_migration_result memory_move(const struct memory *from,
							const struct memory *to)
{
	struct vfmig_space *here = memory_space(from), *there = memory_space(to);
	struct vfmig_migration *source = memory_end(VFMIG_ROLE_SOURCE, here);
	struct vfmig_migration *destination = memory_end(VFMIG_ROLE_DESTINATION, there);
	struct vfmig_migration_result result;
	struct vfmig_error err = {0};

	CHECKF(!vfmig_migration_run_local(source, destination, &err), "%s: %s",
	       kind_name[from->kind], err.text);
	vfmig_migration_get_result(source, &result);
	vfmig_migration_free(source);
	vfmig_migration_free(destination);
	vfmig_space_free(here);
	vfmig_space_free(there);
	return result;
}

#endif
