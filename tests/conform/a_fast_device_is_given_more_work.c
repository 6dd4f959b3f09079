/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A good device that has always finished before it stops, unless it has a lot to do: what the suite sees if a server
 * gets the processor first. The rules about a device that is stopped in mid-work must not remain unseen.
 */
#include <vfmig/abi_region.h>
#include <vfmig/open.h>

#include "conform/conform.h"
#include "examples/copier-driver.h"
#include "tests/lib/check.h"
#include "tests/conform/liar.h"

/* What it does in no time. */
#define FAST 400u

static uint64_t at(struct liar *liar, enum cp_reg reg)
{
	uint32_t value;

	CHECK(!vfmig_device_region_read(liar->device.inner, CP_BAR_REGS, reg, &value, 4, NULL));
	return value;
}

static bool finishes_first(struct liar *liar, struct vfmig_request *r)
{
	bool stops = liar_sets(r, VFMIG_STATE_STOP) || liar_sets(r, VFMIG_STATE_STOP_COPY) ||
		     (liar_writes(r, 0) && !(liar_value(r) & VFMIG_V1_STATE_RUNNING));

	if (r->op == VFMIG_OP_REGION_WRITE && r->region.index == CP_BAR_REGS &&
	    r->region.offset == CP_REG_TAIL)
		liar->count = liar_value(r) - at(liar, CP_REG_TAIL);
	while (stops && liar->count < FAST && at(liar, CP_REG_HEAD) != at(liar, CP_REG_TAIL))
		CHECK(!vfmig_device_process(liar->device.inner, NULL));
	return false;
}

static void tell(void *context, const struct conform_result *r)
{
	fprintf(stderr, "%s %s: %s\n", conform_word(r->verdict), r->check->id, r->seen);
}

static void look(const char *name, const char *const *rules, size_t count)
{
	static const struct lie fast = {.what = "finishes first", .ask = finishes_first};
	const struct conform_options how = {.rules = rules, .rule_count = count, .settle_ms = 1};
	const struct conform_report report = {.result = tell};
	unsigned verdicts[CONFORM_VERDICTS];
	struct vfmig_device *device;
	struct vfmig_error err = {0};

	CHECKF(!vfmig_open(name, &device, &err), "%s", err.text);
	device = liar_open(device, &fast);
	CHECKF(!conform_run(device, &how, &report, verdicts, &err), "%s", err.text);
	vfmig_device_close(device);
	CHECK_EQ(verdicts[CONFORM_PASS], count);
}

int main(void)
{
	static const char *const v2[] = {"V2-21", "V2-34", "V2-58"}, *const v1[] = {"V1-10"};

	look("model:copier,size=64K", v2, 3);
	look("model:copier,size=64K,protocol=v1", v1, 1);
	return 0;
}
