/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Servers from before DMA logging: they report written pages by DIRTY_PAGES.
 *
 * The client recognizes one by three properties together: it has no extension, it sent
 * migration.pgsize in VERSION, and it refuses DMA logging. Then the client tries DIRTY_PAGES, once;
 * STOP is harmless on every server that has the command. Such a server accepts the same requests as
 * a later plain one: whole regions, at 4 KiB. So log.c and report.c handle both, with different
 * messages.
 */
#include <errno.h>
#include <stdlib.h>

#include "source/vfio_user/priv.h"

bool vfio_user_early_try(struct vfio_user *client)
{
	if (!client->plain || client->caps.migration_pgsize != VFIO_USER_PLAIN_PAGE ||
	    atomic_exchange(&client->early_tried, true))
		return false;
	atomic_store(&client->early, true);
	return true;
}

void vfio_user_early_send(struct vfio_user_job *job, uint32_t flags,
			  void (*answered)(struct vfio_user_job *job, struct vfio_user_step *step))
{
	struct vfmig_type1_dirty_pages d = {.argsz = ABI_MSG_DIRTY_PAGES_SIZE, .flags = flags};
	struct vfio_user_step *step = vfio_user_step(job);

	if (!step)
		return;
	step->answered = answered;
	step->ask.fixed = ABI_MSG_DIRTY_PAGES_SIZE;
	vfio_user_send(
		step, VFMIG_USER_DIRTY_PAGES,
		abi_msg_put_dirty_pages(vfio_user_fixed(step), VFIO_USER_FIXED_ROOM, &d, NULL));
}

void vfio_user_early_report(struct vfio_user_step *step, uint64_t iova, uint64_t size,
			    uint64_t bytes)
{
	struct vfmig_user_dirty_range range = {
		.iova = iova,
		.size = size,
		.bitmap = {.pgsize = VFIO_USER_PLAIN_PAGE, .size = bytes}};
	struct vfmig_type1_dirty_pages d = {.flags = VFMIG_TYPE1_DIRTY_GET_BITMAP};

	step->ask.fixed = ABI_MSG_DIRTY_PAGES_SIZE + ABI_MSG_DIRTY_RANGE_SIZE;
	d.argsz = (uint32_t)(step->ask.fixed + bytes);
	vfio_user_send(
		step, VFMIG_USER_DIRTY_PAGES,
		abi_msg_put_dirty_pages(vfio_user_fixed(step), VFIO_USER_FIXED_ROOM, &d, &range));
}

const char *vfio_user_early_reported(const struct vfio_user_step *step, uint64_t iova,
				     uint64_t size)
{
	struct vfmig_user_dirty_range range = {
		.iova = iova,
		.size = size,
		.bitmap = {.pgsize = VFIO_USER_PLAIN_PAGE,
			   .size = abi_bitmap_bytes(size, VFIO_USER_PLAIN_PAGE)}};
	const char *why = abi_msg_get_dirty_reply(step->ask.reply, step->ask.reply_len, &range);

	if (!why && step->ask.data_len < range.bitmap.size)
		why = "the reply has no complete bitmap";
	return why;
}

/* ---- a probe of DMA logging that was refused ---- */

static void probe_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	atomic_store(&job->client->early_known, !step->ask.error);
	if (!step->ask.error)
		return;
	atomic_store(&job->client->early, false);
	step->ask.error = -ENOTTY;
	vfio_user_refused(job, step, "DMA_LOGGING_START");
}

bool vfio_user_early_probe(struct vfio_user_job *job, uint32_t feature)
{
	if (feature != VFMIG_FEATURE_DMA_LOGGING_START &&
	    feature != VFMIG_FEATURE_DMA_LOGGING_STOP &&
	    feature != VFMIG_FEATURE_DMA_LOGGING_REPORT)
		return false;
	if (vfio_user_early_try(job->client))
		vfio_user_early_send(job, VFMIG_TYPE1_DIRTY_STOP, probe_answered);
	return atomic_load(&job->client->early);
}
