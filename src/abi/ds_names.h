/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules for the content of a schema, which the writer keeps and the reader checks, in one
 * place.
 */
#ifndef ABI_DS_NAMES_H
#define ABI_DS_NAMES_H

#include "abi/device_state.h"

/* Each returns NULL if all is well, else a static sentence. */
static inline const char *abi_ds_bad_name(const char *name, size_t len)
{
	if (!len || len > ABI_DS_NAME_MAX)
		return "the schema has a name that is not of 1 to 64 bytes";
	for (size_t i = 0; i < len; i++)
		if (name[i] < 0x21 || name[i] > 0x7e)
			return "the schema has a name that is not printable ASCII without spaces";
	return NULL;
}

/* Checks all of the entry except the letters of its name. */
static inline const char *abi_ds_bad_entry(const struct abi_ds_entry *e)
{
	if (e->kind != ABI_DS_KIND_FIELD && e->kind != ABI_DS_KIND_BLOCK)
		return "the schema has an entry that is neither field nor block";
	if (!e->size)
		return "the schema has an entry of size 0";
	if (e->kind == ABI_DS_KIND_FIELD && e->size > ABI_DS_FIELD_MAX)
		return "the schema has a field of more than 1024 bytes";
	if (!e->name_len || e->name_len > ABI_DS_NAME_MAX)
		return "the schema has a name that is not of 1 to 64 bytes";
	if (e->flags & ~ABI_DS_ENTRY_OPTIONAL)
		return "the schema has an entry with unknown flags";
	return NULL;
}

#endif
