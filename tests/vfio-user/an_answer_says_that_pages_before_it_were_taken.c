/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages that were sent in the place of copies may not change until the other side has taken them. It has when it answers a
 * question that came behind them, however many more questions are on their way to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/check.h"
#include "wire/wire.h"

#define BYTES 65536u

static unsigned answers;

static int no_command(struct wire *wire, struct wire_msg *msg)
{
	return -EPROTO;
}

static void answered(struct wire *wire, struct wire_ask *ask)
{
	answers++;
}

static const struct wire_ops ops = {no_command, answered};

static void take(int fd, size_t len)
{
	char buf[4096];

	while (len) {
		ssize_t n = recv(fd, buf, len < sizeof(buf) ? len : sizeof(buf), 0);

		CHECK(n > 0);
		len -= (size_t)n;
	}
}

static void answer(int fd, const struct wire_ask *ask)
{
	struct vfmig_user_header h = {
		.msg_id = ask->id,
		.cmd = ask->cmd,
		.msg_size = ABI_MSG_HEADER_SIZE,
		.flags = VFMIG_USER_FLAG_TYPE_REPLY,
	};
	uint8_t bytes[ABI_MSG_HEADER_SIZE];

	abi_msg_put_header(bytes, sizeof(bytes), &h);
	CHECK_EQ(send(fd, bytes, sizeof(bytes), 0), (ssize_t)sizeof(bytes));
}

int main(void)
{
	struct wire_ask asks[3] = {0};
	struct wire *wire = malloc(sizeof(*wire));
	int fds[2], epoll = epoll_create1(EPOLL_CLOEXEC), file = memfd_create("pages", 0);
	struct vfmig_lent_file from = {.fd = file};
	struct vfmig_error err = {0};
	struct iovec piece = {.iov_len = BYTES};
	struct wire_out out = {.head_len = ABI_MSG_HEADER_SIZE,
			       .body_len = BYTES,
			       .pieces = &piece,
			       .files = &from,
			       .npieces = 1};

	if (!wire_sends_pages()) {
		printf("before Linux 6.6 copies are sent\n");
		exit(77);
	}
	CHECK(wire && epoll >= 0 && file >= 0 && !ftruncate(file, BYTES));
	piece.iov_base = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, file, 0);
	CHECK(piece.iov_base != MAP_FAILED);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	CHECK(!wire_init(wire, &ops, fds[0], epoll, BYTES, &err));
	pthread_mutex_lock(&wire->lock);
	/* One before the pages, and two behind them. */
	for (unsigned i = 0; i < 3; i++) {
		asks[i].out.head_len = ABI_MSG_HEADER_SIZE;
		CHECK(!wire_send_command(wire, WIRE_MAIN, VFMIG_USER_DMA_READ, &asks[i]));
		if (!i)
			wire_send(wire, WIRE_MAIN, &out);
	}
	take(fds[1], ABI_MSG_HEADER_SIZE);
	answer(fds[1], &asks[0]);
	wire_recv(wire, WIRE_MAIN);
	CHECK_EQ(answers, 1);
	CHECK(!wire_taken(wire, WIRE_MAIN));

	take(fds[1], ABI_MSG_HEADER_SIZE + BYTES + ABI_MSG_HEADER_SIZE);
	/* The last question is still there, so that how much is there says nothing. */
	CHECK(!wire_taken(wire, WIRE_MAIN));
	answer(fds[1], &asks[1]);
	wire_recv(wire, WIRE_MAIN);
	CHECK_EQ(answers, 2);
	CHECK(wire_taken(wire, WIRE_MAIN));

	wire_lose(wire, -ESHUTDOWN, "it is over");
	pthread_mutex_unlock(&wire->lock);
	wire_fini(wire);
	free(wire);
	close(fds[1]);
	close(epoll);
	munmap(piece.iov_base, BYTES);
	close(file);
	return 0;
}
