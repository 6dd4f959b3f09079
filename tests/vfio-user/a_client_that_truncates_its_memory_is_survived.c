/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client truncates memory that it shares, and has the device read and write there: the access ends, the client is
 * disconnected, the next one is served. Another map of the same client and a fault elsewhere are told apart.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"
#include "wire/socket.h"

#define SIZE 0x4000

static struct vfmig_export *server;
static _Atomic unsigned faults, done;
static bool writes;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	faults++;
	if (!vfmig_export_sigbus(server, info->si_addr))
		signal(SIGBUS, SIG_DFL);
}

/* Into the map that is whole, and over the end of the file in the other. */
static void dma(struct fake_device *f)
{
	uint8_t data[SIZE / 2] = {0x77};

	CHECK_EQ(fake_device_dma(f, 0x100000, data, sizeof(data), writes), 0);
	CHECK_EQ(fake_device_dma(f, 0x1000, data, sizeof(data), writes), 0);
	done++;
}

static void truncates(const char *path, bool write)
{
	struct vfmig_user_region_access a = {FAKE_DEVICE_DOORBELL, 0, 4};
	uint8_t message[sizeof(a) + 4] = {0};
	int fd = socket_connect(path, NULL), cut, whole;
	void *first = shared_memory(SIZE, &cut), *second = shared_memory(SIZE, &whole);

	writes = write;
	faults = done = 0;
	CHECK_EQ(raw_hello(fd, NULL), 0);
	CHECK_EQ(raw_map(fd, 0, SIZE, 0, 3, cut), 0);
	CHECK_EQ(raw_map(fd, 0x100000, SIZE, 0, 3, whole), 0);
	memcpy(message, &a, sizeof(a));
	CHECK_EQ(raw_call(fd, VFMIG_USER_REGION_WRITE, message, sizeof(message), NULL, 0, NULL, 0,
			  NULL),
		 0);
	/* A reply to this one: the DMA of the first doorbell is over. */
	CHECK_EQ(raw_call(fd, VFMIG_USER_DEVICE_RESET, NULL, 0, NULL, 0, NULL, 0, NULL), 0);
	while (!done)
		sched_yield();
	CHECK_EQ(faults, 0);
	CHECK(!ftruncate(cut, 0x2000));
	raw_send(fd, 1, VFMIG_USER_REGION_WRITE, 0, 0, message, sizeof(message), NULL, 0);
	CHECK(raw_gone(fd));
	CHECK_EQ(faults, 1);
	CHECK_EQ(done, 2);
	close(fd);
	munmap(first, SIZE);
	munmap(second, SIZE);
	close(cut);
	close(whole);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
	char dir[] = "/tmp/vfmig-cut-XXXXXX", path[64];
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .socket_path = path};
	struct vfmig_error err = {0};
	struct fake_device *f = fake_device_new(0);
	int fd;

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	f->doorbell = dma;
	CHECKF(!vfmig_export_open_vfio_user(&f->device, &config, &server, &err), "%s", err.text);
	CHECK(!vfmig_export_sigbus(server, &err));
	CHECK(!sigaction(SIGBUS, &action, NULL));
	CHECK_EQ(vfmig_export_start(server, NULL), 0);
	truncates(path, true);
	truncates(path, false);
	fd = socket_connect(path, NULL);
	CHECK_EQ(raw_hello(fd, NULL), 0);
	close(fd);
	vfmig_export_close(server);
	vfmig_device_close(&f->device);
	CHECK(!rmdir(dir));
	return 0;
}
