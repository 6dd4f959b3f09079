/* SPDX-License-Identifier: BSD-3-Clause */
/* Exactly those calls that were named fail, with the errno and a sentence; the others reach the device. */
#include "tests/filter/filtered.h"

static void counts(void)
{
	struct seen seen;
	struct vfmig_device *d =
		around(seen_new(&seen), &filter_fault, "op=reset,nth=3,error=ENOSPC");
	struct vfmig_error err = {0};

	CHECK_EQ(vfmig_device_reset(d, NULL), 0);
	set_state(d, VFMIG_STATE_STOP); /* not a reset: not counted */
	CHECK_EQ(vfmig_device_reset(d, NULL), 0);
	CHECK_EQ(vfmig_device_reset(d, &err), -ENOSPC);
	CHECKF(strstr(err.text, "reset") && strstr(err.text, "ENOSPC"), "%s", err.text);
	CHECK_EQ(vfmig_device_reset(d, NULL), 0);
	CHECK_EQ(seen.ops[VFMIG_OP_RESET], 3);
	vfmig_device_close(d);
}

static void several(void)
{
	struct seen seen;
	struct vfmig_device *d = around(seen_new(&seen), &filter_fault, "op=reset,nth=2,times=2");
	static const int want[] = {0, -EIO, -EIO, 0};

	for (int i = 0; i < 4; i++)
		CHECK_EQ(vfmig_device_reset(d, NULL), want[i]);
	vfmig_device_close(d);

	d = around(seen_new(&seen), &filter_fault, "op=reset,nth=2,times=0");
	CHECK_EQ(vfmig_device_reset(d, NULL), 0);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(vfmig_device_reset(d, NULL), -EIO);
	CHECK_EQ(seen.ops[VFMIG_OP_RESET], 1);
	vfmig_device_close(d);
}

/* The same seed, the same faults; about as many as the chance says. */
static void by_chance(void)
{
	uint64_t pattern[2][4] = {{0}};
	unsigned hits = 0;

	for (int run = 0; run < 2; run++) {
		struct seen seen;
		struct vfmig_device *d = around(seen_new(&seen), &filter_fault,
						"op=reset,chance=250,seed=42,times=0");

		for (int i = 0; i < 256; i++)
			if (vfmig_device_reset(d, NULL))
				pattern[run][i / 64] |= 1ull << i % 64;
		hits = 256 - seen.ops[VFMIG_OP_RESET];
		vfmig_device_close(d);
	}
	CHECK(!memcmp(pattern[0], pattern[1], sizeof(pattern[0])));
	CHECK(hits > 32 && hits < 96);
}

static void of_a_feature(void)
{
	struct seen seen;
	struct vfmig_device *d = around(seen_new(&seen), &filter_fault,
					"feature=mig-device-state,times=0,error=EBUSY");
	uint64_t flags;

	CHECK_EQ(vfmig_device_call_feature(d, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIGRATION, &flags,
					   8, NULL),
		 0);
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP), -EBUSY);
	CHECK_EQ(seen.state, VFMIG_STATE_RUNNING);
	vfmig_device_close(d);
}

/* when=after: it has happened, and only the answer is lost. */
static void after(void)
{
	struct seen seen;
	struct vfmig_device *d =
		around(seen_new(&seen), &filter_fault, "feature=2,when=after,error=ETIMEDOUT");

	CHECK_EQ(set_state(d, VFMIG_STATE_STOP), -ETIMEDOUT);
	CHECK_EQ(seen.state, VFMIG_STATE_STOP);
	vfmig_device_close(d);
}

static void refuses(const char *options, const char *word)
{
	struct seen seen;
	struct vfmig_device *inner = seen_new(&seen), *d = NULL;
	struct vfmig_error err = {0};

	CHECKF(filter_fault.open(inner, options, &d, &err) < 0, "%s", options);
	CHECKF(!d && strstr(err.text, word), "%s: %s", options, err.text);
	vfmig_device_close(inner); /* still ours */
}

int main(void)
{
	counts();
	several();
	by_chance();
	of_a_feature();
	after();
	refuses("op=dance", "dance");
	refuses("op=reset+", "unknown operation");
	refuses("feature=tea", "tea");
	refuses("feature=70000", "70000");
	refuses("op=reset,feature=2", "feature");
	refuses("error=EFUN", "EFUN");
	refuses("nth=0", "range");
	refuses("chance=1001", "range");
	refuses("op=reset,do=short", "do=short");
	refuses("do=nothing", "use one of");
	refuses("arc=running", "arc");
	refuses("arc=running:flying", "arc");
	refuses("arc=running:stop,do=corrupt", "arc");
	refuses("color=red", "color");
	return 0;
}
