/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a device has nothing to do of itself, its server waits for the next command alone. A model's own thread has work all
 * the same, and the work is done though the client never rests.
 */
#include <stdatomic.h>
#include <sys/socket.h>

#include <vfmig/export.h>
#include <vfmig/model.h>

#include "source/vfio_user.h"
#include "tests/lib/check.h"

#define KICKS 200u

static struct vfmig_kit *the_kit;
static atomic_uint runs;

static int create(struct vfmig_kit *kit, void *self, struct vfmig_error *err)
{
	the_kit = kit;
	return 0;
}

static uint64_t read_runs(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
			  unsigned size)
{
	return atomic_load(&runs);
}

static bool run(struct vfmig_kit *kit, void *self)
{
	atomic_fetch_add(&runs, 1);
	return false;
}

static const struct vfmig_model model = {
	.name = "threaded",
	.summary = "kicked by another thread",
	.version = 1,
	.size = 8,
	.pci = {.vendor = 0x1234, .device = 0x7000, .bar[0] = {.size = 4096, .width = 4}},
	.create = create,
	.read = read_runs,
	.run = run,
};

static unsigned ask(struct vfmig_device *client)
{
	struct vfmig_error err = {0};
	uint32_t value;

	CHECKF(!vfmig_device_region_read(client, 0, 0, &value, sizeof(value), &err), "%s",
	       err.text);
	return value;
}

int main(void)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options)};
	struct vfmig_device *device, *client;
	struct vfmig_export *server;
	struct vfmig_error err = {0};
	unsigned before, asked = 0;
	int fds[2];

	CHECKF(!vfmig_model_open(&model, NULL, &device, &err), "%s", err.text);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	config.fd = fds[0];
	CHECKF(!vfmig_export_open_vfio_user(device, &config, &server, &err), "%s", err.text);
	CHECKF(!vfmig_export_start(server, &err), "%s", err.text);
	CHECKF(!vfio_user_adopt(fds[1], "client", NULL, &client, &err), "%s", err.text);
	for (unsigned i = 0; i < KICKS; i++) {
		/* The server is about to wait for the next one. */
		for (unsigned n = 0; n < 50; n++)
			ask(client);
		before = atomic_load(&runs);
		vfmig_kit_wake(the_kit);
		while (ask(client) == before)
			asked += i > 0;
	}
	/* The first one is heard a few milliseconds late, and the others at once. */
	CHECKF(asked < 10 * KICKS, "%u questions went before %u kicks", asked, KICKS);
	vfmig_device_close(client);
	vfmig_export_close(server);
	vfmig_device_close(device);
	return 0;
}
