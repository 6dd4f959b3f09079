/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors that a peer sends for memory: looked at before they are mapped.
 */
#ifndef WIRE_MEMORY_H
#define WIRE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include <vfmig/error.h>

/*
 * wire_memory_check() - is this a file with memory in it, and enough of it?
 * @fd: what came
 * @offset, @size: the part that is wanted; must not pass 2^63
 * @write: whether it will be mapped writable
 * @keeps: whether it must be sealed against shrinking; a file that shrinks under a map ends the process
 *	that touches it
 * @page: the size of its pages: a map of it begins and ends on a multiple
 *
 * Return: 0; -EINVAL for what is no regular file (memfd, tmpfs, hugetlbfs and others are), too small, or
 * misaligned; -EACCES for what is sealed or opened otherwise than wanted; -EPERM without the seal.
 */
int wire_memory_check(int fd, uint64_t offset, uint64_t size, bool write, bool keeps,
		      uint64_t *page, struct vfmig_error *err);

#endif
