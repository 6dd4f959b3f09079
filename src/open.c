/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A name to a device: the one table of models, sources and filters.
 *
 * A table and not constructors that register themselves: a static library loses those that nobody names.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vfmig/model.h>
#include <vfmig/open.h>

#include "filter/filters.h"
#include "models/models.h"
#include "source/vfio_user.h"

static const struct vfmig_model *const models[] = {
	&vfmig_model_copier,
	&vfmig_model_lookalike,
	NULL,
};

/*
 * @open: takes the place and the options behind it (NULL for none)
 */
struct source {
	const char *name, *place, *summary;
	const struct vfmig_option *options;
	int (*open)(const char *place, const char *options, struct vfmig_device **device,
		    struct vfmig_error *err);
};

static const struct source sources[] = {
	{"vfio-user", "SOCKET", "a device behind the socket of a vfio-user server",
	 vfio_user_option_table, vfio_user_connect},
	{NULL},
};

static const struct filter_kind *const filters[] = {
	&filter_fault, &filter_delay, &filter_trace, &filter_translate, &filter_mediate, NULL,
};

/* Cut "head,rest" in two; *rest is NULL without a comma. The head is to be freed. */
static char *cut(const char *text, const char **rest)
{
	size_t len = strcspn(text, ",");

	*rest = text[len] ? text + len + 1 : NULL;
	return strndup(text, len);
}

static int open_model(const char *name, const char *options, struct vfmig_device **device,
		      struct vfmig_error *err)
{
	int ret;

	for (size_t i = 0; models[i]; i++) {
		if (strcmp(models[i]->name, name))
			continue;
		ret = vfmig_model_open(models[i], options, device, err);
		return ret ? vfmig_err_at(err, ret, "model:%s", name) : 0;
	}
	return vfmig_err(err, -ENOENT, "unknown model '%s'; 'vfmig list' prints the models", name);
}

/* A source's own time limit holds from its first connection on, so that it is an option; the name's goes before it. */
static int open_source(const struct source *s, const char *place, const char *options,
		       uint64_t timeout_ms, struct vfmig_device **device, struct vfmig_error *err)
{
	char *limited;
	int ret;

	if (!timeout_ms)
		return s->open(place, options, device, err);
	if (asprintf(&limited, "timeout=%llu%s%s", (unsigned long long)timeout_ms,
		     options ? "," : "", options ? options : "") < 0)
		return vfmig_err(err, -ENOMEM, "no memory to open a device");
	ret = s->open(place, limited, device, err);
	free(limited);
	return ret;
}

static int open_kind(const char *kind, size_t kind_len, const char *place, const char *options,
		     uint64_t timeout_ms, struct vfmig_device **device, struct vfmig_error *err)
{
	int ret;

	if (kind_len == 5 && !memcmp(kind, "model", 5))
		return open_model(place, options, device, err);
	for (const struct source *s = sources; s->name; s++) {
		if (strlen(s->name) != kind_len || memcmp(kind, s->name, kind_len))
			continue;
		ret = open_source(s, place, options, timeout_ms, device, err);
		return ret ? vfmig_err_at(err, ret, "%s:%s", s->name, place) : 0;
	}
	return vfmig_err(err, -ENOENT,
			 "unknown kind of device '%.*s'; use model:NAME or vfio-user:SOCKET",
			 (int)kind_len, kind);
}

static int open_named(const char *name, uint64_t timeout_ms, struct vfmig_device **device,
		      struct vfmig_error *err)
{
	const char *colon = strchr(name, ':'), *comma = strchr(name, ','), *options;
	char *place;
	int ret;

	if (!colon || colon == name || (comma && comma < colon))
		return vfmig_err(
			err, -EINVAL,
			"'%s' is not a device name; use KIND:NAME, such as model:copier or vfio-user:/run/dev.sock",
			name);
	place = cut(colon + 1, &options);
	if (!place)
		return vfmig_err(err, -ENOMEM, "no memory to open a device");
	if (*place)
		ret = open_kind(name, (size_t)(colon - name), place, options, timeout_ms, device,
				err);
	else
		ret = vfmig_err(err, -EINVAL,
				"'%s' is not a device name: the part after the colon is empty",
				name);
	free(place);
	return ret;
}

int vfmig_open(const char *name, struct vfmig_device **device, struct vfmig_error *err)
{
	return open_named(name, 0, device, err);
}

int vfmig_device_add_filter(struct vfmig_device **device, const char *filter,
			    struct vfmig_error *err)
{
	const struct filter_kind *const *f = filters;
	const char *options;
	char *name = cut(filter, &options);
	int ret;

	if (!name)
		return vfmig_err(err, -ENOMEM, "no memory for a filter");
	while (*f && strcmp((*f)->name, name))
		f++;
	if (*f) {
		ret = (*f)->open(*device, options, device, err);
		if (ret)
			vfmig_err_at(err, ret, "filter %s", name);
	} else {
		ret = vfmig_err(err, -ENOENT,
				"unknown filter '%s'; 'vfmig list' prints the filters", name);
	}
	free(name);
	return ret;
}

int vfmig_open_filtered(const char *name, const char *const *texts, size_t count,
			struct vfmig_device **device, struct vfmig_error *err)
{
	return vfmig_open_limited(name, texts, count, 0, device, err);
}

int vfmig_open_limited(const char *name, const char *const *texts, size_t count,
		       uint64_t timeout_ms, struct vfmig_device **device, struct vfmig_error *err)
{
	struct vfmig_device *opened;
	int ret;

	if (count > VFMIG_FILTERS_MAX)
		return vfmig_err(err, -E2BIG, "%zu filters on one device; the limit is %u", count,
				 VFMIG_FILTERS_MAX);
	ret = open_named(name, timeout_ms, &opened, err);
	/* Before the next filter goes around it: some ask what is inside who it is. */
	for (size_t i = 0; !ret && i <= count; i++) {
		if (timeout_ms)
			vfmig_device_set_timeout(opened, timeout_ms);
		ret = i < count ? vfmig_device_add_filter(&opened, texts[i], err) : 0;
		if (ret)
			vfmig_device_close(opened);
	}
	if (!ret)
		*device = opened;
	return ret;
}

bool vfmig_catalog_get(size_t index, struct vfmig_catalog_entry *known)
{
	size_t i = index;

	for (size_t n = 0; models[n]; n++) {
		if (i--)
			continue;
		*known = (struct vfmig_catalog_entry){
			VFMIG_CATALOG_MODEL, models[n]->name,	 NULL,
			models[n]->summary,  models[n]->options, vfmig_model_common_options()};
		return true;
	}
	for (const struct source *s = sources; s->name; s++) {
		if (i--)
			continue;
		*known = (struct vfmig_catalog_entry){VFMIG_CATALOG_SOURCE, s->name,	s->place,
						      s->summary,	    s->options, NULL};
		return true;
	}
	for (size_t n = 0; filters[n]; n++) {
		if (i--)
			continue;
		*known = (struct vfmig_catalog_entry){
			VFMIG_CATALOG_FILTER, filters[n]->name,	   NULL,
			filters[n]->summary,  filters[n]->options, NULL};
		return true;
	}
	return false;
}
