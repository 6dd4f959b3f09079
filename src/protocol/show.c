/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Showing a session in several revisions, and who uses it; see show.h.
 */
#include <errno.h>
#include <string.h>

#include "protocol/pfn/pfn.h"
#include "protocol/show.h"
#include "protocol/v1/v1.h"

#define V2 3u /* beside enum vfmig_region_revision */

const char *const expose_protocols[] = {"v2", "v1", "pfn", "v2+v1", "v2+pfn", NULL};
const char *const expose_data[] = {"trapped", "mapped", "partly", NULL};
const char *const expose_bitmaps[] = {"same", "apart", NULL};

static const struct {
	bool v2, v1, pfn;
} shows[] = {{.v2 = true},
	     {.v1 = true},
	     {.pfn = true},
	     {.v2 = true, .v1 = true},
	     {.v2 = true, .pfn = true}};

void expose_init(struct expose *show)
{
	memset(show, 0, sizeof(*show));
	v2_driver_init(&show->v2, NULL, NULL);
}

int expose_open(struct expose *show, struct vfmig_session *session, const struct region_log *log,
		const struct expose_options *options, uint32_t index, bool framed,
		struct vfmig_error *err)
{
	struct region_options region = {
		.index = index,
		.data = (enum region_data)options->data,
		.transaction = options->transaction,
		.framed = framed,
		.mute = !options->tell,
		.bitmap_apart = options->bitmap,
	};
	bool v1 = shows[options->protocol].v1, pfn = shows[options->protocol].pfn;

	show->shows_v2 = shows[options->protocol].v2;
	show->v2.session = show->shows_v2 ? session : NULL;
	show->v2.logger = log && (show->shows_v2 || v1) ? log->logger : NULL;
	show->index = index;
	if (!session || (!v1 && !pfn))
		return 0;
	show->revision = v1 ? VFMIG_REGION_V1 : VFMIG_REGION_PFN;
	if (v1)
		return v1_driver_open(session, &region, &show->region, err);
	return pfn_driver_open(session, log, &region, &show->region, err);
}

void expose_fini(struct expose *show)
{
	region_driver_close(show->region);
	v2_driver_fini(&show->v2);
}

uint32_t expose_regions(const struct expose *show, uint32_t others)
{
	return show->region && others <= show->index ? show->index + 1 : others;
}

void expose_reset(struct expose *show)
{
	if (show->region)
		region_driver_reset(show->region);
	atomic_store(&show->in_use, 0);
}

/* ---- who uses it ---- */

/* Which revision a request is about, or 0; whether it changes the device's state. */
static unsigned about(const struct expose *show, const struct vfmig_request *request, bool *changes)
{
	uint32_t flags;

	*changes = false;
	switch (request->verb) {
	case VFMIG_VERB_FEATURE:
		flags = request->feature.flags;
		if (!show->shows_v2 || (flags & VFMIG_FEATURE_PROBE))
			return 0;
		*changes = flags == (VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE);
		flags &= VFMIG_FEATURE_MASK;
		return flags == VFMIG_FEATURE_MIG_STATE || flags == VFMIG_FEATURE_MIG_DATA_SIZE ? V2
												: 0;
	case VFMIG_VERB_DATA_READ:
	case VFMIG_VERB_DATA_WRITE:
	case VFMIG_VERB_PRECOPY_INFO:
		return V2;
	case VFMIG_VERB_REGION_READ:
	case VFMIG_VERB_REGION_WRITE:
		if (!show->region || request->region.index != show->index)
			return 0;
		*changes = request->verb == VFMIG_VERB_REGION_WRITE && !request->region.offset;
		return show->revision;
	default:
		return 0;
	}
}

static bool busy(struct expose *show, unsigned revision, bool changes)
{
	unsigned user = atomic_load(&show->in_use);

	if (!user && changes)
		atomic_compare_exchange_strong(&show->in_use, &user, revision);
	return user && user != revision;
}

bool expose_submit(struct expose *show, struct vfmig_request *request)
{
	static const char *const names[] = {"", "pfn", "v1", "v2"};
	bool changes;
	unsigned revision = about(show, request, &changes);

	if (revision && busy(show, revision, changes)) {
		request_complete_err(
			request, -EBUSY,
			"the device is being migrated by protocol %s; it is there for %s "
			"after a reset",
			names[atomic_load(&show->in_use) & 3], names[revision]);
		return true;
	}
	return (show->region && region_driver_submit(show->region, request)) ||
	       v2_driver_submit(&show->v2, request);
}

bool expose_cancel(struct expose *show, struct vfmig_request *request)
{
	return (show->region && region_driver_cancel(show->region, request)) ||
	       v2_driver_cancel(&show->v2, request);
}
