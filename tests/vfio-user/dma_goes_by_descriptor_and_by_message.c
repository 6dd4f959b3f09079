/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A served device reaches its client's memory: by descriptor where the memory has one, by message where not, and across
 * both; with a second socket for the messages and without; and not what is unmapped, read-only or write-only. A
 * region of another device is memory, too, with a descriptor or without. All this also where the server is itself a
 * client, and everything goes over two sockets.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/server_client.h"

#define SIZE	     (8u << 20) /* of each map: more than one message */
#define FD_IOVA	     0x100000000ull
#define MESSAGE_IOVA (FD_IOVA + SIZE)
#define READ_IOVA    0x4000000ull
#define WRITE_IOVA   0x5000000ull
#define REGION_IOVA  0x6000000ull
#define TRAPPED_IOVA 0x7000000ull

/* What the device does when its doorbell rings, and what became of it. */
static struct {
	uint64_t iova;
	uint8_t *buf;
	size_t len;
	bool write;
	int result;
	atomic_bool done;
} dma;

static void ring(struct fake_device *f)
{
	dma.result = fake_device_dma(f, dma.iova, dma.buf, dma.len, dma.write);
	atomic_store(&dma.done, true);
}

static bool is_done(void *context)
{
	return atomic_load(&dma.done);
}

/* The client waits as a VMM does: working its device. */
static int device_does(struct server_client *p, uint64_t iova, void *buf, size_t len, bool write)
{
	uint32_t one = 1;

	dma.iova = iova;
	dma.buf = buf;
	dma.len = len;
	dma.write = write;
	atomic_store(&dma.done, false);
	CHECK_EQ(vfmig_device_region_write(p->client, 0, FAKE_DEVICE_DOORBELL, &one, 4, NULL), 0);
	while (!is_done(NULL))
		vfmig_device_wait(p->client, is_done, NULL, device_now() + 1000000);
	return dma.result;
}

static void fill(uint8_t *buf, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(i * 13 + (i >> 9) + seed);
}

static void memory(struct server_client *p, uint8_t *by_fd, uint8_t *by_message)
{
	uint8_t *in = malloc(2 * SIZE), *out = malloc(2 * SIZE);

	/* All of both, which lie side by side, in one access. */
	fill(in, 2 * SIZE, 1);
	CHECK_EQ(device_does(p, FD_IOVA, in, 2 * SIZE, true), 0);
	CHECK(!memcmp(by_fd, in, SIZE));
	CHECK(!memcmp(by_message, in + SIZE, SIZE));
	fill(by_fd, SIZE, 2);
	fill(by_message, SIZE, 3);
	CHECK_EQ(device_does(p, FD_IOVA, out, 2 * SIZE, false), 0);
	CHECK(!memcmp(by_fd, out, SIZE));
	CHECK(!memcmp(by_message, out + SIZE, SIZE));
	/* Small and crooked. */
	CHECK_EQ(device_does(p, MESSAGE_IOVA - 3, in, 7, true), 0);
	CHECK(!memcmp(by_fd + SIZE - 3, in, 3));
	CHECK(!memcmp(by_message, in + 3, 4));
	/* Not outside, not even by a byte. */
	CHECK_EQ(device_does(p, MESSAGE_IOVA + SIZE - 1, in, 2, true), -EFAULT);
	CHECK_EQ(device_does(p, 0, in, 2, false), -EFAULT);
	/* Not what is not allowed. */
	CHECK_EQ(device_does(p, READ_IOVA, in, 4, true), -EFAULT);
	CHECK_EQ(device_does(p, READ_IOVA, out, 4, false), 0);
	CHECK_EQ(device_does(p, WRITE_IOVA, in, 4, true), 0);
	CHECK_EQ(device_does(p, WRITE_IOVA, out, 4, false), -EFAULT);
	free(in);
	free(out);
}

