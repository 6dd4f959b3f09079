/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each tracker of the CPU's writes tells exactly the pages that were written: in anonymous memory and in
 * memfds, touched before or never, by stores and by read(2), by another thread, through another mapping of
 * the same memory; and each write once. Without a tracker nothing is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/tracker.h>

#include "tests/lib/check.h"

#define PAGE  4096ul
#define PAGES 1024ul
#define IOVA  0x40000000ull

static struct vfmig_error err;

struct bits {
	uint8_t page[PAGES];
};

static int note(void *context, uint64_t iova, uint64_t size)
{
	struct bits *bits = context;

	CHECK(iova >= IOVA && iova + size <= IOVA + PAGES * PAGE);
	for (uint64_t i = (iova - IOVA) / PAGE; i < (iova + size - IOVA) / PAGE; i++)
		bits->page[i]++;
	return 0;
}

static struct bits reported(struct vfmig_cursor *cursor)
{
	struct bits bits = {{0}};

	CHECKF(!vfmig_cursor_merge(cursor, &err), "%s", err.text);
	CHECK(!vfmig_cursor_read_clear(cursor, IOVA, PAGES * PAGE, note, &bits));
	return bits;
}

/* Exactly these pages, and again nothing. */
static void expect(struct vfmig_cursor *cursor, const char *what, size_t n, const size_t *pages)
{
	struct bits want = {{0}}, got = reported(cursor), again = reported(cursor);

	for (size_t i = 0; i < n; i++)
		want.page[pages[i]] = 1;
	for (size_t i = 0; i < PAGES; i++)
		CHECKF(got.page[i] == want.page[i], "%s: page %zu is %s", what, i,
		       got.page[i] ? "told and was not written" : "written and was not told");
	for (size_t i = 0; i < PAGES; i++)
		CHECKF(!again.page[i], "%s: page %zu is told twice", what, i);
}

#define EXPECT(cursor, what, ...)                                                                  \
	expect((cursor), (what), sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t),                 \
	       (size_t[]){__VA_ARGS__})

static void *store(void *at)
{
	*(volatile uint8_t *)at = 0x5a;
	return NULL;
}

static void elsewhere(void *at)
{
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, store, at));
	pthread_join(thread, NULL);
}

static void writes(struct vfmig_cursor *cursor, uint8_t *at, uint8_t *alias, const char *what)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	volatile uint8_t *v = at;

	expect(cursor, what, 0, NULL);
	v[3 * PAGE] = 1;
	v[4 * PAGE + 4095] = 1;
	v[1023 * PAGE] = 1;
	EXPECT(cursor, what, 3, 4, 1023);
	v[3 * PAGE + 8] = 2; /* again */
	(void)v[5 * PAGE];   /* reads do not count */
	EXPECT(cursor, what, 3);
	CHECK(read(zero, at + 100 * PAGE - 10, 20) == 20); /* the kernel writes, across a border */
	EXPECT(cursor, what, 99, 100);
	elsewhere(at + 7 * PAGE);
	EXPECT(cursor, what, 7);
	memset(at, 1, PAGES * PAGE / 2);
	{
		struct bits bits = reported(cursor);

		for (size_t i = 0; i < PAGES; i++)
			CHECKF(bits.page[i] == (i < PAGES / 2), "%s: page %zu", what, i);
	}
	v[600 * PAGE] = 1; /* two between which one was collected */
	EXPECT(cursor, what, 600);
	if (alias) {
		alias[9 * PAGE] = 9;
		EXPECT(cursor, what, 9);
		v[9 * PAGE] = 10;
		EXPECT(cursor, what, 9);
		alias[9 * PAGE] = 11;
		EXPECT(cursor, what, 9);
	}
	close(zero);
}

static void one(enum vfmig_cpu_tracker_kind kind, bool anonymous, bool touched, bool twice)
{
	struct vfmig_cpu_tracker *tracker;
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_cursor *cursor;
	int fd = anonymous ? -1 : memfd_create("t", MFD_CLOEXEC);
	struct vfmig_map map = {.iova = IOVA,
				.size = PAGES * PAGE,
				.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
				.fd = fd};
	uint8_t *alias = NULL;
	char what[80];

	snprintf(what, sizeof(what), "%s, %s, %s",
		 kind == VFMIG_CPU_TRACKER_PAGEMAP ? "pagemap" : "faults",
		 anonymous ? "anonymous" : "memfd", touched ? "touched" : "untouched");
	CHECK(anonymous || !ftruncate(fd, PAGES * PAGE));
	map.ptr = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		       anonymous ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
	CHECK(map.ptr != MAP_FAILED);
	madvise(map.ptr, PAGES * PAGE, MADV_NOHUGEPAGE);
	if (touched)
		memset(map.ptr, 7, PAGES * PAGE);
	CHECK(!vfmig_space_map(space, &map, &err));
	CHECKF(!vfmig_cpu_tracker_new(kind, &tracker, &err), "%s", err.text);
	CHECK_EQ(vfmig_cpu_tracker_get_kind(tracker), kind);
	if (twice) {
		alias = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		CHECK(alias != MAP_FAILED);
		CHECK(!vfmig_cpu_tracker_watch(tracker, alias, IOVA, PAGES * PAGE, &err));
	}
	CHECK(!vfmig_space_add_tracker(space, vfmig_cpu_tracker_get_tracker(tracker), &err));
	/* Twice, as a migration may be tried again. */
	for (int i = 0; i < 2; i++) {
		CHECKF(!vfmig_cursor_open(space, &cursor, &err), "%s: %s", what, err.text);
		writes(cursor, map.ptr, alias, what);
		vfmig_cursor_close(cursor);
		*(volatile uint8_t *)map.ptr = 1; /* nobody watches, nobody hangs */
	}
	vfmig_space_remove_tracker(space, vfmig_cpu_tracker_get_tracker(tracker));
	/* The control: without it nothing is told. */
	CHECK(!vfmig_cursor_open(space, &cursor, &err));
	reported(cursor);
	memset(map.ptr, 9, PAGES * PAGE);
	expect(cursor, "no tracker", 0, NULL);
	vfmig_cursor_close(cursor);
	vfmig_cpu_tracker_free(tracker);
	vfmig_space_free(space);
	munmap(map.ptr, PAGES * PAGE);
	if (alias)
		munmap(alias, PAGES * PAGE);
	if (fd >= 0)
		close(fd);
}

static void all(enum vfmig_cpu_tracker_kind kind)
{
	one(kind, true, true, false);
	one(kind, true, false, false);
	one(kind, false, true, false);
	one(kind, false, false, false);
	one(kind, false, false, true);
}

static bool works(enum vfmig_cpu_tracker_kind kind)
{
	struct vfmig_cpu_tracker *tracker;
	int ret = vfmig_cpu_tracker_new(kind, &tracker, &err);

	if (ret)
		CHECKF(ret == -EOPNOTSUPP || ret == -EPERM, "%s", err.text);
	else
		vfmig_cpu_tracker_free(tracker);
	return !ret;
}

int main(void)
{
	bool some = false;

	for (int kind = VFMIG_CPU_TRACKER_PAGEMAP; kind <= VFMIG_CPU_TRACKER_FAULTS; kind++) {
		if (!works((enum vfmig_cpu_tracker_kind)kind))
			continue;
		all((enum vfmig_cpu_tracker_kind)kind);
		some = true;
	}
	if (!some)
		SKIP("%s", err.text);
	return 0;
}
