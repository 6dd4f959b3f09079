/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA by message: the server's commands to the client. They reach the memory and regions that the
 * space maps, under the space's rules, and no other memory.
 *
 * Memory is accessed immediately. For a region of another device, the client submits a request and
 * replies when that device has answered: two devices that access each other must not wait for each
 * other.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "source/vfio_user/priv.h"

/* A command that is being served; its reply, and its request to another device. */
struct serve {
	struct wire_out out;
	struct vfio_user *client;
	struct wire_msg *msg, *data;
	struct vfmig_user_dma_access access;
	struct vfmig_request request;
	struct vfmig_device *device; /* the device that is accessed, during the request */
	bool write;
	struct serve *next;
};

static void serve_free(struct serve *s)
{
	wire_msg_free(&s->client->wire, s->msg);
	if (s->data)
		wire_msg_free(&s->client->wire, s->data);
	free(s);
}

static void reply_sent(struct wire *wire, struct wire_out *out)
{
	struct serve *s = (struct serve *)out;

	s->client->unsent--;
	serve_free(s);
}

/* An access to a region is over. The unmaps that waited for the last one. Under the lock. */
static struct vfio_user_job *region_ended(struct vfio_user *client, struct serve *s)
{
	struct serve **at = &client->at_regions;
	struct vfio_user_job *list = NULL;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	if (!client->at_regions) {
		list = client->unmapping;
		client->unmapping = NULL;
		for (struct vfio_user_job *job = list; job; job = job->next_unmapping)
			job->checked++;
	}
	return list;
}

static void done(struct serve *s, int error)
{
	struct vfio_user *client = s->client;
	struct vfmig_request *detaching = NULL;
	struct vfio_user_job *unmapping = NULL, *next;
	bool quiet = s->msg->header.flags & VFMIG_USER_FLAG_NO_REPLY;
	enum wire_end end = s->msg->end;

	s->out.head_len =
		ABI_MSG_HEADER_SIZE + abi_msg_put_dma_access(s->out.head + ABI_MSG_HEADER_SIZE,
							     VFIO_USER_FIXED_ROOM, &s->access);
	if (!s->write && !error) {
		s->out.body = s->data->payload;
		s->out.body_len = s->access.count;
	}
	wire_reply_header(&s->out, &s->msg->header, error);
	s->out.sent = reply_sent;
	pthread_mutex_lock(&client->wire.lock);
	/* A plain server does not log what it sends. After the data; and of a failure some may be there. */
	if (s->write && client->plain && client->log_on)
		vfmig_dirty_mark(client->extra, s->access.addr, s->access.count);
	if (s->device)
		unmapping = region_ended(client, s);
	if (!--client->serving) {
		detaching = client->detaching;
		client->detaching = NULL;
	}
	if (quiet) {
		serve_free(s);
	} else {
		client->unsent++;
		wire_send(&client->wire, end, &s->out);
	}
	/* Do not wait for a server that sends commands and does not read the replies. */
	if (client->unsent > VFIO_USER_COMMANDS ||
	    client->wire.ends[end].queued > VFIO_USER_COMMANDS_BYTES)
		wire_lose(&client->wire, -ENOBUFS, "the server does not read its DMA replies");
	pthread_mutex_unlock(&client->wire.lock);
	if (detaching)
		request_complete(detaching, 0);
	for (; unmapping; unmapping = next) {
		next = unmapping->next_unmapping;
		vfio_user_let_go(unmapping);
	}
}

/* ---- another device's region ---- */

static void region_done(struct vfmig_request *request)
{
	struct serve *s = request->user;

	done(s, request->result < 0 ? (int)request->result : 0);
}

/* True: the access is all in one map of a region, and on its way. */
static bool ask_region(struct serve *s)
{
	uint64_t first = s->access.addr, last = first + (s->access.count - 1);
	uint32_t need = s->write ? VFMIG_PROT_WRITE : VFMIG_PROT_READ;
	struct vfmig_device *device = NULL;
	struct vfio_user *client = s->client;

	if (!s->access.count)
		return false;
	pthread_mutex_lock(&client->wire.lock);
	for (size_t i = 0; i < client->nmaps && !device; i++) {
		const struct vfmig_map *m = &client->maps[i].map;

		if (m->kind != VFMIG_MAP_REGION || client->maps[i].stale || m->iova > first ||
		    last - m->iova >= m->size || !(m->prot & need))
			continue;
		device = m->device;
		s->request.region.index = m->region;
		s->request.region.offset = m->region_offset + (first - m->iova);
	}
	s->device = device;
	if (device) {
		s->next = client->at_regions;
		client->at_regions = s;
	}
	pthread_mutex_unlock(&client->wire.lock);
	if (!device)
		return false;
	s->request.op = s->write ? VFMIG_OP_REGION_WRITE : VFMIG_OP_REGION_READ;
	s->request.region.len = (uint32_t)s->access.count;
	s->request.region.buf =
		s->write ? s->msg->payload + ABI_MSG_DMA_ACCESS_SIZE : s->data->payload;
	s->request.done = region_done;
	s->request.user = s;
	vfmig_submit(device, &s->request);
	return true;
}

