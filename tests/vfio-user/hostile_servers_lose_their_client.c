/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever a server sends, or does not send, its client lives, leaks nothing, waits no longer than it was told to, and says
 * in a sentence what was wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/feature.h"
#include "source/vfio_user.h"
#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"

static int server;
static struct vfmig_device *device;
static struct vfmig_error err;

#define VERSION(json) "\0\0\1\0" json

/* The introduction is in the socket before the client asks, so that no thread is needed: its first id is known. */
static int meet(const void *version, size_t len, const int *fds, unsigned nfds, const char *options)
{
	struct vfmig_user_header h;
	int pair[2], ret;

	memset(&err, 0, sizeof(err));
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	server = pair[0];
	raw_send(server, 0, VFMIG_USER_VERSION, 1, 0, version, len, fds, nfds);
	ret = vfio_user_adopt(pair[1], "server", options, &device, &err);
	if (!ret)
		raw_recv(server, &h, NULL, 0, NULL, NULL);
	else
		CHECK_EQ(ret, err.code);
	return ret;
}

static void begin(const char *options)
{
	static const char version[] =
		VERSION("{\"capabilities\":{\"max_msg_fds\":8,\"vfmig\":{\"version\":1}}}");

	CHECKF(!meet(version, sizeof(version), NULL, 0, options), "%s", err.text);
}

static void end(void)
{
	vfmig_device_close(device);
	close(server);
}

/* ---- introductions ---- */

static void refused(const void *version, size_t len, const int *fds, unsigned nfds)
{
	CHECK(meet(version, len, fds, nfds, "timeout=2s") < 0);
	CHECK(err.text[0]);
	close(server);
}

#define REFUSED(json) refused(VERSION(json), sizeof(VERSION(json)), NULL, 0)

static void introductions(void)
{
	static const char twin[] = VERSION("{\"capabilities\":{\"twin_socket\":{\"supported\":true,"
					   "\"fd_index\":0}}}");
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), pair[2];

	refused("", 0, NULL, 0);
	refused("\0\0\1", 3, NULL, 0);
	refused("\1\0\0\0", 4, NULL, 0);
	refused("\0\0\2\0", 4, NULL, 0);
	refused(VERSION("no NUL"), 10, NULL, 0);
	REFUSED("garbage");
	REFUSED("{\"capabilities\":[]}");
	REFUSED("{\"capabilities\":{\"max_data_xfer_size\":17}}");
	REFUSED("{\"capabilities\":{\"max_dma_maps\":0}}");
	REFUSED("{\"capabilities\":{\"twin_socket\":{\"supported\":true}}}");
	refused(twin, sizeof(twin), NULL, 0);
	refused(twin, sizeof(twin), &null, 1);
	/* A descriptor of no use is closed. */
	CHECKF(!meet(VERSION("{}"), 7, &null, 1, NULL), "%s", err.text);
	end();
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	CHECKF(!meet(twin, sizeof(twin), pair, 1, NULL), "%s", err.text);
	end();
	/* What it was not offered. */
	CHECK_EQ(meet(twin, sizeof(twin), pair, 1, "twin_socket=off"), -EPROTO);
	close(server);
	close(pair[0]);
	close(pair[1]);
	/* An error; the wrong id; nothing at all. */
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	raw_send(pair[0], 0, VFMIG_USER_VERSION, 0x21, EBUSY, NULL, 0, NULL, 0);
	CHECK_EQ(vfio_user_adopt(pair[1], "server", NULL, &device, &err), -EBUSY);
	close(pair[0]);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	raw_send(pair[0], 1, VFMIG_USER_VERSION, 1, 0, "\0\0\1\0", 4, NULL, 0);
	CHECK_EQ(vfio_user_adopt(pair[1], "server", NULL, &device, &err), -EPROTO);
	close(pair[0]);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	CHECK_EQ(vfio_user_adopt(pair[1], "server", "timeout=50", &device, &err), -ETIMEDOUT);
	CHECKF(strstr(err.text, "no reply to VERSION"), "%s", err.text);
	close(pair[0]);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	close(pair[0]);
	CHECK_EQ(vfio_user_adopt(pair[1], "server", NULL, &device, &err), -ECONNRESET);
	CHECK(vfio_user_connect("/nonexistent/socket", NULL, &device, &err) < 0);
	CHECKF(strstr(err.text, "/nonexistent/socket"), "%s", err.text);
	close(null);
}

