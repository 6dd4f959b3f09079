/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the server of quirks share. */
#ifndef TESTS_LIB_MISBEHAVING_PRIV_H
#define TESTS_LIB_MISBEHAVING_PRIV_H

#include "tests/lib/misbehaving_server.h"

#define MISBEHAVING_XFER (1u << 20)

struct misbehaving_message {
	struct vfmig_user_header h;
	uint8_t *in;
	size_t len;
	int fds[8];
	unsigned nfds;
	uint8_t *out;
	size_t out_len;
};

/* It would not have survived this. */
int misbehaving_crash(struct misbehaving_server *q, const char *how);
int misbehaving_answer(struct misbehaving_message *m, const void *payload, size_t len);

int misbehaving_dma(struct misbehaving_server *q, uint64_t iova, uint64_t len);
int misbehaving_map(struct misbehaving_server *q, struct misbehaving_message *m);
int misbehaving_unmap(struct misbehaving_server *q, struct misbehaving_message *m);
int misbehaving_log_start(struct misbehaving_server *q, struct misbehaving_message *m);
int misbehaving_dirty_pages(struct misbehaving_server *q, struct misbehaving_message *m);
int misbehaving_log_report(struct misbehaving_server *q, struct misbehaving_message *m);

#endif
