/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads that write and mark, threads that harvest and copy, all at full speed. Round after round
 * the writers stop, one last harvest is made, and the copy must be the data.
 *
 * Few pages, so that everybody meets in the same words, and of two kinds: close together, and each in
 * a leaf of its own. They are written while they are copied, as in life, so their data is relaxed
 * atomics. Then once more with pages that are written once a round, and plain data: what makes it
 * safe to read is the mark alone, and ThreadSanitizer says so or complains.
 *
 * The control is a marker that marks first and writes after. Threads cannot be made to meet, so the
 * harvest is put between by hand. (no_interleaving_loses_a_mark.c has the rest.)
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "dirty/map.h"
#include "tests/lib/check.h"

#define WRITERS	 3u
#define READERS	 2u
#define PLACES	 8u
#define ROUNDS	 150u
#define WRITES	 150u
#define PAGE	 DIRTY_PAGE_MIN
#define MAP_SIZE (PAGE << 20)

struct world {
	struct vfmig_dirty *map;
	struct vfmig_dirty *cursor; /* into which the second reader gathers, if any */
	uint64_t addr[PLACES];
	_Atomic unsigned int data[PLACES][WRITERS];
	/* Readers copy the same page at times, the older perhaps last: so only ever upwards. */
	_Atomic unsigned int copy[PLACES][WRITERS];
	atomic_uint round, ready, done;
	bool ranges;
};

struct worker {
	pthread_t thread;
	struct world *world;
	unsigned int id;
};

static int take(void *opaque, uint64_t addr, uint64_t len)
{
	struct world *w = opaque;

	for (unsigned int p = 0; p < PLACES; p++) {
		if (w->addr[p] < addr || w->addr[p] - addr >= len)
			continue;
		for (unsigned int i = 0; i < WRITERS; i++) {
			unsigned int now =
				atomic_load_explicit(&w->data[p][i], memory_order_relaxed);
			unsigned int was =
				atomic_load_explicit(&w->copy[p][i], memory_order_relaxed);

			while (was < now && !atomic_compare_exchange_weak_explicit(
						    &w->copy[p][i], &was, now, memory_order_relaxed,
						    memory_order_relaxed))
				;
		}
	}
	return 0;
}

static void put(struct world *w, unsigned int place, unsigned int writer)
{
	unsigned int was = atomic_load_explicit(&w->data[place][writer], memory_order_relaxed);

	atomic_store_explicit(&w->data[place][writer], was + 1, memory_order_relaxed);
}

static void *write_and_mark(void *opaque)
{
	struct worker *me = opaque;
	struct world *w = me->world;
	unsigned int seed = me->id * 2654435761u + 1;

	for (unsigned int round = 1; round <= ROUNDS; round++) {
		while (atomic_load(&w->round) != round)
			sched_yield();
		for (unsigned int n = 0; n < WRITES; n++) {
			unsigned int place = (seed = seed * 1664525u + 1013904223u) >> 24;

			place %= PLACES;
			put(w, place, me->id);
			if (w->ranges && n % 16 == 0)
				vfmig_dirty_mark(w->map, w->addr[place], 40000 * PAGE);
			else
				vfmig_dirty_mark(w->map, w->addr[place] + 5, 7);
		}
		atomic_fetch_add(&w->done, 1);
	}
	return NULL;
}

/* Harvests without a pause: all of it, halves, or through a cursor. */
static void *harvest(void *opaque)
{
	struct worker *me = opaque;
	struct world *w = me->world;
	unsigned int n = 0;

	while (atomic_load(&w->round) <= ROUNDS) {
		if (me->id && w->cursor) {
			dirty_merge(w->map, 0, UINT64_MAX, &w->cursor, 1);
			dirty_read_clear(w->cursor, 0, UINT64_MAX, take, w);
		} else if (n++ % 2) {
			dirty_read_clear(w->map, 0, UINT64_MAX, take, w);
		} else {
			dirty_read_clear(w->map, w->addr[3] - PAGE, UINT64_MAX, take, w);
			dirty_read_clear(w->map, 0, w->addr[3] + 100, take, w);
		}
		/* Between rounds all hold still. */
		if (atomic_load(&w->done) == WRITERS) {
			unsigned int round = atomic_load(&w->round);

			atomic_fetch_add(&w->ready, 1);
			while (atomic_load(&w->round) == round)
				sched_yield();
		}
	}
	return NULL;
}

