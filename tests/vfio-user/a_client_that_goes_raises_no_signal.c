/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client goes in the middle of what it asked for. Whoever works the server in a thread of their own, without a thought
 * of SIGPIPE, learns that it has gone, and is not ended by it.
 */
#include "tests/vfio-user/lent.h"

static void go_within(uint32_t size)
{
	struct vfmig_device *card = lent_card();
	struct vfmig_export *server;
	int fd = lent_serve(card, &server), ret = 0;

	lent_ask(fd, LENT_READS, size);
	/* Until the socket takes no more. */
	for (unsigned i = 0; i < 4 * LENT_READS; i++)
		CARD_OK(vfmig_export_process(server, &card_err));
	close(fd);
	for (unsigned i = 0; i < 4 * LENT_READS && !ret; i++)
		ret = vfmig_export_process(server, &card_err);
	CHECK_EQ(ret, -ENOTCONN);
	vfmig_export_close(server);
	vfmig_device_close(card);
}

int main(void)
{
	/* Some of them end where pages are being sent. */
	for (uint32_t size = LENT_PIECE; size > LENT_PIECE / 2; size -= 99999)
		go_within(size);
	return 0;
}
