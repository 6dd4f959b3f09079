/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The space: its maps become the server's DMA regions.
 *
 * With a descriptor where there is one, and where there is none by message. A region of another device has one if
 * that device shows it; it is asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/vfio_user/priv.h"

/* A bitmap behind an unmap must fit into a message of the server in the field. */
#define UNMAP_BITMAP_MAX ((1u << 20) - ABI_MSG_DMA_UNMAP_SIZE - ABI_MSG_BITMAP_SIZE)

/* ---- attach, detach ---- */

void vfio_user_attach(struct vu *vu, struct vfmig_request *request)
{
	pthread_mutex_lock(&vu->wire.lock);
	vu->space = request->space;
	pthread_mutex_unlock(&vu->wire.lock);
	request_complete(request, 0);
}

void vfio_user_detach(struct vu *vu, struct vfmig_request *request)
{
	bool later;

	pthread_mutex_lock(&vu->wire.lock);
	vu->space = NULL;
	/* DMA that is being served uses it still; who serves it completes this. */
	later = vu->serving;
	if (later)
		vu->detaching = request;
	pthread_mutex_unlock(&vu->wire.lock);
	if (!later)
		request_complete(request, 0);
}

/* ---- the list of maps; under the lock ---- */

static struct vu_map *find(struct vu *vu, uint64_t iova, uint64_t size, bool stale)
{
	for (size_t i = 0; i < vu->nmaps; i++)
		if (vu->maps[i].map.iova == iova && vu->maps[i].map.size == size &&
		    vu->maps[i].stale == stale)
			return &vu->maps[i];
	return NULL;
}

static bool make_room(struct vu *vu)
{
	size_t room = vu->room_maps ? vu->room_maps * 2 : 16;
	struct vu_map *maps;

	if (vu->nmaps < vu->room_maps)
		return true;
	maps = realloc(vu->maps, room * sizeof(*maps));
	if (!maps)
		return false;
	vu->maps = maps;
	vu->room_maps = room;
	return true;
}

static void take_out(struct vu *vu, struct vu_map *at)
{
	if (!at->by_fd)
		vu->by_message--;
	*at = vu->maps[--vu->nmaps];
}

/* ---- SPACE_MAP ---- */

static void map_answered(struct vu_job *job, struct vu_step *step)
{
	const struct vfmig_map *map = job->request->map;
	struct vu *vu = job->vu;
	bool by_fd = step->a, room;

	if (step->ask.error) {
		vfio_user_refused(job, step, "a map");
		vfmig_err_at(job->request->err, job->error, "0x%llx bytes at IOVA 0x%llx",
			     (unsigned long long)map->size, (unsigned long long)map->iova);
		return;
	}
	pthread_mutex_lock(&vu->wire.lock);
	room = make_room(vu);
	if (room) {
		vu->maps[vu->nmaps++] = (struct vu_map){.map = *map, .by_fd = by_fd};
		vu->by_message += !by_fd;
	}
	pthread_mutex_unlock(&vu->wire.lock);
	if (!room)
		vfio_user_fail(job, -ENOMEM, "no memory for a map");
	else if (by_fd)
		vfio_user_log_first(job);
}

/* @own: whether the descriptor is closed after it */
static void send_map(struct vu_job *job, int fd, uint64_t offset, bool own)
{
	const struct vfmig_map *map = job->request->map;
	struct vu_step *step = vfio_user_step(job);
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
		       abi_msg_put_dma_map(vu_fixed(step), VU_FIXED_ROOM, &m));
}

static void region_fd_back(struct vu_job *job)
{
	const struct vfmig_map *map = job->request->map;
	const struct vfmig_request *other = &job->other;

	if (other->result < 0 || other->region_fd.file_offset > UINT64_MAX - map->region_offset)
		send_map(job, -1, 0, false);
	else
		send_map(job, other->region_fd.fd,
			 other->region_fd.file_offset + map->region_offset, true);
}

