/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which revision a migration region is driven by: the one that it tells; v1 if it tells none; pfn if it tells none
 * and pfn was asked for by name. What it tells is not overruled by a name.
 *
 * Rules: V2-73, INFO-04.
 */
#include "tests/v1/shown.h"

static void expect(enum vfmig_region_revision revision, bool mute, const char *name,
		   const char *chosen, int code)
{
	struct region_options options = {.transaction = 64, .mute = mute};
	struct shown *shown = shown_new(revision, FAKE_ALL, NULL, &options);
	struct vfmig_session *session;
	int ret = vfmig_session_open(&shown->device, name, &session, NULL);

	CHECKF(ret == code, "%s%s by %s: %d", revision == VFMIG_REGION_PFN ? "pfn" : "v1",
	       mute ? ", mute" : "", name ? name : "none", ret);
	if (!ret) {
		CHECK_STR(vfmig_session_protocol(session), chosen);
		vfmig_session_close(session);
	}
	vfmig_device_close(&shown->device);
}

int main(void)
{
	expect(VFMIG_REGION_V1, false, NULL, "v1", 0);
	expect(VFMIG_REGION_V1, false, "v1", "v1", 0);
	expect(VFMIG_REGION_V1, false, "pfn", NULL, -EOPNOTSUPP);
	expect(VFMIG_REGION_V1, false, "v2", NULL, -EOPNOTSUPP);
	expect(VFMIG_REGION_V1, false, "v3", NULL, -EINVAL);
	expect(VFMIG_REGION_PFN, false, NULL, "pfn", 0);
	expect(VFMIG_REGION_PFN, false, "pfn", "pfn", 0);
	expect(VFMIG_REGION_PFN, false, "v1", NULL, -EOPNOTSUPP);
	/* Nobody can tell these apart. */
	expect(VFMIG_REGION_V1, true, NULL, "v1", 0);
	expect(VFMIG_REGION_PFN, true, NULL, "v1", 0);
	expect(VFMIG_REGION_PFN, true, "pfn", "pfn", 0);
	return 0;
}