/* ---- answers ---- */

static atomic_bool ended;
static ssize_t result;

static void done(struct vfmig_request *r)
{
	result = r->result;
	atomic_store(&ended, true);
}

static bool has_ended(void *context)
{
	return atomic_load(&ended);
}

static struct vfmig_user_header ask(struct vfmig_request *r)
{
	struct vfmig_user_header h;

	memset(&err, 0, sizeof(err));
	atomic_store(&ended, false);
	r->err = &err;
	r->done = done;
	vfmig_submit(device, r);
	CHECK(raw_recv(server, &h, NULL, 0, NULL, NULL) >= 0);
	return h;
}

static void wait_for(ssize_t expected)
{
	vfmig_device_wait(device, has_ended, NULL, device_now() + 120000000000);
	CHECK(has_ended(NULL));
	CHECKF(result == expected, "%zd, not %zd: %s", result, expected, err.text);
	CHECK(expected >= 0 || err.text[0]);
}

static uint32_t value;

static struct vfmig_request region_read(void)
{
	return (struct vfmig_request){.op = VFMIG_OP_REGION_READ,
				      .region = {.len = 4, .buf = &value}};
}

struct answer {
	const char *what;
	int id, cmd;
	uint32_t flags, error;
	uint64_t offset;
	uint32_t region, count, data;
	ssize_t expected;
};

static void answers(void)
{
	static const struct answer list[] = {
		{"right", 0, 0, 1, 0, 0, 0, 4, 4, 4},
		{"an error", 0, 0, 0x21, EFAULT, 0, 0, 0, 0, -EFAULT},
		{"an error of 0", 0, 0, 0x21, 0, 0, 0, 0, 0, -EIO},
		{"an errno that is none", 0, 0, 0x21, 0x80000000, 0, 0, 0, 0, -EIO},
		{"another offset", 0, 0, 1, 0, 4, 0, 4, 4, -EPROTO},
		{"another region", 0, 0, 1, 0, 0, 1, 4, 4, -EPROTO},
		{"another count", 0, 0, 1, 0, 0, 0, 3, 3, -EPROTO},
		{"less than it says", 0, 0, 1, 0, 0, 0, 4, 3, -EPROTO},
		{"more than was asked for", 0, 0, 1, 0, 0, 0, 5, 5, -EPROTO},
		{"a great deal more", 0, 0, 1, 0, 0, 0, 4, 70000, -EPROTO},
		{"another id", 1, 0, 1, 0, 0, 0, 4, 4, -EPROTO},
		{"another command", 0, 1, 1, 0, 0, 0, 4, 4, -EPROTO},
		{"no type", 0, 0, 2, 0, 0, 0, 4, 4, -EPROTO},
		{"unknown flags", 0, 0, 0x101, 0, 0, 0, 4, 4, -EPROTO},
	};
	static uint8_t payload[80000];

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		const struct answer *a = &list[i];
		struct vfmig_user_region_access reported = {a->offset, a->region, a->count};
		struct vfmig_request r = region_read();
		struct vfmig_user_header h;

		begin(NULL);
		h = ask(&r);
		memcpy(payload, &reported, sizeof(reported));
		raw_send(server, (uint16_t)(h.msg_id + a->id), (uint16_t)(h.cmd + a->cmd), a->flags,
			 a->error, payload, a->flags & 0x20 ? 0 : 16 + a->data, NULL, 0);
		wait_for(a->expected);
		end();
	}
}

/* It goes at each byte of its answer. */
static void vanishes(void)
{
	struct vfmig_user_region_access reported = {0, 0, 4};
	uint8_t bytes[36] = {0};

	for (size_t n = 0; n < sizeof(bytes); n++) {
		struct vfmig_request r = region_read(), later = region_read();
		struct vfmig_user_header h;

		begin(NULL);
		h = ask(&r);
		h.flags = 1;
		h.msg_size = sizeof(bytes);
		memcpy(bytes, &h, sizeof(h));
		memcpy(bytes + 16, &reported, sizeof(reported));
		CHECK_EQ(send(server, bytes, n, 0), (ssize_t)n);
		close(server);
		wait_for(-ECONNRESET);
		/* Everything that is asked of it from now on fails at once, with the reason. */
		later.err = &err;
		CHECK_EQ(vfmig_call(device, &later), -ECONNRESET);
		CHECKF(strstr(err.text, "closed the connection"), "%s", err.text);
		CHECK_EQ(vfmig_device_process(device, NULL), -ECONNRESET);
		vfmig_device_close(device);
	}
}

