/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device lends the bytes of its memory to whoever sends them. While they wait for room in the socket nothing may happen
 * to them: a reset behind the reads, which empties the memory, comes after them. Nor while they are in the socket, as
 * it may be the memory's own pages that are there.
 */
#include "model/kit.h"
#include "tests/vfio-user/lent.h"
#include "wire/wire.h"

/* @reads of them are sent, and then the reset; nobody takes an answer until the server has done all that it can. */
static void reset_behind(unsigned reads)
{
	struct vfmig_device *card = lent_card();
	struct vfmig_user_header h;
	struct vfmig_export *server;
	int fd = lent_serve(card, &server);

	lent_ask(fd, reads, LENT_PIECE);
	CHECK(raw_send(fd, (uint16_t)reads, VFMIG_USER_DEVICE_RESET, 0, 0, NULL, 0, NULL, 0));
	/* The server does all that it can, which must not be the reset. */
	for (unsigned i = 0; i < 4 * LENT_READS; i++)
		CHECK_OK(vfmig_export_process(server, &test_err));
	CHECK_EQ(test_device_peek(card, 0), 1);

	CHECK_OK(vfmig_export_start(server, &test_err));
	lent_take(fd, reads);
	CHECK_EQ(raw_recv(fd, &h, NULL, 0, NULL, NULL), 0);
	CHECK_EQ(h.cmd, VFMIG_USER_DEVICE_RESET);
	CHECK_EQ(test_device_peek(card, 0), 0);
	close(fd);
	vfmig_export_close(server);
	vfmig_device_close(card);
}

int main(void)
{
	lent_expect();
	RUN(reset_behind(LENT_READS));
	if (kit_lends && wire_sends_pages())
		RUN(reset_behind(1));
	return 0;
}
