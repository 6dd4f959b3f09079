/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device lends the bytes of its memory to whoever sends them. While they wait for room in the socket nothing may happen
 * to them: a reset behind the reads, which empties the memory, comes after them. Nor while they are in the socket, as
 * it may be the memory's own pages that are there.
 */
#include <sys/socket.h>

#include <vfmig/export.h>

#include "model/kit.h"
#include "tests/model/card.h"
#include "tests/vfio-user/raw.h"

#define MEMORY (8u << 20)
#define PIECE  (1u << 20)
#define READS  6u /* more than a socket holds */

static uint8_t expected[READS][PIECE], reply[PIECE + 64];

/* Never a page of zeros. */
static struct vfmig_device *filled(void)
{
	struct vfmig_device *card = card_open("memory=8M");
	uint64_t page[512];

	for (uint64_t at = 0; at < MEMORY; at += sizeof(page)) {
		for (uint64_t i = 0; i < 512; i++)
			page[i] = at + i + 1;
		CARD_OK(vfmig_region_write(card, 2, CARD_MEMORY_AT + at, page, sizeof(page),
					   &card_err));
	}
	return card;
}

static void read_twin(void)
{
	struct vfmig_device *card = filled();
	struct vfmig_session *session = card_session(card);

	card_go(session, VFMIG_STATE_STOP_COPY);
	for (unsigned i = 0; i < READS; i++)
		CHECK_EQ(vfmig_session_read(session, expected[i], PIECE, &card_err), PIECE);
	vfmig_session_close(session);
	vfmig_device_close(card);
}

/* @reads of them are sent, and then the reset; nobody takes an answer until the server has done all that it can. */
static void reset_behind(unsigned reads)
{
	struct vfmig_user_mig_data ask = {.argsz = 8 + PIECE, .size = PIECE};
	struct vfmig_vfio_user_config config = {0};
	struct vfmig_device *card = filled();
	struct vfmig_user_header h;
	struct vfmig_export *server;
	int fds[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	config.fd = fds[0];
	CARD_OK(vfmig_export_vfio_user(card, &config, &server, &card_err));
	CARD_OK(vfmig_export_start(server, &card_err));
	CHECK_EQ(raw_hello(fds[1], NULL), 0);
	CHECK_EQ(raw_set_state(fds[1], VFMIG_STATE_STOP_COPY), 0);
	vfmig_export_stop(server);

	for (uint16_t i = 0; i < reads; i++)
		CHECK(raw_send(fds[1], i, VFMIG_USER_MIG_DATA_READ, 0, 0, &ask, sizeof(ask), NULL,
			       0));
	CHECK(raw_send(fds[1], (uint16_t)reads, VFMIG_USER_DEVICE_RESET, 0, 0, NULL, 0, NULL, 0));
	/* The server does all that it can, which must not be the reset. */
	for (unsigned i = 0; i < 4 * READS; i++)
		CARD_OK(vfmig_export_process(server, &card_err));
	CHECK_EQ(card_peek(card, 0), 1);

	CARD_OK(vfmig_export_start(server, &card_err));
	for (uint16_t i = 0; i < reads; i++) {
		CHECK_EQ(raw_recv(fds[1], &h, reply, sizeof(reply), NULL, NULL), 8 + PIECE);
		CHECK_EQ(h.msg_id, i);
		CHECK(!memcmp(reply + 8, expected[i], PIECE));
	}
	CHECK_EQ(raw_recv(fds[1], &h, reply, sizeof(reply), NULL, NULL), 0);
	CHECK_EQ(h.cmd, VFMIG_USER_DEVICE_RESET);
	CHECK_EQ(card_peek(card, 0), 0);
	close(fds[1]);
	vfmig_export_close(server);
	vfmig_device_close(card);
}

int main(void)
{
	read_twin();
	reset_behind(READS);
	if (vfmig_kit_lends)
		reset_behind(1);
	return 0;
}
