/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both trackers of the CPU's writes tell what was written in memory of each kind, or refuse it at the start; no
 * thread that writes ever hangs. Memory untouched, touched, locked, or of a process that has forked; maps that cut a
 * huge page, one memory at two IOVAs, and memory that its owner watches by userfaultfd already.
 */
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <vfmig/tracker.h>

#include "tests/engine/kinds.h"

#define SIZE  (8ul << 20)
#define PAGES (SIZE / KIND_PAGE)
#define HALF  (PAGES / 2)

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

enum state { UNTOUCHED, TOUCHED, LOCKED, FORKED, STATES };

static const char *const state_name[] = {"untouched", "touched", "locked", "forked"};

static struct vfmig_error err;

/* How often each page of the memory at KIND_IOVA was told. */
static uint8_t reported[PAGES];

static int note(void *context, uint64_t iova, uint64_t size)
{
	for (uint64_t i = (iova - KIND_IOVA) / KIND_PAGE; size; i++, size -= KIND_PAGE) {
		CHECK(i < PAGES);
		reported[i]++;
	}
	return 0;
}

static void collect(struct vfmig_cursor *cursor)
{
	memset(reported, 0, sizeof(reported));
	CHECKF(!vfmig_cursor_merge(cursor, &err), "%s", err.text);
	CHECK(!vfmig_cursor_read_clear(cursor, KIND_IOVA, SIZE, note, NULL));
}

static bool same_unit(size_t a, size_t b, size_t unit)
{
	return a / unit == b / unit;
}

/* All of these pages are told, and no other but in the same huge page. */
static void expect(struct vfmig_cursor *cursor, enum kind kind, const char *what, size_t n,
		   const size_t *page)
{
	/* The kernel may or may not split a transparent huge page. */
	size_t unit = kind == KIND_THP ? KIND_HUGE / KIND_PAGE : kind_page(kind) / KIND_PAGE;

	collect(cursor);
	for (size_t i = 0; i < n; i++)
		CHECKF(reported[page[i]], "%s: page %zu was written and is not told", what,
		       page[i]);
	for (size_t i = 0; i < PAGES; i++) {
		bool near = false;

		for (size_t k = 0; k < n; k++)
			near |= same_unit(i, page[k], unit);
		CHECKF(near || !reported[i], "%s: page %zu was not written and is told", what, i);
	}
}

#define EXPECT(cursor, kind, what, ...)                                                            \
	expect((cursor), (kind), (what), sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t),         \
	       (size_t[]){__VA_ARGS__})

static void writes(struct vfmig_cursor *cursor, struct memory *memory, const char *what)
{
	volatile uint8_t *v = memory->bytes;
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	expect(cursor, memory->kind, what, 0, NULL);
	for (int again = 0; again < 2; again++) {
		v[3 * KIND_PAGE] = 1;
		v[3 * KIND_PAGE + 5] = 1;
		v[600 * KIND_PAGE + 4095] = 1;
		v[(PAGES - 1) * KIND_PAGE] = 1;
		EXPECT(cursor, memory->kind, what, 3, 600, PAGES - 1);
		expect(cursor, memory->kind, what, 0, NULL);
	}
	(void)v[1300 * KIND_PAGE]; /* reads do not count */
	CHECK(read(zero, memory->bytes + 700 * KIND_PAGE - 10, 20) == 20);
	EXPECT(cursor, memory->kind, what, 699, 700);
	close(zero);
}

/* A child that has the memory, too, until told to go. */
static pid_t child(int *stop)
{
	int fds[2];
	pid_t pid;
	char c;

	CHECK(!pipe(fds));
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		close(fds[1]);
		_exit(read(fds[0], &c, 1) != 0);
	}
	close(fds[0]);
	*stop = fds[1];
	return pid;
}

/* Is it the system that does not let it be tracked, as is right? */
static bool refused(enum vfmig_cpu_tracker_kind way, enum kind kind)
{
	return way == VFMIG_CPU_TRACKER_FAULTS && kind == KIND_FILE;
}

static struct vfmig_cpu_tracker *tracked(enum vfmig_cpu_tracker_kind way, struct vfmig_space *space)
{
	struct vfmig_cpu_tracker *tracker;

	CHECKF(!vfmig_cpu_tracker_new(way, &tracker, &err), "%s", err.text);
	CHECK(!vfmig_space_add_tracker(space, vfmig_cpu_tracker_get_tracker(tracker), &err));
	return tracker;
}

static void one(enum vfmig_cpu_tracker_kind way, enum kind kind, enum state state)
{
	struct memory memory = memory_new(kind, SIZE);
	struct vfmig_space *space = memory_space(&memory);
	struct vfmig_cpu_tracker *tracker = tracked(way, space);
	struct vfmig_cursor *cursor;
	char what[120];
	pid_t pid = 0;
	int stop = -1, ret;

	snprintf(what, sizeof(what), "%s, %s, %s",
		 way == VFMIG_CPU_TRACKER_PAGEMAP ? "pagemap" : "faults", kind_name[kind],
		 state_name[state]);
	if (state != UNTOUCHED)
		memset(memory.bytes, 7, SIZE);
	if (state == LOCKED && mlock(memory.bytes, SIZE))
		printf("%s: not locked: %s\n", what, strerror(errno));
	ret = vfmig_cursor_open(space, &cursor, &err);
	if (refused(way, kind)) {
		CHECKF(ret && strstr(err.text, "cannot be watched"), "%s: %d", what, ret);
	} else {
		CHECKF(!ret, "%s: %s", what, err.text);
		if (state == FORKED)
			pid = child(&stop);
		writes(cursor, &memory, what);
		vfmig_cursor_close(cursor);
	}
	if (pid) {
		close(stop);
		CHECK(waitpid(pid, NULL, 0) == pid);
	}
	vfmig_space_free(space);
	vfmig_cpu_tracker_free(tracker);
	memset(memory.bytes, 1, SIZE); /* nothing is protected any more */
	memory_free(&memory);
}

