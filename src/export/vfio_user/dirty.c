/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DIRTY_PAGES: the message by which a client requested written pages before the protocol had DMA
 * logging.
 *
 * For such a client the export is a type1 container, the model for its message; so a type1
 * container answers it, over the space that has the client's memory. DIRTY_PAGES and DMA logging
 * exclude each other: both would start the same log of the device.
 */
#include <errno.h>
#include <stdlib.h>

#include "abi/feature.h"
#include "export/vfio_user/client.h"
#include "export/vfio_user/command.h"
#include "export/vfio_user/memory.h"
#include "export/vfio_user/server.h"

/* The limit for GET_BITMAP: it fits in one reply, and a log of it takes acceptable time. */
#define LOGGED_MAX (ABI_BITMAP_BYTES_MAX * 8 * VFMIG_PAGE_SIZE)

int export_dirty_check(uint64_t size, struct vfmig_error *err)
{
	if (size <= LOGGED_MAX)
		return 0;
	return vfmig_err(
		err, -EINVAL,
		"a map of 0x%llx bytes is too large for DIRTY_PAGES; map the memory in parts of up to 0x%llx bytes",
		(unsigned long long)size, (unsigned long long)LOGGED_MAX);
}

static int start(struct export_client *client, struct vfmig_error *err)
{
	struct vfmig_type1 *type1;
	int ret;

	if (client->logging)
		return vfmig_err(
			err, -EBUSY,
			"DIRTY_PAGES: the client has already started DMA logging by DEVICE_FEATURE; use one of the two");
	if (client->type1)
		return 0;
	for (size_t i = 0; i < client->server->table.count; i++) {
		ret = export_dirty_check(client->server->table.maps[i].size, err);
		if (ret)
			return ret;
	}
	ret = vfmig_type1_new(client->server->space, NULL, &type1, err);
	if (ret)
		return ret;
	ret = vfmig_type1_start_logging(type1, err);
	if (ret)
		vfmig_type1_free(type1);
	else
		client->type1 = type1;
	return ret;
}

void export_dirty_stop(struct export_client *client)
{
	vfmig_type1_free(client->type1);
	client->type1 = NULL;
}

/* The limit is 256 MiB, and one at a time. */
static int get(struct export_command *command, const struct vfmig_user_dirty_range *range)
{
	int ret;

	if (!command->client->type1)
		return vfmig_err(&command->err, -EINVAL,
				 "DIRTY_PAGES: logging is not started; send START first");
	command->memory = calloc(1, range->bitmap.size);
	if (!command->memory)
		return vfmig_err(&command->err, -ENOMEM, "no memory for a bitmap of %llu bytes",
				 (unsigned long long)range->bitmap.size);
	ret = vfmig_type1_get_dirty_bitmap(command->client->type1, range->iova, range->size,
					   range->bitmap.pgsize, command->memory,
					   range->bitmap.size, &command->err);
	command->out.body = command->memory;
	command->out.body_len = range->bitmap.size;
	return ret;
}

void export_dirty_pages(struct export_command *command)
{
	struct vfmig_type1_dirty_pages d;
	struct vfmig_user_dirty_range range;
	uint64_t reply;
	const char *why = abi_msg_get_dirty_pages(command->msg->payload, command->msg->len,
						  VFMIG_PAGE_SIZE, &d, &range, &reply);
	bool bitmap = false;
	int ret = 0;

	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	if (d.flags == VFMIG_TYPE1_DIRTY_START) {
		ret = start(command->client, &command->err);
	} else if (d.flags == VFMIG_TYPE1_DIRTY_STOP) {
		export_dirty_stop(command->client);
	} else if (d.argsz >= reply) {
		ret = get(command, &range);
		bitmap = !ret;
	}
	if (ret) {
		export_failed(command, ret);
		return;
	}
	d.argsz = (uint32_t)reply;
	export_done(command, abi_msg_put_dirty_pages(export_fixed(command), EXPORT_FIXED_ROOM, &d,
						     bitmap ? &range : NULL));
}
