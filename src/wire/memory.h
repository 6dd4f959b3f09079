/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors that a peer sends for memory: checked before they are mapped.
 */
#ifndef WIRE_MEMORY_H
#define WIRE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include <vfmig/error.h>

/*
 * wire_memory_check() - check that a descriptor is a file with enough memory in it
 * @fd: the descriptor that the peer sent
 * @offset, @size: the part to map; must not pass 2^63
 * @write: whether it will be mapped writable
 * @keeps: whether it must be sealed against shrinking; a file that shrinks under a map
 *	ends the process that touches it
 * @page: the size of its pages: a map of it begins and ends on a multiple
 *
 * Return: 0; -EINVAL for a file that is not regular (memfd, tmpfs, hugetlbfs and others are), too
 * small, or misaligned; -EACCES if its seals or its open mode do not allow the mapping; -EPERM
 * without the seal.
 */
int wire_memory_check(int fd, uint64_t offset, uint64_t size, bool write, bool keeps,
		      uint64_t *page, struct vfmig_error *err);

#endif
