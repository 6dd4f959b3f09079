/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The window: memory of the client's, through which migration data goes while messages say where it is.
 *
 * The client, and whoever it has shared it with, may write to it at any moment. So nothing is ever used there: what
 * is written to the device is copied first, and the sum is that of the copy; what is read from the device is summed
 * before it is put there. Between two servers on one machine data that goes this way is copied by neither the kernel
 * nor the client.
 *
 * The memory must be a file that cannot shrink, for reading what has been cut off ends the process that reads.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define XXH_STATIC_LINKING_ONLY /* for a state on the stack */
#include <xxhash.h>

#include "export/vfio_user/server.h"
#include "wire/memory.h"

void export_window_drop(struct export_client *client)
{
	if (client->window)
		munmap(client->window, client->window_len);
	client->window = NULL;
	client->window_len = 0;
}

/* No piece is under way: those are done before the next command of another kind. */
void export_window(struct export_command *command)
{
	struct wire_msg *msg = command->msg;
	struct export_client *client = command->client;
	struct vfmig_user_window w;
	const char *why = abi_msg_get_window(msg->payload, msg->len, msg->nfds, &w);
	uint64_t page;
	void *at;
	int ret;

	if (why) {
		export_refuse(command, -EINVAL, "%s", why);
		return;
	}
	export_window_drop(client);
	if (!w.size) {
		export_done(command, 0);
		return;
	}
	ret = wire_memory_check(msg->fds[0], 0, w.size, true, true, &page, &command->err);
	if (!ret && w.size % page)
		ret = vfmig_err(&command->err, -EINVAL,
				"a window is not a whole number of its pages");
	if (ret) {
		export_failed(command, ret);
		return;
	}
	at = mmap(NULL, w.size, PROT_READ | PROT_WRITE, MAP_SHARED, msg->fds[0], 0);
	if (at == MAP_FAILED) {
		export_refuse(command, -errno, "a window cannot be mapped: %s", strerror(errno));
		return;
	}
	client->window = at;
	client->window_len = w.size;
	export_done(command, 0);
}

/* A piece that is in the window, and room for a copy of it. False: it was refused. */
static bool piece(struct export_command *command, struct vfmig_user_window_piece *p)
{
	const char *why = abi_msg_get_window_piece(command->msg->payload, command->msg->len,
						   command->client->window_len, p);

	if (!why)
		return export_room(command, p->size);
	export_refuse(command, -EINVAL, "%s", why);
	return false;
}

/* So much at a time is copied and summed: the sum, and a second copy, find it in the nearest cache. */
#define STEP (16u << 10)

/* Copy and sum what only we can change. */
static void copy_ours(XXH3_state_t *sum, uint8_t *to, const uint8_t *from, size_t len)
{
	XXH3_64bits_update(sum, from, len);
	memcpy(to, from, len);
}

/*
 * What a device has lent it may write to at this moment: the sum is of a copy, and so is what goes to the window. And
 * what is in the window others may write to: the sum is not of that.
 */
static void copy_lent(XXH3_state_t *sum, uint8_t *to, const uint8_t *from, size_t len)
{
	uint8_t step[STEP];

	for (size_t n; len; from += n, to += n, len -= n) {
		n = len < sizeof(step) ? len : sizeof(step);
		memcpy(step, from, n);
		copy_ours(sum, to, step, n);
	}
}

/* To the window, from the buffer or from where the device has it. False: that is not as much as it says. */
static bool put(struct export_command *command, struct vfmig_user_window_piece *p)
{
	uint8_t *to = p->size ? command->client->window + p->offset : NULL;
	const struct vfmig_lent *lent = &command->lent;
	XXH3_state_t sum;
	size_t left = p->size;

	XXH3_64bits_reset(&sum);
	if (!lent->count) {
		for (size_t at = 0, n; at < left; at += n) {
			n = left - at < STEP ? left - at : STEP;
			copy_ours(&sum, to + at, command->answer->payload + at, n);
		}
		left = 0;
	}
	for (unsigned i = 0; i < lent->count; i++) {
		if (lent->piece[i].iov_len > left)
			return false;
		copy_lent(&sum, to, lent->piece[i].iov_base, lent->piece[i].iov_len);
		to += lent->piece[i].iov_len;
		left -= lent->piece[i].iov_len;
	}
	p->sum = XXH3_64bits_digest(&sum);
	return !left;
}

static void read_back(struct export_command *command, ssize_t result)
{
	struct vfmig_user_window_piece p;

	/* As in MIG_DATA_READ. */
	if (result == -ENOMSG)
		result = 0;
	if (result < 0) {
		export_failed(command, (int)result);
		return;
	}
	/* The message is ours, and was looked at. */
	abi_msg_get_window_piece(command->msg->payload, command->msg->len,
				 command->client->window_len, &p);
	if ((uint64_t)result > p.size) {
		export_refuse(command, -EPROTO, "the device read %zd bytes of %u", result, p.size);
		return;
	}
	p.argsz = ABI_MSG_WINDOW_PIECE_SIZE;
	p.size = (uint32_t)result;
	if (!put(command, &p)) {
		export_refuse(command, -EPROTO, "the device lent another number of bytes");
		return;
	}
	command->lent.count = 0; /* they are copied */
	export_done(command,
		    abi_msg_put_window_piece(export_fixed(command), EXPORT_FIXED_ROOM, &p));
}

void export_window_read(struct export_command *command)
{
	struct vfmig_user_window_piece p;

	if (!piece(command, &p))
		return;
	export_read_data(command, p.size, read_back);
}

/* Out of the window, and the sum of what was taken. */
static uint64_t take(uint8_t *to, const uint8_t *from, size_t len)
{
	XXH3_state_t sum;

	XXH3_64bits_reset(&sum);
	for (size_t n; len; from += n, to += n, len -= n) {
		n = len < STEP ? len : STEP;
		memcpy(to, from, n);
		XXH3_64bits_update(&sum, to, n);
	}
	return XXH3_64bits_digest(&sum);
}

void export_window_write(struct export_command *command)
{
	struct vfmig_user_window_piece p;
	const uint8_t *from;

	if (!piece(command, &p))
		return;
	/* Of 0 bytes there may be no window. */
	from = p.size ? command->client->window + p.offset : NULL;
	if (take(command->answer->payload, from, p.size) != p.sum) {
		export_refuse(command, -EBADMSG,
			      "the checksum of %u bytes at 0x%llx of the window is wrong", p.size,
			      (unsigned long long)p.offset);
		return;
	}
	command->payload.u64 = p.size;
	command->request.data.buf = command->answer->payload;
	command->request.data.len = p.size;
	if (!p.size)
		export_done(command, 0);
	else
		export_ask(command, VFMIG_OP_DATA_WRITE, export_data_written);
}
