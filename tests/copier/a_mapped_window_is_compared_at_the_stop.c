/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * With window=mapped others write to the board without a trace; in pre-copy, and after its last round: what they
 * wrote is at the other side all the same. With window=trapped there is nothing to map.
 */
#include <errno.h>

#include "tests/copier/setup.h"

#define BOARD (1u << 20)

static char data[4 * BOARD];

int main(void)
{
	struct vfmig_session *session;
	struct setup here, there;
	static char window[BOARD];
	uint8_t *board;
	void *none;
	size_t len;

	setup_open(&there, "size=1M", 1u << 20, 8);
	CHECK(vfmig_device_region_map(there.device, CP_BAR_WINDOW, 0, BOARD, &none, NULL) < 0);

	setup_open(&here, "size=1M,window=mapped", 1u << 20, 8);
	GOOD(&here, vfmig_device_region_map(here.device, CP_BAR_WINDOW, 0, BOARD, (void **)&board,
					    &here.err));
	setup_noise(board, BOARD, 5);
	GOOD(&here, vfmig_session_open(here.device, NULL, &session, &here.err));
	setup_go(&here, session, VFMIG_STATE_PRE_COPY);
	len = setup_read_all(&here, session, data, sizeof(data), 0);
	board[0] ^= 1;
	board[BOARD - 1] ^= 1;
	len = setup_read_all(&here, session, data, sizeof(data), len);
	memset(board + 4096, 0, 4096);
	board[500000] ^= 1;
	setup_go(&here, session, VFMIG_STATE_STOP_COPY);
	len = setup_read_all(&here, session, data, sizeof(data), len);
	vfmig_session_close(session);

	GOOD(&there, setup_load(&there, data, len));
	GOOD(&there,
	     vfmig_device_region_read(there.device, CP_BAR_WINDOW, 0, window, BOARD, &there.err));
	CHECK(!memcmp(window, board, BOARD));
	munmap(board, BOARD);
	setup_close(&here);
	setup_close(&there);
	return 0;
}
