/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The space: its maps become the server's DMA regions.
 *
 * A map with a descriptor is sent with it; the server reaches any other by message. For a region of
 * another device, the client requests the descriptor from that device.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/vfio_user/priv.h"

/* A bitmap behind an unmap must fit into a message of the server in the field. */
#define UNMAP_BITMAP_MAX ((1u << 20) - ABI_MSG_DMA_UNMAP_SIZE - ABI_MSG_BITMAP_SIZE)

/* ---- attach, detach ---- */

void vfio_user_attach(struct vfio_user *client, struct vfmig_request *request)
{
	pthread_mutex_lock(&client->wire.lock);
	client->space = request->space;
	pthread_mutex_unlock(&client->wire.lock);
	request_complete(request, 0);
}

void vfio_user_detach(struct vfio_user *client, struct vfmig_request *request)
{
	bool later;

	pthread_mutex_lock(&client->wire.lock);
	client->space = NULL;
	/*
	 * DMA that is being served still uses the space; the thread that serves it completes this.
	 */
	later = client->serving;
	if (later)
		client->detaching = request;
	pthread_mutex_unlock(&client->wire.lock);
	if (!later)
		request_complete(request, 0);
}

/* ---- the list of maps; under the lock ---- */

static struct vfio_user_map *find(struct vfio_user *client, uint64_t iova, uint64_t size,
				  bool stale)
{
	for (size_t i = 0; i < client->nmaps; i++)
		if (client->maps[i].map.iova == iova && client->maps[i].map.size == size &&
		    client->maps[i].stale == stale)
			return &client->maps[i];
	return NULL;
}

static bool make_room(struct vfio_user *client)
{
	size_t capacity = client->room_maps ? client->room_maps * 2 : 16;
	struct vfio_user_map *maps;

	if (client->nmaps < client->room_maps)
		return true;
	maps = realloc(client->maps, capacity * sizeof(*maps));
	if (!maps)
		return false;
	client->maps = maps;
	client->room_maps = capacity;
	return true;
}

static void take_out(struct vfio_user *client, struct vfio_user_map *at)
{
	if (!at->by_fd)
		client->by_message--;
	*at = client->maps[--client->nmaps];
}

/* ---- SPACE_MAP ---- */

static void map_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	const struct vfmig_map *map = job->request->map;
	struct vfio_user *client = job->client;
	bool by_fd = step->a, capacity;

	if (step->ask.error) {
		vfio_user_refused(job, step, "DMA_MAP");
		vfmig_err_at(job->request->err, job->error, "0x%llx bytes at IOVA 0x%llx",
			     (unsigned long long)map->size, (unsigned long long)map->iova);
		return;
	}
	pthread_mutex_lock(&client->wire.lock);
	capacity = make_room(client);
	if (capacity) {
		client->maps[client->nmaps++] = (struct vfio_user_map){.map = *map, .by_fd = by_fd};
		client->by_message += !by_fd;
	}
	pthread_mutex_unlock(&client->wire.lock);
	if (!capacity)
		vfio_user_fail(job, -ENOMEM, "no memory for a map");
	else if (by_fd)
		vfio_user_log_first(job);
}

/* @own: whether the descriptor is closed after it */
static void send_map(struct vfio_user_job *job, int fd, uint64_t offset, bool own)
{
	const struct vfmig_map *map = job->request->map;
	struct vfio_user_step *step = vfio_user_step(job);
	struct vfmig_user_dma_map m = {
		.argsz = ABI_MSG_DMA_MAP_SIZE,
		.flags = (map->prot & VFMIG_PROT_READ ? VFMIG_USER_DMA_MAP_READ : 0) |
			 (map->prot & VFMIG_PROT_WRITE ? VFMIG_USER_DMA_MAP_WRITE : 0),
		.offset = fd >= 0 ? offset : 0,
		.addr = map->iova,
		.size = map->size,
	};

	if (!step)
		return;
	step->a = fd >= 0;
	if (fd >= 0) {
		/* A map's own descriptor stays as long as the map, which is as long as the request. */
		step->fd = own ? fd : -1;
		step->b = (uint64_t)fd;
		step->ask.out.fds = own ? &step->fd : &map->fd;
		step->ask.out.nfds = 1;
	}
	vfio_user_send(step, VFMIG_USER_DMA_MAP,
		       abi_msg_put_dma_map(vfio_user_fixed(step), VFIO_USER_FIXED_ROOM, &m));
}

