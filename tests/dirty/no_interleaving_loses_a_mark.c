/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Marks and harvests against each other in every order that their steps can take.
 *
 * The map's own sources are compiled in here with each atomic operation turned into a step at which
 * another thread of the scenario may go on. The threads are coroutines, so that a schedule is a list
 * of choices: all with up to three preemptions are run, one after the other. (All atomics of the map
 * that its argument rests on are sequentially consistent, so orders are all there is.)
 *
 * A page's data is one number per writer. A harvest copies the data of what it takes; in the end,
 * when all have finished and one last harvest was made, the copy must be the data.
 *
 * The controls are markers and harvests that make each a mistake; for each of them some schedule
 * must be found that loses data, or this test would prove nothing.
 */
#include <stdatomic.h>
#include <ucontext.h>

#include "tests/lib/check.h"

static void step(void);

#undef atomic_load
#undef atomic_load_explicit
#undef atomic_store
#undef atomic_exchange
#undef atomic_fetch_or
#undef atomic_fetch_and
#undef atomic_compare_exchange_strong
#undef atomic_compare_exchange_weak

/* What is left of the operations themselves: gcc and clang spell them differently. */
#ifdef __clang__
#define plain(op) __c11_atomic_##op
#define plain_compare_exchange(p, e, v)                                                            \
	__c11_atomic_compare_exchange_strong(p, e, v, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#else
#define plain(op)	plain_##op
#define plain_load	__atomic_load_n
#define plain_store	__atomic_store_n
#define plain_exchange	__atomic_exchange_n
#define plain_fetch_or	__atomic_fetch_or
#define plain_fetch_and __atomic_fetch_and
#define plain_compare_exchange(p, e, v)                                                            \
	__atomic_compare_exchange_n(p, e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#endif

#define atomic_load(p)				(step(), plain(load)(p, __ATOMIC_SEQ_CST))
#define atomic_load_explicit(p, o)		(step(), plain(load)(p, __ATOMIC_SEQ_CST))
#define atomic_store(p, v)			(step(), plain(store)(p, v, __ATOMIC_SEQ_CST))
#define atomic_exchange(p, v)			(step(), plain(exchange)(p, v, __ATOMIC_SEQ_CST))
#define atomic_fetch_or(p, v)			(step(), plain(fetch_or)(p, v, __ATOMIC_SEQ_CST))
#define atomic_fetch_and(p, v)			(step(), plain(fetch_and)(p, v, __ATOMIC_SEQ_CST))
#define atomic_compare_exchange_strong(p, e, v) (step(), plain_compare_exchange(p, e, v))
#define atomic_compare_exchange_weak(p, e, v)	(step(), plain_compare_exchange(p, e, v))

#include "dirty/map.c"
#include "dirty/mark.c"
#include "dirty/walk.c"
#include "dirty/read_clear.c"

#define THREADS_MAX 3
#define STEPS_MAX   4000u
#define PAGE	    DIRTY_PAGE_MIN
#define LEAF_BYTES  (PAGE << DIRTY_LEAF)

/* ---- schedules ---- */

struct thread {
	void (*run)(void);
	bool done;
	ucontext_t context;
	char stack[64 << 10];
};

static struct thread threads[THREADS_MAX];
static unsigned int thread_count, current;
static ucontext_t outside;
static bool inside; /* a thread runs: steps count */

static struct {
	unsigned char chosen, options;
} choice[STEPS_MAX];
static unsigned int choices, planned, preemptions, preemptions_max;

/* Which thread goes on: the same, or each of the others. */
static unsigned int choose(void)
{
	unsigned int option[THREADS_MAX], n = 0;

	bool runs = current < THREADS_MAX && !threads[current].done;

	if (runs)
		option[n++] = current;
	if (!runs || preemptions < preemptions_max)
		for (unsigned int t = 0; t < thread_count; t++)
			if (t != current && !threads[t].done)
				option[n++] = t;
	if (!n)
		return THREADS_MAX;
	CHECK(choices < STEPS_MAX);
	if (choices >= planned)
		choice[choices].chosen = 0;
	choice[choices].options = (unsigned char)n;
	n = option[choice[choices++].chosen];
	preemptions += runs && n != current;
	return n;
}

static void step(void)
{
	unsigned int was = current;

	if (!inside)
		return;
	current = choose();
	if (current != was)
		swapcontext(&threads[was].context, &threads[current].context);
}

static void thread_main(void)
{
	threads[current].run();
	threads[current].done = true;
	current = choose();
	if (current == THREADS_MAX)
		setcontext(&outside);
	setcontext(&threads[current].context);
}

/* The next schedule, if there is one: the last choice that has an option left takes it. */
static bool next_schedule(void)
{
	while (choices && choice[choices - 1].chosen + 1u >= choice[choices - 1].options)
		choices--;
	if (!choices)
		return false;
	choice[choices - 1].chosen++;
	planned = choices;
	return true;
}

/* ---- the world that is written and copied ---- */

static struct vfmig_dirty *map;
static bool missed; /* a harvest did not give what was marked before it began */

/* The pages that are written: in one word, in other lines, in another leaf. */
enum place { P3, P4, P9000, NEXT_5, NEXT_700, PLACES };
static const uint64_t page_of[PLACES] = {3, 4, 9000, 32768 + 5, 32768 + 700};
static unsigned int data[PLACES][2], copy[PLACES][2];

static int take(void *opaque, uint64_t addr, uint64_t len)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		if (page_of[i] * PAGE < addr || page_of[i] * PAGE - addr >= len)
			continue;
		step();
		memcpy(copy[i], data[i], sizeof(copy[i]));
	}
	return 0;
}

