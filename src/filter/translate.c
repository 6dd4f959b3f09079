/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * translate: exposes a device in another revision of the migration protocol.
 *
 * Inside, a user side drives the device by a revision that the device supports. Outside, a driver
 * side exposes the session from that user side in another revision. The filter only connects the
 * two. The device's own migration region or features are hidden.
 *
 * Written pages: DMA logging passes through if the device has it. A pfn device has none, and the
 * session requests its bitmaps. If pfn is exposed, its bitmaps are made of the device's DMA
 * logging, which needs ranges to log: so the filter remembers the maps that pass through. A map
 * that is added while the log runs is not in it, and until the log is restarted all pages count as
 * written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vfmig/abi_region.h>
#include <vfmig/space.h>

#include "abi/range.h"
#include "device/answer.h"
#include "device/filter.h"
#include "filter/filters.h"
#include "protocol/expose.h"

/* No more maps are remembered apart; a range over their gaps logs too much, which is no mistake. */
#define MAPS 1024

struct translate {
	struct vfmig_device device; /* first */
	struct expose_options options;
	uint64_t from;
	struct vfmig_session *session;
	struct expose show;
	uint32_t hidden; /* the migration region of the device inside, or UINT32_MAX */

	pthread_mutex_t lock; /* of the maps; innermost */
	struct vfmig_dma_logging_range *map;
	size_t maps;
	bool uncovered; /* a map has come since the log began */
};

static const struct vfmig_option options[] = {
	EXPOSE_OPTIONS(offsetof(struct translate, options)),
	{.name = "from",
	 .kind = VFMIG_OPTION_CHOICE,
	 .offset = offsetof(struct translate, from),
	 .default_text = "newest",
	 .help = "the revision that the filter uses with the device: the newest it has, or one by name",
	 .choices = expose_session_protocols},
	{.kind = VFMIG_OPTION_END},
};

static struct translate *translate_of(struct vfmig_device *device)
{
	return (struct translate *)device;
}

/* ---- the maps that pass through ---- */

/* In order of address; with too many of them the last one is stretched. */
static void add_map(struct translate *t, const struct vfmig_map *map)
{
	size_t i;

	pthread_mutex_lock(&t->lock);
	t->uncovered = true;
	for (i = t->maps; i && t->map[i - 1].iova > map->iova; i--)
		;
	if (t->maps == MAPS) {
		struct vfmig_dma_logging_range *last = &t->map[i ? i - 1 : 0];
		uint64_t start = last->iova < map->iova ? last->iova : map->iova;
		uint64_t end = abi_sum(last->iova, last->length);

		if (abi_sum(map->iova, map->size) > end)
			end = abi_sum(map->iova, map->size);
		last->iova = start;
		last->length = end - start;
	} else {
		memmove(&t->map[i + 1], &t->map[i], (t->maps - i) * sizeof(*t->map));
		t->map[i] = (struct vfmig_dma_logging_range){map->iova, map->size};
		t->maps++;
	}
	pthread_mutex_unlock(&t->lock);
}

static void remove_map(struct translate *t, const struct vfmig_map *map)
{
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->maps; i++) {
		if (t->map[i].iova != map->iova || t->map[i].length != map->size)
			continue;
		t->maps--;
		memmove(&t->map[i], &t->map[i + 1], (t->maps - i) * sizeof(*t->map));
		break;
	}
	pthread_mutex_unlock(&t->lock);
}

static uint32_t ranges(void *context, struct vfmig_dma_logging_range *out, uint32_t max)
{
	struct translate *t = context;
	uint32_t n = 0;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->maps; i++) {
		const struct vfmig_dma_logging_range *map = &t->map[i];
		struct vfmig_dma_logging_range *last = n ? &out[n - 1] : NULL;
		uint64_t end = abi_sum(map->iova, map->length);

		if (last && (map->iova <= abi_sum(last->iova, last->length) || n == max)) {
			if (end > abi_sum(last->iova, last->length))
				last->length = end - last->iova;
			continue;
		}
		out[n++] = *map;
	}
	t->uncovered = false;
	pthread_mutex_unlock(&t->lock);
	return n;
}

static bool covered(void *context)
{
	struct translate *t = context;
	bool all;

	pthread_mutex_lock(&t->lock);
	all = !t->uncovered;
	pthread_mutex_unlock(&t->lock);
	return all;
}

/* ---- requests ---- */

static bool is_logging(const struct vfmig_request *request)
{
	uint32_t index = request->feature.flags & VFMIG_FEATURE_MASK;

	return request->op == VFMIG_OP_FEATURE && (index == VFMIG_FEATURE_DMA_LOGGING_START ||
						   index == VFMIG_FEATURE_DMA_LOGGING_STOP ||
						   index == VFMIG_FEATURE_DMA_LOGGING_REPORT);
}

static bool reports_pages(const struct translate *t)
{
	return vfmig_session_properties(t->session) & VFMIG_SESSION_REPORTS_PAGES;
}

static void log_request(struct translate *t, struct vfmig_request *request)
{
	uint32_t flags = request->feature.flags;
	uint32_t op = (flags & VFMIG_FEATURE_MASK) == VFMIG_FEATURE_DMA_LOGGING_REPORT
			      ? VFMIG_FEATURE_GET
			      : VFMIG_FEATURE_SET;

	if (!expose_dma_logging(&t->show))
		request_complete_err(
			request, -ENOTTY,
			"device %s reports dirty pages in its migration region, not by DMA logging",
			t->device.name);
	else if (!reports_pages(t))
		vfmig_submit(t->device.inner, request);
	else if (flags & (VFMIG_FEATURE_GET | VFMIG_FEATURE_SET) & ~op)
		request_complete_err(request, -ENOTTY,
				     "%s: the feature does not have this operation",
				     t->device.name);
	else if (flags & VFMIG_FEATURE_PROBE)
		request_complete(request, 0);
	else
		/* It has the device's form there, too. */
		vfmig_session_submit(t->session, request);
}