static void play(bool close, bool ranges, bool gather, size_t max_bytes)
{
	static struct world w;
	struct worker worker[WRITERS + READERS];
	struct dirty_config config = {.size = MAP_SIZE, .max_bytes = max_bytes};

	memset(&w, 0, sizeof(w));
	CHECK_EQ(dirty_create(&w.map, &config), 0);
	CHECK_EQ(dirty_create(&w.cursor, NULL), 0);
	if (!gather) {
		dirty_free(w.cursor);
		w.cursor = NULL;
	}
	w.ranges = ranges;
	for (unsigned int p = 0; p < PLACES; p++)
		w.addr[p] = close ? (500 + p * 7) * PAGE : p * 100000 * PAGE;
	for (unsigned int t = 0; t < WRITERS + READERS; t++) {
		worker[t].world = &w;
		worker[t].id = t < WRITERS ? t : t - WRITERS;
		CHECK_EQ(pthread_create(&worker[t].thread, NULL,
					t < WRITERS ? write_and_mark : harvest, &worker[t]),
			 0);
	}
	for (unsigned int round = 1; round <= ROUNDS; round++) {
		atomic_store(&w.done, 0);
		atomic_store(&w.ready, 0);
		atomic_store(&w.round, round);
		while (atomic_load(&w.ready) != READERS)
			sched_yield();
		dirty_read_clear(w.map, 0, UINT64_MAX, take, &w);
		for (unsigned int p = 0; p < PLACES; p++)
			for (unsigned int i = 0; i < WRITERS; i++)
				CHECK_EQ(w.copy[p][i], w.data[p][i]);
		CHECK(!dirty_test(w.map, 0, UINT64_MAX));
	}
	atomic_store(&w.round, ROUNDS + 1);
	for (unsigned int t = 0; t < WRITERS + READERS; t++)
		CHECK_EQ(pthread_join(worker[t].thread, NULL), 0);
	dirty_free(w.map);
	dirty_free(w.cursor);
}

/* ---- plain data ---- */

#define ONCE 2000u

struct once {
	struct vfmig_dirty *map;
	unsigned int data[ONCE], copy[ONCE];
	unsigned int now;
	atomic_uint done;
};

static int take_once(void *opaque, uint64_t addr, uint64_t len)
{
	struct once *w = opaque;

	for (uint64_t p = addr / PAGE; p < (addr + len) / PAGE; p++)
		w->copy[p] = w->data[p];
	return 0;
}

static struct once once;

static void *write_once(void *opaque)
{
	unsigned int first = *(unsigned int *)opaque;

	for (unsigned int p = first; p < ONCE; p += WRITERS) {
		once.data[p] = once.now;
		vfmig_dirty_mark(once.map, p * PAGE, PAGE);
	}
	atomic_fetch_add_explicit(&once.done, 1, memory_order_relaxed);
	return NULL;
}

static void *harvest_once(void *opaque)
{
	/* Relaxed: this must not be what makes the data visible. */
	while (atomic_load_explicit(&once.done, memory_order_relaxed) < WRITERS)
		dirty_read_clear(once.map, 0, UINT64_MAX, take_once, &once);
	return NULL;
}

static void play_once(void)
{
	static unsigned int first[WRITERS];
	pthread_t thread[WRITERS + READERS];

	CHECK_EQ(dirty_create(&once.map, NULL), 0);
	for (once.now = 1; once.now <= 20; once.now++) {
		atomic_store(&once.done, 0);
		for (unsigned int t = 0; t < WRITERS + READERS; t++) {
			if (t < WRITERS)
				first[t] = t;
			CHECK_EQ(pthread_create(&thread[t], NULL,
						t < WRITERS ? write_once : harvest_once,
						t < WRITERS ? &first[t] : NULL),
				 0);
		}
		for (unsigned int t = 0; t < WRITERS + READERS; t++)
			CHECK_EQ(pthread_join(thread[t], NULL), 0);
		dirty_read_clear(once.map, 0, UINT64_MAX, take_once, &once);
		CHECK(!memcmp(once.copy, once.data, sizeof(once.data)));
	}
	dirty_free(once.map);
}

static void mark_before_data_is_seen(void)
{
	static struct world w;

	CHECK_EQ(dirty_create(&w.map, NULL), 0);
	vfmig_dirty_mark(w.map, 0, 1);
	dirty_read_clear(w.map, 0, UINT64_MAX, take, &w);
	put(&w, 0, 0);
	dirty_read_clear(w.map, 0, UINT64_MAX, take, &w);
	CHECK(w.copy[0][0] != w.data[0][0]);
	dirty_free(w.map);
}

int main(void)
{
	RUN(mark_before_data_is_seen());
	RUN(play(true, false, false, 0));
	RUN(play(false, false, false, 0));
	RUN(play(true, false, true, 0));
	RUN(play(false, true, false, 0));
	play(true, false, false, 1); /* no memory: all is FULL, always */
	RUN(play_once());
	return 0;
}
