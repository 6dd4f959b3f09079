/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A fault on an arc leaves the device where that arc begins, also in the middle of a longer way.
 *
 * Rules: V2-11, V2-51.
 */
#include "tests/filter/filtered.h"

static struct seen seen;

static struct vfmig_device *fault(const char *options)
{
	return around(seen_new(&seen), &filter_fault, options);
}

int main(void)
{
	struct vfmig_device *d = fault("arc=running-p2p:stop");

	/* RUNNING -> RUNNING_P2P -> STOP -> STOP_COPY, and the second of these fails. */
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP_COPY), -EIO);
	CHECK_EQ(get_state(d), VFMIG_STATE_RUNNING_P2P);
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP_COPY), 0); /* only once */
	CHECK_EQ(seen.state, VFMIG_STATE_STOP_COPY);
	vfmig_device_close(d);

	d = fault("arc=running-p2p:stop,when=after");
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP_COPY), -EIO);
	CHECK_EQ(seen.state, VFMIG_STATE_STOP);
	vfmig_device_close(d);

	/* Ways that do not pass it are not counted. */
	d = fault("arc=any:resuming,nth=2,error=ENOMEM");
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP), 0);
	CHECK_EQ(set_state(d, VFMIG_STATE_RESUMING), 0);
	CHECK_EQ(set_state(d, VFMIG_STATE_RUNNING), 0);
	CHECK_EQ(set_state(d, VFMIG_STATE_RESUMING), -ENOMEM);
	CHECK_EQ(seen.state, VFMIG_STATE_STOP);
	vfmig_device_close(d);

	d = fault("arc=stop:any,do=hang");
	vfmig_device_set_timeout(d, 10);
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP_COPY), -ETIMEDOUT);
	CHECK_EQ(seen.state, VFMIG_STATE_STOP);
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP_COPY), 0);
	vfmig_device_close(d);

	d = fault("arc=running:running_p2p,do=drop"); /* a driver that lies */
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP), 0);
	CHECK_EQ(seen.state, VFMIG_STATE_RUNNING);
	vfmig_device_close(d);

	/* What the device refuses by itself stays its own refusal. */
	d = fault("arc=any:any,nth=2");
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP_COPY), 0);
	CHECK_EQ(set_state(d, VFMIG_STATE_PRE_COPY), -EINVAL);
	CHECK_EQ(set_state(d, VFMIG_STATE_STOP), -EIO);
	vfmig_device_close(d);
	return 0;
}