/* Whether all of the map is in a part of the region that can be mapped. */
static bool can_be_mapped(const struct vu_job *job)
{
	const struct vfmig_map *map = job->request->map;
	uint64_t first = map->region_offset, last = first + (map->size - 1);
	struct vfmig_sparse_mmap_area areas[VFMIG_MMAP_AREAS];
	struct abi_msg_region_caps caps;
	struct vfmig_region_info info;
	size_t len =
		job->other.result < (ssize_t)VU_INFO_MAX ? (size_t)job->other.result : VU_INFO_MAX;

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

static void region_info_back(struct vu_job *job)
{
	const struct vfmig_map *map = job->request->map;

	if (job->other.result < 0 || !can_be_mapped(job)) {
		send_map(job, -1, 0, false);
		return;
	}
	memset(&job->other, 0, sizeof(job->other));
	job->other.op = VFMIG_OP_REGION_FD;
	job->other.region_fd.index = map->region;
	job->other.region_fd.fd = -1;
	vfio_user_ask_other(job, map->device, region_fd_back);
}

static void ask_region(struct vu_job *job)
{
	const struct vfmig_map *map = job->request->map;

	job->own = calloc(1, VU_INFO_MAX);
	if (!job->own) {
		vfio_user_fail(job, -ENOMEM, "no memory to ask about a region");
		return;
	}
	memset(&job->other, 0, sizeof(job->other));
	job->other.op = VFMIG_OP_REGION_INFO;
	job->other.info.index = map->region;
	job->other.info.buf = job->own;
	job->other.info.size = VU_INFO_MAX;
	vfio_user_ask_other(job, map->device, region_info_back);
}

void vfio_user_map(struct vu *vu, struct vfmig_request *request)
{
	const struct vfmig_map *map = request->map;
	bool takes_fds = vu->caps.max_msg_fds, full;
	struct vu_job *job;

	pthread_mutex_lock(&vu->wire.lock);
	full = vu->nmaps >= vu->caps.max_dma_maps;
	pthread_mutex_unlock(&vu->wire.lock);
	if (full) {
		request_complete_err(request, -ENOSPC, "%s: the server takes at most %u maps",
				     vu->device.name, vu->caps.max_dma_maps);
		return;
	}
	job = vfio_user_job(vu, request, map_answered);
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

/* What the server tells of its last writes to a region. Where it cannot tell, all of it was written. */
static void take_bitmap(struct vu *vu, const struct vu_step *step)
{
	struct vfmig_user_dma_unmap u = {
		.flags = VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP, .addr = step->a, .size = step->b};
	struct vfmig_user_bitmap bitmap = {.pgsize = VU_PLAIN_PAGE, .size = step->ask.data_max};
	const uint8_t *bits;

	if (step->ask.error ||
	    abi_msg_get_dma_unmap_reply(step->ask.reply, step->ask.reply_len + step->ask.data_len,
					&u, &bitmap, &bits))
		vfmig_dirty_mark(vu->extra, step->a, step->b);
	else
		dirty_mark_bitmap(vu->extra, step->a, step->b, VU_PLAIN_PAGE, step->own);
}

static void unmap_answered(struct vu_job *job, struct vu_step *step)
{
	struct vu *vu = job->vu;
	struct vu_map *at;
	bool refused_for_now;

	if (step->own)
		take_bitmap(vu, step);
	pthread_mutex_lock(&vu->wire.lock);
	at = find(vu, step->a, step->b, false);
	/*
	 * The server in the field refuses while its device is stopped. Until it runs it writes nothing, so
	 * the map is as good as gone; it is tried again when the state changes.
	 */
	refused_for_now = vu->plain && step->ask.error == -EINVAL &&
			  !(vu->state_known && vu->state == VFMIG_STATE_RUNNING);
	if (at && refused_for_now)
		at->stale = true;
	else if (at)
		take_out(vu, at);
	/* DMA of the server's that waits for the device whose region it was. */
	if (vu->at_regions) {
		job->left++;
		job->next_unmapping = vu->unmapping;
		vu->unmapping = job;
	}
	pthread_mutex_unlock(&vu->wire.lock);
	if (step->ask.error && !refused_for_now)
		vfio_user_refused(job, step, "to let go of a map");
}

static void send_unmap(struct vu_job *job, uint64_t iova, uint64_t size, bool bitmap,
		       void (*answered)(struct vu_job *job, struct vu_step *step))
{
	uint64_t bytes = bitmap ? abi_bitmap_bytes(size, VU_PLAIN_PAGE) : 0;
	struct vfmig_user_bitmap b = {.pgsize = VU_PLAIN_PAGE, .size = bytes};
	struct vfmig_user_dma_unmap u = {
		.argsz = ABI_MSG_DMA_UNMAP_SIZE,
		.addr = iova,
		.size = size,
	};
	struct vu_step *step = vfio_user_step(job);

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
		vfmig_dirty_mark(job->vu->extra, iova, size);
	}
	vfio_user_send(step, VFMIG_USER_DMA_UNMAP,
		       abi_msg_put_dma_unmap(vu_fixed(step), VU_FIXED_ROOM, &u, &b));
}

void vfio_user_unmap(struct vu *vu, struct vfmig_request *request)
{
	uint64_t iova = request->map->iova, size = request->map->size;
	struct vu_map *at;
	struct vu_job *job;
	bool there, logged;

	pthread_mutex_lock(&vu->wire.lock);
	at = find(vu, iova, size, false);
	there = at;
	logged = at && vu->plain && vu->log_sent && at->by_fd;
	pthread_mutex_unlock(&vu->wire.lock);
	if (!there) {
		/* It was never told: its map failed. */
		request_complete(request, 0);
		return;
	}
	if (logged && abi_bitmap_bytes(size, VU_PLAIN_PAGE) > UNMAP_BITMAP_MAX) {
		vfmig_dirty_mark(vu->extra, iova, size);
		logged = false;
	}
	job = vfio_user_job(vu, request, unmap_answered);
	if (!job)
		return;
	send_unmap(job, iova, size, logged, NULL);
	vfio_user_let_go(job);
}

static void stale_answered(struct vu_job *job, struct vu_step *step)
{
	struct vu *vu = job->vu;
	struct vu_map *at;

	pthread_mutex_lock(&vu->wire.lock);
	at = find(vu, step->a, step->b, true);
	if (at && step->ask.error != -EINVAL)
		take_out(vu, at);
	pthread_mutex_unlock(&vu->wire.lock);
}

void vfio_user_drop_stale(struct vu_job *job)
{
	struct vu *vu = job->vu;
	struct vu_map *list;
	size_t count = 0;

	pthread_mutex_lock(&vu->wire.lock);
	list = vu->plain && vu->nmaps ? malloc(vu->nmaps * sizeof(*list)) : NULL;
	for (size_t i = 0; list && i < vu->nmaps; i++)
		if (vu->maps[i].stale)
			list[count++] = vu->maps[i];
	pthread_mutex_unlock(&vu->wire.lock);
	for (size_t i = 0; i < count; i++)
		send_unmap(job, list[i].map.iova, list[i].map.size, false, stale_answered);
	free(list);
}
