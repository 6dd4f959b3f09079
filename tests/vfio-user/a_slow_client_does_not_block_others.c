/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server asks its client for memory, and gets no answer, a wrong one, a late one, or anything but; or it gets more
 * than it asked for, without end. The device's DMA fails in time; a client that is only slow stays, one that
 * lies goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"

#define IOVA 0x100000ull
#define LEN  (3u << 20)

static uint8_t buf[LEN];
static int result;
static atomic_bool done;
static bool writes;
static size_t len = LEN;

static void ring(struct fake_device *f)
{
	result = fake_device_dma(f, IOVA, buf, len, writes);
	atomic_store(&done, true);
}

static int wait_for_result(void)
{
	while (!atomic_load(&done))
		usleep(100);
	atomic_store(&done, false);
	return result;
}

static void has_ended(int expected)
{
	int ret = wait_for_result();

	CHECKF(ret == expected, "%d, not %d", ret, expected);
}

/* The limit holds for VERSION, too: on a busy machine a short one may pass, and then the next is longer. */
static int begin(struct server_client *p, uint64_t timeout_ms, const char *json)
{
	for (;; timeout_ms *= 2) {
		struct vfmig_export_options config = {.struct_size =
							      sizeof(struct vfmig_export_options),
						      .timeout_ms = timeout_ms};
		int fd = server_client_serve(p, 0, &config), ret = raw_hello(fd, json);

		p->fake->doorbell = ring;
		if (ret == -ENOTCONN && timeout_ms && timeout_ms < 100000) {
			close(fd);
			server_client_close(p);
			continue;
		}
		CHECK_EQ(ret, 0);
		CHECK_EQ(raw_map(fd, IOVA, 4 << 20, 0, 3, -1), 0);
		return fd;
	}
}

static void end(struct server_client *p, int fd)
{
	close(fd);
	server_client_close(p);
}

static int info(int fd)
{
	uint32_t words[4] = {16};

	return raw_call(fd, VFMIG_USER_DEVICE_GET_INFO, words, 16, NULL, 0, words, 16, NULL);
}

struct asked {
	struct vfmig_user_header h;
	struct vfmig_user_dma_access a;
};

static void next_question(int fd, struct asked *q)
{
	CHECK(raw_recv(fd, &q->h, &q->a, sizeof(q->a), NULL, NULL) >= 16);
	CHECK_EQ(q->h.flags & VFMIG_USER_FLAG_TYPE_MASK, VFMIG_USER_FLAG_TYPE_COMMAND);
}

static void answer(int fd, const struct asked *q, uint64_t addr, uint64_t count, size_t data)
{
	uint8_t *payload = calloc(1, 16 + data);
	struct vfmig_user_dma_access a = {addr, count};

	memcpy(payload, &a, sizeof(a));
	memset(payload + 16, 0x77, data);
	raw_send(fd, q->h.msg_id, q->h.cmd, VFMIG_USER_FLAG_TYPE_REPLY, 0, payload, 16 + data, NULL,
		 0);
	free(payload);
}

/* Three megabytes are three questions, and all of them come before an answer does, in any order. */
static void several(void)
{
	struct asked q[3];
	struct server_client p;
	int fd = begin(&p, 0, NULL);

	writes = false;
	fake_device_ring(p.fake);
	for (unsigned i = 0; i < 3; i++) {
		next_question(fd, &q[i]);
		CHECK_EQ(q[i].h.cmd, VFMIG_USER_DMA_READ);
		CHECK_EQ(q[i].a.addr, IOVA + (i << 20));
		CHECK_EQ(q[i].a.count, 1 << 20);
	}
	for (unsigned i = 3; i--;)
		answer(fd, &q[i], q[i].a.addr, q[i].a.count, 1 << 20);
	has_ended(0);
	for (unsigned i = 0; i < LEN; i++)
		CHECK_EQ(buf[i], 0x77);
	end(&p, fd);
	/* A client that takes less at a time is asked for less. */
	fd = begin(&p, 0, "{\"capabilities\":{\"max_data_xfer_size\":8192}}");
	len = 20000;
	fake_device_ring(p.fake);
	for (unsigned i = 0; i < 3; i++) {
		next_question(fd, &q[i]);
		CHECK_EQ(q[i].a.count, i < 2 ? 8192 : 20000 - 16384);
		answer(fd, &q[i], q[i].a.addr, q[i].a.count, q[i].a.count);
	}
	has_ended(0);
	len = LEN;
	end(&p, fd);
}

