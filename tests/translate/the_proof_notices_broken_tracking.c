/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Negative controls for the moves between revisions, in this process and over vfio-user: the tracking of written pages
 * is broken behind the engine's back, in each revision's way of it; the migration succeeds, and the proof must not. A
 * container's tracking is broken in tests/type1.
 */
#include <string.h>

#include "device/filter.h"
#include "models/copier/copier.h"
#include "model/kit.h"
#include "tests/lib/check.h"
#include "tests/copier/move.h"

/* What the device writes is forgotten at once: pfn's bitmaps and DMA logging are made of the same log. */
static bool run_unlogged(struct vfmig_kit *kit, void *self)
{
	bool more = copier_work(self);

	dirty_clear(kit->log.map, 0, UINT64_MAX);
	return more;
}

/* copied_pfns is "none". */
static void copied(struct inner *inner)
{
	ssize_t result = inner->request.result;

	if (result > 0)
		memset(inner->request.region.buf, 0, (size_t)result);
	inner_end(inner, result);
}

static void submit(struct vfmig_device *device, struct vfmig_request *request)
{
	bool strikes =
		request->op == VFMIG_OP_REGION_READ &&
		request->region.index == VFMIG_PCI_REGION_COUNT &&
		request->region.offset == offsetof(struct vfmig_pfn_migration_info, copied_pfns);

	if (strikes)
		filter_forward(device, request, copied);
	else
		vfmig_submit(device->inner, request);
}

static const struct device_ops ops = {
	.submit = submit,
	.cancel = filter_cancel,
	.fd = filter_fd,
	.process = filter_process,
	.close = filter_close,
};

static struct vfmig_device *tell_none(struct move *move, struct vfmig_device *inner)
{
	struct vfmig_device *device = calloc(1, sizeof(*device));

	CHECK(device);
	CHECK_EQ(filter_init(device, &ops, inner, "tells none", NULL), 0);
	return device;
}

#define NO_REPORT "fault,op=feature,feature=dma-logging-report,do=drop,times=0"

static const struct {
	const char *options;
	struct move broken; /* by its own way of telling */
} kinds[] = {
	{"protocol=pfn,data=trapped", {.enclose = tell_none}},
	{"protocol=pfn,data=mapped,bitmap=apart", {.enclose = tell_none}},
	{"protocol=v1,data=trapped", {.filter = NO_REPORT}},
	{"protocol=v1,data=mapped", {.filter = NO_REPORT}},
	{"protocol=v2,migration=pre_copy", {.filter = NO_REPORT}},
};

int main(void)
{
	struct vfmig_model unlogged = vfmig_model_copier;

	unlogged.run = run_unlogged;
	for (size_t i = 0; i < 2 * sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct move broken = kinds[i / 2].broken;
		struct move forgotten = {.source_model = &unlogged}, whole = {0};

		broken.remote = forgotten.remote = whole.remote = i % 2;
		broken.max_rounds = forgotten.max_rounds = whole.max_rounds = 2;
		broken.options = forgotten.options = whole.options = kinds[i / 2].options;
		move_expect_caught(kinds[i / 2].options, &broken);
		move_expect_caught(kinds[i / 2].options, &forgotten);
		move_expect_good(kinds[i / 2].options, &whole);
	}
	return 0;
}
