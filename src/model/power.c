/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Low power: a device whose user allows it sleeps when it has no work, and wakes before any access
 * reaches it.
 *
 * While low power is allowed, every request goes through the gate. The request wakes the device
 * there and is executed. A thread that leaves the gate with an empty queue calls the model to let
 * it sleep. So no request reaches a sleeping device, and accesses under way need no count. While
 * low power is not allowed, it costs the test of a flag.
 *
 * If the permission was given with an eventfd, waking ends the permission and signals the eventfd,
 * once. Otherwise the device sleeps again after the access. A device may also wake without a
 * request: its own wake of the work eventfd does it.
 *
 * Mapped memory can be reached without the kit, and a mapping cannot be taken back. So low power
 * is refused once a descriptor of a region was given away, and no descriptor is given while the
 * device may sleep.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "abi/feature.h"
#include "model/kit.h"

void kit_power_open(struct vfmig_kit *kit)
{
	pthread_mutex_init(&kit->power.lock, NULL);
	kit->power.wake_fd = -1;
}

void kit_power_close(struct vfmig_kit *kit)
{
	if (kit->power.wake_fd >= 0)
		close(kit->power.wake_fd);
	pthread_mutex_destroy(&kit->power.lock);
}

/* ---- asleep and awake: inside the gate ---- */

static void disallow(struct vfmig_kit *kit)
{
	if (kit->power.wake_fd >= 0)
		close(kit->power.wake_fd);
	kit->power.wake_fd = -1;
	pthread_mutex_lock(&kit->power.lock);
	atomic_store(&kit->power.allowed, false);
	pthread_mutex_unlock(&kit->power.lock);
}

void kit_power_wake(struct vfmig_kit *kit)
{
	if (!atomic_load(&kit->power.asleep))
		return;
	atomic_store(&kit->power.asleep, false);
	if (kit->model->wake)
		kit->model->wake(kit, kit->self);
	if (kit->power.wake_fd < 0)
		return;
	kit_signal(kit->power.wake_fd);
	disallow(kit);
}

void kit_power_rest(struct vfmig_kit *kit)
{
	bool busy = atomic_load(&kit->level) == KIT_RUNS && atomic_load(&kit->kicked);

	if (busy || atomic_load(&kit->power.asleep))
		return;
	if (kit->model->sleep(kit, kit->self))
		atomic_store(&kit->power.asleep, true);
}

/* ---- the features ---- */

/* Whether all access to regions goes through the kit; it stays so until low power is disallowed. */
static int allow(struct vfmig_kit *kit, struct vfmig_error *err)
{
	int ret = 0;

	pthread_mutex_lock(&kit->power.lock);
	if (atomic_load(&kit->power.allowed))
		ret = vfmig_err(err, -EINVAL, "%s: low power is allowed already: EXIT first",
				kit->device.name);
	else if (kit->power.handed_out)
		ret = vfmig_err(err, -EBUSY,
				"%s: region %u was given to be mapped, and a mapping cannot be "
				"disabled from here: a device that is to sleep must not be mapped",
				kit->device.name, kit->power.handed_region);
	else
		atomic_store(&kit->power.allowed, true);
	pthread_mutex_unlock(&kit->power.lock);
	return ret;
}

static int enter_with_wake(struct vfmig_kit *kit, const void *data, size_t size,
			   struct vfmig_error *err)
{
	struct vfmig_feature_low_power_wake wake;
	const char *why = abi_feature_get_low_power_wake(data, size, &wake);
	int fd, ret;

	if (why)
		return vfmig_err(err, -EINVAL, "%s: %s", kit->device.name, why);
	if (wake.wakeup_eventfd < 0 || !kit_is_eventfd(wake.wakeup_eventfd))
		return vfmig_err(err, -EINVAL, "%s: descriptor %d is no eventfd to wake by",
				 kit->device.name, wake.wakeup_eventfd);
	fd = fcntl(wake.wakeup_eventfd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return vfmig_err(err, -errno, "%s: the eventfd to wake by: %s", kit->device.name,
				 strerror(errno));
	ret = allow(kit, err);
	if (ret)
		close(fd);
	else
		kit->power.wake_fd = fd;
	return ret;
}

ssize_t kit_power_feature(struct vfmig_kit *kit, struct vfmig_request *request)
{
	switch (request->feature.flags & VFMIG_FEATURE_MASK) {
	case VFMIG_FEATURE_LOW_POWER_ENTRY:
		return allow(kit, request->err);
	case VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE:
		return enter_with_wake(kit, request->feature.data, request->feature.size,
				       request->err);
	default:
		disallow(kit);
		return 0;
	}
}

void kit_power_submit(struct vfmig_kit *kit, struct vfmig_request *request)
{
	uint32_t index = request->feature.flags & VFMIG_FEATURE_MASK;
	bool ours = index >= VFMIG_FEATURE_LOW_POWER_ENTRY && index <= VFMIG_FEATURE_LOW_POWER_EXIT;
	const struct abi_feature_kind *kind = abi_feature_find_kind(index);
	const char *why;
	bool perform;

	if (!ours || !kit->model->sleep) {
		request_complete_err(request, -ENOTTY, "%s has no device feature %u (%s)",
				     kit->device.name, index, vfmig_feature_name(index));
		return;
	}
	why = abi_feature_asked(request->feature.flags, request->feature.size, kind->ops,
				kind->size, &perform);
	if (why)
		request_complete_err(request, -EINVAL, "%s: feature %s: %s", kit->device.name,
				     kind->name, why);
	else if (perform)
		kit_enter(kit, request);
	else
		request_complete(request, 0);
}

/* ---- descriptors of regions ---- */

bool kit_power_hands_out(struct vfmig_kit *kit, uint32_t region)
{
	bool may;

	pthread_mutex_lock(&kit->power.lock);
	may = !atomic_load(&kit->power.allowed);
	if (may) {
		kit->power.handed_out = true;
		kit->power.handed_region = region;
	}
	pthread_mutex_unlock(&kit->power.lock);
	return may;
}
