/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A migration object: its members, and what other threads may ask.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "device/sized.h"
#include "engine/device.h"
#include "engine/estimate.h"
#include "engine/loop.h"
#include "engine/memory.h"
#include "engine/migration.h"
#include "engine/send.h"

static int check_options(const struct vfmig_migration_options *o, struct vfmig_error *err)
{
	if (!o->downtime_ms)
		return vfmig_err(err, -EINVAL,
				 "a downtime limit of 0 ms is not possible: the minimum is 1 ms");
	if (o->unconverged > VFMIG_UNCONVERGED_SWITCH)
		return vfmig_err(err, -EINVAL, "option unconverged: invalid value %llu",
				 (unsigned long long)o->unconverged);
	return 0;
}

int vfmig_migration_new(enum vfmig_role role, const struct vfmig_migration_options *options,
			struct vfmig_migration **out, struct vfmig_error *err)
{
	struct vfmig_migration_options own;
	struct vfmig_migration *m;
	int ret = 0;

	if (options)
		ret = sized_read(&own, sizeof(own), options, "vfmig_migration_options", err);
	else
		vfmig_migration_options_init(&own);
	ret = ret ? ret : check_options(&own, err);
	if (ret)
		return ret;
	m = calloc(1, sizeof(*m));
	if (!m)
		return vfmig_err(err, -ENOMEM, "no memory for a migration");
	m->role = role;
	m->options = own;
	m->limits.request_ms = own.request_ms;
	m->channel.in_fd = m->channel.out_fd = -1;
	m->channel.in.port.fd = m->channel.out.port.fd = -1;
	ret = loop_init(&m->loop, err);
	if (ret) {
		free(m);
		return ret;
	}
	m->step.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->step.fd < 0) {
		loop_fini(&m->loop);
		free(m);
		return vfmig_err(err, -EMFILE, "no eventfd for a migration: raise RLIMIT_NOFILE");
	}
	pthread_mutex_init(&m->status.lock, NULL);
	*out = m;
	return 0;
}

void vfmig_migration_free(struct vfmig_migration *m)
{
	if (!m)
		return;
	vfmig_migration_cleanup(m, NULL);
	engine_memory_free(&m->memory);
	for (uint32_t i = 0; i < m->device_count; i++) {
		if (m->devices[i]->opened)
			vfmig_session_close(m->devices[i]->session);
		free(m->devices[i]);
	}
	loop_fini(&m->loop);
	engine_buffers_free(m);
	free(m->devices);
	free(m->destination.order);
	free(m->destination.stream_devices);
	close(m->step.fd);
	pthread_mutex_destroy(&m->status.lock);
	free(m);
}

/* ---- what moves ---- */

static int check_new(const struct vfmig_migration *m, struct vfmig_error *err)
{
	if (m->stage != ENGINE_STAGE_NEW || m->progress.began)
		return vfmig_err(err, -EBUSY, "the migration has begun");
	return 0;
}

static int check_id(const struct vfmig_migration *m, const char *id, struct vfmig_error *err)
{
	size_t len = strlen(id);

	if (!len || len > VFMIG_MIGRATION_ID_MAX)
		return vfmig_err(err, -EINVAL, "a device's id has 1 to %u characters",
				 VFMIG_MIGRATION_ID_MAX);
	for (size_t i = 0; i < len; i++)
		if (id[i] <= ' ' || id[i] > '~' || id[i] == '"' || id[i] == '\\')
			return vfmig_err(
				err, -EINVAL,
				"the id of a device must be printable ASCII without space, quote and "
				"backslash");
	for (uint32_t i = 0; i < m->device_count; i++)
		if (!strcmp(m->devices[i]->id, id))
			return vfmig_err(err, -EEXIST, "the migration has a device %s already", id);
	return 0;
}

