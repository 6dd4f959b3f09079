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
#include "tests/lib/check.h"

#define SETUP_IOVA 0x100000000ull

/*
 * @guest: @size bytes, for devices at SETUP_IOVA; the queue is in front, @data behind it
 * @data_iova: where @data is for the device
 * @served, @server: if there is a socket before the device, what is behind it
 */
struct setup {
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

#define GOOD(setup, call)                                                                          \
	do {                                                                                       \
		long long good_ = (call);                                                          \
		CHECKF(good_ >= 0, "%s is %lld: %s", #call, good_, (setup)->err.text);             \
	} while (0)

/* Put a server and a socket before the device. */
static inline void setup_serve(struct setup *setup)
{
	char dir[] = "/tmp/vfmig-rig-XXXXXX", path[64], name[96];
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .socket_path = path};

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(name, sizeof(name), "vfio-user:%s", path);
	setup->served = setup->device;
	GOOD(setup,
	     vfmig_export_open_vfio_user(setup->served, &config, &setup->server, &setup->err));
	GOOD(setup, vfmig_export_start(setup->server, &setup->err));
	GOOD(setup, vfmig_open(name, &setup->device, &setup->err));
	unlink(path);
	rmdir(dir);
}

/*
 * With a filter in $SETUP_FILTER, a copier that cannot migrate by itself and the filter around it. With $SETUP_REMOTE,
 * whichever it is behind a socket.
 */
static inline void setup_open_device(struct setup *setup, const struct vfmig_model *model,
				     const char *options)
{
	const char *filter = getenv("RIG_FILTER");
	char all[256];

	snprintf(all, sizeof(all), "%s%s%s", options ? options : "", options && filter ? "," : "",
		 filter ? "migration=off,logging=off" : "");
	GOOD(setup, vfmig_model_open(model, all, &setup->device, &setup->err));
	if (filter)
		GOOD(setup, vfmig_device_add_filter(&setup->device, filter, &setup->err));
	if (getenv("RIG_REMOTE"))
		setup_serve(setup);
}

/* A device on a space, with zeroed memory; the driver is not there yet. */
static inline void setup_open_bare(struct setup *setup, const struct vfmig_model *model,
				   const char *options, size_t size)
{
	struct vfmig_map map = {
		.iova = SETUP_IOVA,
		.size = size,
		.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		.kind = VFMIG_MAP_MEMORY,
		.fd = -1,
	};

	memset(setup, 0, sizeof(*setup));
	setup->size = size;
	setup->guest = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(setup->guest != MAP_FAILED);
	map.ptr = setup->guest;
	setup_open_device(setup, model, options);
	setup->space = vfmig_space_new();
	CHECK(setup->space);
	GOOD(setup, vfmig_space_map(setup->space, &map, &setup->err));
	GOOD(setup, vfmig_space_attach(setup->space, setup->device, &setup->err));
}

static inline void setup_place_data(struct setup *setup, uint32_t entries)
{
	size_t queue = (cp_memory_size(entries) + 4095) & ~(size_t)4095;

	setup->data = setup->guest + queue;
	setup->data_iova = SETUP_IOVA + queue;
	setup->data_size = setup->size - queue;
}

static inline void setup_open(struct setup *setup, const char *options, size_t size,
			      uint32_t entries)
{
	setup_open_bare(setup, &vfmig_model_copier, options, size);
	setup_place_data(setup, entries);
	GOOD(setup, cp_open(&setup->driver, setup->device, setup->guest, SETUP_IOVA, entries,
			    &setup->err));
}

/* Another rig, to go on where @from stopped: first its memory, before the device runs ... */
static inline void setup_bring(struct setup *setup, const struct setup *from)
{
	memcpy(setup->guest, from->guest, setup->size);
}

/* ... and then a driver for what was loaded. */
static inline void setup_adopt(struct setup *setup, const struct setup *from)
{
	setup_place_data(setup, from->driver.queue->size);
	GOOD(setup, cp_adopt(&setup->driver, setup->device, setup->guest, SETUP_IOVA, &setup->err));
}

static inline void setup_close(struct setup *setup)
{
	cp_close(&setup->driver);
	vfmig_device_close(setup->device);
	vfmig_export_close(setup->server);
	vfmig_device_close(setup->served);
	vfmig_space_free(setup->space);
	munmap(setup->guest, setup->size);
}

static inline struct cp_completion setup_do(struct setup *setup, struct cp_descriptor d)
{
	struct cp_completion c;

	GOOD(setup, cp_do(&setup->driver, &d, &c, &setup->err));
	return c;
}

static inline void setup_put(struct setup *setup, struct cp_descriptor d)
{
	CHECK_EQ(cp_put(&setup->driver, &d), 0);
}

static inline uint64_t setup_reg(struct setup *setup, enum cp_reg reg)
{
	uint64_t value;

	GOOD(setup, cp_read(&setup->driver, reg, &value, &setup->err));
	return value;
}

static inline void setup_set(struct setup *setup, enum cp_reg reg, uint64_t value)
{
	GOOD(setup, cp_write(&setup->driver, reg, value, &setup->err));
}

/* One quantum of the device's work. */
static inline void setup_work(struct setup *setup)
{
	GOOD(setup, vfmig_device_process(setup->device, &setup->err));
}

static inline void setup_go(struct setup *setup, struct vfmig_session *session,
			    enum vfmig_state state)
{
	GOOD(setup, vfmig_session_set_state(session, state, &setup->err));
}

/* What there is to read for now goes to @data, behind the @len bytes that are there. How many are then. */
static inline size_t setup_read_all(struct setup *setup, struct vfmig_session *session, char *data,
				    size_t capacity, size_t len)
{
	ssize_t n;

	do {
		n = vfmig_session_read(session, data + len, capacity - len, &setup->err);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	CHECK(n == 0 || n == -ENOMSG);
	return len;
}

/* Peer to peer: a copier reaches so much of another one's window. */
static inline void setup_meet(struct setup *setup, struct setup *peer, uint64_t iova, uint64_t size)
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

	GOOD(setup, vfmig_space_map(setup->space, &map, &setup->err));
}

/* All of a stopped device's state; the caller frees it. */
static inline void *setup_save(struct setup *setup, size_t *len)
{
	struct vfmig_session *session;
	char *all = NULL;
	size_t capacity = 0;

	*len = 0;
	GOOD(setup, vfmig_session_open(setup->device, NULL, &session, &setup->err));
	setup_go(setup, session, VFMIG_STATE_STOP_COPY);
	for (;;) {
		ssize_t n;

		if (capacity - *len < 65536) {
			capacity += capacity + 1048576;
			all = realloc(all, capacity);
			CHECK(all);
		}
		n = vfmig_session_read(session, all + *len, capacity - *len, &setup->err);
		GOOD(setup, n);
		if (!n)
			break;
		*len += (size_t)n;
	}
	setup_go(setup, session, VFMIG_STATE_STOP);
	vfmig_session_close(session);
	return all;
}

/* Load it, and run. Returns what went wrong; the sentence is in rig->err. */
static inline int setup_load(struct setup *setup, const void *state, size_t len)
{
	struct vfmig_session *session;
	int ret;

	GOOD(setup, vfmig_session_open(setup->device, NULL, &session, &setup->err));
	setup_go(setup, session, VFMIG_STATE_RESUMING);
	ret = vfmig_session_write(session, state, len, &setup->err);
	if (!ret)
		ret = vfmig_session_set_state(session, VFMIG_STATE_RUNNING, &setup->err);
	vfmig_session_close(session);
	return ret;
}

/* Bytes that look like nothing in particular; the same for the same seed. */
static inline uint64_t setup_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static inline void setup_noise(void *to, size_t len, uint64_t seed)
{
	uint64_t word;

	for (size_t i = 0; i < len; i += sizeof(word)) {
		word = setup_random(&seed);
		memcpy((uint8_t *)to + i, &word, len - i < 8 ? len - i : 8);
	}
}

#endif
