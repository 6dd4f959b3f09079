/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A served card that lends the bytes of its memory, and a client by hand who asks for them.
 */
#ifndef VFMIG_TESTS_VFIO_USER_LENT_H
#define VFMIG_TESTS_VFIO_USER_LENT_H

#include <sys/socket.h>

#include <vfmig/export.h>

#include "tests/lib/test_device.h"
#include "tests/lib/raw_messages.h"

#define LENT_MEMORY (8u << 20)
#define LENT_PIECE  (1u << 20)
#define LENT_READS  6u /* more than a socket holds */

static uint8_t lent_expected[LENT_READS][LENT_PIECE];

/* Never a page of zeros. */
static inline struct vfmig_device *lent_card(void)
{
	struct vfmig_device *card = test_device_open("memory=8M");
	uint64_t page[512];

	for (uint64_t at = 0; at < LENT_MEMORY; at += sizeof(page)) {
		for (uint64_t i = 0; i < 512; i++)
			page[i] = at + i + 1;
		CHECK_OK(vfmig_device_region_write(card, 2, TEST_DEVICE_MEMORY_AT + at, page,
						   sizeof(page), &test_err));
	}
	return card;
}

/* What the reads are to bring: what another such card is read as, without a socket. */
static inline void lent_expect(void)
{
	struct vfmig_device *card = lent_card();
	struct vfmig_session *session = test_device_session(card);

	test_device_go(session, VFMIG_STATE_STOP_COPY);
	for (unsigned i = 0; i < LENT_READS; i++)
		CHECK_EQ(vfmig_session_read(session, lent_expected[i], LENT_PIECE, &test_err),
			 LENT_PIECE);
	vfmig_session_close(session);
	vfmig_device_close(card);
}

/* Serve it up to STOP_COPY; the client's socket. Nobody works the server then. */
static inline int lent_serve(struct vfmig_device *card, struct vfmig_export **server)
{
	struct vfmig_export_options config = {.struct_size = sizeof(struct vfmig_export_options)};
	int fds[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	config.fd = fds[0];
	CHECK_OK(vfmig_export_open_vfio_user(card, &config, server, &test_err));
	CHECK_OK(vfmig_export_start(*server, &test_err));
	CHECK_EQ(raw_hello(fds[1], NULL), 0);
	CHECK_EQ(raw_set_state(fds[1], VFMIG_STATE_STOP_COPY), 0);
	vfmig_export_stop(*server);
	return fds[1];
}

static inline void lent_ask(int fd, unsigned reads, uint32_t size)
{
	struct vfmig_user_mig_data ask = {.argsz = 8 + size, .size = size};

	for (uint16_t i = 0; i < reads; i++)
		CHECK(raw_send(fd, i, VFMIG_USER_MIG_DATA_READ, 0, 0, &ask, sizeof(ask), NULL, 0));
}

static inline void lent_take(int fd, unsigned reads)
{
	static uint8_t reply[LENT_PIECE + 64];
	struct vfmig_user_header h;

	for (uint16_t i = 0; i < reads; i++) {
		CHECK_EQ(raw_recv(fd, &h, reply, sizeof(reply), NULL, NULL), 8 + LENT_PIECE);
		CHECK_EQ(h.msg_id, i);
		CHECK(!memcmp(reply + 8, lent_expected[i], LENT_PIECE));
	}
}

#endif
