/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device does DMA by message in the middle of what its client asks of it, so that both wait for each other, and the
 * client has asked for more already: nobody waits for ever, and everything comes in order.
 */
#include <errno.h>

#include "tests/lib/server_client.h"

#define SIZE	    (3u << 20)
#define WRITES	    200u
#define WINDOW_IOVA 0x10000ull

static uint8_t *bounce;
static unsigned writes;

/* Three megabytes there and back for a write of one byte. */
static void in_the_middle(struct fake_device *f)
{
	CHECK_EQ(fake_device_dma(f, WINDOW_IOVA, bounce, SIZE, false), 0);
	bounce[writes] = 0xa5;
	CHECK_EQ(fake_device_dma(f, WINDOW_IOVA, bounce, SIZE, true), 0);
	writes++;
}

static unsigned ended, in_order;

static void done(struct vfmig_request *r)
{
	CHECK_EQ(r->result, 1);
	in_order += (uintptr_t)r->user == ended;
	ended++;
}

static bool all_ended(void *context)
{
	return ended == WRITES;
}

static void all(const char *options)
{
	struct vfmig_request *requests = calloc(WRITES, sizeof(*requests));
	struct vfmig_space *space = vfmig_space_new();
	uint8_t *memory = calloc(1, SIZE), byte = 1;
	struct vfmig_map map = {.iova = WINDOW_IOVA,
				.size = SIZE,
				.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
				.ptr = memory,
				.fd = -1};
	struct server_client p;

	bounce = malloc(SIZE);
	writes = ended = in_order = 0;
	server_client_open(&p, 0, NULL, options);
	p.fake->on_write = in_the_middle;
	CHECK_EQ(vfmig_space_map(space, &map, NULL), 0);
	CHECK_EQ(vfmig_space_attach(space, p.client, NULL), 0);
	for (unsigned i = 0; i < WRITES; i++) {
		requests[i].op = VFMIG_OP_REGION_WRITE;
		requests[i].region.index = 7;
		requests[i].region.len = 1;
		requests[i].region.buf = &byte;
		requests[i].done = done;
		requests[i].user = (void *)(uintptr_t)i;
		vfmig_submit(p.client, &requests[i]);
	}
	CHECK_EQ(vfmig_device_wait(p.client, all_ended, NULL, 0), 0);
	CHECK_EQ(in_order, WRITES);
	for (unsigned i = 0; i < WRITES; i++)
		CHECK_EQ(memory[i], 0xa5);
	CHECK_EQ(memory[WRITES], 0);
	vfmig_space_detach(space, p.client, NULL);
	vfmig_space_free(space);
	server_client_close(&p);
	free(requests);
	free(memory);
	free(bounce);
}

int main(void)
{
	all(NULL);
	all("twin_socket=off");
	/* A plain client without a second socket asks one thing at a time, for the other side's sake. */
	all("extensions=off,twin_socket=off");
	return 0;
}
