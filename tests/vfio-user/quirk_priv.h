/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the server of quirks share. */
#ifndef VFMIG_TESTS_VFIO_USER_QUIRK_PRIV_H
#define VFMIG_TESTS_VFIO_USER_QUIRK_PRIV_H

#include "tests/vfio-user/quirk.h"

#define QUIRK_XFER (1u << 20)

struct quirk_message {
	struct vfmig_user_header h;
	uint8_t *in;
	size_t len;
	int fds[8];
	unsigned nfds;
	uint8_t *out;
	size_t out_len;
};

/* It would not have survived this. */
int quirk_crash(struct quirk *q, const char *how);
int quirk_answer(struct quirk_message *m, const void *payload, size_t len);

int quirk_dma(struct quirk *q, uint64_t iova, uint64_t len);
int quirk_map(struct quirk *q, struct quirk_message *m);
int quirk_unmap(struct quirk *q, struct quirk_message *m);
int quirk_log_start(struct quirk *q, struct quirk_message *m);
int quirk_dirty_pages(struct quirk *q, struct quirk_message *m);
int quirk_log_report(struct quirk *q, struct quirk_message *m);

#endif
