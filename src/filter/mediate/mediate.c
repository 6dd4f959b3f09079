/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mediate: puts a mediator between a device and its user, to give the device migration.
 *
 * The mediator is in a shared object (vfmig/mediator.h). It accepts or refuses the device, and
 * lists the regions that it must see. Accesses to these go to it, through a thread, since it may
 * block (jobs.c); all other requests pass. The migration region is entirely the mediator's.
 *
 *	load.c	    the shared object, and checks of it
 *	probe.c	    tries it in a child process
 *	regions.c   the mediator's description of the regions
 *	jobs.c	    its thread
 *	work.c	    the operations that the thread calls
 *	host.c	    the host's functions that it may call
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/answer.h"
#include "filter/filters.h"
#include "filter/mediate/mediate.h"

/* @so, @argument: only for the help; the lists of them are taken apart by hand. */
struct options {
	char *so, *argument;
	uint64_t iova;
	bool probe;
	unsigned count;
	struct {
		char *path, *argument;
	} mediator[MEDIATE_MEDIATORS_MAX];
};

static const struct vfmig_option options[] = {
	{.name = "so",
	 .kind = VFMIG_OPTION_TEXT,
	 .offset = offsetof(struct options, so),
	 .help = "the mediator's shared object; of several, the first that accepts the device is used"},
	{.name = "arg",
	 .kind = VFMIG_OPTION_TEXT,
	 .offset = offsetof(struct options, argument),
	 .help = "argument for the mediator named before it"},
	{.name = "probe",
	 .kind = VFMIG_OPTION_BOOL,
	 .offset = offsetof(struct options, probe),
	 .default_text = "on",
	 .help = "try the mediator in a child process first, so that a crash is reported as an error"},
	{.name = "iova",
	 .kind = VFMIG_OPTION_SIZE,
	 .offset = offsetof(struct options, iova),
	 .default_text = "0x7f00000000",
	 .help = "IOVA of the mediator's memory"},
	{.kind = VFMIG_OPTION_END},
};

static struct mediate *mediate_of(struct vfmig_device *device)
{
	return (struct mediate *)device;
}

/* ---- requests ---- */

static void device_info_back(struct inner *inner)
{
	const struct mediate *m = mediate_of(filter_of(inner));
	const struct vfmig_request *request = &inner->request;
	struct vfmig_device_info *info = request->info.buf;
	const size_t end = offsetof(struct vfmig_device_info, num_regions) + sizeof(uint32_t);

	if (request->result >= 0 && (size_t)request->result >= end && request->info.size >= end &&
	    info->num_regions < m->regions)
		info->num_regions = m->regions;
	inner_end(inner, request->result);
}

/* What the device reports, with the flags that the mediator leaves. */
static void region_info_back(struct inner *inner)
{
	const struct mediate *m = mediate_of(filter_of(inner));
	const struct vfmig_request *request = &inner->request;
	const uint32_t flags =
		VFMIG_REGION_FLAG_READ | VFMIG_REGION_FLAG_WRITE | VFMIG_REGION_FLAG_MMAP;
	struct vfmig_region_info *info = request->info.buf;
	const size_t end = offsetof(struct vfmig_region_info, flags) + sizeof(uint32_t);

	if (request->result >= 0 && (size_t)request->result >= end && request->info.size >= end &&
	    request->info.index < m->regions)
		info->flags &= ~flags | m->region[request->info.index].flags;
	inner_end(inner, request->result);
}

static void region_info(struct mediate *m, struct vfmig_request *request)
{
	uint32_t index = request->info.index;

	if (mediate_is_migration(m, index)) {
		mediate_own_info(m, request);
	} else if (index >= m->about.regions && index < m->regions) {
		/* Between the device's last region and the migration region. */
		request_complete(request, answer_no_region(request));
	} else {
		filter_forward(&m->device, request, region_info_back);
	}
}

static void access_region(struct mediate *m, struct vfmig_request *request)
{
	uint32_t index = request->region.index;
	const struct vfmig_mediator_region *region;
	const char *why;

	if (index >= m->regions) {
		vfmig_submit(m->device.inner, request);
		return;
	}
	region = &m->region[index];
	if (!region->watch && !mediate_is_migration(m, index) &&
	    region->flags == m->seen[index].flags) {
		vfmig_submit(m->device.inner, request);
		return;
	}
	why = mediate_bad_access(region, request);
	if (why)
		request_complete_err(request, -EINVAL,
				     "%s: region %u: access of 0x%x bytes at 0x%llx: %s",
				     m->device.name, index, request->region.len,
				     (unsigned long long)request->region.offset, why);
	else if (region->watch || mediate_is_migration(m, index))
		mediate_put(m, request);
	else
		vfmig_submit(m->device.inner, request);
}

static void region_fd(struct mediate *m, struct vfmig_request *request)
{
	uint32_t index = request->region_fd.index;

	if (index < m->regions && !(m->region[index].flags & VFMIG_REGION_FLAG_MMAP))
		request_complete_err(request, -ENODEV, "%s: region %u has no mappable area",
				     m->device.name, index);
	else if (index < m->regions && m->ops.mmap)
		mediate_put(m, request);
	else
		vfmig_submit(m->device.inner, request);
}

