/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mediator, from its shared object to its answer about the device.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "filter/mediate/mediate.h"

/* As far as the members that every mediator has. */
#define LEAST (offsetof(struct vfmig_mediator, rw) + sizeof(((struct vfmig_mediator *)NULL)->rw))

static int check_table(const struct vfmig_mediator *ops, struct vfmig_error *err)
{
	const char *missing = NULL;

	if (ops->abi != VFMIG_MEDIATOR_ABI)
		return vfmig_err(
			err, -EPROTO,
			"it was compiled for version %u of the mediator ABI, and this library has version %u; recompile it",
			ops->abi, VFMIG_MEDIATOR_ABI);
	/* Half a member would be a pointer to anywhere. */
	if (ops->size < LEAST || ops->size > 4096 || ops->size % sizeof(void *))
		return vfmig_err(err, -EPROTO, "its table of operations has the invalid size %u",
				 ops->size);
	if (!ops->name || !*ops->name || strnlen(ops->name, 65) > 64)
		return vfmig_err(err, -EPROTO, "its name must have 1 to 64 characters");
	if (!ops->rw)
		missing = "rw";
	if (!ops->get_region_info)
		missing = "get_region_info";
	if (!ops->release)
		missing = "release";
	if (!ops->open)
		missing = "open";
	if (missing)
		return vfmig_err(err, -EPROTO, "mediator %s has no operation %s()", ops->name,
				 missing);
	return 0;
}

int mediate_answer(const struct mediate *m, const char *what, int ret, int most,
		   struct vfmig_error *err)
{
	if (ret >= 0 && ret <= most)
		return ret;
	if (ret > 0 || ret < -4095)
		return vfmig_err(err, -EPROTO, "mediator %s: %s() returned the invalid value %d",
				 m->ops.name, what, ret);
	if (err) {
		/* Its sentence, if it left one. */
		err->text[VFMIG_ERROR_TEXT - 1] = 0;
		err->code = ret;
	}
	if (!err || !err->text[0])
		return vfmig_err(err, ret, "mediator %s: %s(): %s", m->ops.name, what,
				 strerror(-ret));
	return vfmig_err_at(err, ret, "mediator %s", m->ops.name);
}

static int check_open(struct mediate *m, struct vfmig_error *err)
{
	if (!m->self)
		return vfmig_err(err, -EPROTO,
				 "mediator %s: open() accepted the device and returned no context",
				 m->ops.name);
	if (m->caps & ~VFMIG_MEDIATOR_CAPS)
		return vfmig_err(err, -EPROTO,
				 "mediator %s: open() returned unknown capabilities 0x%llx",
				 m->ops.name, (unsigned long long)m->caps);
	return 0;
}

int mediate_take(struct mediate *m, const struct vfmig_mediator *ops, struct vfmig_error *err)
{
	struct vfmig_error own = {0};
	int ret = check_table(ops, err);

	if (ret)
		return ret;
	memset(&m->ops, 0, sizeof(m->ops));
	memcpy(&m->ops, ops, ops->size < sizeof(m->ops) ? ops->size : sizeof(m->ops));
	m->caps = 0;
	m->self = NULL;
	ret = mediate_answer(m, "open", m->ops.open(&m->about, &m->host, &m->caps, &m->self, &own),
			     0, &own);
	if (!ret)
		ret = check_open(m, &own);
	if (!ret)
		ret = mediate_ask(m, &own);
	if (!ret)
		return 0;
	if (m->self)
		m->ops.release(m->self);
	m->self = NULL;
	if (err)
		*err = own;
	return ret;
}

int mediate_load(struct mediate *m, const char *path, struct vfmig_error *err)
{
	const struct vfmig_mediator *ops;
	char here[4096];
	int ret;

	/* A bare name would be looked for where libraries are. */
	if (snprintf(here, sizeof(here), "%s%s", strchr(path, '/') ? "" : "./", path) >=
	    (int)sizeof(here))
		return vfmig_err(err, -ENAMETOOLONG, "its path is too long");
	m->object = dlopen(here, RTLD_NOW | RTLD_LOCAL);
	if (!m->object)
		return vfmig_err(err, -ENOEXEC, "dlopen: %s", dlerror());
	ops = dlsym(m->object, VFMIG_MEDIATOR_SYMBOL);
	if (ops)
		ret = mediate_take(m, ops, err);
	else
		ret = vfmig_err(err, -ENOEXEC,
				"it is not a mediator: it has no symbol " VFMIG_MEDIATOR_SYMBOL);
	if (ret)
		mediate_unload(m);
	return ret;
}

void mediate_unload(struct mediate *m)
{
	if (m->self)
		m->ops.release(m->self);
	m->self = NULL;
	if (m->object)
		dlclose(m->object);
	m->object = NULL;
}
