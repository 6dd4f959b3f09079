/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Introductions, headers and bytes that make no sense, and clients that go at each byte of a message: the server hangs up,
 * leaks nothing, and serves the next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/vfio-user/hostile.h"

/* ---- before anything is agreed ---- */

static void bad_hello(const char *json, int expected)
{
	int fd = hostile_connect();

	CHECKF(raw_hello(fd, json) == expected, "%.80s", json);
	if (expected)
		CHECK(raw_gone(fd));
	close(fd);
}

static void versions(void)
{
	static char deep[600], large[ABI_MSG_JSON_MAX + 100];
	uint8_t version[8] = {0, 0, 1, 0};
	int fd, null = open("/dev/null", O_RDONLY);

	bad_hello(NULL, 0);
	bad_hello("{}", 0);
	bad_hello("{\"capabilities\":{}}", 0);
	bad_hello("{\"capabilities\":{\"unknown\":[1,{\"x\":null}]},\"more\":7}", 0);
	bad_hello("", 0);
	bad_hello("garbage", -EPROTO);
	bad_hello("{", -EPROTO);
	bad_hello("[]", -EPROTO);
	bad_hello("{\"capabilities\":7}", -EPROTO);
	bad_hello("{\"capabilities\":{}} trailing", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_msg_fds\":\"many\"}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_msg_fds\":-1}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_msg_fds\":1e3}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_msg_fds\":99999999999999999999999999}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_data_xfer_size\":0}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_data_xfer_size\":1}}", 0);
	bad_hello("{\"capabilities\":{\"max_data_xfer_size\":18446744073709551615}}", 0);
	bad_hello("{\"capabilities\":{\"twin_socket\":true}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"twin_socket\":{\"supported\":1}}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"migration\":{\"pgsize\":4097}}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"vfmig\":{\"version\":-3}}}", -EPROTO);
	bad_hello("{\"capabilities\":{\"max_msg_fds\":\"\xff\xfe\"}}", -EPROTO);
	memset(deep, '[', sizeof(deep) - 1);
	bad_hello(deep, -EPROTO);
	memset(large, ' ', sizeof(large) - 1);
	bad_hello(large, -EPROTO);

	/* Another major version; no room for one; something else first; a descriptor with it. */
	for (size_t len = 0; len <= 8; len++) {
		fd = hostile_connect();
		version[0] = len > 4 ? 0 : 7;
		CHECK_EQ(raw_call(fd, VFMIG_USER_VERSION, version, len, NULL, 0, NULL, 0, NULL),
			 len < 4    ? -EPROTO
			 : len == 4 ? -EINVAL
			 : len == 5 ? 0 /* a NUL, and so an empty text */
				    : -EPROTO);
		close(fd);
	}
	fd = hostile_connect();
	CHECK_EQ(hostile_info(fd), -EINVAL);
	CHECK(raw_gone(fd));
	close(fd);
	fd = hostile_connect();
	CHECK_EQ(raw_call(fd, VFMIG_USER_VERSION, version, 4, &null, 1, NULL, 0, NULL), 0);
	close(fd);
	close(null);
	fd = hostile_hello();
	CHECK_EQ(raw_call(fd, VFMIG_USER_VERSION, version, 4, NULL, 0, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(hostile_info(fd), 0);
	close(fd);
}

/* ---- streams that make no sense ---- */

static void hangs_up(const void *bytes, size_t len, bool after_hello)
{
	int fd = after_hello ? hostile_hello() : hostile_connect();

	CHECK_EQ(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
	CHECK(raw_gone(fd));
	close(fd);
}

static void headers(void)
{
	struct vfmig_user_header good = {.msg_id = 1,
					 .cmd = VFMIG_USER_DEVICE_RESET,
					 .msg_size = 16},
				 h;
	uint8_t noise[4096];

	for (int hello_first = 0; hello_first < 2; hello_first++) {
		for (uint32_t size = 0; size < 16; size++) {
			h = good;
			h.msg_size = size;
			hangs_up(&h, sizeof(h), hello_first);
		}
		h = good;
		h.msg_size = UINT32_MAX;
		hangs_up(&h, sizeof(h), hello_first);
		h.msg_size = (1 << 20) + 65;
		hangs_up(&h, sizeof(h), hello_first);
		h = good;
		h.flags = VFMIG_USER_FLAG_TYPE_REPLY; /* to nothing */
		hangs_up(&h, sizeof(h), hello_first);
		h.flags = 2;
		hangs_up(&h, sizeof(h), hello_first);
		h.flags = 0x40;
		hangs_up(&h, sizeof(h), hello_first);
		h.flags = VFMIG_USER_FLAG_ERROR;
		hangs_up(&h, sizeof(h), hello_first);
		memset(noise, 0xff, sizeof(noise));
		hangs_up(noise, sizeof(noise), hello_first);
		for (unsigned i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)(i * 251 + 7);
		hangs_up(noise, sizeof(noise), hello_first);
	}
}

/* ---- going, at each byte ---- */

static void vanishes(void)
{
	struct {
		struct vfmig_user_header h;
		struct vfmig_user_dma_map m;
		struct vfmig_user_header h2;
		struct vfmig_user_region_access a;
		uint8_t data[16];
	} stream = {
		.h = {.cmd = VFMIG_USER_DMA_MAP, .msg_size = 48},
		.m = {.argsz = 32, .flags = 3, .addr = 0x1000, .size = 0x1000},
		.h2 = {.cmd = VFMIG_USER_REGION_WRITE, .msg_size = 48},
		.a = {.count = 16},
	};
	int mem;
	void *p = shared_memory(0x1000, &mem);

	for (size_t n = 0; n <= sizeof(stream); n++) {
		struct iovec iov = {&stream, n};
		union {
			char bytes[CMSG_SPACE(sizeof(int))];
			struct cmsghdr c;
		} control = {.c = {.cmsg_len = CMSG_LEN(sizeof(int)),
				   .cmsg_level = SOL_SOCKET,
				   .cmsg_type = SCM_RIGHTS}};
		struct msghdr msg = {.msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = n ? &control : NULL,
				     .msg_controllen = n ? sizeof(control) : 0};
		int fd = hostile_hello();

		memcpy(CMSG_DATA(&control.c), &mem, sizeof(int));
		CHECK_EQ(sendmsg(fd, &msg, MSG_NOSIGNAL), (ssize_t)n);
		close(fd);
	}
	/* In the middle of VERSION, too. */
	for (size_t n = 0; n < 40; n++) {
		struct vfmig_user_header h = {.cmd = VFMIG_USER_VERSION, .msg_size = 40};
		uint8_t bytes[40] = {0};
		int fd = hostile_connect();

		memcpy(bytes, &h, sizeof(h));
		CHECK_EQ(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
		close(fd);
	}
	munmap(p, 0x1000);
	close(mem);
}

int main(void)
{
	static void (*const tests[])(void) = {versions, headers, vanishes};

	hostile_run(tests, sizeof(tests) / sizeof(tests[0]));
	return 0;
}
