/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio-user by hand: messages as bytes, right or wrong, for tests that are one end by themselves.
 */
#ifndef TESTS_LIB_RAW_MESSAGES_H
#define TESTS_LIB_RAW_MESSAGES_H

#include "abi/feature.h"
#include "abi/vfio_user.h"
#include "tests/lib/check.h"

#define RAW_FDS 64u

/* Send a message, whole; false if the other end is gone. */
bool raw_send(int fd, uint16_t id, uint16_t cmd, uint32_t flags, uint32_t error,
	      const void *payload, size_t len, const int *fds, unsigned nfds);

/*
 * Receive one. Return: bytes of payload (at most @max are kept), -1 if the other end is gone. Nothing
 * for 20 seconds fails the test. @nfds may be NULL: then there must be none.
 */
ssize_t raw_recv(int fd, struct vfmig_user_header *h, void *payload, size_t max, int *fds,
		 unsigned *nfds);

/* Receive, in one call as the server in the field does it, what it takes for @len bytes. */
bool raw_readable(int fd, int msec);

/* Ask and wait: 0 or the negative errno of the reply; -ENOTCONN if the other end is gone. *@got: its payload. */
int raw_call(int fd, uint16_t cmd, const void *payload, size_t len, const int *fds, unsigned nfds,
	     void *reply, size_t max, size_t *got);

/* VERSION 0.1 with this JSON (NULL: none); as raw_call(). */
int raw_hello(int fd, const char *json);

/* A FEATURE call; the payload goes and comes in @payload, of which @in bytes go and @out are wanted. */
int raw_feature(int fd, uint32_t flags, void *payload, size_t in, size_t out);
int raw_set_state(int fd, uint32_t state);
int raw_map(int fd, uint64_t iova, uint64_t size, uint64_t offset, uint32_t flags, int memory);
int raw_unmap(int fd, uint64_t iova, uint64_t size);

/* The other end has closed the connection, or does so within 20 seconds. */
bool raw_gone(int fd);

#endif
