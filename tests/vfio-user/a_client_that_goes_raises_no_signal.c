/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client goes in the middle of what it asked for. Whoever works the server in a thread of their own, without a thought
 * of SIGPIPE, learns that it has gone, and is not ended by it.
 */
#include <pthread.h>
#include <sys/epoll.h>

#include "tests/vfio-user/lent.h"
#include "wire/wire.h"

static void go_within(uint32_t size)
{
	struct vfmig_device *card = lent_card();
	struct vfmig_export *server;
	int fd = lent_serve(card, &server), ret = 0;

	lent_ask(fd, LENT_READS, size);
	/* Until the socket takes no more. */
	for (unsigned i = 0; i < 4 * LENT_READS; i++)
		CHECK_OK(vfmig_export_process(server, &test_err));
	close(fd);
	for (unsigned i = 0; i < 4 * LENT_READS && !ret; i++)
		ret = vfmig_export_process(server, &test_err);
	CHECK_EQ(ret, -ENOTCONN);
	vfmig_export_close(server);
	vfmig_device_close(card);
}

/* ---- and while a call sends ---- */

#define TRIES 400u

static int no_command(struct wire *wire, struct wire_msg *msg)
{
	return -EPROTO;
}

static void no_reply(struct wire *wire, struct wire_ask *ask)
{
}

static void *go(void *peer)
{
	close(*(int *)peer);
	return NULL;
}

/* It ends a call that has sent some of its pages already, and says so only by a signal. */
static void go_while_it_sends(int file)
{
	static const struct wire_ops ops = {no_command, no_reply};
	struct iovec piece = {lent_expected[0], LENT_PIECE};
	struct vfmig_lent_file from = {.fd = file};
	struct wire_out out = {.head_len = ABI_MSG_HEADER_SIZE,
			       .body_len = LENT_PIECE,
			       .pieces = &piece,
			       .files = &from,
			       .npieces = 1};
	struct wire *wire = malloc(sizeof(*wire));
	struct vfmig_error err = {0};
	int fds[2], epoll = epoll_create1(EPOLL_CLOEXEC);
	pthread_t thread;

	CHECK(wire && epoll >= 0);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	CHECK(!wire_init(wire, &ops, fds[0], epoll, LENT_PIECE, &err));
	CHECK(!pthread_create(&thread, NULL, go, &fds[1]));
	pthread_mutex_lock(&wire->lock);
	wire_send(wire, WIRE_MAIN, &out);
	wire_lose(wire, -ESHUTDOWN, "it is over");
	pthread_mutex_unlock(&wire->lock);
	pthread_join(thread, NULL);
	wire_fini(wire);
	free(wire);
	close(epoll);
}

int main(void)
{
	int file = memfd_create("pages", MFD_CLOEXEC);

	/* Some of them end where pages are being sent. */
	for (uint32_t size = LENT_PIECE; size > LENT_PIECE / 2; size -= 99999)
		go_within(size);
	CHECK(file >= 0 && !ftruncate(file, LENT_PIECE));
	for (unsigned i = 0; i < TRIES; i++)
		go_while_it_sends(file);
	close(file);
	return 0;
}