static bool is_logging(const struct mediate *m, const struct vfmig_request *request)
{
	uint32_t index = request->feature.flags & VFMIG_FEATURE_MASK;

	return (m->caps & VFMIG_MEDIATOR_CAP_LOGGING) &&
	       (index == VFMIG_FEATURE_DMA_LOGGING_START ||
		index == VFMIG_FEATURE_DMA_LOGGING_STOP ||
		index == VFMIG_FEATURE_DMA_LOGGING_REPORT);
}

static void submit(struct vfmig_device *device, struct vfmig_request *request)
{
	struct mediate *m = mediate_of(device);
	bool mine = false;

	switch (request->op) {
	case VFMIG_OP_DEVICE_INFO:
		filter_forward(device, request, device_info_back);
		return;
	case VFMIG_OP_REGION_INFO:
		region_info(m, request);
		return;
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		access_region(m, request);
		return;
	case VFMIG_OP_REGION_FD:
		region_fd(m, request);
		return;
	case VFMIG_OP_ATTACH:
	case VFMIG_OP_DETACH:
	case VFMIG_OP_RESET:
		mine = true;
		break;
	case VFMIG_OP_SPACE_MAP:
	case VFMIG_OP_SPACE_UNMAP:
		mine = m->own;
		break;
	case VFMIG_OP_FEATURE:
		mine = is_logging(m, request);
		break;
	default:
		break;
	}
	if (mine)
		mediate_put(m, request);
	else
		vfmig_submit(device->inner, request);
}

static int process(struct vfmig_device *device, struct vfmig_error *err)
{
	worker_process(&mediate_of(device)->worker);
	return filter_process(device, err);
}

/* ---- from its making to its end ---- */

static void close_mediate(struct vfmig_device *device)
{
	struct mediate *m = mediate_of(device);

	worker_stop(&m->worker);
	/* The device lets go of the mediator's memory before that goes. */
	filter_close_inner(device);
	m->may_ask = false;
	mediate_unload(m);
	expose_fini(&m->logging);
	page_log_fini(&m->log);
	free(m->seen);
	free(m->region);
	mediate_host_fini(m);
	filter_close(device);
}

static const struct device_ops ops = {
	.submit = submit,
	.cancel = filter_cancel,
	.fd = filter_fd,
	.process = process,
	.close = close_mediate,
};

/*
 * A device that can migrate needs no mediator, and with two ways to migrate the choice would be
 * ambiguous.
 */
static int check_need(struct mediate *m, struct vfmig_device *inner, struct vfmig_error *err)
{
	struct vfmig_region region;
	bool can = !vfmig_device_call_feature(
		inner, VFMIG_FEATURE_PROBE | VFMIG_FEATURE_GET | VFMIG_FEATURE_MIGRATION, NULL, 0,
		NULL);
	int ret;

	if (!(m->caps & VFMIG_MEDIATOR_CAP_MIGRATION))
		return 0;
	for (uint32_t i = VFMIG_PCI_REGION_COUNT; i < m->about.regions && !can; i++) {
		ret = vfmig_device_get_region_info(inner, i, &region, err);
		if (ret && !device_index_absent(ret))
			return ret;
		can = !ret && region.type == VFMIG_REGION_TYPE_MIGRATION;
	}
	if (!can)
		return 0;
	return vfmig_err(
		err, -EBUSY,
		"mediator %s provides migration, and device %s already has it; remove the mediator, or open the device with migration=off",
		m->ops.name, inner->name);
}

/* What the mediator's capabilities need, and the thread. */
static int settle(struct mediate *m, struct vfmig_device *inner, struct vfmig_error *err)
{
	const struct region_log log = {.logger = &m->log.logger};
	const struct expose_options as = {0}; /* as features */
	int ret = check_need(m, inner, err);

	if (!ret && (m->caps & VFMIG_MEDIATOR_CAP_LOGGING)) {
		ret = page_log_init(&m->log, err);
		if (!ret)
			ret = expose_open(&m->logging, NULL, &log, &as, 0, false, err);
	}
	if (ret)
		return ret;
	if (m->caps & VFMIG_MEDIATOR_CAP_MEMORY)
		m->own = vfmig_space_new();
	if ((m->caps & VFMIG_MEDIATOR_CAP_MEMORY) && !m->own)
		return vfmig_err(err, -ENOMEM, "no memory for a mediator's address space");
	m->may_ask = true;
	ret = worker_start(&m->worker, err);
	return ret ? ret : filter_watch(&m->device, m->worker.fd, err);
}

static int new_mediate(struct vfmig_device *inner, uint64_t iova, struct mediate **mediate,
		       struct vfmig_error *err)
{
	struct vfmig_device *filter;
	int ret = filter_new(&filter, sizeof(struct mediate), &ops, inner, "mediate", err);
	struct mediate *m = mediate_of(filter);