static void put(enum place place, unsigned int writer)
{
	step();
	data[place][writer]++;
}

static void write_page(enum place place, unsigned int writer)
{
	put(place, writer);
	vfmig_dirty_mark(map, page_of[place] * PAGE, PAGE);
}

static void harvest_all(void)
{
	dirty_read_clear(map, 0, UINT64_MAX, take, NULL);
}

struct scenario {
	const char *name;
	void (*before)(void);
	void (*thread[THREADS_MAX])(void);
	size_t max_bytes;
	bool loses; /* a control */
	unsigned int preemptions;
};

/* ---- threads ---- */

static void write_3_by_0(void)
{
	write_page(P3, 0);
}

static void write_3_by_1(void)
{
	write_page(P3, 1);
}

static void write_4_by_1(void)
{
	write_page(P4, 1);
}

static void write_far_by_1(void)
{
	write_page(NEXT_700, 1);
}

static void write_3_twice(void)
{
	write_page(P3, 0);
	write_page(P3, 0);
}

static void write_leaf_by_1(void)
{
	put(P3, 1);
	put(P9000, 1);
	vfmig_dirty_mark(map, 0, LEAF_BYTES);
}

static void write_map_by_1(void)
{
	put(P3, 1);
	put(NEXT_700, 1);
	dirty_mark_all(map);
}

static void harvest_half_a_word(void)
{
	dirty_read_clear(map, 0, 4 * PAGE, take, NULL);
}

static void harvest_the_rest(void)
{
	dirty_read_clear(map, 4 * PAGE, UINT64_MAX, take, NULL);
}

static void harvest_first_leaf(void)
{
	dirty_read_clear(map, 0, LEAF_BYTES, take, NULL);
}

static int refuse(void *opaque, uint64_t addr, uint64_t len)
{
	return 1;
}

static void harvest_and_refuse(void)
{
	dirty_read_clear(map, 0, UINT64_MAX, refuse, NULL);
}

/* Must find what this thread wrote before, whatever others are about. */
static void harvest_for(enum place place, uint64_t addr, uint64_t len)
{
	dirty_read_clear(map, addr, len, take, NULL);
	missed |= copy[place][1] != data[place][1];
}

static void write_and_harvest_4(void)
{
	write_page(P4, 1);
	harvest_for(P4, 4 * PAGE, UINT64_MAX);
}

static void write_and_harvest_3(void)
{
	write_page(P3, 1);
	harvest_for(P3, 0, UINT64_MAX);
}

static void write_and_harvest_second_leaf(void)
{
	write_page(NEXT_5, 1);
	harvest_for(NEXT_5, LEAF_BYTES, UINT64_MAX);
}

static void use_page_3(void)
{
	write_page(P3, 0);
	harvest_all();
}

static void dirty_page_3(void)
{
	write_page(P3, 0);
}

static void dirty_page_4(void)
{
	use_page_3();
	write_page(P4, 0);
}

static void fill_map(void)
{
	use_page_3();
	data[P3][0]++;
	data[NEXT_700][0]++;
	dirty_mark_all(map);
}

static void fill_leaf(void)
{
	use_page_3();
	data[P3][0]++;
	data[P9000][0]++;
	vfmig_dirty_mark(map, 0, LEAF_BYTES);
}

