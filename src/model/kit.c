/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model as a device: which request goes where, and when the model may work.
 */
#include <errno.h>
#include <unistd.h>

#include "model/kit.h"

void vfmig_kit_wake(struct vfmig_kit *kit)
{
	uint64_t one = 1;
	ssize_t n;

	atomic_store(&kit->awake, true);
	if (atomic_load(&kit->has_worker) &&
	    !pthread_equal(atomic_load(&kit->worker), pthread_self()))
		atomic_store(&kit->restless, true);
	n = write(kit->work_fd, &one, sizeof(one));
	(void)n; /* it can only fail because it is readable already */
}

/*
 * A model without threads has work only when it is asked something, and whoever asks sees that it has. One with threads
 * of its own is found out when the first of them has something to do: that waits a few milliseconds, and nothing
 * after it does.
 */
static bool rests(struct vfmig_device *device)
{
	struct vfmig_kit *kit = vfmig_kit_of(device);

	atomic_store_explicit(&kit->worker, pthread_self(), memory_order_relaxed);
	if (!atomic_load_explicit(&kit->has_worker, memory_order_relaxed))
		atomic_store(&kit->has_worker, true);
	return !atomic_load(&kit->awake) && !atomic_load(&kit->watched) &&
	       !atomic_load(&kit->restless);
}

void vfmig_kit_kick(struct vfmig_kit *kit)
{
	/* A kick that is waiting while the device may not run makes no noise; settle() does, later. */
	if (!atomic_exchange(&kit->kicked, true) && atomic_load(&kit->level) == VFMIG_KIT_RUNS)
		vfmig_kit_wake(kit);
}

/* ---- what the model may do ---- */

static enum vfmig_kit_level level_of(const struct vfmig_kit *kit, enum vfmig_state state)
{
	switch (state) {
	case VFMIG_STATE_RUNNING:
	case VFMIG_STATE_PRE_COPY:
		return atomic_load(&kit->space) ? VFMIG_KIT_RUNS : VFMIG_KIT_QUIET;
	case VFMIG_STATE_RUNNING_P2P:
	case VFMIG_STATE_PRE_COPY_P2P:
		return VFMIG_KIT_QUIET;
	default:
		return VFMIG_KIT_STOPPED;
	}
}

static int quieten(struct vfmig_kit *kit, struct vfmig_error *err)
{
	int ret;

	if (atomic_load(&kit->level) != VFMIG_KIT_RUNS)
		return 0;
	/*
	 * The model brings what it has begun to its end, and only then is there no DMA: a thread of its own may be
	 * between two writes that belong together.
	 */
	ret = kit->model->quiesce ? kit->model->quiesce(kit, kit->self, err) : 0;
	atomic_store(&kit->level, VFMIG_KIT_QUIET);
	return ret;
}

static int stop(struct vfmig_kit *kit, struct vfmig_error *err)
{
	int ret = quieten(kit, err);

	if (!ret && atomic_load(&kit->level) == VFMIG_KIT_QUIET) {
		atomic_store(&kit->level, VFMIG_KIT_STOPPED);
		ret = kit->model->stop ? kit->model->stop(kit, kit->self, err) : 0;
	}
	vfmig_kit_irqs_halt(kit, true);
	return ret;
}

static int resume(struct vfmig_kit *kit, struct vfmig_error *err)
{
	enum vfmig_kit_level before = atomic_exchange(&kit->level, VFMIG_KIT_RUNS);
	int ret;

	if (before == VFMIG_KIT_RUNS)
		return 0;
	ret = kit->model->resume ? kit->model->resume(kit, kit->self, err) : 0;
	if (ret) {
		atomic_store(&kit->level, before);
		return ret;
	}
	/* What there is to do may have come with the state, or while the device was quiet. */
	atomic_store(&kit->kicked, true);
	vfmig_kit_wake(kit);
	return 0;
}

int vfmig_kit_settle(struct vfmig_kit *kit, enum vfmig_state state, struct vfmig_error *err)
{
	enum vfmig_kit_level level = level_of(kit, state);

	if (level == VFMIG_KIT_STOPPED)
		return stop(kit, err);
	/* From STOPPED to QUIET there is nothing to tell a model: it goes on doing nothing. */
	vfmig_kit_irqs_halt(kit, false);
	return level == VFMIG_KIT_QUIET ? quieten(kit, err) : resume(kit, err);
}

void vfmig_kit_power_up(struct vfmig_kit *kit)
{
	atomic_store(&kit->kicked, false);
	vfmig_kit_irqs_reset(kit);
	vfmig_kit_pci_reset(kit);
	vfmig_kit_presets(kit);
	if (kit->model->reset)
		kit->model->reset(kit, kit->self);
}

/* ---- the address space ---- */

static ssize_t attach(struct vfmig_kit *kit, struct vfmig_space *space, struct vfmig_error *err)
{
	ssize_t ret;

	if (atomic_load(&kit->space))
		return vfmig_err(err, -EBUSY, "%s has an address space already: detach it first",
				 kit->device.name);
	atomic_store(&kit->space, space);
	ret = vfmig_kit_settle(kit, kit->state, err);
	if (ret)
		atomic_store(&kit->space, NULL);
	return ret;
}