/*
 * The first time the client does not answer before the limit, the second time it does. False if the limit passed before
 * the second answer: this machine needs a longer one.
 */
static bool attempt(bool write, uint64_t limit_ms)
{
	struct asked q[3];
	struct server_client p;
	int fd = begin(&p, limit_ms, NULL), ret;

	writes = write;
	fake_device_ring(p.fake);
	for (unsigned i = 0; i < 3; i++)
		next_question(fd, &q[i]);
	has_ended(-ETIMEDOUT);
	/* It is here still, and so are its answers: too late, and no harm. */
	CHECK_EQ(info(fd), 0);
	for (unsigned i = 0; i < 3; i++)
		answer(fd, &q[i], q[i].a.addr, q[i].a.count, write ? 0 : 1 << 20);
	CHECK_EQ(info(fd), 0);
	/* And the next time it is in time. */
	len = 64;
	fake_device_ring(p.fake);
	next_question(fd, &q[0]);
	answer(fd, &q[0], q[0].a.addr, q[0].a.count, write ? 0 : 64);
	ret = wait_for_result();
	len = LEN;
	end(&p, fd);
	CHECKF(!ret || ret == -ETIMEDOUT, "%d", ret);
	return !ret;
}

static void never(bool write)
{
	uint64_t limit_ms = 100;

	while (!attempt(write, limit_ms)) {
		limit_ms *= 2;
		CHECK(limit_ms < 100000);
	}
}

/* One that takes no data off the socket: part of the question is sent, and the rest must not come from memory that is
 * somebody else's by then. */
static void deaf(void)
{
	uint8_t *payload = malloc(16 + (1 << 20));
	uint32_t get_info[4] = {16};
	struct vfmig_user_header h;
	struct server_client p;
	int fd = begin(&p, 100, NULL), small = 4096;
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	writes = true;
	memset(buf, 0x11, LEN);
	fake_device_ring(p.fake);
	has_ended(-ETIMEDOUT);
	memset(buf, 0x22, LEN);
	/* Those of which nothing was sent are not sent at all: whatever comes comes before the answer to this. */
	raw_send(fd, 7, VFMIG_USER_DEVICE_GET_INFO, 0, 0, get_info, 16, NULL, 0);
	while ((n = raw_recv(fd, &h, payload, 16 + (1 << 20), NULL, NULL)) == 16 + (1 << 20))
		for (ssize_t at = 16; at < n; at++)
			CHECK_EQ(payload[at], 0x11);
	CHECK_EQ(h.cmd, VFMIG_USER_DEVICE_GET_INFO);
	CHECK_EQ(h.msg_id, 7);
	free(payload);
	end(&p, fd);
}

enum lie {
	WRONG_ID,
	WRONG_CMD,
	TOO_LONG,
	TOO_SHORT,
	WRONG_ADDR,
	WRONG_COUNT,
	EMPTY,
	ERROR,
	ERROR_0,
	LIES
};

static void liar(enum lie lie)
{
	struct asked q;
	struct server_client p;
	int fd = begin(&p, 5000, NULL);
	bool goes = lie == WRONG_ID || lie == WRONG_CMD || lie == TOO_LONG;

	writes = false;
	len = 4096;
	fake_device_ring(p.fake);
	next_question(fd, &q);
	switch (lie) {
	case WRONG_ID:
		q.h.msg_id++;
		answer(fd, &q, IOVA, 4096, 4096);
		break;
	case WRONG_CMD:
		q.h.cmd = VFMIG_USER_DMA_WRITE;
		answer(fd, &q, IOVA, 4096, 0);
		break;
	case TOO_LONG:
		answer(fd, &q, IOVA, 4097, 4097);
		break;
	case TOO_SHORT:
		answer(fd, &q, IOVA, 4096, 4095);
		break;
	case WRONG_ADDR:
		answer(fd, &q, IOVA + 1, 4096, 4096);
		break;
	case WRONG_COUNT:
		answer(fd, &q, IOVA, 1, 1);
		break;
	case EMPTY:
		raw_send(fd, q.h.msg_id, q.h.cmd, 1, 0, NULL, 0, NULL, 0);
		break;
	case ERROR:
		raw_send(fd, q.h.msg_id, q.h.cmd, 0x21, EFAULT, NULL, 0, NULL, 0);
		break;
	default:
		raw_send(fd, q.h.msg_id, q.h.cmd, 0x21, 0, NULL, 0, NULL, 0);
		break;
	}
	has_ended(goes ? -EPROTO : lie == ERROR ? -EFAULT : -EIO);
	if (goes)
		CHECK(raw_gone(fd));
	else
		CHECK_EQ(info(fd), 0);
	len = LEN;
	end(&p, fd);
}