/* ---- mistakes ---- */

static void mark_first(void)
{
	vfmig_dirty_mark(map, 3 * PAGE, PAGE);
	put(P3, 1);
}

static struct dirty_dir *the_dir(void)
{
	return map->hot_dir;
}

/* A bit that is set is taken for a mark that is finished. */
static void trust_the_page_bit(void)
{
	struct dirty_dir *dir = the_dir();

	put(P3, 1);
	if (!(atomic_fetch_or(&dir->word[0], 1 << 3) & 1 << 3))
		dirty_raise(dir, 0, 1);
	harvest_for(P3, 0, UINT64_MAX);
}

static void trust_the_line_bit(void)
{
	struct dirty_dir *dir = the_dir();

	put(P3, 1);
	atomic_fetch_or(&dir->word[0], 1 << 3);
	if (!(atomic_load(&dir->slot[0].lines) & 1))
		dirty_raise(dir, 0, 1);
	harvest_for(P3, 0, UINT64_MAX);
}

/* The look at the summary comes before the bit: what a store buffer makes of a missing fence. */
static void look_early_at_the_line(void)
{
	struct dirty_dir *dir = the_dir();
	bool line;

	put(P3, 1);
	line = atomic_load(&dir->slot[0].lines) & 1;
	atomic_fetch_or(&dir->word[0], 1 << 3);
	dirty_raise(dir, 0, line ? 0 : 1);
}

/* A look at the bit that overtakes the data's way out of the store buffer. */
static void skip_a_set_bit(void)
{
	bool set = atomic_load(&the_dir()->word[0]) & 1 << 3;

	put(P3, 1);
	if (!set)
		vfmig_dirty_mark(map, 3 * PAGE, PAGE);
}

static void from_the_top(void)
{
	struct dirty_dir *dir = the_dir();

	put(P3, 1);
	dirty_raise(dir, 0, 1);
	atomic_fetch_or(&dir->word[0], 1 << 3);
}

static void read_then_clear(void)
{
	dirty_read(map, 0, UINT64_MAX, take, NULL);
	dirty_clear(map, 0, UINT64_MAX);
}

static void take_from_the_bottom(void)
{
	struct dirty_dir *dir = the_dir();

	if (atomic_exchange(&dir->word[0], 0) & 1 << 3)
		take(NULL, 3 * PAGE, PAGE);
	atomic_exchange(&dir->slot[0].lines, 0);
	atomic_exchange(&dir->leaves[0], 0);
}

static void take_line_before_leaf(void)
{
	struct dirty_dir *dir = the_dir();

	if (!(atomic_load(&dir->leaves[0]) & 1))
		return;
	if (atomic_exchange(&dir->slot[0].lines, 0) && atomic_exchange(&dir->word[0], 0) & 1 << 3)
		take(NULL, 3 * PAGE, PAGE);
	atomic_exchange(&dir->leaves[0], 0);
}

/* A part is taken, and its summary with it; what is left puts it back a moment later. */
static void take_a_part_with_the_summary(void)
{
	struct dirty_dir *dir = the_dir();
	uint64_t lines = atomic_exchange(&dir->slot[0].lines, 0);

	if (atomic_fetch_and(&dir->word[0], ~15ull) & 1 << 3)
		take(NULL, 3 * PAGE, PAGE);
	dirty_raise(dir, 0, lines);
}

