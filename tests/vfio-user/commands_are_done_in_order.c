/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client that does not wait between commands gets its replies in order, each with its own id, however often an id is
 * used; none where it wants none; and the device has been asked in that order, one thing at a time, but for pieces
 * of migration data. Many messages in one write, and one in many, are the same.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/vfio_user.h"
#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"

struct write {
	struct vfmig_user_header h;
	struct vfmig_user_region_access a;
	uint32_t value;
} __attribute__((packed));

#define COUNT 298u /* so that the last one has a reply */

static struct write stream[COUNT];

static void prepare(void)
{
	for (uint32_t i = 0; i < COUNT; i++)
		stream[i] = (struct write){
			.h = {.msg_id = (uint16_t)(i / 3),
			      .cmd = VFMIG_USER_REGION_WRITE,
			      .msg_size = sizeof(struct write),
			      .flags = i % 5 == 4 ? VFMIG_USER_FLAG_NO_REPLY : 0},
			.a = {.count = 4, .offset = 0, .region = i % 7 == 6 ? 99 : 0},
			.value = i,
		};
}

static void check(struct server_client *p, int fd)
{
	struct vfmig_user_region_access a;
	struct vfmig_user_header h;
	uint32_t last = 0;

	for (uint32_t i = 0; i < COUNT; i++) {
		bool bad = i % 7 == 6;

		if (!bad)
			last = i;
		if (i % 5 == 4)
			continue;
		CHECK_EQ(raw_recv(fd, &h, &a, sizeof(a), NULL, NULL), bad ? 0 : 16);
		CHECK_EQ(h.msg_id, i / 3);
		CHECK_EQ(h.cmd, VFMIG_USER_REGION_WRITE);
		CHECK_EQ(h.flags, bad ? 0x21 : 1);
		CHECK_EQ(h.error_no, bad ? EINVAL : 0);
	}
	CHECK(!memcmp(p->fake->bar0, &last, 4));
	CHECK(!raw_readable(fd, 0));
}

static void pipelined(void)
{
	struct server_client p;
	int fd = server_client_serve(&p, 0, NULL);

	CHECK_EQ(raw_hello(fd, NULL), 0);
	prepare();
	CHECK_EQ(send(fd, stream, sizeof(stream), 0), sizeof(stream));
	check(&p, fd);
	for (size_t i = 0; i < sizeof(stream); i++)
		CHECK_EQ(send(fd, (char *)stream + i, 1, 0), 1);
	check(&p, fd);
	for (size_t i = 0; i < sizeof(stream); i += 37)
		CHECK(send(fd, (char *)stream + i,
			   sizeof(stream) - i < 37 ? sizeof(stream) - i : 37, 0) > 0);
	check(&p, fd);
	close(fd);
	server_client_close(&p);
}

/* The device has one thing at a time; of data, several. */
static void one_at_a_time(void)
{
	struct vfmig_user_mig_data d = {.argsz = 8 + 100, .size = 100};
	struct vfmig_user_header h;
	struct server_client p;
	uint8_t payload[200], out[200];
	int fd = server_client_serve(&p, SERVER_CLIENT_ALL_FLAGS, NULL);

	CHECK_EQ(raw_hello(fd, NULL), 0);
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)i;
	fake_device_set_data(p.fake, out, sizeof(out));
	CHECK_EQ(raw_set_state(fd, VFMIG_STATE_STOP_COPY), 0);
	atomic_store(&p.fake->hold, true);
	for (uint16_t id = 0; id < 3; id++)
		raw_send(fd, id, VFMIG_USER_MIG_DATA_READ, 0, 0, &d, sizeof(d), NULL, 0);
	raw_send(fd, 3, VFMIG_USER_DEVICE_RESET, 0, 0, NULL, 0, NULL, 0);
	raw_send(fd, 4, VFMIG_USER_DEVICE_RESET, 0, 0, NULL, 0, NULL, 0);
	while (atomic_load(&p.fake->nheld) < 3)
		usleep(100);
	CHECK(!raw_readable(fd, 20));
	CHECK_EQ(atomic_load(&p.fake->nheld), 3);
	fake_device_release(p.fake, 3);
	for (uint16_t id = 0; id < 3; id++) {
		unsigned n = id < 2 ? 100 : 0;

		CHECK_EQ(raw_recv(fd, &h, payload, sizeof(payload), NULL, NULL), 8 + n);
		CHECK_EQ(h.msg_id, id);
		CHECK(!memcmp(payload + 8, out + id * 100u, n));
	}
	while (atomic_load(&p.fake->nheld) < 1)
		usleep(100);
	CHECK(!raw_readable(fd, 20));
	CHECK_EQ(atomic_load(&p.fake->nheld), 1);
	CHECK_EQ(p.fake->resets, 0);
	fake_device_release(p.fake, 1);
	CHECK_EQ(raw_recv(fd, &h, payload, 0, NULL, NULL), 0);
	CHECK_EQ(h.msg_id, 3);
	while (atomic_load(&p.fake->nheld) < 1)
		usleep(100);
	/* The client goes while the device is at it: what it asked is taken back, and the device is stopped. */
	close(fd);
	while (p.fake->order[atomic_load(&p.fake->norder) - 1] != VFMIG_OP_FEATURE)
		usleep(100);
	atomic_store(&p.fake->hold, false);
	fake_device_release(p.fake, 0);
	CHECK_EQ(p.fake->resets, 1);
	server_client_close(&p);
}

#define READS 64u

static unsigned ended;

static void done(struct vfmig_request *r)
{
	CHECK_EQ((uintptr_t)r->user, ended);
	CHECK_EQ(r->result, 1000);
	ended++;
}

static bool all_ended(void *context)
{
	return ended == READS;
}

/* And from end to end: reads that are under way together come back in order, with the data in order. */
static void data_in_order(void)
{
	struct vfmig_feature_mig_state s = {VFMIG_STATE_STOP_COPY, -1};
	uint8_t *in = malloc(READS * 1000), *out = malloc(READS * 1000);
	struct vfmig_request reads[READS] = {{0}};
	struct server_client p;

	server_client_open(&p, SERVER_CLIENT_ALL_FLAGS, NULL, NULL);
	for (unsigned i = 0; i < READS * 1000; i++)
		in[i] = (uint8_t)(i * 7 + (i >> 8));
	fake_device_set_data(p.fake, in, READS * 1000);
	CHECK_EQ(vfmig_device_call_feature(p.client, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_SET,
					   &s, sizeof(s), NULL),
		 0);
	for (unsigned i = 0; i < READS; i++) {
		reads[i].op = VFMIG_OP_DATA_READ;
		reads[i].data.buf = out + i * 1000;
		reads[i].data.len = 1000;
		reads[i].done = done;
		reads[i].user = (void *)(uintptr_t)i;
		vfmig_submit(p.client, &reads[i]);
	}
	CHECK_EQ(vfmig_device_wait(p.client, all_ended, NULL, 0), 0);
	CHECK(!memcmp(in, out, READS * 1000));
	server_client_close(&p);
	free(in);
	free(out);
}

int main(void)
{
	RUN(pipelined());
	RUN(one_at_a_time());
	RUN(data_in_order());
	return 0;
}