/* Two maps that meet within a page of the memory, where it has huge ones. */
static void cut(enum vfmig_cpu_tracker_kind way, enum kind kind)
{
	struct memory memory = memory_new(kind, SIZE);
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_cpu_tracker *tracker = tracked(way, space);
	struct vfmig_map map = {.iova = KIND_IOVA,
				.size = 100 * KIND_PAGE,
				.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
				.ptr = memory.bytes,
				.fd = -1};
	struct vfmig_cursor *cursor;

	CHECK(!vfmig_space_map(space, &map, &err));
	map.iova += map.size;
	map.ptr = memory.bytes + map.size;
	map.size = 1000 * KIND_PAGE;
	CHECK(!vfmig_space_map(space, &map, &err));
	CHECKF(!vfmig_cursor_open(space, &cursor, &err), "%s", err.text);
	memory.bytes[99 * KIND_PAGE] = 1;
	memory.bytes[100 * KIND_PAGE] = 1;
	memory.bytes[1099 * KIND_PAGE] = 1;
	EXPECT(cursor, kind, "cut", 99, 100, 1099);
	memory.bytes[100 * KIND_PAGE] = 1;
	EXPECT(cursor, kind, "cut", 100);
	vfmig_cursor_close(cursor);
	vfmig_space_free(space);
	vfmig_cpu_tracker_free(tracker);
	memory_free(&memory);
}

/* One memory at two IOVAs: a write is told at both. */
static void twice(enum vfmig_cpu_tracker_kind way, enum kind kind)
{
	struct memory memory = memory_new(kind, SIZE);
	struct vfmig_space *space = vfmig_space_new();
	struct vfmig_cpu_tracker *tracker = tracked(way, space);
	struct vfmig_map map = {.iova = KIND_IOVA,
				.size = SIZE / 2,
				.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
				.ptr = memory.bytes,
				.fd = -1};
	struct vfmig_cursor *cursor;

	CHECK(!vfmig_space_map(space, &map, &err));
	map.iova += SIZE / 2;
	CHECK(!vfmig_space_map(space, &map, &err));
	CHECKF(!vfmig_cursor_open(space, &cursor, &err), "%s", err.text);
	for (int again = 0; again < 2; again++) {
		memory.bytes[3 * KIND_PAGE] = 1;
		EXPECT(cursor, kind, "twice", 3, HALF + 3);
	}
	vfmig_cursor_close(cursor);
	vfmig_space_free(space);
	vfmig_cpu_tracker_free(tracker);
	memory_free(&memory);
}

static void refuses(enum vfmig_cpu_tracker_kind way, struct memory *memory, const char *why)
{
	struct vfmig_space *space = memory_space(memory);
	struct vfmig_cpu_tracker *tracker = tracked(way, space);
	struct vfmig_cursor *cursor;

	CHECK(vfmig_cursor_open(space, &cursor, &err) < 0);
	CHECKF(strstr(err.text, why), "%s", err.text);
	vfmig_space_free(space);
	vfmig_cpu_tracker_free(tracker);
}

static void what_cannot_be(enum vfmig_cpu_tracker_kind way)
{
	struct memory memory = memory_new(KIND_ANONYMOUS, SIZE);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {
		.range = {.start = (uintptr_t)memory.bytes, .len = SIZE},
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	memset(memory.bytes, 1, SIZE);
	CHECK(uffd >= 0 && !ioctl(uffd, UFFDIO_API, &api));
	CHECK(!ioctl(uffd, UFFDIO_REGISTER, &range));
	refuses(way, &memory, "another userfaultfd watches it");
	close(uffd);
	CHECK(!munmap(memory.bytes + SIZE / 2, KIND_PAGE));
	refuses(way, &memory, "it is not mapped");
	memory_free(&memory);
}

static void all(enum vfmig_cpu_tracker_kind way, bool huge)
{
	for (int kind = 0; kind < (huge ? (int)KINDS : (int)KIND_HUGE_MEMFD); kind++) {
		for (int state = 0; state < STATES; state++)
			one(way, (enum kind)kind, (enum state)state);
		if (refused(way, (enum kind)kind))
			continue;
		cut(way, (enum kind)kind);
		twice(way, (enum kind)kind);
	}
	what_cannot_be(way);
}

int main(void)
{
	/* A process that has forked may need a private page twice. */
	bool huge = kind_huge_pages(2 * SIZE / KIND_HUGE), some = false;

	if (!huge)
		printf("no huge pages of 2 MiB to be had: without them\n");
	for (int way = VFMIG_CPU_TRACKER_PAGEMAP; way <= VFMIG_CPU_TRACKER_FAULTS; way++) {
		struct vfmig_cpu_tracker *tracker;

		if (vfmig_cpu_tracker_new((enum vfmig_cpu_tracker_kind)way, &tracker, &err)) {
			printf("%s\n", err.text);
			continue;
		}
		vfmig_cpu_tracker_free(tracker);
		all((enum vfmig_cpu_tracker_kind)way, huge);
		some = true;
	}
	if (!some)
		SKIP("%s", err.text);
	return 0;
}
