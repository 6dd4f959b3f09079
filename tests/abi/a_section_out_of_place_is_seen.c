/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stream is taken in its own order and in no other. Any section left out, sent twice, or exchanged
 * with its neighbour is noticed, also when its sequence number was made to fit; and so is one that
 * makes no sense where it stands.
 */
#include "abi/stream.h"
#include "tests/abi/refused.h"

#define DEVICES 2
#define REGIONS 2

static const uint64_t region_sizes[REGIONS] = {1 << 20, 8192};

struct stream {
	struct abi_section s[64];
	size_t n;
	uint32_t flags;
	uint64_t payload;
};

/* Appends; STOPPED and END count what came before them. */
static void add(struct stream *t, uint16_t type, uint16_t flags, uint32_t index, uint64_t offset,
		uint64_t arg, uint32_t length)
{
	struct abi_section *s = &t->s[t->n];

	if (type == ABI_SECTION_STOPPED || type == ABI_SECTION_END) {
		offset = t->n;
		arg = t->payload;
	}
	*s = (struct abi_section){type, flags, index, offset, arg, length, t->n, 0};
	t->n++;
	t->payload += length;
}

static void forward(struct stream *t, uint32_t flags)
{
	memset(t, 0, sizeof(*t));
	t->flags = flags;
	add(t, ABI_SECTION_HELLO, 0, 0, 0, 0, 100);
	add(t, ABI_SECTION_MEM_PAGES, 0, 0, 0, 0, 65536);
	add(t, ABI_SECTION_MEM_ZERO, 0, 0, 65536, (1 << 20) - 65536, 0);
	add(t, ABI_SECTION_DEVICE_DATA, 1, 0, 0, 0, 500);
	add(t, ABI_SECTION_DEVICE_DATA, 3, 1, 0, 0, 7); /* another device in between */
	add(t, ABI_SECTION_DEVICE_DATA, 2, 0, 500, 0, 11);
	add(t, ABI_SECTION_ROUND, 0, 0, 0, 1, 0);
	add(t, ABI_SECTION_MEM_PAGES, 0, 1, 4096, 0, 4096);
	add(t, ABI_SECTION_ROUND, 0, 0, 0, 2, 0);
	add(t, ABI_SECTION_STOPPED, 0, 0, 0, 0, 0);
	add(t, ABI_SECTION_MEM_PAGES, 0, 0, 0, 0, 4096);
	add(t, ABI_SECTION_DEVICE_DATA, 3, 1, 7, 0, 9);
	add(t, ABI_SECTION_DEVICE_END, 0, 1, 16, 2, 0);
	add(t, ABI_SECTION_DEVICE_DATA, 3, 0, 511, 0, 1);
	add(t, ABI_SECTION_DEVICE_END, 0, 0, 512, 2, 0);
	add(t, ABI_SECTION_END, 0, 0, 0, 0, 0);
	if (!(flags & ABI_STREAM_FLAG_FILE))
		add(t, ABI_SECTION_COMMIT, 0, 0, 0, 0, 0);
}

/* Take it all; *at (may be NULL) is where it was refused. */
static const char *take(const struct stream *t, size_t *at)
{
	struct abi_stream_device devices[DEVICES];
	struct abi_stream_check c;

	abi_stream_check_init(&c, t->flags);
	for (size_t i = 0; i < t->n; i++) {
		const char *why = abi_stream_check_section(&c, &t->s[i]);

		if (at)
			*at = i;
		if (why)
			return why;
		if (t->s[i].type == ABI_SECTION_HELLO)
			abi_stream_check_hello(&c, devices, DEVICES, region_sizes, REGIONS);
		CHECK_EQ(c.sections, i + 1);
	}
	return abi_stream_check_finish(&c);
}

static void renumber(struct stream *t)
{
	for (size_t i = 0; i < t->n; i++)
		t->s[i].seq = i;
}