/* Instead of answering it asks, and asks, and asks. */
static void flood(void)
{
	struct vfmig_user_header h = {.cmd = VFMIG_USER_DEVICE_RESET, .msg_size = 16};
	struct asked q;
	struct server_client p;
	int fd = begin(&p, 20000, NULL);
	unsigned sent = 0;

	writes = false;
	len = 64;
	fake_device_ring(p.fake);
	next_question(fd, &q);
	while (send(fd, &h, sizeof(h), MSG_NOSIGNAL) == sizeof(h))
		CHECK(++sent < 1000000);
	CHECK(raw_gone(fd));
	has_ended(-ENOBUFS);
	len = LEN;
	end(&p, fd);
}

/* It asks and takes no answers: it is not heard any more, until it takes them. Nothing grows. */
static void no_reader(void)
{
	struct vfmig_user_region_access a = {.count = FAKE_DEVICE_BAR0};
	struct vfmig_user_header h = {.cmd = VFMIG_USER_REGION_READ, .msg_size = 32};
	uint8_t message[32], *reply = malloc(16 + FAKE_DEVICE_BAR0);
	unsigned sent = 0;
	struct server_client p;
	int fd = begin(&p, 0, NULL);

	memcpy(message, &h, sizeof(h));
	memcpy(message + 16, &a, sizeof(a));
	for (;;) {
		struct pollfd w = {.fd = fd, .events = POLLOUT};

		if (poll(&w, 1, 300) != 1 ||
		    send(fd, message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
		CHECK(++sent < 2000000);
	}
	CHECK(sent > 100);
	for (unsigned i = 0; i < sent; i++)
		CHECK_EQ(raw_recv(fd, &h, reply, 16 + FAKE_DEVICE_BAR0, NULL, NULL),
			 16 + FAKE_DEVICE_BAR0);
	CHECK_EQ(info(fd), 0);
	free(reply);
	end(&p, fd);
}

/* It goes in the middle of the device's DMA. */
static void goes(void)
{
	struct asked q;
	struct server_client p;
	int fd = begin(&p, 20000, NULL);

	fake_device_ring(p.fake);
	next_question(fd, &q);
	close(fd);
	has_ended(-ECONNRESET);
	server_client_close(&p);
}

/* A second socket for the questions, and a command on it, which is the wrong one. */
static void twin(void)
{
	const char json[] = "\0\0\1\0{\"capabilities\":{\"max_msg_fds\":1,\"twin_socket\":"
			    "{\"supported\":true}}}";
	struct vfmig_user_header h;
	struct server_client p;
	char reply[1024];
	unsigned n;
	struct asked q;
	int fd = server_client_serve(&p, 0, NULL), other;

	p.fake->doorbell = ring;
	raw_send(fd, 5, VFMIG_USER_VERSION, 0, 0, json, sizeof(json), NULL, 0);
	CHECK(raw_recv(fd, &h, reply, sizeof(reply), &other, &n) > 4);
	CHECK_EQ(n, 1);
	CHECK(strstr(reply + 4, "\"fd_index\":0"));
	CHECK_EQ(raw_map(fd, IOVA, 4 << 20, 0, 3, -1), 0);
	writes = false;
	len = 4096;
	fake_device_ring(p.fake);
	next_question(other, &q);
	CHECK(!raw_readable(fd, 0));
	answer(other, &q, q.a.addr, q.a.count, 4096);
	has_ended(0);
	raw_send(other, 5, VFMIG_USER_DEVICE_RESET, 0, 0, NULL, 0, NULL, 0);
	CHECK(raw_gone(fd));
	close(other);
	len = LEN;
	end(&p, fd);
}

int main(void)
{
	unsigned before = count_fds();

	RUN(several());
	RUN(never(false));
	RUN(never(true));
	RUN(deaf());
	for (unsigned i = 0; i < LIES; i++)
		RUN(liar(i));
	RUN(flood());
	RUN(no_reader());
	RUN(goes());
	RUN(twin());
	CHECK_EQ(count_fds(), before);
	return 0;
}