/* It never answers, and then it does: too late, and no harm. What is next is right. */
static void late(void)
{
	struct vfmig_user_region_access reported = {0, 0, 4};
	struct {
		struct vfmig_user_region_access a;
		uint32_t value;
	} __attribute__((packed)) payload = {reported, 0x12345678};
	struct vfmig_request r = region_read();
	struct vfmig_user_header first, second;
	uint32_t old = 0;

	begin("timeout=50");
	r.region.buf = &old;
	CHECK_EQ(vfmig_call(device, &r), -ETIMEDOUT);
	CHECK(raw_recv(server, &first, NULL, 0, NULL, NULL) >= 0);
	r = region_read();
	value = 0;
	second = ask(&r);
	CHECK(first.msg_id != second.msg_id);
	raw_send(server, first.msg_id, first.cmd, 1, 0, &payload, sizeof(payload), NULL, 0);
	payload.value = 0x9abcdef0;
	raw_send(server, second.msg_id, second.cmd, 1, 0, &payload, sizeof(payload), NULL, 0);
	wait_for(4);
	CHECK_EQ(value, 0x9abcdef0);
	CHECK_EQ(old, 0);
	/* The same answer twice is one that nobody asked for. */
	raw_send(server, second.msg_id, second.cmd, 1, 0, &payload, sizeof(payload), NULL, 0);
	r = region_read();
	ask(&r);
	wait_for(-EPROTO);
	end();
}

/* Taken back while half of the answer is there: the other half goes nowhere. */
static void taken_back_half_way(void)
{
	uint8_t *message = calloc(1, 16 + 8 + 100000), *buf = malloc(100000);
	struct vfmig_user_mig_data d = {.argsz = 8 + 100000, .size = 100000};
	struct vfmig_request r = {.op = VFMIG_OP_DATA_READ, .data = {buf, 100000}};
	struct vfmig_request next = region_read();
	struct vfmig_user_header h;
	struct {
		struct vfmig_user_region_access a;
		uint32_t value;
	} __attribute__((packed)) payload = {{0, 0, 4}, 5};

	begin(NULL);
	h = ask(&r);
	h.flags = 1;
	h.msg_size = 16 + 8 + 100000;
	memset(message, 0xee, 16 + 8 + 100000);
	memcpy(message, &h, sizeof(h));
	memcpy(message + 16, &d, sizeof(d));
	CHECK_EQ(send(server, message, 50000, 0), 50000);
	CHECK_EQ(vfmig_device_process(device, NULL), 0);
	CHECK(vfmig_cancel(device, &r));
	CHECK(!vfmig_cancel(device, &r));
	memset(buf, 0, 100000);
	CHECK_EQ(send(server, message + 50000, 16 + 8 + 50000, 0), 16 + 8 + 50000);
	h = ask(&next);
	raw_send(server, h.msg_id, h.cmd, 1, 0, &payload, sizeof(payload), NULL, 0);
	wait_for(4);
	for (unsigned i = 0; i < 100000; i++)
		CHECK_EQ(buf[i], 0);
	end();
	free(message);
	free(buf);
}

/* ---- descriptors of regions ---- */

static void region_fd(int fd, unsigned count, uint64_t size, uint64_t offset, uint32_t flags,
		      ssize_t expected)
{
	struct vfmig_request r = {.op = VFMIG_OP_REGION_FD, .region_fd = {.index = 2, .fd = -1}};
	struct vfmig_region_info info = {
		.argsz = 32, .flags = flags, .index = 2, .size = size, .offset = offset};
	struct vfmig_user_header h;
	int fds[16];

	begin(NULL);
	h = ask(&r);
	for (unsigned i = 0; i < 16; i++)
		fds[i] = fd;
	raw_send(server, h.msg_id, h.cmd, 1, 0, &info, sizeof(info), fds, count);
	wait_for(expected);
	if (!expected)
		close(r.region_fd.fd);
	end();
}

