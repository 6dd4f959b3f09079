/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A served fake for hostile clients: one server, which must be as good after each of them as before.
 */
#ifndef VFMIG_TESTS_VFIO_USER_HOSTILE_H
#define VFMIG_TESTS_VFIO_USER_HOSTILE_H

#include "tests/lib/server_client.h"
#include "tests/lib/raw_messages.h"

extern struct fake_device *hostile_fake;

/* Serve, run each of the @count tests with a decent client after it, and see that no descriptor is left. */
void hostile_run(void (*const *tests)(void), size_t count);

/* A client that is connected; and one that is agreed with. */
int hostile_connect(void);
int hostile_hello(void);
int hostile_info(int fd);
/* The next one is served as if nothing had been, and nothing is left of the last. */
void hostile_decent(void);

#endif