static const struct scenario scenarios[] = {
	{"one page", use_page_3, {write_3_by_0, write_3_by_1, harvest_all}, .preemptions = 3},
	{"one page twice",
	 use_page_3,
	 {write_3_twice, write_3_by_1, harvest_all},
	 .preemptions = 2},
	{"one word", use_page_3, {write_3_by_0, write_4_by_1, harvest_all}, .preemptions = 3},
	{"a page that is dirty", dirty_page_3, {write_3_by_1, harvest_all}, .preemptions = 4},
	{"two leaves", use_page_3, {write_3_by_0, write_far_by_1, harvest_all}, .preemptions = 2},
	{"the first marks", NULL, {write_3_by_0, write_3_by_1, harvest_all}, .preemptions = 2},
	{"no memory", NULL, {write_3_by_0, write_3_by_1, harvest_all}, 1, .preemptions = 3},
	{"memory for no leaf",
	 NULL,
	 {write_3_by_0, write_3_by_1, harvest_all},
	 2000,
	 .preemptions = 2},
	{"no memory, a part",
	 NULL,
	 {write_3_by_0, write_4_by_1, harvest_half_a_word},
	 1,
	 .preemptions = 3},
	{"a whole leaf",
	 use_page_3,
	 {write_leaf_by_1, write_3_by_0, harvest_all},
	 .preemptions = 2},
	{"the whole map",
	 use_page_3,
	 {write_map_by_1, write_3_by_0, harvest_all},
	 .preemptions = 2},
	{"a full leaf in part", fill_leaf, {write_3_by_1, harvest_half_a_word}, .preemptions = 1},
	{"a full map in part", fill_map, {write_3_by_1, harvest_first_leaf}, .preemptions = 2},
	{"two harvests", use_page_3, {write_3_by_0, harvest_all, harvest_all}, .preemptions = 2},
	{"two parts",
	 use_page_3,
	 {write_3_twice, harvest_half_a_word, harvest_the_rest},
	 .preemptions = 2},
	{"two parts of a word",
	 dirty_page_3,
	 {write_and_harvest_4, harvest_half_a_word},
	 .preemptions = 3},
	{"two leaves taken apart",
	 dirty_page_3,
	 {write_and_harvest_second_leaf, harvest_first_leaf},
	 .preemptions = 3},
	{"one page, found at once",
	 use_page_3,
	 {write_3_by_0, write_and_harvest_3},
	 .preemptions = 4},
	{"a harvest that stops",
	 dirty_page_3,
	 {write_3_by_1, harvest_and_refuse, write_4_by_1},
	 .preemptions = 2},

	{"mark, then data", use_page_3, {mark_first, harvest_all}, 0, true, 2},
	{"trust the page's bit", use_page_3, {write_3_by_0, trust_the_page_bit}, 0, true, 2},
	{"trust the line's bit", use_page_3, {write_3_by_0, trust_the_line_bit}, 0, true, 2},
	{"look early at the line", dirty_page_4, {look_early_at_the_line, harvest_all}, 0, true, 2},
	{"skip a set bit without a fence", dirty_page_3, {skip_a_set_bit, harvest_all}, 0, true, 2},
	{"mark from the top", use_page_3, {from_the_top, harvest_all}, 0, true, 2},
	{"read, then clear", dirty_page_3, {write_3_by_1, read_then_clear}, 0, true, 2},
	{"take from the bottom", use_page_3, {write_3_by_1, take_from_the_bottom}, 0, true, 2},
	{"take the line before the leaf",
	 dirty_page_3,
	 {write_3_by_1, take_line_before_leaf},
	 0,
	 true,
	 3},
	{"take a part with the summary",
	 dirty_page_3,
	 {write_and_harvest_4, take_a_part_with_the_summary},
	 0,
	 true,
	 2},
};

/* One schedule. Returns whether all is well. */
static bool play(const struct scenario *s)
{
	struct dirty_config config = {.size = 4 * LEAF_BYTES, .max_bytes = s->max_bytes};

	memset(data, 0, sizeof(data));
	memset(copy, 0, sizeof(copy));
	CHECK_EQ(dirty_create(&map, &config), 0);
	missed = false;
	if (s->before)
		s->before();
	thread_count = 0;
	for (unsigned int t = 0; t < THREADS_MAX && s->thread[t]; t++) {
		threads[t].run = s->thread[t];
		threads[t].done = false;
		getcontext(&threads[t].context);
		threads[t].context.uc_stack.ss_sp = threads[t].stack;
		threads[t].context.uc_stack.ss_size = sizeof(threads[t].stack);
		makecontext(&threads[t].context, thread_main, 0);
		thread_count++;
	}
	choices = preemptions = 0;
	inside = true;
	current = THREADS_MAX;
	current = choose();
	swapcontext(&outside, &threads[current].context);
	inside = false;
	harvest_all();
	dirty_free(map);
	return !missed && !memcmp(data, copy, sizeof(data));
}

int main(void)
{
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		const struct scenario *s = &scenarios[i];
		unsigned int schedules = 0, lost = 0;

		preemptions_max = s->preemptions;
		planned = 0;
		do {
			schedules++;
			lost += !play(s);
			if (!s->loses)
				CHECKF(!lost, "%s: schedule %u", s->name, schedules);
		} while (!(s->loses && lost) && next_schedule());
		if (s->loses)
			CHECKF(lost, "%s: %u schedules and nothing lost", s->name, schedules);
		printf("%s: %u schedules%s\n", s->name, schedules,
		       s->loses ? ", the last of which loses" : "");
	}
	return 0;
}
