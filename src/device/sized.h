/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Structures of a caller that begin with their size (struct_size), as the uAPI's begin with argsz. The caller may have been
 * compiled with an older or a later version of the structure.
 */
#ifndef DEVICE_SIZED_H
#define DEVICE_SIZED_H

#include <stddef.h>

#include <vfmig/error.h>

/**
 * sized_read() - copy a caller's structure
 * @into: the library's structure, of @known bytes; members that the caller's lacks become 0
 * @known: size of the library's structure
 * @from: the caller's structure
 * @name: its name, for messages
 *
 * Return: 0; -EINVAL if its size was not set; -E2BIG if members that the library does not know are not 0.
 */
int sized_read(void *into, size_t known, const void *from, const char *name,
	       struct vfmig_error *err);

/**
 * sized_write() - fill a caller's structure of @size bytes from @from of @known bytes; sets its
 * size, zeroes what follows
 */
void sized_write(void *into, size_t size, const void *from, size_t known);

#endif
