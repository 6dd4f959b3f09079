/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A copier at work in a type1 container, as a kernel's devices are: its user has no log of the device's, and asks the
 * container what was written, by its ioctls. Such a device moves in each revision and nothing is lost; with bitmaps that
 * say nothing the migration succeeds, and the proof must not.
 *
 * Rules: T1-13, T1-16, T1-22.
 */
#include <errno.h>

#include <vfmig/type1.h>

#include "device/filter.h"
#include "protocol/type1/user.h"
#include "tests/lib/check.h"
#include "tests/copier/move.h"

/* What the device's user has: @device around the copier, which is in @space, of which @type1 is the container. */
struct contained {
	struct vfmig_device device;
	struct vfmig_space *space;
	struct vfmig_type1 *type1;
	struct type1_user *drive;
};

static bool silent;	 /* its bitmaps say nothing */
static unsigned answers; /* to GET_BITMAP */

static int ask(void *context, uint32_t number, void *arg)
{
	struct contained *c = context;
	struct vfmig_type1_dirty_pages *dirty = arg;
	struct vfmig_type1_dirty_get *get = (void *)(dirty + 1);
	int ret = vfmig_type1_ioctl(c->type1, number, arg, SIZE_MAX, NULL);

	if (ret || number != VFMIG_IOCTL_IOMMU_DIRTY_PAGES ||
	    dirty->flags != VFMIG_TYPE1_DIRTY_GET_BITMAP)
		return ret;
	answers++;
	if (silent)
		memset((void *)(uintptr_t)get->bitmap.data, 0, get->bitmap.size);
	return 0;
}

static bool is_logging(const struct vfmig_request *request)
{
	uint32_t feature = request->feature.flags & VFMIG_FEATURE_MASK;

	return feature >= VFMIG_FEATURE_DMA_LOGGING_START &&
	       feature <= VFMIG_FEATURE_DMA_LOGGING_REPORT;
}

static void submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct contained *c = (struct contained *)device;

	if (request->op == VFMIG_OP_ATTACH || request->op == VFMIG_OP_DETACH)
		request_complete(request, 0);
	else if (request->op == VFMIG_OP_SPACE_MAP)
		request_complete(request, type1_user_map(c->drive, request->map, request->err));
	else if (request->op == VFMIG_OP_SPACE_UNMAP)
		request_complete(request, type1_user_unmap(c->drive, request->map, request->err));
	else if (request->op == VFMIG_OP_FEATURE && is_logging(request))
		request_complete_err(request, -ENOTTY, "%s: the container tells", device->name);
	else
		vfmig_submit(device->inner, request);
}

static void close_it(struct vfmig_device *device)
{
	struct contained *c = (struct contained *)device;

	type1_user_free(c->drive);
	vfmig_type1_free(c->type1);
	vfmig_space_detach(c->space, device->inner, NULL);
	vfmig_space_free(c->space);
	filter_close(device);
}

static const struct device_ops ops = {
	.submit = submit,
	.cancel = filter_cancel,
	.fd = filter_fd,
	.process = filter_process,
	.close = close_it,
};

static struct vfmig_device *enclose(struct move *move, struct vfmig_device *inner)
{
	struct contained *c = calloc(1, sizeof(*c));

	CHECK(c);
	c->space = vfmig_space_new();
	CHECK(c->space);
	CHECK_EQ(vfmig_type1_new(c->space, NULL, &c->type1, NULL), 0);
	CHECK_EQ(vfmig_space_attach(c->space, inner, NULL), 0);
	CHECK_EQ(type1_user_new(ask, c, &c->drive, NULL), 0);
	CHECK_EQ(filter_init(&c->device, &ops, inner, "contained", NULL), 0);
	move->speaks = type1_user_tracker(c->drive, &c->device);
	return &c->device;
}

int main(void)
{
	static const char *const kinds[] = {
		"protocol=v1,data=trapped",
		"protocol=v1,data=mapped,tell=off",
		"protocol=v2,migration=all",
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct move whole = {.options = kinds[i], .max_rounds = 2, .enclose = enclose};
		struct move broken = whole;

		answers = 0;
		silent = false;
		move_expect_good(kinds[i], &whole);
		CHECK(answers >= 2);
		silent = true;
		move_expect_caught(kinds[i], &broken);
	}
	return 0;
}
