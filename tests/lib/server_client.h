/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A served fake and a client of it, in one process: the export has a thread, the client is the test's.
 */
#ifndef TESTS_LIB_SERVER_CLIENT_H
#define TESTS_LIB_SERVER_CLIENT_H

#include <vfmig/export.h>

#include "tests/lib/check.h"
#include "tests/lib/fake_device.h"

struct server_client {
	struct fake_device *fake;
	struct vfmig_export *server;
	struct vfmig_device *client;
	/* of a chain: what is between the two */
	struct vfmig_device *middle;
	struct vfmig_export *second;
};

#define SERVER_CLIENT_ALL_FLAGS                                                                    \
	(VFMIG_MIGRATION_STOP_COPY | VFMIG_MIGRATION_P2P | VFMIG_MIGRATION_PRE_COPY)

/* Serve a fake on a socket pair, in a thread, and connect to it. @options are the client's. */
void server_client_open(struct server_client *p, uint64_t flags,
			const struct vfmig_export_options *config, const char *options);
/* The same over two hops: what is connected to is a server that is itself a client. */
void server_client_open_chain(struct server_client *p, uint64_t flags,
			      const struct vfmig_export_options *config, const char *options);
void server_client_close(struct server_client *p);

/* Serve a fake to a raw socket, which is returned; nobody has said anything yet. */
int server_client_serve(struct server_client *p, uint64_t flags,
			const struct vfmig_export_options *config);

/* How many descriptors this process has open. */
unsigned count_fds(void);

/* Memory of @size bytes behind a descriptor. */
void *shared_memory(size_t size, int *fd);

#endif
