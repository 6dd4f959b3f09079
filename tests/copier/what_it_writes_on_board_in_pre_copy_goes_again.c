/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * After all of the board was read in pre-copy, each operation writes there once more, a driver writes through the window, and
 * DMA comes in: all of it, and not the whole board, goes again.
 */
#include <errno.h>

#include "tests/copier/setup.h"

#define BOARD (8u << 20)

static char data[2 * BOARD];

int main(void)
{
	static char ours[BOARD], theirs[BOARD];
	struct vfmig_session *session;
	struct setup here, there;
	size_t first, all;

	setup_open(&here, "size=8M", 10u << 20, 8);
	setup_noise(here.data, BOARD, 5);
	CHECK_EQ(setup_do(&here, (struct cp_descriptor){.operation = CP_COPY,
							.flags = CP_TO_BOARD,
							.source = here.data_iova,
							.length = BOARD})
			 .status,
		 CP_OK);
	GOOD(&here, vfmig_session_open(here.device, NULL, &session, &here.err));
	setup_go(&here, session, VFMIG_STATE_PRE_COPY);
	first = setup_read_all(&here, session, data, sizeof(data), 0);
	CHECK(first > BOARD);

	setup_do(&here, (struct cp_descriptor){.operation = CP_COPY,
					       .flags = CP_TO_BOARD,
					       .source = here.data_iova + 77,
					       .destination = 1 << 20,
					       .length = 100000});
	setup_do(&here, (struct cp_descriptor){.operation = CP_COPY,
					       .flags = CP_TO_BOARD | CP_FROM_BOARD,
					       .source = 77,
					       .destination = 2 << 20,
					       .length = 100000});
	setup_do(&here, (struct cp_descriptor){.operation = CP_FILL,
					       .flags = CP_TO_BOARD,
					       .destination = (3 << 20) - 1,
					       .value = 99,
					       .length = 2});
	setup_do(&here, (struct cp_descriptor){.operation = CP_ADD,
					       .flags = CP_TO_BOARD,
					       .source = here.data_iova,
					       .destination = (4 << 20) + 4094,
					       .length = 8});
	GOOD(&here,
	     vfmig_device_region_write(here.device, CP_BAR_WINDOW, BOARD - 1, "z", 1, &here.err));
	setup_go(&here, session, VFMIG_STATE_STOP_COPY);
	all = setup_read_all(&here, session, data, sizeof(data), first);
	vfmig_session_close(session);
	CHECKF(all - first < 500000, "%zu bytes went again", all - first);

	setup_open_bare(&there, &vfmig_model_copier, "size=8M", 1u << 20);
	GOOD(&there, setup_load(&there, data, all));
	GOOD(&here,
	     vfmig_device_region_read(here.device, CP_BAR_WINDOW, 0, ours, BOARD, &here.err));
	GOOD(&there,
	     vfmig_device_region_read(there.device, CP_BAR_WINDOW, 0, theirs, BOARD, &there.err));
	CHECK(!memcmp(ours, theirs, BOARD));
	setup_close(&here);
	setup_close(&there);
	return 0;
}
