/* SPDX-License-Identifier: BSD-3-Clause */
/* A request that hangs can be taken back, by its time limit or by hand; nothing else is held up by it. */
#include "tests/filter/filtered.h"

static bool done;

static void set_done(struct vfmig_request *request)
{
	done = true;
}

int main(void)
{
	struct seen seen;
	struct vfmig_device *d = around(seen_new(&seen), &filter_fault, "op=reset,do=hang,times=2");
	struct vfmig_request r = {.op = VFMIG_OP_RESET, .done = set_done};
	struct vfmig_error err = {0};

	vfmig_device_set_timeout(d, 10);
	CHECK_EQ(vfmig_device_reset(d, &err), -ETIMEDOUT);
	CHECK_EQ(seen.ops[VFMIG_OP_RESET], 0);

	vfmig_submit(d, &r);
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP), 0); /* goes past it */
	CHECK(!done);
	CHECK(vfmig_cancel(d, &r));
	CHECK(!vfmig_cancel(d, &r));
	CHECK(!done);
	CHECK_EQ(vfmig_device_reset(d, NULL), 0); /* the third is not struck */
	vfmig_device_close(d);

	/* Done, but never answered. */
	d = around(seen_new(&seen), &filter_fault, "op=reset,do=hang,when=after");
	vfmig_device_set_timeout(d, 10);
	CHECK_EQ(vfmig_device_reset(d, NULL), -ETIMEDOUT);
	CHECK_EQ(seen.ops[VFMIG_OP_RESET], 1);
	vfmig_device_close(d);

	/* Closing ends what hangs. */
	d = around(seen_new(&seen), &filter_fault, "op=reset,do=hang");
	vfmig_submit(d, &r);
	CHECK(!done);
	vfmig_device_close(d);
	CHECK(done);
	CHECK_EQ(r.result, -ECANCELED);
	return 0;
}
