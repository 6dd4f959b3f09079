/* SPDX-License-Identifier: BSD-3-Clause */
/* The filter that was put on last sees a request first, and what it keeps the others never see. */
#include "tests/filter/filtered.h"

int main(void)
{
	struct seen seen;
	struct vfmig_device *d = seen_new(&seen);
	struct vfmig_error err = {0};

	d = around(d, &filter_fault, "op=reset,nth=1,error=ENOSPC");
	d = around(d, &filter_delay, "latency-us=1");
	d = around(d, &filter_fault, "op=reset,nth=1,error=EBUSY");
	CHECK_STR(vfmig_device_name(d), "fault(delay(fault(fake)))");
	CHECK_EQ(vfmig_device_reset(d, &err), -EBUSY); /* outer; the inner one has not counted it */
	CHECK_EQ(vfmig_device_reset(d, &err), -ENOSPC);
	CHECK_EQ(vfmig_device_reset(d, &err), 0);
	CHECK_EQ(seen.ops[VFMIG_OP_RESET], 1);
	vfmig_device_close(d);
	return 0;
}
