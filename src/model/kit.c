/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model as a device: routes each request, and decides when the model may work.
 */
#include <errno.h>
#include <unistd.h>

#include "model/kit.h"

void kit_wake(struct vfmig_kit *kit)
{
	uint64_t one = 1;
	ssize_t n;

	atomic_store(&kit->awake, true);
	if (atomic_load(&kit->has_worker) &&
	    !pthread_equal(atomic_load(&kit->worker), pthread_self()))
		atomic_store(&kit->restless, true);
	n = write(kit->work_fd, &one, sizeof(one));
	(void)n; /* fails only if the eventfd is readable already */
}

/*
 * A model without threads gets work only from requests, and the thread that sends a request sees
 * the work. A model with threads of its own is detected when its first thread has work: that work
 * waits a few milliseconds, and later work does not.
 */
static bool is_idle(struct vfmig_device *device)
{
	struct vfmig_kit *kit = kit_of(device);

	atomic_store_explicit(&kit->worker, pthread_self(), memory_order_relaxed);
	if (!atomic_load_explicit(&kit->has_worker, memory_order_relaxed))
		atomic_store(&kit->has_worker, true);
	return !atomic_load(&kit->awake) && !atomic_load(&kit->watched) &&
	       !atomic_load(&kit->restless);
}

void vfmig_kit_wake(struct vfmig_kit *kit)
{
	/*
	 * A wake that arrives while the device may not run is not signalled; settle() signals it
	 * later.
	 */
	if (!atomic_exchange(&kit->kicked, true) && atomic_load(&kit->level) == KIT_RUNS)
		kit_wake(kit);
}

/* ---- the levels of the model ---- */

static enum kit_level level_of(const struct vfmig_kit *kit, enum vfmig_state state)
{
	switch (state) {
	case VFMIG_STATE_RUNNING:
	case VFMIG_STATE_PRE_COPY:
		return atomic_load(&kit->space) ? KIT_RUNS : KIT_QUIESCED;
	case VFMIG_STATE_RUNNING_P2P:
	case VFMIG_STATE_PRE_COPY_P2P:
		return KIT_QUIESCED;
	default:
		return KIT_STOPPED;
	}
}

static int quieten(struct vfmig_kit *kit, struct vfmig_error *err)
{
	int ret;

	if (atomic_load(&kit->level) != KIT_RUNS)
		return 0;
	/*
	 * The model finishes the work that it has begun; only then is there no DMA. A thread of
	 * the model may be between two writes that belong together.
	 */
	ret = kit->model->quiesce ? kit->model->quiesce(kit, kit->self, err) : 0;
	atomic_store(&kit->level, KIT_QUIESCED);
	return ret;
}

static int stop(struct vfmig_kit *kit, struct vfmig_error *err)
{
	int ret = quieten(kit, err);

	if (!ret && atomic_load(&kit->level) == KIT_QUIESCED) {
		atomic_store(&kit->level, KIT_STOPPED);
		ret = kit->model->stop ? kit->model->stop(kit, kit->self, err) : 0;
	}
	kit_irqs_halt(kit, true);
	return ret;
}

static int resume(struct vfmig_kit *kit, struct vfmig_error *err)
{
	enum kit_level before = atomic_exchange(&kit->level, KIT_RUNS);
	int ret;

	if (before == KIT_RUNS)
		return 0;
	ret = kit->model->resume ? kit->model->resume(kit, kit->self, err) : 0;
	if (ret) {
		atomic_store(&kit->level, before);
		return ret;
	}
	/* Work may have arrived with the state, or while the device was in KIT_QUIET. */
	atomic_store(&kit->kicked, true);
	kit_wake(kit);
	return 0;
}

int kit_settle(struct vfmig_kit *kit, enum vfmig_state state, struct vfmig_error *err)
{
	enum kit_level level = level_of(kit, state);

	if (level == KIT_STOPPED)
		return stop(kit, err);
	/* From STOPPED to QUIET the model is not called: it stays idle. */
	kit_irqs_halt(kit, false);
	return level == KIT_QUIESCED ? quieten(kit, err) : resume(kit, err);
}

void kit_power_up(struct vfmig_kit *kit)
{
	atomic_store(&kit->kicked, false);
	kit_irqs_reset(kit);
	kit_pci_reset(kit);
	kit_apply_defaults(kit);
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
	ret = kit_settle(kit, kit->state, err);
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
	if (level_of(kit, kit->state) == KIT_RUNS)
		ret = quieten(kit, err);
	atomic_store(&kit->space, NULL);
	return ret;
}

