/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/lib/raw_messages.h"

bool raw_readable(int fd, int msec)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, msec) == 1;
}

static bool send_all(int fd, struct iovec *iov, int count, const int *fds, unsigned nfds)
{
	union {
		char bytes[CMSG_SPACE(256 * sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)count};
	ssize_t n;

	if (nfds) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	while (count) {
		msg.msg_iov = iov;
		msg.msg_iovlen = (size_t)count;
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
		if (n < 0)
			return false;
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
		while (count && (size_t)n >= iov->iov_len) {
			n -= (ssize_t)iov->iov_len;
			iov++;
			count--;
		}
		if (count) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	return true;
}

bool raw_send(int fd, uint16_t id, uint16_t cmd, uint32_t flags, uint32_t error,
	      const void *payload, size_t len, const int *fds, unsigned nfds)
{
	struct vfmig_user_header h = {
		.msg_id = id,
		.cmd = cmd,
		.msg_size = (uint32_t)(ABI_MSG_HEADER_SIZE + len),
		.flags = flags,
		.error_no = error,
	};
	struct iovec iov[2] = {
		{.iov_base = &h, .iov_len = sizeof(h)},
		{.iov_base = (void *)payload, .iov_len = len},
	};

	return send_all(fd, iov, len ? 2 : 1, fds, nfds);
}

static bool recv_all(int fd, void *buf, size_t len)
{
	char trash[4096], *to = buf;

	while (len) {
		size_t want = to ? len : len < sizeof(trash) ? len : sizeof(trash);
		ssize_t n;

		CHECK(raw_readable(fd, 120000));
		n = recv(fd, to ? to : trash, want, 0);
		if (n <= 0)
			return false;
		if (to)
			to += n;
		len -= (size_t)n;
	}
	return true;
}

ssize_t raw_recv(int fd, struct vfmig_user_header *h, void *payload, size_t max, int *fds,
		 unsigned *nfds)
{
	union {
		char bytes[CMSG_SPACE(RAW_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = h, .iov_len = sizeof(*h)};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c;
	size_t len, keep;
	ssize_t n;

	CHECK(raw_readable(fd, 120000));
	n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return -1;
	if (nfds)
		*nfds = 0;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		CHECK(nfds);
		*nfds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), *nfds * sizeof(int));
	}
	if ((size_t)n < sizeof(*h) && !recv_all(fd, (char *)h + n, sizeof(*h) - (size_t)n))
		return -1;
	CHECK(h->msg_size >= sizeof(*h));
	len = h->msg_size - sizeof(*h);
	keep = len < max ? len : max;
	if (!recv_all(fd, payload, keep) || !recv_all(fd, NULL, len - keep))
		return -1;
	return (ssize_t)len;
}

int raw_call(int fd, uint16_t cmd, const void *payload, size_t len, const int *fds, unsigned nfds,
	     void *reply, size_t max, size_t *got)
{
	static uint16_t id = 0x100;
	struct vfmig_user_header h;
	unsigned n = 0;
	int came[RAW_FDS];
	ssize_t ret;

	id++;
	if (!raw_send(fd, id, cmd, 0, 0, payload, len, fds, nfds))
		return -ENOTCONN;
	ret = raw_recv(fd, &h, reply, max, came, &n);
	if (ret < 0)
		return -ENOTCONN;
	while (n)
		close(came[--n]);
	CHECK_EQ(h.msg_id, id);
	CHECK_EQ(h.cmd, cmd);
	CHECK_EQ(h.flags & VFMIG_USER_FLAG_TYPE_MASK, VFMIG_USER_FLAG_TYPE_REPLY);
	if (got)
		*got = (size_t)ret;
	if (h.flags & VFMIG_USER_FLAG_ERROR) {
		CHECK_EQ(ret, 0);
		CHECK(h.error_no);
		return -(int)h.error_no;
	}
	return 0;
}

int raw_hello(int fd, const char *json)
{
	char payload[20000] = {0};
	size_t len = 4;

	payload[2] = 1;
	if (json) {
		len += strlen(json) + 1;
		CHECK(len <= sizeof(payload));
		memcpy(payload + 4, json, len - 4);
	}
	return raw_call(fd, VFMIG_USER_VERSION, payload, len, NULL, 0, NULL, 0, NULL);
}

int raw_feature(int fd, uint32_t flags, void *payload, size_t in, size_t out)
{
	size_t capacity = (in > out ? in : out) + ABI_FEATURE_HEADER_SIZE, got;
	struct vfmig_device_feature f = {.argsz = (uint32_t)capacity, .flags = flags};
	uint8_t *buf = calloc(1, capacity);
	int ret;

	CHECK(buf);
	memcpy(buf, &f, sizeof(f));
	if (in)
		memcpy(buf + sizeof(f), payload, in);
	ret = raw_call(fd, VFMIG_USER_DEVICE_FEATURE, buf, sizeof(f) + in, NULL, 0, buf, capacity,
		       &got);
	if (!ret && out) {
		CHECK_EQ(got, sizeof(f) + out);
		memcpy(payload, buf + sizeof(f), out);
	}
	free(buf);
	return ret;
}

int raw_set_state(int fd, uint32_t state)
{
	uint32_t payload[2] = {state, UINT32_MAX};

	return raw_feature(fd, VFMIG_FEATURE_MIG_STATE | VFMIG_FEATURE_SET, payload, 8, 0);
}

int raw_map(int fd, uint64_t iova, uint64_t size, uint64_t offset, uint32_t flags, int memory)
{
	struct vfmig_user_dma_map m = {
		.argsz = sizeof(m), .flags = flags, .offset = offset, .addr = iova, .size = size};

	return raw_call(fd, VFMIG_USER_DMA_MAP, &m, sizeof(m), &memory, memory >= 0, NULL, 0, NULL);
}

int raw_unmap(int fd, uint64_t iova, uint64_t size)
{
	struct vfmig_user_dma_unmap u = {.argsz = sizeof(u), .addr = iova, .size = size};

	return raw_call(fd, VFMIG_USER_DMA_UNMAP, &u, sizeof(u), NULL, 0, NULL, 0, NULL);
}

bool raw_gone(int fd)
{
	char buf[4096];
	ssize_t n;

	do {
		if (!raw_readable(fd, 120000))
			return false;
		n = recv(fd, buf, sizeof(buf), 0);
	} while (n > 0);
	return true;
}
