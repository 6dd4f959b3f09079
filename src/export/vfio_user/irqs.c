/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts, and the descriptors that commands bring.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "export/vfio_user/client.h"
#include "export/vfio_user/command.h"

/* Some clients attach the descriptor of a DMA_MAP to the DMA_UNMAP as well: what is of no use is closed. */
void export_keep_fds(struct wire_msg *msg, unsigned keep)
{
	unsigned surplus = msg->nfds > keep ? msg->nfds - keep : 0;

	msg->nfds -= surplus;
	wire_close_fds(msg->fds + msg->nfds, &surplus);
}

bool export_is_eventfd(int fd)
{
	static const char is[] = "anon_inode:[eventfd]";
	char link[32], name[sizeof(is)];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, name, sizeof(name));
	return n == sizeof(is) - 1 && !memcmp(name, is, sizeof(is) - 1);
}

void export_set_irqs(struct export_command *command)
{
	struct wire_msg *msg = command->msg;
	struct vfmig_irq_set set;
	const uint8_t *bools;
	const char *why = abi_msg_get_irq_set(msg->payload, msg->len, msg->nfds, &set, &bools);

	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	if (set.index >= ABI_MSG_IRQ_KINDS_MAX) {
		export_refuse(command, -EINVAL, "SET_IRQS: the device has no interrupt index %u",
			      set.index);
		return;
	}
	export_keep_fds(msg, set.flags & VFMIG_IRQ_SET_DATA_EVENTFD ? set.count : 0);
	for (unsigned i = 0; i < msg->nfds; i++) {
		if (!export_is_eventfd(msg->fds[i])) {
			export_refuse(command, -EINVAL, "SET_IRQS: descriptor %u is not an eventfd",
				      i);
			return;
		}
	}
	if ((set.flags & VFMIG_IRQ_SET_DATA_EVENTFD) && !msg->nfds) {
		/* A count of zero removes them. */
		int32_t *none = (int32_t *)export_room(command, set.count * sizeof(*none));

		if (!none)
			return;
		memset(none, 0xff, set.count * sizeof(*none));
		command->request.irqs.fds = none;
	} else {
		command->request.irqs.fds = msg->fds;
	}
	command->client->irqs_used |= 1ull << set.index;
	command->request.irqs.flags = set.flags;
	command->request.irqs.index = set.index;
	command->request.irqs.start = set.start;
	command->request.irqs.count = set.count;
	command->request.irqs.bools = bools;
	export_ask(command, VFMIG_OP_SET_IRQS, export_reply_empty);
}
