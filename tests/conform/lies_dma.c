/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices whose DMA log breaks a rule, one each. */
#include <errno.h>
#include <string.h>

#include "tests/conform/liar.h"

#define START  VFMIG_FEATURE_SET, VFMIG_FEATURE_DMA_LOGGING_START
#define STOP   VFMIG_FEATURE_SET, VFMIG_FEATURE_DMA_LOGGING_STOP
#define REPORT VFMIG_FEATURE_GET, VFMIG_FEATURE_DMA_LOGGING_REPORT

#define ASK(name)    static bool name(struct liar *liar, struct vfmig_request *r)
#define ANSWER(name) static ssize_t name(struct liar *liar, struct vfmig_request *r, ssize_t result)

static struct vfmig_feature_dma_logging_report *report(struct vfmig_request *r)
{
	return r->feature.data;
}

static struct vfmig_feature_dma_logging_control *control(struct vfmig_request *r)
{
	return r->feature.data;
}

static uint64_t *bitmap(struct vfmig_request *r)
{
	return (uint64_t *)(uintptr_t)report(r)->bitmap;
}

/* Words of a report that fit what a liar keeps. */
static size_t words(struct vfmig_request *r)
{
	uint64_t bits = report(r)->length / report(r)->page_size;

	return bits / 64 < 64 ? (size_t)(bits + 63) / 64 : 64;
}

ASK(denies_its_stop)
{
	return r->op == VFMIG_OP_FEATURE &&
	       r->feature.flags ==
		       (VFMIG_FEATURE_PROBE | VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP) &&
	       liar_says(r, -ENOTTY);
}

ASK(logs_nothing)
{
	return liar_feature(r, REPORT) && report(r)->page_size == 4096 &&
	       report(r)->iova == 0x10000000 && report(r)->length == 0x400000 && liar->count &&
	       liar_says(r, 0);
}

/* Only once started, or V2-20 would be another lie. */
ANSWER(counts_starts)
{
	if (liar_feature(r, START) && !result)
		liar->count = 1;
	if (liar_feature(r, STOP))
		liar->count = 0;
	return result;
}

ANSWER(logs_what_it_reads)
{
	if (liar_feature(r, REPORT) && !result && words(r) == 16)
		bitmap(r)[0] |= 1ull << 31;
	return result;
}

ASK(does_not_start_in_stop)
{
	return liar_feature(r, START) && liar->at == VFMIG_STATE_STOP && liar_says(r, -EBUSY);
}

ASK(looks_at_the_first_range)
{
	if (liar_feature(r, START) && control(r)->num_ranges == 3)
		control(r)->num_ranges = 1;
	return false;
}

ANSWER(chooses_odd_pages)
{
	if (liar_feature(r, START) && !result)
		control(r)->page_size = 5000;
	return result;
}

ASK(takes_few_ranges)
{
	return liar_feature(r, START) && control(r)->num_ranges > 64 && liar_says(r, -E2BIG);
}

ANSWER(starts_twice)
{
	return liar_feature(r, START) && result == -EINVAL ? 0 : result;
}

ANSWER(never_forgets)
{
	size_t n;

	if (liar_feature(r, STOP))
		memset(liar->bits, 0, sizeof(liar->bits));
	if (!liar_feature(r, REPORT) || result || report(r)->page_size != 4096 ||
	    report(r)->iova != 0x10000000)
		return result;
	n = words(r);
	for (size_t i = 0; i < n; i++)
		bitmap(r)[i] = liar->bits[i] |= bitmap(r)[i];
	return result;
}

/* Others than those that are asked about: they are told to nobody, before. */
ASK(forgets_too_much)
{
	static uint64_t nobody[64];
	struct vfmig_feature_dma_logging_report others = {
		.iova = 0x10000000,
		.length = 64 * 4096,
		.page_size = 4096,
		.bitmap = (uintptr_t)nobody,
	};

	if (liar_feature(r, REPORT) && report(r)->iova == others.iova + others.length)
		vfmig_device_call_feature(liar->device.inner,
					  VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT,
					  &others, sizeof(others), NULL);
	return false;
}

ANSWER(doubles)
{
	if (liar_feature(r, REPORT) && !result && report(r)->page_size == 4096)
		for (size_t i = 0; i < words(r); i++)
			bitmap(r)[i] |= bitmap(r)[i] << 1;
	return result;
}

ASK(knows_one_page_size)
{
	return liar_feature(r, REPORT) && report(r)->page_size == 65536 && liar_says(r, 0);
}

ASK(clears_first)
{
	if (liar_feature(r, REPORT) && report(r)->page_size == 4096)
		memset(bitmap(r), 0, words(r) * 8);
	return false;
}

ANSWER(reports_without_a_start)
{
	return liar_feature(r, REPORT) && result == -EINVAL && report(r)->page_size == 4096 &&
			       report(r)->iova == 0x10000000
		       ? 0
		       : result;
}

ANSWER(reports_nonsense)
{
	return liar_feature(r, REPORT) && report(r)->page_size == 5000 ? 0 : result;
}

#define WORK	 .works = true, .only = "DMA"
#define BY(name) NULL, name
const struct lie liar_dma[] = {
	{"DMA-01", "denies that its log can be stopped", denies_its_stop},
	{"DMA-02 DMA-04 DMA-05 DMA-13 DMA-14 DMA-15 DMA-16 DMA-18", "logs nothing", logs_nothing,
	 counts_starts, WORK},
	{"DMA-03 DMA-13 DMA-15", "logs what it reads", BY(logs_what_it_reads), WORK},
	{"DMA-04", "does not log in STOP", does_not_start_in_stop, WORK},
	{"DMA-05", "looks at the first range only", looks_at_the_first_range, WORK},
	{"DMA-06", "chooses odd pages", BY(chooses_odd_pages)},
	{"DMA-09", "takes few ranges", takes_few_ranges},
	{"DMA-11", "starts twice", BY(starts_twice)},
	{"DMA-13", "never forgets", BY(never_forgets), WORK},
	{"DMA-14", "forgets too much", forgets_too_much, WORK},
	{"DMA-15", "tells the page behind, too", BY(doubles), WORK},
	{"DMA-16", "knows one page size", knows_one_page_size, WORK},
	{"DMA-18", "clears the bitmap first", clears_first, WORK},
	{"DMA-20", "reports without a start", BY(reports_without_a_start)},
	{"DMA-21", "reports nonsense", BY(reports_nonsense)},
	{NULL},
};
