/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the copier's tests stand on: a copier in this process, a space with memory, and the driver.
 *
 * The device has no thread: it works when the driver waits, so a test can stop it between any two
 * quanta, and always between the same.
 */
#ifndef TESTS_COPIER_RIG_H
#define TESTS_COPIER_RIG_H

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/device.h>
#include <vfmig/export.h>
#include <vfmig/model.h>
#include <vfmig/open.h>
#include <vfmig/session.h>
#include <vfmig/space.h>

#include "examples/copier-driver.h"
#include "models/models.h"
#include "tests/check.h"

#define RIG_IOVA 0x100000000ull

/*
 * @guest: @size bytes, for devices at RIG_IOVA; the queue is in front, @data behind it
 * @data_iova: where @data is for the device
 * @served, @server: if there is a socket before the device, what is behind it
 */
struct rig {
	struct vfmig_device *device, *served;
	struct vfmig_export *server;
	struct vfmig_space *space;
	uint8_t *guest;
	size_t size;
	struct cp_driver driver;
	uint8_t *data;
	uint64_t data_iova;
	size_t data_size;
	struct vfmig_error err;
};

#define GOOD(rig, call)                                                                            \
	do {                                                                                       \
		long long good_ = (call);                                                          \
		CHECKF(good_ >= 0, "%s is %lld: %s", #call, good_, (rig)->err.text);               \
	} while (0)

/* Put a server and a socket before the device. */
static inline void rig_serve(struct rig *rig)
{
	char dir[] = "/tmp/vfmig-rig-XXXXXX", path[64], name[96];
	struct vfmig_vfio_user_config config = {.socket_path = path};

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(name, sizeof(name), "vfio-user:%s", path);
	rig->served = rig->device;
	GOOD(rig, vfmig_export_vfio_user(rig->served, &config, &rig->server, &rig->err));
	GOOD(rig, vfmig_export_start(rig->server, &rig->err));
	GOOD(rig, vfmig_open(name, &rig->device, &rig->err));
	unlink(path);
	rmdir(dir);
}

/*
 * With a filter in $RIG_FILTER, a copier that cannot migrate by itself and the filter around it. With $RIG_REMOTE,
 * whichever it is behind a socket.
 */
static inline void rig_open_device(struct rig *rig, const struct vfmig_model *model,
				   const char *options)
{
	const char *filter = getenv("RIG_FILTER");
	char all[256];

	snprintf(all, sizeof(all), "%s%s%s", options ? options : "", options && filter ? "," : "",
		 filter ? "migration=off,logging=off" : "");
	GOOD(rig, vfmig_model_open(model, all, &rig->device, &rig->err));
	if (filter)
		GOOD(rig, vfmig_add_filter(&rig->device, filter, &rig->err));
	if (getenv("RIG_REMOTE"))
		rig_serve(rig);
}

/* A device on a space, with zeroed memory; the driver is not there yet. */
static inline void rig_open_bare(struct rig *rig, const struct vfmig_model *model,
				 const char *options, size_t size)
{
	struct vfmig_map map = {
		.iova = RIG_IOVA,
		.size = size,
		.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		.kind = VFMIG_MAP_MEMORY,
		.fd = -1,
	};

	memset(rig, 0, sizeof(*rig));
	rig->size = size;
	rig->guest = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(rig->guest != MAP_FAILED);
	map.ptr = rig->guest;
	rig_open_device(rig, model, options);
	rig->space = vfmig_space_new();
	CHECK(rig->space);
	GOOD(rig, vfmig_space_map(rig->space, &map, &rig->err));
	GOOD(rig, vfmig_space_attach(rig->space, rig->device, &rig->err));
}

static inline void rig_place_data(struct rig *rig, uint32_t entries)
{
	size_t queue = (cp_memory_size(entries) + 4095) & ~(size_t)4095;

	rig->data = rig->guest + queue;
	rig->data_iova = RIG_IOVA + queue;
	rig->data_size = rig->size - queue;
}

static inline void rig_open(struct rig *rig, const char *options, size_t size, uint32_t entries)
{
	rig_open_bare(rig, &vfmig_model_copier, options, size);
	rig_place_data(rig, entries);
	GOOD(rig, cp_open(&rig->driver, rig->device, rig->guest, RIG_IOVA, entries, &rig->err));
}

/* Another rig, to go on where @from stopped: first its memory, before the device runs ... */
static inline void rig_bring(struct rig *rig, const struct rig *from)
{
	memcpy(rig->guest, from->guest, rig->size);
}

/* ... and then a driver for what was loaded. */
static inline void rig_adopt(struct rig *rig, const struct rig *from)
{
	rig_place_data(rig, from->driver.queue->size);
	GOOD(rig, cp_adopt(&rig->driver, rig->device, rig->guest, RIG_IOVA, &rig->err));
}

static inline void rig_close(struct rig *rig)
{
	cp_close(&rig->driver);
	vfmig_device_close(rig->device);
	vfmig_export_close(rig->server);
	vfmig_device_close(rig->served);
	vfmig_space_free(rig->space);
	munmap(rig->guest, rig->size);
}

static inline struct cp_completion rig_do(struct rig *rig, struct cp_descriptor d)
{
	struct cp_completion c;

	GOOD(rig, cp_do(&rig->driver, &d, &c, &rig->err));
	return c;
}

static inline void rig_put(struct rig *rig, struct cp_descriptor d)
{
	CHECK_EQ(cp_put(&rig->driver, &d), 0);
}

static inline uint64_t rig_reg(struct rig *rig, enum cp_reg reg)
{
	uint64_t value;

	GOOD(rig, cp_read(&rig->driver, reg, &value, &rig->err));
	return value;
}

static inline void rig_set(struct rig *rig, enum cp_reg reg, uint64_t value)
{
	GOOD(rig, cp_write(&rig->driver, reg, value, &rig->err));
}

/* One quantum of the device's work. */
static inline void rig_work(struct rig *rig)
{
	GOOD(rig, vfmig_device_process(rig->device, &rig->err));
}

static inline void rig_go(struct rig *rig, struct vfmig_session *session, enum vfmig_state state)
{
	GOOD(rig, vfmig_session_set_state(session, state, &rig->err));
}

/* What there is to read for now goes to @data, behind the @len bytes that are there. How many are then. */
static inline size_t rig_read_all(struct rig *rig, struct vfmig_session *session, char *data,
				  size_t capacity, size_t len)
{
	ssize_t n;

	do {
		n = vfmig_session_read(session, data + len, capacity - len, &rig->err);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	CHECK(n == 0 || n == -ENOMSG);
	return len;
}

/* Peer to peer: a copier reaches so much of another one's window. */
static inline void rig_meet(struct rig *rig, struct rig *peer, uint64_t iova, uint64_t size)
{
	const struct vfmig_map map = {
		.iova = iova,
		.size = size,
		.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		.kind = VFMIG_MAP_REGION,
		.fd = -1,
		.device = peer->device,
		.region = CP_BAR_WINDOW,
	};

	GOOD(rig, vfmig_space_map(rig->space, &map, &rig->err));
}

/* All of a stopped device's state; the caller frees it. */
static inline void *rig_save(struct rig *rig, size_t *len)
{
	struct vfmig_session *session;
	char *all = NULL;
	size_t capacity = 0;

	*len = 0;
	GOOD(rig, vfmig_session_open(rig->device, NULL, &session, &rig->err));
	rig_go(rig, session, VFMIG_STATE_STOP_COPY);
	for (;;) {
		ssize_t n;

		if (capacity - *len < 65536) {
			capacity += capacity + 1048576;
			all = realloc(all, capacity);
			CHECK(all);
		}
		n = vfmig_session_read(session, all + *len, capacity - *len, &rig->err);
		GOOD(rig, n);
		if (!n)
			break;
		*len += (size_t)n;
	}
	rig_go(rig, session, VFMIG_STATE_STOP);
	vfmig_session_close(session);
	return all;
}

/* Load it, and run. Returns what went wrong; the sentence is in rig->err. */
static inline int rig_load(struct rig *rig, const void *state, size_t len)
{
	struct vfmig_session *session;
	int ret;

	GOOD(rig, vfmig_session_open(rig->device, NULL, &session, &rig->err));
	rig_go(rig, session, VFMIG_STATE_RESUMING);
	ret = vfmig_session_write(session, state, len, &rig->err);
	if (!ret)
		ret = vfmig_session_set_state(session, VFMIG_STATE_RUNNING, &rig->err);
	vfmig_session_close(session);
	return ret;
}

/* Bytes that look like nothing in particular; the same for the same seed. */
static inline uint64_t rig_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static inline void rig_noise(void *to, size_t len, uint64_t seed)
{
	uint64_t word;

	for (size_t i = 0; i < len; i += sizeof(word)) {
		word = rig_random(&seed);
		memcpy((uint8_t *)to + i, &word, len - i < 8 ? len - i : 8);
	}
}

#endif
