/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that shows two revisions: to look at it in either changes nothing; the first whose user changes the
 * state has it until a reset, and the other is told that it is busy, and by whom.
 *
 * Rules: V2-73.
 */
#include <vfmig/model.h>

#include <errno.h>

#include "models/models.h"
#include "protocol/expose.h"
#include "tests/lib/check.h"

static struct vfmig_session *session_by(struct vfmig_device *device, const char *protocol)
{
	struct vfmig_session *session;
	struct vfmig_error err = {0};

	CHECKF(!vfmig_session_open(device, protocol, &session, &err), "%s", err.text);
	if (protocol)
		CHECK_STR(vfmig_session_protocol(session), protocol);
	return session;
}

static void both(const char *options, const char *other)
{
	struct vfmig_session *a, *b, *swap;
	struct vfmig_device *device;
	struct vfmig_error err = {0};
	enum vfmig_state state;
	uint64_t bytes;
	char buf[64];

	CHECKF(!vfmig_model_open(&vfmig_model_copier, options, &device, &err), "%s", err.text);
	a = session_by(device, NULL);
	CHECK_STR(vfmig_session_protocol(a), "v2"); /* the newest */
	b = session_by(device, other);
	for (int turn = 0; turn < 2; turn++) {
		CHECK_EQ(vfmig_session_get_state(a, &state, NULL), 0);
		CHECK_EQ(vfmig_session_get_state(b, &state, NULL), 0);
		CHECK_EQ(vfmig_session_set_state(a, VFMIG_STATE_PRE_COPY, NULL), 0);
		CHECK_EQ(vfmig_session_set_state(b, VFMIG_STATE_STOP_COPY, &err), -EBUSY);
		CHECK(strstr(err.text, vfmig_session_protocol(a)));
		CHECK_EQ(vfmig_session_get_state(b, &state, NULL), -EBUSY);
		CHECK(vfmig_session_read(a, buf, sizeof(buf), NULL) > 0);
		if (!strcmp(vfmig_session_protocol(b), "v2"))
			CHECK_EQ(vfmig_session_get_data_size(b, &bytes, NULL), -EBUSY);
		CHECK_EQ(vfmig_session_set_state(a, VFMIG_STATE_RUNNING, NULL), 0);
		/* Back in RUNNING it is still his, until a reset. */
		CHECK_EQ(vfmig_session_set_state(b, VFMIG_STATE_STOP_COPY, NULL), -EBUSY);
		CHECK_EQ(vfmig_device_reset(device, NULL), 0);
		swap = a;
		a = b;
		b = swap;
	}
	vfmig_session_close(a);
	vfmig_session_close(b);
	vfmig_device_close(device);
}

/* What is not shown is not there. */
static void one(const char *options, const char *shown, const char *const *hidden)
{
	struct vfmig_session *session;
	struct vfmig_device *device;

	CHECK_EQ(vfmig_model_open(&vfmig_model_copier, options, &device, NULL), 0);
	vfmig_session_close(session_by(device, shown));
	for (; *hidden; hidden++)
		CHECK_EQ(vfmig_session_open(device, *hidden, &session, NULL), -EOPNOTSUPP);
	vfmig_device_close(device);
}

int main(void)
{
	both("size=1M,protocol=v2+v1", "v1");
	both("size=1M,protocol=v2+v1,data=trapped", "v1");
	both("size=1M,protocol=v2+pfn", "pfn");
	one("size=1M,protocol=v1", "v1", (const char *const[]){"v2", "pfn", NULL});
	one("size=1M,protocol=pfn", "pfn", (const char *const[]){"v2", "v1", NULL});
	one("size=1M,protocol=v2", "v2", (const char *const[]){"v1", "pfn", NULL});
	return 0;
}
