/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A litmus test: a device writes as fast as it can into two maps of a space and marks what it wrote, while one thread
 * asks for the bitmap and copies the pages that are told, and a third unmaps one of the maps with its bitmap, copies
 * what that tells, and maps it again. When the device has stopped and the last question has been asked, the copy
 * must be the memory.
 *
 * The controls do what a careless user or container would, and the copy must differ: one unmaps without the bitmap,
 * the other looks first and unmaps then.
 *
 * Rules: T1-07.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/type1/setup.h"
#include "device/space.h"

#define MAP_PAGES 64u
#define ROUNDS	  300u

enum kind { RIGHT, NO_BITMAP, LOOK_FIRST };

struct litmus {
	struct setup setup;
	enum kind kind;
	atomic_bool ends;
	pthread_mutex_t copying; /* a page is copied by one at a time, the newest last */
	_Alignas(4096) _Atomic uint64_t memory[2][MAP_PAGES][512];
	uint64_t copy[2][MAP_PAGES];
};

static const uint64_t at[2] = {0x100000, 0x800000};

static int map(struct litmus *l, unsigned n)
{
	return setup_map_as(&l->setup,
			    (struct vfmig_type1_dma_map){.argsz = 32,
							 .flags = 3,
							 .vaddr = (uintptr_t)l->memory[n],
							 .iova = at[n],
							 .size = MAP_PAGES * PAGE});
}

/* The device, which works in place: data first, then the mark. What it cannot reach it does not write. */
static void *device(void *context)
{
	struct litmus *l = context;
	uint64_t value = 1;

	for (; !atomic_load(&l->ends); value++) {
		unsigned n = value % 3 == 0;
		uint64_t iova = at[n] + (value * 2654435761u >> 7) % MAP_PAGES * PAGE;
		struct space_entry *held;
		size_t len = sizeof(value);
		_Atomic uint64_t *word = space_hold(l->setup.space, iova, &len, true, &held);

		if (!word)
			continue;
		atomic_store(word, value);
		vfmig_dirty_mark(l->setup.writer.wrote, iova, sizeof(value));
		space_release(l->setup.space, held);
	}
	return NULL;
}

static void copy(struct litmus *l, unsigned n, const uint64_t *bits)
{
	for (unsigned page = 0; page < MAP_PAGES; page++)
		if (*bits & 1ull << page)
			l->copy[n][page] = atomic_load(&l->memory[n][page][0]);
}

static void ask(struct litmus *l, unsigned n)
{
	uint64_t bits = 0;

	pthread_mutex_lock(&l->copying);
	CHECK_EQ(vfmig_type1_get_dirty_bitmap(l->setup.type1, at[n], MAP_PAGES * PAGE, PAGE, &bits,
					      8, NULL),
		 0);
	copy(l, n, &bits);
	pthread_mutex_unlock(&l->copying);
}

static void *asker(void *context)
{
	struct litmus *l = context;

	while (!atomic_load(&l->ends)) {
		ask(l, 0);
		ask(l, 1);
	}
	return NULL;
}

static void unmap(struct litmus *l)
{
	uint64_t size = MAP_PAGES * PAGE, bits = 0;
	void *bitmap = l->kind == RIGHT ? &bits : NULL;

	if (l->kind == LOOK_FIRST)
		ask(l, 1);
	/* The copy is made before anybody maps it again, as a VMM does. */
	pthread_mutex_lock(&l->copying);
	CHECK_EQ(vfmig_type1_unmap(l->setup.type1, at[1], &size, bitmap, bitmap ? 8 : 0, NULL), 0);
	CHECK_EQ(size, MAP_PAGES * PAGE);
	copy(l, 1, &bits);
	pthread_mutex_unlock(&l->copying);
}

/* A write in the last moment before the device lets go: what the bitmap of an unmap is there for. */
static void last_words(struct writer *writer, const struct vfmig_map *gone)
{
	struct litmus *l = (struct litmus *)((char *)writer - offsetof(struct setup, writer));

	if (gone->iova != at[1])
		return;
	atomic_store(&l->memory[1][7][0], atomic_load(&l->memory[1][7][0]) + 1000000);
	vfmig_dirty_mark(writer->wrote, at[1] + 7 * PAGE, 8);
}

static unsigned lost(enum kind kind)
{
	static struct litmus litmus;
	struct litmus *l = &litmus;
	pthread_t threads[2];
	unsigned different = 0;

	memset(l, 0, sizeof(*l));
	l->kind = kind;
	pthread_mutex_init(&l->copying, NULL);
	setup_open(&l->setup, NULL);
	l->setup.writer.last_words = last_words;
	CHECK_EQ(map(l, 0), 0);
	CHECK_EQ(map(l, 1), 0);
	CHECK_EQ(setup_start(&l->setup), 0);
	CHECK_EQ(pthread_create(&threads[0], NULL, device, l), 0);
	CHECK_EQ(pthread_create(&threads[1], NULL, asker, l), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unmap(l);
		/* The map that is new counts as written; here only the unmap itself is looked at. */
		for (unsigned page = 0; kind != RIGHT && page < MAP_PAGES; page++)
			different += l->copy[1][page] != atomic_load(&l->memory[1][page][0]);
		for (unsigned page = 0; kind == RIGHT && page < MAP_PAGES; page++)
			CHECK_EQ(l->copy[1][page], atomic_load(&l->memory[1][page][0]));
		CHECK_EQ(map(l, 1), 0);
	}
	atomic_store(&l->ends, true);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	unmap(l);
	ask(l, 0);
	for (unsigned n = 0; n < 2; n++)
		for (unsigned page = 0; page < MAP_PAGES; page++)
			different += l->copy[n][page] != atomic_load(&l->memory[n][page][0]);
	setup_close(&l->setup);
	pthread_mutex_destroy(&l->copying);
	return different;
}

int main(void)
{
	CHECK_EQ(lost(RIGHT), 0);
	CHECK(lost(NO_BITMAP) > 0);
	CHECK(lost(LOOK_FIRST) > 0);
	return 0;
}