static void region_fd_back(struct vfio_user_job *job)
{
	const struct vfmig_map *map = job->request->map;
	const struct vfmig_request *other = &job->other.request;

	if (other->result < 0 || other->region_fd.file_offset > UINT64_MAX - map->region_offset)
		send_map(job, -1, 0, false);
	else
		send_map(job, other->region_fd.fd,
			 other->region_fd.file_offset + map->region_offset, true);
}

/* Whether all of the map is in a part of the region that can be mapped. */
static bool can_be_mapped(const struct vfio_user_job *job)
{
	const struct vfmig_map *map = job->request->map;
	uint64_t first = map->region_offset, last = first + (map->size - 1);
	struct vfmig_sparse_mmap_area areas[VFMIG_MMAP_AREAS];
	struct abi_msg_region_caps caps;
	struct vfmig_region_info info;
	size_t len = job->other.request.result < (ssize_t)VFIO_USER_INFO_MAX
			     ? (size_t)job->other.request.result
			     : VFIO_USER_INFO_MAX;

	if (abi_msg_get_region_info(job->own, len, &info) ||
	    !(info.flags & VFMIG_REGION_FLAG_MMAP) ||
	    abi_msg_get_region_caps(job->own, len, &info, areas, VFMIG_MMAP_AREAS, &caps))
		return false;
	if (!caps.has_sparse)
		return last >= first && last < info.size;
	for (uint32_t i = 0; i < caps.nr_areas; i++)
		if (areas[i].offset <= first && last >= first &&
		    last - areas[i].offset < areas[i].size)
			return true;
	return false;
}

static void region_info_back(struct vfio_user_job *job)
{
	const struct vfmig_map *map = job->request->map;

	if (job->other.request.result < 0 || !can_be_mapped(job)) {
		send_map(job, -1, 0, false);
		return;
	}
	memset(&job->other, 0, sizeof(job->other));
	job->other.request.op = VFMIG_OP_REGION_FD;
	job->other.request.region_fd.index = map->region;
	job->other.request.region_fd.fd = -1;
	vfio_user_ask_other(job, map->device, region_fd_back);
}

static void ask_region(struct vfio_user_job *job)
{
	const struct vfmig_map *map = job->request->map;

	job->own = calloc(1, VFIO_USER_INFO_MAX);
	if (!job->own) {
		vfio_user_fail(job, -ENOMEM, "no memory for a region information request");
		return;
	}
	memset(&job->other, 0, sizeof(job->other));
	job->other.request.op = VFMIG_OP_REGION_INFO;
	job->other.request.info.index = map->region;
	job->other.request.info.buf = job->own;
	job->other.request.info.size = VFIO_USER_INFO_MAX;
	vfio_user_ask_other(job, map->device, region_info_back);
}

void vfio_user_map(struct vfio_user *client, struct vfmig_request *request)
{
	const struct vfmig_map *map = request->map;
	bool takes_fds = client->caps.max_msg_fds, full;
	struct vfio_user_job *job;

	pthread_mutex_lock(&client->wire.lock);
	full = client->nmaps >= client->caps.max_dma_maps;
	pthread_mutex_unlock(&client->wire.lock);
	if (full) {
		request_complete_err(request, -ENOSPC,
				     "%s: the server supports up to %u maps; unmap a range first",
				     client->device.name, client->caps.max_dma_maps);
		return;
	}
	job = vfio_user_job(client, request, map_answered);
	if (!job)
		return;
	vfio_user_drop_stale(job);
	if (map->kind == VFMIG_MAP_REGION && takes_fds)
		ask_region(job);
	else
		send_map(job, map->kind == VFMIG_MAP_MEMORY && takes_fds ? map->fd : -1,
			 map->fd_offset, false);
	vfio_user_let_go(job);
}

/* ---- SPACE_UNMAP ---- */

/*
 * The server's report of its last writes to a region. Without a report, all of it counts as
 * written.
 */
static void take_bitmap(struct vfio_user *client, const struct vfio_user_step *step)
{
	struct vfmig_user_dma_unmap u = {
		.flags = VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP, .addr = step->a, .size = step->b};
	struct vfmig_user_bitmap bitmap = {.pgsize = VFIO_USER_PLAIN_PAGE,
					   .size = step->ask.data_max};
	const uint8_t *bits;

	if (step->ask.error ||
	    abi_msg_get_dma_unmap_reply(step->ask.reply, step->ask.reply_len + step->ask.data_len,
					&u, &bitmap, &bits))
		vfmig_dirty_mark(client->extra, step->a, step->b);
	else
		dirty_mark_bitmap(client->extra, step->a, step->b, VFIO_USER_PLAIN_PAGE, step->own);
}

