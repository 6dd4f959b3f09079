/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session on a device that exposes a migration region: finds the region, and dispatches the
 * session's requests.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "protocol/region/user.h"

static struct region_user *of_session(struct vfmig_session *session)
{
	return (struct region_user *)session;
}

/* ---- requests ---- */

static ssize_t begin_data(struct region_user *user, ssize_t (*begin)(struct region_user *))
{
	if (!user->broken)
		return begin(user);
	return vfmig_err(
		&user->steps.err, -EIO,
		"device %s: an earlier request was cancelled, so its data is incomplete; reset the device",
		vfmig_device_name(user->session.device));
}

static ssize_t begin(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	user->out = 0;
	user->reporting = false;
	switch (steps->outer->op) {
	case VFMIG_OP_GET_STATE:
		return region_user_state_get(user);
	case VFMIG_OP_SET_STATE:
		return region_user_state_go(user);
	case VFMIG_OP_DATA_READ:
		return begin_data(user, region_user_data_read);
	case VFMIG_OP_DATA_WRITE:
		return begin_data(user, region_user_data_write);
	case VFMIG_OP_DATA_SIZE:
	case VFMIG_OP_PRECOPY_INFO:
		return begin_data(user, region_user_pending);
	case VFMIG_OP_FEATURE:
		return region_user_log(user);
	default:
		return vfmig_err(&steps->err, -EOPNOTSUPP,
				 "%s is an operation of devices, not of sessions",
				 vfmig_op_name(steps->outer->op));
	}
}

static void dropped(struct steps *steps)
{
	struct region_user *user = region_user_of(steps);

	user->broken = true;
	/* The device has cleared the pages that it reported. */
	if (user->reporting)
		region_user_gap(user);
	user->reporting = false;
	free(user->draining);
	user->draining = NULL;
}

void region_user_submit(struct vfmig_session *session, struct vfmig_request *request)
{
	steps_submit(&of_session(session)->steps, request);
}

bool region_user_cancel(struct vfmig_session *session, struct vfmig_request *request)
{
	return steps_cancel(&of_session(session)->steps, request);
}

void region_user_close(struct vfmig_session *session)
{
	struct region_user *user = of_session(session);

	steps_fini(&user->steps);
	for (uint32_t i = 0; i < user->maps; i++)
		munmap(user->map[i].ptr, user->map[i].size);
	free(user->read.carry);
	free(user->draining);
	free(user->bounce);
	free(user->logged);
	free(user);
}

/* ---- opening ---- */

/* The device's migration region; -EOPNOTSUPP if it has none of that revision. */
static int find_region(struct vfmig_device *device, enum vfmig_region_revision revision,
		       struct vfmig_region *region, struct vfmig_error *err)
{
	struct vfmig_device_info info;
	uint32_t first = 0, last;
	int ret = vfmig_device_get_info(device, &info, err);

	if (ret)
		return ret;
	/* The first regions of a PCI device have fixed meanings. */
	if (info.flags & VFMIG_DEVICE_FLAG_PCI)
		first = VFMIG_PCI_REGION_COUNT;
	last = info.num_regions;
	if (last > REGION_USER_REGIONS_MAX)
		last = REGION_USER_REGIONS_MAX;
	for (uint32_t i = first; i < last; i++) {
		ret = vfmig_device_get_region_info(device, i, region, err);
		if (ret && !device_index_absent(ret))
			return ret;
		if (ret || !region->size)
			continue;
		if (region->type == VFMIG_REGION_TYPE_MIGRATION &&
		    region->subtype == VFMIG_REGION_SUBTYPE_MIGRATION &&
		    (!region->revision || region->revision == (uint32_t)revision))
			return 0;
	}
	return vfmig_err(err, -EOPNOTSUPP, "device %s has no migration region",
			 vfmig_device_name(device));
}

/* Read the current state; another user may have left the device in any of them. */
static int first_look(struct region_user *user, struct vfmig_error *err)
{
	uint32_t word = 0;
	int ret = vfmig_device_region_read(user->session.device, user->index, 0, &word,
					   sizeof(word), err);

	if (ret)
		return vfmig_err_at(err, ret, "device %s: device_state",
				    vfmig_device_name(user->session.device));
	user->bits = word & VFMIG_V1_STATE_MASK;
	user->state = abi_region_state_to(word);
	region_user_read_reset(user);
	region_user_write_reset(user);
	return 0;
}

int region_user_open(struct vfmig_device *device, enum vfmig_region_revision revision,
		     const struct session_ops *ops, struct vfmig_session **session,
		     struct vfmig_error *err)
{
	const uint32_t both = VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE;
	struct region_user *user;
	struct vfmig_region region;
	int ret = find_region(device, revision, &region, err);

	if (ret)
		return ret;
	if ((region.flags & both) != both || region.size <= abi_region_info_size(revision))
		return vfmig_err(
			err, -EPROTO,
			"device %s: its migration region (%llu bytes, flags 0x%x) is too small, or cannot be read and written",
			vfmig_device_name(device), (unsigned long long)region.size, region.flags);
	user = calloc(1, sizeof(*user));
	if (user)
		user->bounce = malloc(REGION_USER_BOUNCE);
	if (!user || !user->bounce) {
		free(user);
		return vfmig_err(err, -ENOMEM, "no memory for a session");
	}
	steps_init(&user->steps);
	user->steps.device = device;
	user->steps.begin = begin;
	user->steps.dropped = dropped;
	user->session.ops = ops;
	user->session.device = device;
	user->session.flags = VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_PRE_COPY;
	if (!(region.revision_flags & VFMIG_REGION_REVISION_CHECKS))
		user->session.properties |= VFMIG_SESSION_CHECKS_BY_RUNNING;
	user->revision = revision;
	user->index = region.index;
	user->region_size = region.size;
	user->capacity =
		region.revision_capacity ? region.revision_capacity : REGION_USER_TRANSACTION_MAX;
	user->width = REGION_USER_BOUNCE;
	user->framing = !(region.revision_flags & VFMIG_REGION_REVISION_FRAMED);
	user->checks = region.revision_flags & VFMIG_REGION_REVISION_CHECKS;
	region_user_map(user, &region);
	ret = first_look(user, err);
	if (ret) {
		region_user_close(&user->session);
		return ret;
	}
	*session = &user->session;
	return 0;
}
