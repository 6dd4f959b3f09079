/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A served fake and a client of it, in one process: the export has a thread, the client is the test's.
 */
#ifndef VFMIG_TESTS_VFIO_USER_PAIR_H
#define VFMIG_TESTS_VFIO_USER_PAIR_H

#include <vfmig/export.h>

#include "tests/check.h"
#include "tests/vfio-user/fake.h"

struct pair {
	struct fake *fake;
	struct vfmig_export *server;
	struct vfmig_device *client;
	/* of a chain: what is between the two */
	struct vfmig_device *middle;
	struct vfmig_export *second;
};

#define PAIR_ALL_FLAGS (VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P | VFMIG_MIGRATION_PRE_COPY)

/* Serve a fake on a socket pair, in a thread, and connect to it. @options are the client's. */
void pair_open(struct pair *p, uint64_t flags, const struct vfmig_vfio_user_config *config,
	       const char *options);
/* The same over two hops: what is connected to is a server that is itself a client. */
void pair_open_chain(struct pair *p, uint64_t flags, const struct vfmig_vfio_user_config *config,
		     const char *options);
void pair_close(struct pair *p);

/* Serve a fake to a raw socket, which is returned; nobody has said anything yet. */
int pair_serve(struct pair *p, uint64_t flags, const struct vfmig_vfio_user_config *config);

/* How many descriptors this process has open. */
unsigned count_fds(void);

/* Memory of @size bytes behind a descriptor. */
void *shared_memory(size_t size, int *fd);

#endif