static void unmap_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	struct vfio_user *client = job->client;
	struct vfio_user_map *at;
	bool refused_for_now;

	if (step->own)
		take_bitmap(client, step);
	pthread_mutex_lock(&client->wire.lock);
	at = find(client, step->a, step->b, false);
	/*
	 * The server in the field refuses while its device is stopped. Until it runs it writes nothing, so
	 * the map is as good as gone; it is tried again when the state changes.
	 */
	refused_for_now = client->plain && step->ask.error == -EINVAL &&
			  !(client->state_known && client->state == VFMIG_STATE_RUNNING);
	if (at && refused_for_now)
		at->stale = true;
	else if (at)
		take_out(client, at);
	/* DMA of the server that waits for the device of that region. */
	if (client->at_regions) {
		job->left++;
		job->next_unmapping = client->unmapping;
		client->unmapping = job;
	}
	pthread_mutex_unlock(&client->wire.lock);
	if (step->ask.error && !refused_for_now)
		vfio_user_refused(job, step, "DMA_UNMAP");
}

static void send_unmap(struct vfio_user_job *job, uint64_t iova, uint64_t size, bool bitmap,
		       void (*answered)(struct vfio_user_job *job, struct vfio_user_step *step))
{
	uint64_t bytes = bitmap ? abi_bitmap_bytes(size, VFIO_USER_PLAIN_PAGE) : 0;
	struct vfmig_user_bitmap b = {.pgsize = VFIO_USER_PLAIN_PAGE, .size = bytes};
	struct vfmig_user_dma_unmap u = {
		.argsz = ABI_MSG_DMA_UNMAP_SIZE,
		.addr = iova,
		.size = size,
	};
	struct vfio_user_step *step = vfio_user_step(job);

	if (!step)
		return;
	step->a = iova;
	step->b = size;
	step->answered = answered;
	step->ask.fixed = ABI_MSG_DMA_UNMAP_SIZE;
	if (bitmap)
		step->own = malloc(bytes);
	if (step->own) {
		u.flags = VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP;
		u.argsz += ABI_MSG_BITMAP_SIZE + (uint32_t)bytes;
		step->ask.fixed += ABI_MSG_BITMAP_SIZE;
		step->ask.data = step->own;
		step->ask.data_max = bytes;
	} else if (bitmap) {
		vfmig_dirty_mark(job->client->extra, iova, size);
	}
	vfio_user_send(step, VFMIG_USER_DMA_UNMAP,
		       abi_msg_put_dma_unmap(vfio_user_fixed(step), VFIO_USER_FIXED_ROOM, &u, &b));
}

void vfio_user_unmap(struct vfio_user *client, struct vfmig_request *request)
{
	uint64_t iova = request->map->iova, size = request->map->size;
	struct vfio_user_map *at;
	struct vfio_user_job *job;
	bool there, logged;

	pthread_mutex_lock(&client->wire.lock);
	at = find(client, iova, size, false);
	there = at;
	logged = at && client->plain && client->log_sent && at->by_fd;
	pthread_mutex_unlock(&client->wire.lock);
	if (!there) {
		/* The server does not have it: its map failed. */
		request_complete(request, 0);
		return;
	}
	if (logged && abi_bitmap_bytes(size, VFIO_USER_PLAIN_PAGE) > UNMAP_BITMAP_MAX) {
		vfmig_dirty_mark(client->extra, iova, size);
		logged = false;
	}
	job = vfio_user_job(client, request, unmap_answered);
	if (!job)
		return;
	send_unmap(job, iova, size, logged, NULL);
	vfio_user_let_go(job);
}

static void stale_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	struct vfio_user *client = job->client;
	struct vfio_user_map *at;

	pthread_mutex_lock(&client->wire.lock);
	at = find(client, step->a, step->b, true);
	if (at && step->ask.error != -EINVAL)
		take_out(client, at);
	pthread_mutex_unlock(&client->wire.lock);
}

void vfio_user_drop_stale(struct vfio_user_job *job)
{
	struct vfio_user *client = job->client;
	struct vfio_user_map *list;
	size_t count = 0;

	pthread_mutex_lock(&client->wire.lock);
	list = client->plain && client->nmaps ? malloc(client->nmaps * sizeof(*list)) : NULL;
	for (size_t i = 0; list && i < client->nmaps; i++)
		if (client->maps[i].stale)
			list[count++] = client->maps[i];
	pthread_mutex_unlock(&client->wire.lock);
	for (size_t i = 0; i < count; i++)
		send_unmap(job, list[i].map.iova, list[i].map.size, false, stale_answered);
	free(list);
}
