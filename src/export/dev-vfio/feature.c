/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device features, and the data of a migration, which has a file of its own.
 *
 * A feature goes to the device as it is, for its payload is the uAPI's. Two things are done here: a state change that
 * begins a session of data gives it a file, by the rules of the state machine; and what leads to the caller's
 * memory is copied (logging.c).
 *
 * A data file belongs to one session. When the next one begins, or the device is reset or closed, the old one answers
 * ENODEV. Closing it changes nothing: the data that was written has gone to the device already.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "export/dev-vfio/priv.h"

#define FEATURE_MAX 64u

void dev_vfio_migration_begin(struct dev_vfio_slot *slot)
{
	struct vfmig_feature_migration migration = {0};

	slot->flags = 0;
	if (!vfmig_device_call_feature(slot->device, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIGRATION,
				       &migration, sizeof(migration), NULL))
		slot->flags = migration.flags;
	slot->no_log = vfmig_device_call_feature(slot->device,
						 VFMIG_FEATURE_PROBE | VFMIG_FEATURE_SET |
							 VFMIG_FEATURE_DMA_LOGGING_START,
						 NULL, 0, NULL) != 0;
	slot->logging = false;
	slot->state_known = false;
	slot->session++;
}

/* Logging continues: a guest that reboots while it migrates resets its devices. */
void dev_vfio_migration_reset(struct dev_vfio_slot *slot)
{
	slot->state_known = false;
	slot->session++;
}

/* ---- the state ---- */

static bool know_state(struct dev_vfio_slot *slot)
{
	struct vfmig_feature_mig_state now = {.data_fd = -1};

	if (!slot->state_known &&
	    !vfmig_device_call_feature(slot->device, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_STATE,
				       &now, sizeof(now), NULL) &&
	    now.device_state < VFMIG_STATE_COUNT) {
		slot->state = (enum vfmig_state)now.device_state;
		slot->state_known = true;
	}
	return slot->state_known;
}

/* What the last arc of the way does to the data. */
static enum vfmig_v2_session last_arc(const struct dev_vfio_slot *slot, enum vfmig_state from,
				      enum vfmig_state to)
{
	enum vfmig_state path[VFMIG_STATE_COUNT];
	size_t count;

	if (vfmig_v2_path(slot->flags, from, to, path, &count) || !count)
		return VFMIG_V2_SESSION_NONE;
	return vfmig_v2_session_of(count > 1 ? path[count - 2] : from, to);
}

static int data_file(struct dev_vfio_slot *slot)
{
	struct dev_vfio_file *file = dev_vfio_file(slot->view, DEV_VFIO_DATA);

	if (!file)
		return -ENOMEM;
	file->slot = slot;
	file->session = slot->session;
	return dev_vfio_install(file, "vfio-migration-data", O_CLOEXEC);
}

/* Under the slot's lock. */
static long set_state(struct dev_vfio_slot *slot, struct vfmig_feature_mig_state *state)
{
	enum vfmig_v2_session session = VFMIG_V2_SESSION_NONE;
	enum vfmig_state to = (enum vfmig_state)state->device_state;
	struct vfmig_error err = {0};
	int ret, fd = -1;

	if (state->device_state >= VFMIG_STATE_COUNT)
		return -EINVAL;
	if (know_state(slot))
		session = last_arc(slot, slot->state, to);
	ret = vfmig_device_call_feature(slot->device, VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE,
					state, sizeof(*state), &err);
	slot->state_known = !ret;
	if (ret) {
		dev_vfio_say(slot->view, "state %s: %s", vfmig_state_name(to), err.text);
		return ret;
	}
	if (slot->state != to && session != VFMIG_V2_SESSION_NONE)
		slot->session++;
	slot->state = to;
	if (session == VFMIG_V2_SESSION_SAVE || session == VFMIG_V2_SESSION_LOAD) {
		fd = data_file(slot);
		if (fd < 0)
			return fd;
	}
	state->data_fd = fd;
	return 0;
}

/* ---- the ioctl ---- */

/* The payload as the ioctl has it. */
static size_t payload_size(uint32_t feature)
{
	const struct abi_feature_kind *kind = abi_feature_find_kind(feature);

	switch (feature) {
	case VFMIG_FEATURE_DMA_LOGGING_START:
		return sizeof(struct vfmig_feature_dma_logging_control);
	case VFMIG_FEATURE_DMA_LOGGING_REPORT:
		return sizeof(struct vfmig_feature_dma_logging_report);
	default:
		return kind ? kind->size : 0;
	}
}

/* The features of Linux whose payload has only numbers. */
static bool passes(uint32_t feature)
{
	switch (feature) {
	case VFMIG_FEATURE_PCI_VF_TOKEN:
	case VFMIG_FEATURE_DMA_BUF:
		return false;
	default:
		return feature < VFMIG_FEATURE_COUNT;
	}
}