static void mutations(uint32_t flags)
{
	struct stream good, t;

	forward(&good, flags);
	GOOD(take(&good, NULL));
	for (int fitted = 0; fitted < 2; fitted++)
		for (size_t i = 0; i < good.n; i++) {
			/* left out */
			t = good;
			t.n--;
			memmove(&t.s[i], &t.s[i + 1], (t.n - i) * sizeof(t.s[0]));
			if (fitted)
				renumber(&t);
			CHECKF(take(&t, NULL), "section %zu left out, fitted %d", i, fitted);
			/* twice */
			t = good;
			t.n++;
			memmove(&t.s[i + 1], &t.s[i], (good.n - i) * sizeof(t.s[0]));
			if (fitted)
				renumber(&t);
			CHECKF(take(&t, NULL), "section %zu twice, fitted %d", i, fitted);
			/* exchanged; what is independent may be, if the numbers are made to fit */
			t = good;
			if (i + 1 == t.n)
				continue;
			t.s[i] = good.s[i + 1];
			t.s[i + 1] = good.s[i];
			if (!fitted)
				CHECKF(take(&t, NULL), "sections %zu and %zu exchanged", i, i + 1);
		}
	/* cut off */
	for (size_t n = 0; n < good.n; n++) {
		t = good;
		t.n = n;
		REFUSED(take(&t, NULL), "the migration stream breaks off");
	}
}

/* The good stream with one section changed: refused there, for that reason. */
#define WRONG(i, change, sentence)                                                                 \
	do {                                                                                       \
		struct stream wrong;                                                               \
		size_t where;                                                                      \
                                                                                                   \
		forward(&wrong, 0);                                                                \
		wrong.s[i].change;                                                                 \
		REFUSED(take(&wrong, &where), sentence);                                           \
		CHECK_EQ(where, i);                                                                \
	} while (0)

static void reasons(void)
{
	static const char order[] = "a section is missing, or came twice or out of order";
	static const char not_here[] = "a section may not come at this point";
	static const char totals[] =
		"a section counts another number of sections or bytes than have come";
	static const char follows[] = "a device's data does not continue where it was";
	struct stream t;

	WRONG(3, seq = 4, order);
	WRONG(3, seq = 2, order);
	WRONG(0, seq = 1, order);
	WRONG(5, seq = UINT64_MAX, order);
	WRONG(0, type = ABI_SECTION_ROUND, not_here);
	WRONG(1, type = ABI_SECTION_HELLO, not_here);
	WRONG(1, type = ABI_SECTION_COMMIT, not_here);
	WRONG(1, type = ABI_SECTION_END, not_here);
	WRONG(1, type = ABI_SECTION_DEVICE_END, not_here); /* before the stop */
	WRONG(10, type = ABI_SECTION_ROUND, not_here);
	WRONG(10, type = ABI_SECTION_STOPPED, not_here);
	WRONG(16, type = ABI_SECTION_MEM_PAGES, not_here);
	WRONG(16, type = 32, not_here);
	WRONG(1, type = 127, not_here);
	WRONG(4, type = ABI_SECTION_READY, "a section belongs to the other direction");
	WRONG(1, index = REGIONS, "a section is about a memory region that HELLO did not name");
	WRONG(1, offset = 1 << 20, "a section about memory leaves its region");
	WRONG(1, length = (1 << 20) + 4096, "a section about memory leaves its region");
	WRONG(2, arg = UINT64_MAX - 4095, "a section about memory leaves its region");
	WRONG(2, offset = UINT64_MAX - 4095, "a section about memory leaves its region");
	WRONG(3, index = DEVICES, "a section is about a device that HELLO did not name");
	WRONG(3, index = UINT32_MAX, "a section is about a device that HELLO did not name");
	WRONG(3, offset = 1, follows);
	WRONG(5, offset = 499, follows);
	WRONG(14, offset = 511, follows);
	WRONG(3, flags = 0, "a chunk of device data goes on that was not begun");
	WRONG(5, flags = 3, "a chunk of device data begins inside another");
	WRONG(14, arg = 3, "the end of a device's data counts another number of chunks");
	WRONG(6, arg = 2, "the rounds are not counted one by one");
	WRONG(8, arg = 1, "the rounds are not counted one by one");
	WRONG(9, offset = 8, totals);
	WRONG(9, arg = 0, totals);
	WRONG(15, offset = 16, totals);
	WRONG(15, arg = 1, totals);

	forward(&t, 0);
	t.s[13] = t.s[12]; /* a device that has ended ends again */
	t.s[13].seq = 13;
	REFUSED(take(&t, NULL), "a section is about a device whose data has ended");
	forward(&t, 0);
	t.s[13].flags = ABI_SECTION_FIRST;
	REFUSED(take(&t, NULL), "a device's data ends within a chunk");
	forward(&t, 0);
	t.s[14] = t.s[15];
	t.s[14].seq = t.s[14].offset = 14;
	REFUSED(take(&t, NULL), "the stream ends before the data of every device has");
	forward(&t, ABI_STREAM_FLAG_FILE);
	add(&t, ABI_SECTION_COMMIT, 0, 0, 0, 0, 0);
	REFUSED(take(&t, NULL), "a file cannot commit");

	/* SYNC while the source runs, and to a reader that can answer. */
	forward(&t, 0);
	t.s[8].type = ABI_SECTION_SYNC;
	t.s[8].arg = 0;
	GOOD(take(&t, NULL));
	t.flags = ABI_STREAM_FLAG_FILE;
	REFUSED(take(&t, NULL), "a file cannot ask for an answer");
	WRONG(10, type = ABI_SECTION_SYNC, not_here);
}

