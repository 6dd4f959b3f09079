/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Written pages as runs: a compact report if few pages were written.
 *
 * The bitmap of 64 GiB takes 2 MiB, whatever its content. A run takes 8 bytes: the number of pages
 * to skip and the number of written pages. So runs are in order and never overlap, whatever the
 * bytes are; the reader only checks that none is empty and that they stay in the range.
 *
 *	pages 0 1 2 3 4 5 6 7 8 9     runs   (2, 3)  (4, 1)
 *	          x x x         x
 */
#include "abi/feature.h"
#include "abi/le.h"

_Static_assert(sizeof(struct abi_logging_runs) == ABI_LOGGING_RUNS_SIZE, "packed");

size_t abi_logging_put_runs(void *buf, size_t cap, const struct abi_logging_runs *r)
{
	return abi_pack(buf, cap, "88844", r);
}

const char *abi_logging_get_runs(const void *buf, size_t len, struct abi_logging_runs *r,
				 uint64_t *bitmap_bytes)
{
	struct abi_logging_report range;
	uint64_t bytes;
	const char *why;

	if (!abi_unpack(buf, len, "88844", r))
		return "a report as runs needs 32 bytes";
	range = (struct abi_logging_report){r->iova, r->length, r->page_size};
	why = abi_logging_report_check(&range, &bytes);
	if (why)
		return why;
	if (r->form & ~ABI_RUNS_ARE_BITS)
		return "a report is in a form that there is not";
	if (r->form ? r->count : r->count > bytes * 8)
		return "a report has more runs than it can have";
	len -= ABI_LOGGING_RUNS_SIZE;
	if (len != (r->form ? bytes : (uint64_t)r->count * ABI_RUN_SIZE))
		return "a report is not as long as what it says that it has";
	*bitmap_bytes = bytes;
	return NULL;
}

struct runs {
	uint8_t *at, *end;
	uint64_t reported; /* pages reported so far, written or not */
	uint64_t first, pages;
	uint32_t count;
};

/* Write the open run. False: no space left. */
static bool close_run(struct runs *r)
{
	if (!r->pages)
		return true;
	if (r->end - r->at < (ptrdiff_t)ABI_RUN_SIZE)
		return false;
	abi_put32(r->at, (uint32_t)(r->first - r->reported));
	abi_put32(r->at + 4, (uint32_t)r->pages);
	r->at += ABI_RUN_SIZE;
	r->reported = r->first + r->pages;
	r->count++;
	return true;
}

static bool add_word(struct runs *r, uint64_t page, uint64_t bits)
{
	while (bits) {
		unsigned lo = (unsigned)__builtin_ctzll(bits);
		uint64_t rest = ~(bits >> lo);
		/*
		 * Above the highest bit of a word that was shifted there are zeros, whose
		 * complement ends the run.
		 */
		unsigned n = rest ? (unsigned)__builtin_ctzll(rest) : 64;

		if (r->pages && r->first + r->pages == page + lo) {
			r->pages += n;
		} else {
			if (!close_run(r))
				return false;
			r->first = page + lo;
			r->pages = n;
		}
		bits = lo + n < 64 ? bits >> (lo + n) << (lo + n) : 0;
	}
	return true;
}

/* Most of a report is zeros: test a line of it at a time. */
#define LINE 8u

static bool all_zero(const uint64_t *w)
{
	return !((w[0] | w[1] | w[2] | w[3]) | (w[4] | w[5] | w[6] | w[7]));
}

size_t abi_runs_put(void *buf, size_t cap, const uint64_t *bitmap, uint64_t words, uint32_t *count)
{
	struct runs r = {.at = buf, .end = (uint8_t *)buf + cap};

	for (uint64_t w = 0; w < words; w += LINE) {
		uint64_t n = words - w < LINE ? words - w : LINE;

		if (n == LINE && all_zero(bitmap + w))
			continue;
		for (uint64_t i = w; i < w + n; i++)
			if (bitmap[i] && !add_word(&r, i * 64, bitmap[i]))
				return SIZE_MAX;
	}
	if (!close_run(&r))
		return SIZE_MAX;
	*count = r.count;
	return (size_t)(r.at - (uint8_t *)buf);
}

const char *abi_runs_check(const void *buf, size_t len, uint32_t count, uint64_t pages)
{
	const uint8_t *at = buf;
	uint64_t reported = 0;

	if (len / ABI_RUN_SIZE != count || len % ABI_RUN_SIZE)
		return "the runs of a report are not as many as it says";
	for (; count--; at += ABI_RUN_SIZE) {
		if (!abi_get32(at + 4))
			return "a run of a report is empty";
		reported += (uint64_t)abi_get32(at) + abi_get32(at + 4);
		if (reported > pages)
			return "a run of a report leaves its range";
	}
	return NULL;
}

static void change(const void *buf, uint32_t count, uint64_t *bitmap, bool set)
{
	const uint8_t *at = buf;
	uint64_t first = 0, last;

	for (; count--; at += ABI_RUN_SIZE, first = last + 1) {
		first += abi_get32(at);
		last = first + abi_get32(at + 4) - 1;
		for (uint64_t w = first / 64; w <= last / 64; w++) {
			uint64_t bits = UINT64_MAX;

			if (w == first / 64)
				bits &= UINT64_MAX << first % 64;
			if (w == last / 64)
				bits &= UINT64_MAX >> (63 - last % 64);
			bitmap[w] = set ? bitmap[w] | bits : bitmap[w] & ~bits;
		}
	}
}

void abi_runs_set(const void *buf, uint32_t count, uint64_t *bitmap)
{
	change(buf, count, bitmap, true);
}

void abi_runs_clear(const void *buf, uint32_t count, uint64_t *bitmap)
{
	change(buf, count, bitmap, false);
}