/* ---- memory ---- */

static int reach_memory(struct serve *s, struct vfmig_space *space)
{
	struct vfmig_user_dma_access *a = &s->access;

	if (!s->write)
		return vfmig_space_read(space, a->addr, s->data->payload, a->count, NULL);
	return vfmig_space_write(space, a->addr, s->msg->payload + ABI_MSG_DMA_ACCESS_SIZE,
				 a->count, NULL);
}

/* ---- commands ---- */

static const char *decode(struct serve *s)
{
	struct wire_msg *msg = s->msg;

	if (msg->header.cmd != VFMIG_USER_DMA_READ && msg->header.cmd != VFMIG_USER_DMA_WRITE)
		return "the server sent a command other than DMA_READ and DMA_WRITE";
	return abi_msg_get_dma_access(msg->payload, msg->len, ABI_MSG_XFER_DEFAULT, s->write,
				      &s->access);
}

static void serve(struct vfio_user *client, struct wire_msg *msg, struct vfmig_space *space)
{
	struct serve *s = calloc(1, sizeof(*s));

	if (!s) {
		pthread_mutex_lock(&client->wire.lock);
		client->serving--;
		wire_msg_free(&client->wire, msg);
		wire_lose(&client->wire, -ENOMEM, "no memory to serve the server's DMA");
		pthread_mutex_unlock(&client->wire.lock);
		return;
	}
	s->client = client;
	s->msg = msg;
	s->write = msg->header.cmd == VFMIG_USER_DMA_WRITE;
	if (decode(s)) {
		done(s, -EINVAL);
		return;
	}
	if (!s->write) {
		pthread_mutex_lock(&client->wire.lock);
		s->data = wire_msg_new(&client->wire, s->access.count);
		pthread_mutex_unlock(&client->wire.lock);
		if (!s->data) {
			done(s, -ENOMEM);
			return;
		}
	}
	if (!space)
		done(s, -EFAULT);
	else if (!ask_region(s))
		done(s, reach_memory(s, space));
}

int vfio_user_command(struct vfio_user *client, struct wire_msg *msg)
{
	if (client->ncommands >= VFIO_USER_COMMANDS)
		return wire_lose(&client->wire, -ENOBUFS,
				 "the server sends more DMA commands than may be queued");
	msg->next = NULL;
	if (!client->ncommands)
		client->commands_last = &client->commands;
	*client->commands_last = msg;
	client->commands_last = &msg->next;
	client->ncommands++;
	return 0;
}

void vfio_user_serve(struct vfio_user *client)
{
	struct wire_msg *msg;
	struct vfmig_space *space;

	pthread_mutex_lock(&client->wire.lock);
	while ((msg = client->commands)) {
		client->commands = msg->next;
		client->ncommands--;
		client->serving++;
		space = client->space;
		pthread_mutex_unlock(&client->wire.lock);
		serve(client, msg, space);
		pthread_mutex_lock(&client->wire.lock);
	}
	pthread_mutex_unlock(&client->wire.lock);
}

void vfio_user_serve_free(struct vfio_user *client)
{
	while (client->commands) {
		struct wire_msg *msg = client->commands;

		client->commands = msg->next;
		wire_msg_free(&client->wire, msg);
	}
	client->ncommands = 0;
	while (client->at_regions) {
		struct serve *s = client->at_regions;
		bool taken;

		pthread_mutex_unlock(&client->wire.lock);
		taken = vfmig_cancel(s->device, &s->request);
		pthread_mutex_lock(&client->wire.lock);
		if (taken) {
			client->at_regions = s->next;
			serve_free(s);
		} else if (client->at_regions == s) {
			/* Its end is being seen to by another thread this moment. */
			pthread_mutex_unlock(&client->wire.lock);
			sched_yield();
			pthread_mutex_lock(&client->wire.lock);
		}
	}
}