static void info_back(struct inner *inner)
{
	struct translate *t = translate_of(filter_of(inner));
	const struct vfmig_request *request = &inner->request;
	struct vfmig_device_info *info = request->info.buf;
	const size_t end = offsetof(struct vfmig_device_info, num_regions) + sizeof(uint32_t);

	if (request->result >= 0 && (size_t)request->result >= end && request->info.size >= end)
		info->num_regions = expose_regions(&t->show, info->num_regions);
	inner_end(inner, request->result);
}

static void reset_back(struct inner *inner)
{
	if (inner->request.result >= 0)
		expose_reset(&translate_of(filter_of(inner))->show);
	inner_end(inner, inner->request.result);
}

/* The region by which the device itself is migrated is there no more. */
static bool is_hidden(struct translate *t, struct vfmig_request *request)
{
	switch (request->op) {
	case VFMIG_OP_REGION_INFO:
		if (request->info.index != t->hidden)
			return false;
		request_complete(request, answer_no_region(request));
		return true;
	case VFMIG_OP_REGION_FD:
		if (request->region_fd.index != t->hidden)
			return false;
		break;
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		if (request->region.index != t->hidden)
			return false;
		break;
	default:
		return false;
	}
	request_complete_err(request, -EINVAL, "%s has no region %u", t->device.name, t->hidden);
	return true;
}

static void submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct translate *t = translate_of(device);

	if (is_logging(request)) {
		log_request(t, request);
		return;
	}
	if (expose_submit(&t->show, request) || is_hidden(t, request))
		return;
	switch (request->op) {
	case VFMIG_OP_DEVICE_INFO:
		filter_forward(device, request, info_back);
		return;
	case VFMIG_OP_RESET:
		filter_forward(device, request, reset_back);
		return;
	case VFMIG_OP_SPACE_MAP:
		add_map(t, request->map);
		break;
	case VFMIG_OP_SPACE_UNMAP:
		remove_map(t, request->map);
		break;
	default:
		break;
	}
	vfmig_submit(device->inner, request);
}

static bool cancel(struct vfmig_device *device, struct vfmig_request *request)
{
	struct translate *t = translate_of(device);

	return expose_cancel(&t->show, request) || vfmig_session_cancel(t->session, request) ||
	       filter_cancel(device, request);
}

/* ---- from its making to its end ---- */

static void let_go(struct translate *t)
{
	expose_fini(&t->show);
	vfmig_session_close(t->session);
	pthread_mutex_destroy(&t->lock);
	free(t->map);
}

static void close_translate(struct vfmig_device *device)
{
	let_go(translate_of(device));
	filter_close(device);
}

static const struct device_ops ops = {
	.submit = submit,
	.cancel = cancel,
	.fd = filter_fd,
	.process = filter_process,
	.close = close_translate,
};

/* The region to hide, and where ours goes: in its place, or behind all. */
static int look_around(struct translate *t, struct vfmig_device *inner, uint32_t *index,
		       struct vfmig_error *err)
{
	struct vfmig_device_info info;
	struct vfmig_region region;
	int ret = vfmig_device_get_info(inner, &info, err);

	if (ret)
		return ret;
	t->hidden = UINT32_MAX;
	*index = info.num_regions < VFMIG_PCI_REGION_COUNT ? VFMIG_PCI_REGION_COUNT
							   : info.num_regions;
	for (uint32_t i = VFMIG_PCI_REGION_COUNT; i < info.num_regions && i < 256; i++) {
		ret = vfmig_device_get_region_info(inner, i, &region, err);
		if (ret && !device_index_absent(ret))
			return ret;
		if (!ret && region.size && region.type == VFMIG_REGION_TYPE_MIGRATION)
			*index = t->hidden = i;
	}
	return 0;
}

static int open_parts(struct translate *t, struct vfmig_device *inner, struct vfmig_error *err)
{
	struct region_log log = {.ranges = ranges, .covered = covered, .context = t};
	uint32_t index;
	int ret = look_around(t, inner, &index, err);

	if (ret)
		return ret;
	ret = vfmig_session_open(inner, t->from ? expose_session_protocols[t->from] : NULL,
				 &t->session, err);
	if (ret)
		return ret;
	/* The user of this device may request STOP before all memory is loaded. */
	t->session->checks_late = true;
	log.session_tells = reports_pages(t);
	log.device = log.session_tells ? NULL : inner;
	return expose_open(&t->show, t->session, &log, &t->options, index, true, err);
}

static int open_translate(struct vfmig_device *inner, const char *text,
			  struct vfmig_device **device, struct vfmig_error *err)
{
	struct vfmig_device *filter;
	int ret = filter_new(&filter, sizeof(struct translate), &ops, inner, "translate", err);
	struct translate *t = translate_of(filter);

	if (ret)
		return ret;
	expose_init(&t->show);
	pthread_mutex_init(&t->lock, NULL);
	t->map = calloc(MAPS, sizeof(*t->map));
	ret = t->map ? vfmig_options_parse(options, text, t, err)
		     : vfmig_err(err, -ENOMEM, "no memory for filter translate");
	if (!ret)
		ret = open_parts(t, inner, err);
	return filter_opened(filter, ret, device);
}

const struct filter_kind filter_translate = {
	.name = "translate",
	.summary = "expose the device in another revision of the migration protocol",
	.options = options,
	.open = open_translate,
};
