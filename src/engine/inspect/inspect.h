/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One device's data, looked into as it comes by.
 */
#ifndef ENGINE_INSPECT_H
#define ENGINE_INSPECT_H

#include <vfmig/event.h>

#include "abi/device_state.h"

/* What is known of an entry of the schema. */
struct inspect_device_entry {
	char name[ABI_DS_NAME_MAX + 1];
	uint32_t version;
	uint8_t kind;
	uint64_t size;
	uint64_t bytes; /* that came of a block */
};

/*
 * @id: the device's, as HELLO has it
 * @to: where events go
 * @opaque: its data does not describe itself; @broken: it does, and is wrong
 * @bytes: of its data, and @opaque_bytes of those that describe nothing
 */
struct inspect_device {
	const char *id;
	const struct vfmig_events *to;
	struct abi_ds_reader reader;
	struct abi_ds_slot *slots;
	struct inspect_device_entry *entries;
	uint32_t count, capacity;
	bool begun, opaque, broken, no_memory;
	uint64_t bytes, opaque_bytes;
};

/* Bytes of its data, in order. */
void inspect_device_feed(struct inspect_device *seen, const void *data, size_t len);
/* They are over: tell what there was of blocks. Whether all of it made sense. */
bool inspect_device_finish(struct inspect_device *seen);
void inspect_device_free(struct inspect_device *seen);

#endif