static int add(struct vfmig_migration *m, const char *id, struct vfmig_session *session,
	       bool opened, struct vfmig_error *err)
{
	struct vfmig_device *device = vfmig_session_device(session);
	struct engine_device **devices, *dev;
	int ret = 0;

	devices = realloc(m->devices, (m->device_count + 1) * sizeof(struct engine_device *));
	if (devices)
		m->devices = devices;
	dev = calloc(1, sizeof(*dev));
	if (!devices || !dev)
		ret = vfmig_err(err, -ENOMEM, "no memory for device %s", id);
	if (!ret && device)
		ret = loop_add(&m->loop, device, err);
	if (ret) {
		free(dev);
		return ret;
	}
	dev->m = m;
	dev->index = m->device_count;
	strcpy(dev->id, id);
	dev->session = session;
	dev->opened = opened;
	dev->flags = vfmig_session_flags(session);
	dev->state = VFMIG_STATE_RUNNING;
	estimate_init(&dev->estimate);
	m->devices[m->device_count++] = dev;
	return 0;
}

static int may_add(struct vfmig_migration *m, const char *id, struct vfmig_error *err)
{
	int ret = check_new(m, err);

	if (!ret && m->device_count == VFMIG_MIGRATION_DEVICES_MAX)
		ret = vfmig_err(err, -ENOSPC, "a migration has at most %u devices",
				VFMIG_MIGRATION_DEVICES_MAX);
	return ret ? ret : check_id(m, id, err);
}

int vfmig_migration_add_session(struct vfmig_migration *m, const char *id,
				struct vfmig_session *session, struct vfmig_error *err)
{
	int ret = may_add(m, id, err);

	return ret ? ret : add(m, id, session, false, err);
}

int vfmig_migration_add_device(struct vfmig_migration *m, const char *id,
			       struct vfmig_device *device, const char *protocol,
			       struct vfmig_error *err)
{
	struct vfmig_session *session;
	int ret = may_add(m, id, err);

	if (ret)
		return ret;
	ret = vfmig_session_open(device, protocol, &session, err);
	if (ret)
		return vfmig_err_at(err, ret, "device %s", id);
	ret = add(m, id, session, true, err);
	if (ret)
		vfmig_session_close(session);
	return ret;
}

int vfmig_migration_add_space(struct vfmig_migration *m, struct vfmig_space *space,
			      struct vfmig_error *err)
{
	struct engine_memory *memory = &m->memory;
	struct vfmig_space **spaces;
	int ret = check_new(m, err);

	if (ret)
		return ret;
	for (uint32_t i = 0; i < memory->space_count; i++)
		if (memory->spaces[i] == space)
			return vfmig_err(err, -EEXIST, "the space is in the migration already");
	if (memory->space_count == VFMIG_MIGRATION_REGIONS_MAX)
		return vfmig_err(err, -ENOSPC, "a migration has at most %u spaces",
				 VFMIG_MIGRATION_REGIONS_MAX);
	spaces = realloc(memory->spaces, (memory->space_count + 1) * sizeof(struct vfmig_space *));
	if (!spaces)
		return vfmig_err(err, -ENOMEM, "no memory for a space");
	memory->spaces = spaces;
	memory->spaces[memory->space_count++] = space;
	return 0;
}

void vfmig_migration_set_user(struct vfmig_migration *m, const struct vfmig_migration_user *user)
{
	m->user = user ? *user : (struct vfmig_migration_user){0};
}

void vfmig_migration_set_events(struct vfmig_migration *m, const struct vfmig_events *events)
{
	m->events = events;
}

int vfmig_migration_set_channel(struct vfmig_migration *m, int in_fd, int out_fd,
				struct vfmig_error *err)
{
	int ret = check_new(m, err);

	if (ret)
		return ret;
	if ((m->role == VFMIG_ROLE_SOURCE ? out_fd : in_fd) < 0)
		return vfmig_err(err, -EBADF, "the migration needs a descriptor to %s",
				 m->role == VFMIG_ROLE_SOURCE ? "write to" : "read from");
	m->channel.in_fd = in_fd;
	m->channel.out_fd = out_fd;
	return 0;
}

/* ---- queries ---- */

void vfmig_migration_cancel(struct vfmig_migration *m)
{
	loop_cancel(&m->loop);
}

void vfmig_migration_get_estimate(struct vfmig_migration *m, struct vfmig_estimate *estimate)
{
	pthread_mutex_lock(&m->status.lock);
	*estimate = m->status.estimate;
	pthread_mutex_unlock(&m->status.lock);
}

void vfmig_migration_get_result(struct vfmig_migration *m, struct vfmig_migration_result *result)
{
	pthread_mutex_lock(&m->status.lock);
	*result = m->status.result;
	pthread_mutex_unlock(&m->status.lock);
}