static long perform(struct dev_vfio_slot *slot, uint32_t flags, void *payload, size_t len)
{
	long ret;

	switch (flags & VFMIG_FEATURE_MASK) {
	case VFMIG_FEATURE_DMA_LOGGING_START:
	case VFMIG_FEATURE_DMA_LOGGING_STOP:
	case VFMIG_FEATURE_DMA_LOGGING_REPORT:
		return dev_vfio_logging(slot, flags, payload);
	case VFMIG_FEATURE_MIG_STATE:
		if (!(flags & VFMIG_FEATURE_SET) || (flags & VFMIG_FEATURE_PROBE))
			break;
		pthread_mutex_lock(&slot->lock);
		ret = set_state(slot, payload);
		pthread_mutex_unlock(&slot->lock);
		return ret;
	default:
		break;
	}
	return vfmig_device_call_feature(slot->device, flags, payload, len, NULL);
}

long dev_vfio_feature(struct dev_vfio_slot *slot, void *arg)
{
	struct vfmig_device_feature f;
	union {
		struct vfmig_feature_mig_state state;
		uint64_t words[FEATURE_MAX / 8];
	} payload = {.words = {0}};
	uint32_t feature;
	size_t len;
	long ret;

	if (dev_vfio_copy_in(&f, arg, sizeof(f)))
		return -EFAULT;
	if (f.argsz < sizeof(f) || abi_feature_get(&f, sizeof(f), &f)) {
		/* A probe may ask for both. */
		if (f.argsz < sizeof(f) || !(f.flags & VFMIG_FEATURE_PROBE) ||
		    (f.flags & ~(VFMIG_FEATURE_MASK | VFMIG_FEATURE_GET | VFMIG_FEATURE_SET |
				 VFMIG_FEATURE_PROBE)))
			return -EINVAL;
	}
	feature = f.flags & VFMIG_FEATURE_MASK;
	if (!passes(feature))
		return -ENOTTY;
	if (f.flags & VFMIG_FEATURE_PROBE)
		return perform(slot, f.flags, NULL, 0);
	len = payload_size(feature);
	if (f.argsz - sizeof(f) < len) {
		/*
		 * A feature that the device does not have is ENOTTY, whatever the size of the
		 * buffer.
		 */
		ret = perform(slot, f.flags | VFMIG_FEATURE_PROBE, NULL, 0);
		return ret ? ret : -EINVAL;
	}
	if (dev_vfio_copy_in(&payload, (char *)arg + sizeof(f), len))
		return -EFAULT;
	ret = perform(slot, f.flags, &payload, len);
	if (!ret && len && dev_vfio_copy_out((char *)arg + sizeof(f), &payload, len))
		return -EFAULT;
	/* As Linux: after a failed state change, return the requested state, and no file. */
	if (ret && feature == VFMIG_FEATURE_MIG_STATE && (f.flags & VFMIG_FEATURE_SET)) {
		payload.state.data_fd = -1;
		dev_vfio_copy_out((char *)arg + sizeof(f), &payload, len);
	}
	return ret;
}

/* ---- data files ---- */

static bool current(struct dev_vfio_file *file)
{
	bool now;

	pthread_mutex_lock(&file->slot->lock);
	now = file->slot->device && file->session == file->slot->session;
	/* The device stays, as a call of its data would have it. */
	if (now)
		file->slot->users++;
	pthread_mutex_unlock(&file->slot->lock);
	return now;
}

ssize_t dev_vfio_data(struct dev_vfio_file *file, void *buf, size_t len, bool write)
{
	struct vfmig_request request = {.op = write ? VFMIG_OP_DATA_WRITE : VFMIG_OP_DATA_READ};
	struct vfmig_error err = {0};
	ssize_t ret;

	if (!current(file))
		return -ENODEV;
	request.data.buf = buf;
	request.data.len = len;
	request.err = &err;
	ret = len ? vfmig_call(file->slot->device, &request) : 0;
	if (ret < 0 && ret != -ENOMSG)
		dev_vfio_say(file->slot->view, "migration data: %s", err.text);
	dev_vfio_slot_unuse(file->slot);
	return ret;
}

long dev_vfio_data_ioctl(struct dev_vfio_file *file, uint32_t nr, void *arg)
{
	struct vfmig_request request = {.op = VFMIG_OP_PRECOPY_INFO};
	struct vfmig_precopy_info info;
	size_t take;
	long ret;

	if (nr != VFMIG_IOCTL_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	if (dev_vfio_copy_in(&info, arg, sizeof(info)))
		return -EFAULT;
	if (abi_ioctl_check(nr, &info, sizeof(info), &take))
		return -EINVAL;
	if (!current(file))
		return -ENODEV;
	request.precopy.argsz = sizeof(request.precopy);
	ret = vfmig_call(file->slot->device, &request);
	dev_vfio_slot_unuse(file->slot);
	if (ret < 0)
		return ret;
	request.precopy.argsz = info.argsz;
	return dev_vfio_copy_out(arg, &request.precopy, sizeof(request.precopy));
}