/* CANCEL at any time after HELLO, and then nothing; all short lists of the backward direction. */
static void cancel_and_backward(void)
{
	static const uint16_t says[] = {ABI_SECTION_ACCEPT, ABI_SECTION_REFUSE,
					ABI_SECTION_READY,  ABI_SECTION_RUNNING,
					ABI_SECTION_FAILED, ABI_SECTION_LOADED};
	/* all that a destination may say, as digits of says[] */
	static const char *const whole[] = {"1", "04", "024", "023", "054", "0524", "0523", "0554"};
	struct stream t;
	int good = 0;

	forward(&t, 0);
	for (size_t n = 1; n < t.n; n++) {
		struct stream cut = t;

		cut.n = n;
		add(&cut, ABI_SECTION_CANCEL, 0, 0, 0, 0, 5);
		GOOD(take(&cut, NULL));
		add(&cut, ABI_SECTION_CANCEL, 0, 0, 0, 0, 5);
		REFUSED(take(&cut, NULL), "a section may not come at this point");
	}
	t.n = 0;
	add(&t, ABI_SECTION_CANCEL, 0, 0, 0, 0, 5);
	REFUSED(take(&t, NULL), "a section may not come at this point");

	for (int k = 0; k < 6 * 6 * 6 * 6 * 4; k++) {
		char text[5];
		size_t len = 1 + (size_t)k / (6 * 6 * 6 * 6);
		int digits[4] = {k % 6, k / 6 % 6, k / 36 % 6, k / 216 % 6};
		bool expected = false;

		memset(&t, 0, sizeof(t));
		t.flags = ABI_STREAM_FLAG_REPLY;
		for (size_t i = 0; i < len; i++) {
			add(&t, says[digits[i]], 0, 0, 0, 0, 3);
			text[i] = (char)('0' + digits[i]);
		}
		text[len] = 0;
		for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
			expected = expected || !strcmp(text, whole[i]);
		CHECKF((take(&t, NULL) == NULL) == expected, "backward %s", text);
		good += expected;
	}
	CHECK(good > 0);
	t.n = 0;
	add(&t, ABI_SECTION_HELLO, 0, 0, 0, 0, 3);
	REFUSED(take(&t, NULL), "a section belongs to the other direction");
}

/* Without the numbers of HELLO there are no devices and no memory. */
static void before_hello_is_read(void)
{
	struct abi_section negotiation = {.type = ABI_SECTION_HELLO, .length = 2};
	struct abi_section data = {.type = ABI_SECTION_DEVICE_DATA, .seq = 1, .flags = 3};
	struct abi_section mem = {.type = ABI_SECTION_MEM_ZERO, .seq = 1, .arg = 4096};
	struct abi_stream_check c;

	abi_stream_check_init(&c, 0);
	GOOD(abi_stream_check_section(&c, &negotiation));
	REFUSED(abi_stream_check_section(&c, &data),
		"a section is about a device that HELLO did not name");
	REFUSED(abi_stream_check_section(&c, &mem),
		"a section is about a memory region that HELLO did not name");
	abi_stream_check_hello(&c, NULL, 0, NULL, 0);
	REFUSED(abi_stream_check_section(&c, &data),
		"a section is about a device that HELLO did not name");
}

int main(void)
{
	RUN(mutations(0));
	RUN(mutations(ABI_STREAM_FLAG_FILE));
	RUN(reasons());
	RUN(cancel_and_backward());
	RUN(before_hello_is_read());
	return 0;
}