	if (ret)
		return ret;
	worker_init(&m->worker, filter, mediate_work);
	expose_init(&m->logging);
	mediate_host_init(m);
	m->next_iova = iova;
	*mediate = m;
	return mediate_look(m, inner, err);
}

static int finish(struct mediate *m, struct vfmig_device *inner, int ret,
		  struct vfmig_device **device, struct vfmig_error *err)
{
	if (!ret)
		ret = settle(m, inner, err);
	/* It was there for open() only. */
	m->about.region = NULL;
	m->about.name = m->about.argument = NULL;
	return filter_opened(&m->device, ret, device);
}

int mediate_with(struct vfmig_device *inner, const struct vfmig_mediator *mediator,
		 const char *argument, struct vfmig_device **device, struct vfmig_error *err)
{
	struct mediate *m = NULL;
	int ret = new_mediate(inner, 0x7f00000000, &m, err);

	if (!m)
		return ret;
	m->about.argument = argument ? argument : "";
	if (!ret)
		ret = mediate_take(m, mediator, err);
	return finish(m, inner, ret, device, err);
}

/* ---- the options ---- */

static void free_options(struct options *o)
{
	vfmig_options_free(options, o);
	for (unsigned i = 0; i < o->count; i++) {
		free(o->mediator[i].path);
		free(o->mediator[i].argument);
	}
}

static int add_one(struct options *o, const char *item, struct vfmig_error *err)
{
	bool path = !strncmp(item, "so=", 3);
	char **into;

	if (path && o->count == MEDIATE_MEDIATORS_MAX)
		return vfmig_err(err, -E2BIG, "too many mediators; the limit is %u",
				 MEDIATE_MEDIATORS_MAX);
	if (!path && !o->count)
		return vfmig_err(err, -EINVAL, "option arg= must follow the so= of its mediator");
	into = path ? &o->mediator[o->count++].path : &o->mediator[o->count - 1].argument;
	free(*into);
	*into = strdup(strchr(item, '=') + 1);
	return *into ? 0 : vfmig_err(err, -ENOMEM, "no memory for options");
}

/* The table parses all keys except those that may be repeated; these are removed first. */
static int parse(struct options *o, const char *text, struct vfmig_error *err)
{
	char *copy, *rest, *item;
	int ret = vfmig_options_parse(options, text, o, err);

	if (ret)
		return ret;
	copy = rest = strdup(text ? text : "");
	if (!copy)
		return vfmig_err(err, -ENOMEM, "no memory for options");
	while (!ret && (item = strsep(&rest, ",")))
		if (!strncmp(item, "so=", 3) || !strncmp(item, "arg=", 4))
			ret = add_one(o, item, err);
	free(copy);
	if (!ret && !o->count)
		ret = vfmig_err(err, -EINVAL,
				"filter mediate needs so=PATH, the mediator's shared object");
	if (!ret && o->iova % VFMIG_PAGE_SIZE)
		ret = vfmig_err(err, -EINVAL, "option iova: 0x%llx is not a multiple of 4096",
				(unsigned long long)o->iova);
	return ret;
}

/* ---- choosing ---- */

struct attempt {
	struct mediate *m;
	const char *path;
};

static int in_child(void *context, struct vfmig_error *err)
{
	struct attempt *attempt = context;
	int ret = mediate_load(attempt->m, attempt->path, err);

	if (!ret)
		mediate_unload(attempt->m);
	return ret;
}

static int choose(struct mediate *m, const struct options *o, const char *name,
		  struct vfmig_error *err)
{
	int ret = -ENODEV;

	for (unsigned i = 0; i < o->count && ret == -ENODEV; i++) {
		struct attempt attempt = {m, o->mediator[i].path};

		m->about.argument = o->mediator[i].argument ? o->mediator[i].argument : "";
		ret = o->probe ? mediate_probe(in_child, &attempt, err) : 0;
		if (!ret)
			ret = mediate_load(m, attempt.path, err);
		if (ret && ret != -ENODEV)
			return vfmig_err_at(err, ret, "%s", attempt.path);
	}
	if (ret == -ENODEV && o->count == 1)
		return vfmig_err_at(err, ret, "mediator %s does not support device %s",
				    o->mediator[0].path, name);
	if (ret == -ENODEV)
		return vfmig_err(err, ret, "none of the %u mediators supports device %s", o->count,
				 name);
	return ret;
}

static int open_mediate(struct vfmig_device *inner, const char *text, struct vfmig_device **device,
			struct vfmig_error *err)
{
	struct options o = {0};
	struct mediate *m = NULL;
	int ret = parse(&o, text, err);

	if (!ret)
		ret = new_mediate(inner, o.iova, &m, err);
	if (!ret)
		ret = choose(m, &o, inner->name, err);
	if (m)
		ret = finish(m, inner, ret, device, err);
	free_options(&o);
	return ret;
}

const struct filter_kind filter_mediate = {
	.name = "mediate",
	.summary = "pass requests through a shared object, which can add migration to a device",
	.options = options,
	.open = open_mediate,
};
