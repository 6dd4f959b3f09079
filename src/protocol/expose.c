/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Exposing a session in several revisions, and which of them is in use; see expose.h.
 */
#include <errno.h>
#include <string.h>

#include "protocol/pfn/pfn.h"
#include "protocol/expose.h"
#include "protocol/v1/v1.h"

#define V2 3u /* beside enum vfmig_region_revision */

const char *const expose_protocols[] = {"v2", "v1", "pfn", "v2+v1", "v2+pfn", NULL};
const char *const expose_data[] = {"trapped", "mapped", "partly", NULL};
const char *const expose_bitmaps[] = {"same", "apart", NULL};
const char *const expose_session_protocols[] = {"newest", "v2", "v1", "pfn", NULL};

static const struct {
	bool v2, v1, pfn;
} shows[] = {{.v2 = true},
	     {.v1 = true},
	     {.pfn = true},
	     {.v2 = true, .v1 = true},
	     {.v2 = true, .pfn = true}};

void expose_init(struct expose *expose)
{
	memset(expose, 0, sizeof(*expose));
	v2_driver_init(&expose->v2, NULL, NULL);
}

int expose_open(struct expose *expose, struct vfmig_session *session, const struct region_log *log,
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

	expose->shows_v2 = shows[options->protocol].v2;
	expose->v2.session = expose->shows_v2 ? session : NULL;
	expose->v2.logger = log && (expose->shows_v2 || v1) ? log->logger : NULL;
	expose->index = index;
	if (!session || (!v1 && !pfn))
		return 0;
	expose->revision = v1 ? VFMIG_REGION_V1 : VFMIG_REGION_PFN;
	if (v1)
		return v1_driver_open(session, &region, &expose->region, err);
	return pfn_driver_open(session, log, &region, &expose->region, err);
}

void expose_fini(struct expose *expose)
{
	region_driver_close(expose->region);
	v2_driver_fini(&expose->v2);
}

uint32_t expose_regions(const struct expose *expose, uint32_t others)
{
	return expose->region && others <= expose->index ? expose->index + 1 : others;
}

bool expose_dma_logging(const struct expose *expose)
{
	return expose->shows_v2 || expose->revision != VFMIG_REGION_PFN;
}

bool expose_understands_reinit(struct expose *expose)
{
	return atomic_load(&expose->v2.precopy_info_v2);
}

void expose_reset(struct expose *expose)
{
	if (expose->region)
		region_driver_reset(expose->region);
	atomic_store(&expose->in_use, 0);
}

/* ---- the revision in use ---- */

/*
 * The revision that a request belongs to, or 0; and whether the request changes the device's
 * state.
 */
static unsigned about(const struct expose *expose, const struct vfmig_request *request,
		      bool *changes)
{
	uint32_t flags;

	*changes = false;
	switch (request->op) {
	case VFMIG_OP_FEATURE:
		flags = request->feature.flags;
		if (!expose->shows_v2 || (flags & VFMIG_FEATURE_PROBE))
			return 0;
		*changes = flags == (VFMIG_FEATURE_SET | VFMIG_FEATURE_MIG_STATE);
		flags &= VFMIG_FEATURE_MASK;
		return flags == VFMIG_FEATURE_MIG_STATE || flags == VFMIG_FEATURE_MIG_DATA_SIZE ? V2
												: 0;
	case VFMIG_OP_DATA_READ:
	case VFMIG_OP_DATA_WRITE:
	case VFMIG_OP_PRECOPY_INFO:
		return V2;
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		if (!expose->region || request->region.index != expose->index)
			return 0;
		*changes = request->op == VFMIG_OP_REGION_WRITE && !request->region.offset;
		return expose->revision;
	default:
		return 0;
	}
}

static bool busy(struct expose *expose, unsigned revision, bool changes)
{
	unsigned user = atomic_load(&expose->in_use);

	if (!user && changes)
		atomic_compare_exchange_strong(&expose->in_use, &user, revision);
	return user && user != revision;
}

bool expose_submit(struct expose *expose, struct vfmig_request *request)
{
	static const char *const names[] = {"", "pfn", "v1", "v2"};
	bool changes;
	unsigned revision = about(expose, request, &changes);

	if (revision && busy(expose, revision, changes)) {
		request_complete_err(
			request, -EBUSY,
			"the device is being migrated by protocol %s; reset it before using %s",
			names[atomic_load(&expose->in_use) & 3], names[revision]);
		return true;
	}
	return (expose->region && region_driver_submit(expose->region, request)) ||
	       v2_driver_submit(&expose->v2, request);
}

bool expose_cancel(struct expose *expose, struct vfmig_request *request)
{
	return (expose->region && region_driver_cancel(expose->region, request)) ||
	       v2_driver_cancel(&expose->v2, request);
}
