/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests are taken back at any time: before they are sent, while they are answered, while another thread looks at
 * the answer. What they pointed to is gone as soon as that was told, and is not touched. Some of them need
 * several messages, or go on when the first is answered.
 */
#include <errno.h>
#include <unistd.h>

#include "tests/lib/server_client.h"

#define THREADS 3u
#define ROUNDS	2000u
#define LEN	(40u << 10) /* two messages to a plain server */

static struct vfmig_device *client;
static atomic_uint done, taken_back;

static struct vfmig_request *request_of(unsigned n, void *buf)
{
	struct vfmig_request *r = calloc(1, sizeof(*r));

	switch (n % 4) {
	case 0:
		r->op = VFMIG_OP_DATA_WRITE;
		r->data.buf = buf;
		r->data.len = LEN;
		break;
	case 1:
		r->op = VFMIG_OP_REGION_READ;
		r->region.buf = buf;
		r->region.len = 32768;
		break;
	case 2:
		r->op = VFMIG_OP_REGION_INFO;
		r->info.index = 2;
		r->info.buf = buf;
		r->info.size = 512;
		break;
	case 3:
		r->op = VFMIG_OP_RESET;
		break;
	}
	return r;
}

static void *work(void *context)
{
	unsigned seed = (unsigned)(uintptr_t)context;

	for (unsigned i = 0; i < ROUNDS; i++) {
		void *buf = malloc(LEN);
		struct vfmig_request *r = request_of(i + seed, memset(buf, 0, LEN));
		struct vfmig_error *err = calloc(1, sizeof(*err));
		ssize_t ret;

		/* From at once to long enough, whatever that is here. */
		r->deadline = device_now() + (1ll << rand_r(&seed) % 26);
		r->err = err;
		ret = vfmig_call(client, r);
		atomic_fetch_add(ret == -ETIMEDOUT ? &taken_back : &done, 1);
		free(err);
		free(r);
		free(buf);
	}
	return NULL;
}

static void all(const char *options)
{
	pthread_t threads[THREADS];
	struct server_client p;

	server_client_open(&p, SERVER_CLIENT_ALL_FLAGS, NULL, options);
	client = p.client;
	CHECK(!vfmig_device_start(client, NULL));
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, work, (void *)(i + 1)));
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	/* Nothing is out of step. */
	CHECK_EQ(vfmig_device_region_write(client, 0, 0, "here", 4, NULL), 0);
	CHECK(!memcmp(p.fake->bar0, "here", 4));
	server_client_close(&p);
}

int main(void)
{
	RUN(all(NULL));
	RUN(all("extensions=off"));
	CHECK_EQ(done + taken_back, 2 * THREADS * ROUNDS);
	return 0;
}