static ssize_t detach(struct vfmig_kit *kit, struct vfmig_error *err)
{
	ssize_t ret = 0;

	if (!atomic_load(&kit->space))
		return vfmig_err(err, -ENXIO, "%s has no address space to detach",
				 kit->device.name);
	if (level_of(kit, kit->state) == VFMIG_KIT_RUNS)
		ret = quieten(kit, err);
	atomic_store(&kit->space, NULL);
	return ret;
}

/* ---- requests ---- */

static void dispatch(struct vfmig_kit *kit, struct vfmig_request *request);

void vfmig_kit_execute(struct vfmig_kit *kit, struct vfmig_request *request)
{
	vfmig_kit_power_wake(kit);
	if (vfmig_kit_is_new(request)) {
		dispatch(kit, request);
		return;
	}
	switch (request->verb) {
	case VFMIG_VERB_REGION_READ:
	case VFMIG_VERB_REGION_WRITE:
		vfmig_kit_region_access(kit, request);
		vfmig_complete(request, request->region.len);
		return;
	case VFMIG_VERB_ATTACH:
		vfmig_complete(request, attach(kit, request->space, request->err));
		return;
	case VFMIG_VERB_DETACH:
		vfmig_complete(request, detach(kit, request->err));
		return;
	case VFMIG_VERB_RESET:
		vfmig_complete(request, vfmig_kit_reset(kit, request->err));
		return;
	case VFMIG_VERB_FEATURE:
		vfmig_complete(request, vfmig_kit_power_feature(kit, request));
		return;
	default:
		vfmig_kit_session_execute(kit, request);
		return;
	}
}

static void dispatch(struct vfmig_kit *kit, struct vfmig_request *request)
{
	ssize_t result;

	if (vfmig_show_submit(&kit->show, request))
		return;
	switch (request->verb) {
	case VFMIG_VERB_DEVICE_INFO:
		vfmig_complete(request, vfmig_kit_device_info(kit, request));
		return;
	case VFMIG_VERB_REGION_INFO:
		vfmig_complete(request, vfmig_kit_region_info(kit, request));
		return;
	case VFMIG_VERB_IRQ_INFO:
		vfmig_complete(request, vfmig_kit_irq_info(kit, request));
		return;
	case VFMIG_VERB_REGION_FD:
		vfmig_complete(request, vfmig_kit_region_fd(kit, request));
		return;
	case VFMIG_VERB_SET_IRQS:
		vfmig_complete(request, vfmig_kit_set_irqs(kit, request));
		return;
	case VFMIG_VERB_REGION_READ:
	case VFMIG_VERB_REGION_WRITE:
		if (vfmig_kit_region_quick(kit, request, &result))
			vfmig_complete(request, result);
		else
			vfmig_kit_enter(kit, request);
		return;
	case VFMIG_VERB_ATTACH:
	case VFMIG_VERB_DETACH:
	case VFMIG_VERB_RESET:
		vfmig_kit_enter(kit, request);
		return;
	case VFMIG_VERB_SPACE_MAP:
	case VFMIG_VERB_SPACE_UNMAP:
		/* DMA looks the map up each time, and an unmap waits for it: nothing is kept here. */
		vfmig_complete(request, 0);
		return;
	case VFMIG_VERB_FEATURE:
		vfmig_kit_power_submit(kit, request);
		return;
	default:
		vfmig_complete_err(request, -EOPNOTSUPP, "%s is asked of a session, not of %s",
				   vfmig_verb_name(request->verb), kit->device.name);
		return;
	}
}

/* Maps are the space's, and do not touch the device; nor does mapping a region, which is refused instead. */
static bool wakes(enum vfmig_verb verb)
{
	return verb != VFMIG_VERB_SPACE_MAP && verb != VFMIG_VERB_SPACE_UNMAP &&
	       verb != VFMIG_VERB_REGION_FD;
}

static bool may_hand_out(struct vfmig_kit *kit, struct vfmig_request *request)
{
	uint32_t region = request->region_fd.index;

	/* A migration region's data section is ours and not the device's: it may be touched while that sleeps. */
	if (region >= VFMIG_PCI_REGION_COUNT || !vfmig_kit_mappable(kit, region) ||
	    vfmig_kit_power_hands_out(kit, region))
		return true;
	vfmig_complete_err(request, -EBUSY,
			   "%s: region %u cannot be mapped while the device may sleep: "
			   "LOW_POWER_EXIT comes first",
			   kit->device.name, region);
	return false;
}

static void submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct vfmig_kit *kit = vfmig_kit_of(device);

	if (atomic_load(&kit->power.allowed) && wakes(request->verb))
		vfmig_kit_enter_awake(kit, request);
	else if (request->verb != VFMIG_VERB_REGION_FD || may_hand_out(kit, request))
		dispatch(kit, request);
}

static bool cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	struct vfmig_kit *kit = vfmig_kit_of(device);

	return vfmig_kit_take_back(kit, request) || vfmig_show_cancel(&kit->show, request);
}

static int show_fd(struct vfmig_device *device)
{
	return vfmig_kit_of(device)->poll_fd;
}

static void close_kit(struct vfmig_device *device)
{
	vfmig_kit_free(vfmig_kit_of(device));
}

const struct vfmig_device_ops vfmig_kit_ops = {
	.submit = submit,
	.cancel = cancel,
	.fd = show_fd,
	.process = vfmig_kit_process,
	.rests = rests,
	.close = close_kit,
};