/* ---- requests ---- */

static void dispatch(struct vfmig_kit *kit, struct vfmig_request *request);

void kit_execute(struct vfmig_kit *kit, struct vfmig_request *request, bool is_new)
{
	kit_power_wake(kit);
	if (is_new) {
		dispatch(kit, request);
		return;
	}
	switch (request->op) {
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		kit_region_access(kit, request);
		request_complete(request, request->region.len);
		return;
	case VFMIG_OP_ATTACH:
		request_complete(request, attach(kit, request->space, request->err));
		return;
	case VFMIG_OP_DETACH:
		request_complete(request, detach(kit, request->err));
		return;
	case VFMIG_OP_RESET:
		request_complete(request, kit_reset(kit, request->err));
		return;
	case VFMIG_OP_FEATURE:
		request_complete(request, kit_power_feature(kit, request));
		return;
	default:
		kit_session_execute(kit, request);
		return;
	}
}

static void dispatch(struct vfmig_kit *kit, struct vfmig_request *request)
{
	ssize_t result;

	if (expose_submit(&kit->show, request))
		return;
	switch (request->op) {
	case VFMIG_OP_DEVICE_INFO:
		request_complete(request, kit_device_info(kit, request));
		return;
	case VFMIG_OP_REGION_INFO:
		request_complete(request, kit_region_info(kit, request));
		return;
	case VFMIG_OP_IRQ_INFO:
		request_complete(request, kit_irq_info(kit, request));
		return;
	case VFMIG_OP_REGION_FD:
		request_complete(request, kit_region_fd(kit, request));
		return;
	case VFMIG_OP_SET_IRQS:
		request_complete(request, kit_set_irqs(kit, request));
		return;
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		if (kit_region_quick(kit, request, &result))
			request_complete(request, result);
		else
			kit_enter(kit, request);
		return;
	case VFMIG_OP_ATTACH:
	case VFMIG_OP_DETACH:
	case VFMIG_OP_RESET:
		kit_enter(kit, request);
		return;
	case VFMIG_OP_SPACE_MAP:
	case VFMIG_OP_SPACE_UNMAP:
		/*
		 * The kit caches no map: DMA looks the map up each time, and an unmap waits for
		 * it.
		 */
		request_complete(request, 0);
		return;
	case VFMIG_OP_FEATURE:
		kit_power_submit(kit, request);
		return;
	default:
		request_complete_err(request, -EOPNOTSUPP, "%s is asked of a session, not of %s",
				     vfmig_op_name(request->op), kit->device.name);
		return;
	}
}

/*
 * Maps belong to the space and do not touch the device. Mapping a region is refused while the
 * device may sleep.
 */
static bool wakes(enum vfmig_op op)
{
	return op != VFMIG_OP_SPACE_MAP && op != VFMIG_OP_SPACE_UNMAP && op != VFMIG_OP_REGION_FD;
}

static bool may_hand_out(struct vfmig_kit *kit, struct vfmig_request *request)
{
	uint32_t region = request->region_fd.index;

	/*
	 * A migration region's data section belongs to the kit and not to the device: it is
	 * accessible while the device sleeps.
	 */
	if (region >= VFMIG_PCI_REGION_COUNT || !kit_mappable(kit, region) ||
	    kit_power_hands_out(kit, region))
		return true;
	request_complete_err(request, -EBUSY,
			     "%s: region %u cannot be mapped while the device may sleep: "
			     "LOW_POWER_EXIT comes first",
			     kit->device.name, region);
	return false;
}

static void submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct vfmig_kit *kit = kit_of(device);

	if (atomic_load(&kit->power.allowed) && wakes(request->op))
		kit_enter_awake(kit, request);
	else if (request->op != VFMIG_OP_REGION_FD || may_hand_out(kit, request))
		dispatch(kit, request);
}

static bool cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	struct vfmig_kit *kit = kit_of(device);

	return kit_take_back(kit, request) || expose_cancel(&kit->show, request);
}

static int show_fd(struct vfmig_device *device)
{
	return kit_of(device)->poll_fd;
}

static void close_kit(struct vfmig_device *device)
{
	kit_free(kit_of(device));
}

const struct device_ops kit_ops = {
	.handles = DEVICE_HANDLES_RUNS | DEVICE_HANDLES_ZERO_COPY,
	.submit = submit,
	.cancel = cancel,
	.fd = show_fd,
	.process = kit_process,
	.is_idle = is_idle,
	.close = close_kit,
};