static void peer_to_peer(struct server_client *p, struct fake_device *peer)
{
	uint8_t in[5000], out[5000];

	fill(in, sizeof(in), 9);
	CHECK_EQ(device_does(p, REGION_IOVA + 10, in, sizeof(in), true), 0);
	CHECK(!memcmp(peer->bar2 + FAKE_DEVICE_BAR2_FROM + 10, in, sizeof(in)));
	CHECK_EQ(device_does(p, TRAPPED_IOVA + 16, in, sizeof(in), true), 0);
	CHECK(!memcmp(peer->bar0 + 16, in, sizeof(in)));
	CHECK_EQ(device_does(p, TRAPPED_IOVA + 16, out, sizeof(out), false), 0);
	CHECK(!memcmp(in, out, sizeof(in)));
}

static void all(const char *options, bool no_twin, bool chain)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options),
					      .no_twin_socket = no_twin};
	struct fake_device *peer = fake_device_new(0);
	unsigned before = count_fds();
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_error err = {0};
	struct server_client p;
	uint8_t *private = malloc(SIZE);
	int fd;
	uint8_t *shared = shared_memory(SIZE + 4096, &fd);
	struct vfmig_map maps[] = {
		{.iova = FD_IOVA,
		 .size = SIZE,
		 .prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		 .ptr = shared + 4096,
		 .fd = fd,
		 .fd_offset = 4096},
		{.iova = MESSAGE_IOVA,
		 .size = SIZE,
		 .prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		 .ptr = private,
		 .fd = -1},
		{.iova = READ_IOVA,
		 .size = 4096,
		 .prot = VFMIG_PROT_READ,
		 .ptr = private,
		 .fd = -1},
		{.iova = WRITE_IOVA,
		 .size = 4096,
		 .prot = VFMIG_PROT_WRITE,
		 .ptr = private,
		 .fd = -1},
		{.iova = REGION_IOVA,
		 .size = FAKE_DEVICE_BAR2_LEN,
		 .prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		 .kind = VFMIG_MAP_REGION,
		 .device = &peer->device,
		 .region = 2,
		 .region_offset = FAKE_DEVICE_BAR2_FROM,
		 .fd = -1},
		{.iova = TRAPPED_IOVA,
		 .size = FAKE_DEVICE_BAR0,
		 .prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		 .kind = VFMIG_MAP_REGION,
		 .device = &peer->device,
		 .region = 0,
		 .fd = -1},
	};

	(chain ? server_client_open_chain : server_client_open)(&p, SERVER_CLIENT_ALL_FLAGS,
								&config, options);
	p.fake->doorbell = ring;
	/* One before, the others after. */
	CHECK_EQ(vfmig_space_map(space, &maps[0], NULL), 0);
	CHECK_EQ(vfmig_space_attach(space, p.client, NULL), 0);
	for (unsigned i = 1; i < sizeof(maps) / sizeof(maps[0]); i++)
		CHECKF(!vfmig_space_map(space, &maps[i], &err), "%s", err.text);
	CHECK_EQ(p.fake->maps, 6);
	memory(&p, shared + 4096, private);
	peer_to_peer(&p, peer);
	CHECK_EQ(vfmig_space_unmap(space, FD_IOVA, 2 * SIZE, NULL), 0);
	CHECK_EQ(p.fake->maps, 4);
	CHECK_EQ(device_does(&p, FD_IOVA, private, 4, false), -EFAULT);
	CHECK_EQ(device_does(&p, MESSAGE_IOVA, private, 4, false), -EFAULT);
	CHECK_EQ(vfmig_space_detach(space, p.client, NULL), 0);
	CHECK_EQ(p.fake->maps, 0);
	server_client_close(&p);
	vfmig_space_free(space);
	munmap(shared, SIZE + 4096);
	close(fd);
	free(private);
	CHECK_EQ(count_fds(), before);
	vfmig_device_close(&peer->device);
}

int main(void)
{
	for (int chain = 0; chain < 2; chain++) {
		all(NULL, false, chain);
		all(NULL, true, chain);
		all("extensions=off", false, chain);
		all("extensions=off,twin_socket=off", false, chain);
	}
	return 0;
}
