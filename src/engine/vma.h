/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mappings of this process, as the kernel lists them in /proc/self/smaps.
 */
#ifndef ENGINE_VMA_H
#define ENGINE_VMA_H

#include <stdbool.h>
#include <stdint.h>

#include <vfmig/error.h>

/*
 * One mapping.
 * @offset, @inode, @major, @minor: of the file behind it
 * @page: the size of its pages in bytes: more than 4096 if it is of hugetlbfs
 * @shared: MAP_SHARED
 * @anonymous: private memory without a file: a page that is not resident and not swapped out is zero
 * @served: a userfaultfd handler fills missing pages: the content of a page that is not resident is unknown
 */
struct engine_vma {
	uint64_t start, end;
	uint64_t offset, inode;
	unsigned major, minor;
	uint64_t page;
	bool shared, anonymous, served;
};

typedef int (*engine_vma_fn)(void *context, const struct engine_vma *vma);

/* Call @fn for each mapping, by address, until it returns non-zero. Returns that value, 0, or a negative errno. */
int engine_vmas_each(engine_vma_fn fn, void *context, struct vfmig_error *err);

#endif
