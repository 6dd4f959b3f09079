/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The test device: a small model, and what tests do with one.
 *
 * It copies LEN bytes from SRC to DST in its user's memory as often as GO says, adds one to the first
 * 8 of them each time, and raises vector 0. It has memory, half hidden behind registers in BAR 2, which POKE
 * writes a byte of; POKE_SILENT is the same without telling the kit. FETCH reads into it by DMA.
 */
#ifndef TESTS_LIB_TEST_DEVICE_H
#define TESTS_LIB_TEST_DEVICE_H

#include <errno.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/model.h>
#include <vfmig/session.h>
#include <vfmig/space.h>

#include "tests/lib/check.h"

enum {
	TEST_DEVICE_ID = 0x00,
	TEST_DEVICE_SRC = 0x08,
	TEST_DEVICE_DST = 0x10,
	TEST_DEVICE_LEN = 0x18,
	TEST_DEVICE_GO = 0x20,
	TEST_DEVICE_DONE = 0x28,
	TEST_DEVICE_POKE = 0x30, /* offset << 8 | byte */
	TEST_DEVICE_POKE_SILENT = 0x38,
	TEST_DEVICE_PIN = 0x40,
	TEST_DEVICE_REINIT = 0x48,
	TEST_DEVICE_VECTOR = 0x50,
	TEST_DEVICE_FETCH = 0x58, /* once, read LEN bytes at SRC into the memory at this offset */
};

#define TEST_DEVICE_MAGIC      0x64726163u
#define TEST_DEVICE_MEMORY_AT  0x2000u
#define TEST_DEVICE_COPY_BYTES 4096u
#define TEST_DEVICE_VECTORS    70u

struct test_device {
	uint64_t memory_size;
	struct vfmig_block *memory;
	uint64_t src, dst, len, todo, done;
	uint8_t pin;
	bool fetch; /* for tests that do not move it before it is done */
	uint64_t fetch_to;
	uint8_t bounce[TEST_DEVICE_COPY_BYTES];
};

/* What the next call of a callback is to fail with; the tests set it. */
extern int test_device_quiesce_fails, test_device_stop_fails, test_device_resume_fails,
	test_device_loaded_fails;

uint64_t test_device_read(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
			  unsigned size);
void test_device_write(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
		       uint64_t value, unsigned size);
bool test_device_run(struct vfmig_kit *kit, void *self);
int test_device_quiesce(struct vfmig_kit *kit, void *self, struct vfmig_error *err);
int test_device_stop(struct vfmig_kit *kit, void *self, struct vfmig_error *err);
int test_device_resume(struct vfmig_kit *kit, void *self, struct vfmig_error *err);
int test_device_loaded(struct vfmig_kit *kit, void *self, uint32_t version,
		       struct vfmig_error *err);
void test_device_reset(struct vfmig_kit *kit, void *self);
extern const struct vfmig_option test_device_options[];
extern const struct vfmig_entry test_device_state[];
extern const struct vfmig_model test_device_model;

/* ---- what tests do ---- */

struct vfmig_device *test_device_open_as(const struct vfmig_model *model, const char *options);
struct vfmig_device *test_device_open(const char *options);
struct vfmig_session *test_device_session(struct vfmig_device *device);
uint64_t test_device_get(struct vfmig_device *device, uint64_t reg);
void test_device_set(struct vfmig_device *device, uint64_t reg, uint64_t value);
void test_device_go(struct vfmig_session *session, enum vfmig_state state);
enum vfmig_state test_device_state_of(struct vfmig_session *session);
void test_device_poke(struct vfmig_device *device, uint64_t offset, uint8_t byte);
uint8_t test_device_peek(struct vfmig_device *device, uint64_t offset);
/* A space with one piece of memory at an IOVA. */
void *test_device_memory(struct vfmig_space *space, uint64_t iova, size_t size);
/* Work the device until it has done that many copies. */
void test_device_work(struct vfmig_device *device, uint64_t copies);

/* Bytes of state, as a session gives them. */
struct test_device_stream {
	uint8_t *bytes;
	size_t len;
};

/* Read until the end, or the end for now; in pieces of at most piece bytes. Returns how many came. */
size_t test_device_pull(struct vfmig_session *session, struct test_device_stream *stream,
			size_t piece);
/* All of a stopped device's state. */
struct test_device_stream test_device_save(struct vfmig_session *session);
/* 0, or what RESUMING, the data or STOP said. */
int test_device_load(struct vfmig_session *session, const uint8_t *bytes, size_t len, size_t piece,
		     struct vfmig_error *err);
uint64_t test_device_signals(int eventfd_);

#endif
