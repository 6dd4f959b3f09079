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
 * @anonymous: private memory with no file of the user's behind it: a page that is not there is zero
 * @served: the owner fills missing pages by userfaultfd: a page that is not there may be anything
 */
struct engine_vma {
	uint64_t start, end;
	uint64_t offset, inode;
	unsigned major, minor;
	uint64_t page;
	bool shared, anonymous, served;
};

typedef int (*engine_vma_fn)(void *context, const struct engine_vma *vma);

/* Call @fn for each, in order of address, until it returns something. That, 0, or a negative errno. */
int engine_vmas_each(engine_vma_fn fn, void *context, struct vfmig_error *err);

#endif