static void region_fds(void)
{
	int mem, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	void *p = shared_memory(0x3000, &mem);

	region_fd(mem, 1, 0x2000, 0x1000, 7, 0);
	region_fd(mem, 0, 0x2000, 0x1000, 7, -ENODEV);
	region_fd(mem, 2, 0x2000, 0x1000, 7, -ENODEV);
	region_fd(mem, 9, 0x2000, 0x1000, 7, -EPROTO);
	region_fd(mem, 1, 0x2000, 0x1000, 3, -ENODEV);
	region_fd(mem, 1, 0x3000, 0x1000, 7, -EINVAL);
	region_fd(mem, 1, 0x2000, 0x1001, 7, -EINVAL);
	region_fd(mem, 1, UINT64_MAX, 0x1000, 7, -EPROTO);
	region_fd(mem, 1, 0x2000, UINT64_MAX, 7, -EPROTO);
	region_fd(null, 1, 0x2000, 0, 7, -EINVAL);
	munmap(p, 0x3000);
	close(mem);
	close(null);
}

/* ---- its own questions ---- */

static int dma(uint16_t cmd, uint64_t addr, uint64_t count, size_t data)
{
	uint8_t *payload = calloc(1, 16 + data);
	struct vfmig_user_dma_access a = {addr, count};
	struct vfmig_user_header h;

	memcpy(payload, &a, sizeof(a));
	raw_send(server, 9, cmd, 0, 0, payload, 16 + data, NULL, 0);
	free(payload);
	while (!raw_readable(server, 0))
		if (vfmig_device_process(device, NULL))
			return -ENOTCONN;
	if (raw_recv(server, &h, NULL, 0, NULL, NULL) < 0)
		return -ENOTCONN;
	CHECK_EQ(h.msg_id, 9);
	return h.flags & VFMIG_USER_FLAG_ERROR ? -(int)h.error_no : 0;
}

/* The space is not attached through the socket here: the server would have to agree. */
static void questions(void)
{
	struct vfmig_user_header too_large = {.cmd = VFMIG_USER_DMA_WRITE};
	unsigned sent = 0;

	begin(NULL);
	CHECK_EQ(dma(VFMIG_USER_DMA_READ, 0, 16, 0), -EFAULT);
	CHECK_EQ(dma(VFMIG_USER_DMA_WRITE, 0, 16, 16), -EFAULT);
	CHECK_EQ(dma(VFMIG_USER_DMA_WRITE, 0, 16, 15), -EINVAL);
	CHECK_EQ(dma(VFMIG_USER_DMA_READ, 0, (1 << 20) + 1, 0), -EINVAL);
	CHECK_EQ(dma(VFMIG_USER_DMA_READ, 0, UINT64_MAX, 0), -EINVAL);
	CHECK_EQ(dma(VFMIG_USER_DMA_READ, UINT64_MAX, 2, 0), -EINVAL);
	CHECK_EQ(dma(VFMIG_USER_DEVICE_RESET, 0, 0, 0), -EINVAL);
	CHECK_EQ(dma(999, 0, 0, 0), -EINVAL);
	too_large.msg_size = 16 + 16 + (2 << 20);
	CHECK_EQ(send(server, &too_large, sizeof(too_large), 0), sizeof(too_large));
	CHECK_EQ(vfmig_device_process(device, &err), -EMSGSIZE);
	CHECKF(strstr(err.text, "negotiated limit"), "%s", err.text);
	end();
	/* Without end, and it takes no answers. */
	begin(NULL);
	while (!vfmig_device_process(device, &err)) {
		struct vfmig_user_dma_access a = {0, 1 << 20};
		struct vfmig_user_header h = {.cmd = VFMIG_USER_DMA_READ, .msg_size = 32};
		uint8_t message[32];

		memcpy(message, &h, sizeof(h));
		memcpy(message + 16, &a, sizeof(a));
		send(server, message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
		CHECK(++sent < 1000000);
	}
	CHECKF(err.code == -ENOBUFS, "%s", err.text);
	end();
}

int main(void)
{
	unsigned before = count_fds();

	RUN(introductions());
	RUN(answers());
	RUN(vanishes());
	RUN(late());
	RUN(taken_back_half_way());
	RUN(region_fds());
	RUN(questions());
	CHECK_EQ(count_fds(), before);
	return 0;
}
