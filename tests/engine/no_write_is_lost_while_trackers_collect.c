/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads write as fast as they can while somebody collects and copies what was told, round after round. When
 * they have stopped and the last round is copied, the copy is the original: no write fell between a note and
 * its protection. The control leaves the tracker out, and the copy must differ.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include <vfmig/tracker.h>

#include "engine/memory.h"
#include "tests/lib/check.h"

#define PAGE	4096ul
#define PAGES	512ul
#define SIZE	(PAGE * PAGES)
#define WRITERS 3
#define WRITES	20000 /* at least, and at least so many rounds */
#define ROUNDS	200

static struct vfmig_error err;
static uint8_t *memory, *copy;
static atomic_bool over;
static atomic_ulong written;

static void *writer(void *context)
{
	uint64_t seed = (uintptr_t)context * 77 + 1;

	while (!atomic_load(&over)) {
		_Atomic uint64_t *at;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		at = (_Atomic uint64_t *)(memory + (seed >> 33) % PAGES * PAGE);
		atomic_fetch_add_explicit(at + (seed >> 20) % 512, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&written, 1, memory_order_relaxed);
	}
	return NULL;
}

static int take(void *context, uint64_t iova, uint64_t size)
{
	for (uint64_t at = iova; at < iova + size; at += PAGE)
		engine_page_copy(copy + at, memory + at);
	return 0;
}

static void round_of(struct vfmig_cursor *cursor)
{
	CHECKF(!vfmig_cursor_merge(cursor, &err), "%s", err.text);
	CHECK(!vfmig_cursor_read_clear(cursor, 0, SIZE, take, NULL));
}

static bool same_after(struct vfmig_cpu_tracker *tracker)
{
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_map map = {.size = SIZE, .prot = VFMIG_PROT_READ, .ptr = memory, .fd = -1};
	struct vfmig_cursor *cursor;
	pthread_t threads[WRITERS];
	bool same;

	CHECK(!vfmig_space_map(space, &map, &err));
	if (tracker)
		CHECK(!vfmig_space_add_tracker(space, vfmig_cpu_tracker_get_tracker(tracker),
					       &err));
	CHECKF(!vfmig_cursor_open(space, &cursor, &err), "%s", err.text);
	vfmig_cursor_mark(cursor, 0, SIZE);
	atomic_store(&over, false);
	for (uintptr_t i = 0; i < WRITERS; i++)
		CHECK(!pthread_create(&threads[i], NULL, writer, (void *)(i + 1)));
	round_of(cursor); /* everything; what counts is what is written from here on */
	atomic_store(&written, 0);
	for (int i = 0; i < ROUNDS || atomic_load(&written) < WRITES; i++)
		round_of(cursor);
	atomic_store(&over, true);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	round_of(cursor);
	same = !memcmp(copy, memory, SIZE);
	vfmig_cursor_close(cursor);
	vfmig_space_free(space);
	return same;
}

int main(void)
{
	bool some = false;

	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	copy = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(memory != MAP_FAILED && copy != MAP_FAILED);
	madvise(memory, SIZE, MADV_NOHUGEPAGE);
	for (int kind = VFMIG_CPU_TRACKER_PAGEMAP; kind <= VFMIG_CPU_TRACKER_FAULTS; kind++) {
		struct vfmig_cpu_tracker *tracker;
		int ret = vfmig_cpu_tracker_new((enum vfmig_cpu_tracker_kind)kind, &tracker, &err);

		if (ret) {
			CHECKF(ret == -EOPNOTSUPP || ret == -EPERM, "%s", err.text);
			continue;
		}
		CHECK(same_after(tracker));
		vfmig_cpu_tracker_free(tracker);
		some = true;
	}
	CHECK(!same_after(NULL));
	munmap(memory, SIZE);
	munmap(copy, SIZE);
	if (!some)
		SKIP("%s", err.text);
	return 0;
}
