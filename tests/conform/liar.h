/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that breaks one rule: a filter around a good one, with a lie.
 */
#ifndef TESTS_CONFORM_LIAR_H
#define TESTS_CONFORM_LIAR_H

#include "device/filter.h"

struct liar;

/*
 * @rules: those that must be seen broken, and no others; joined by blanks
 * @what: what it does, for people
 * @ask: sees a request first; true if it has completed it
 * @answer: sees what the good device said, and returns what is said instead
 * @options: of the good device; "" for those of the test
 * @works: it shows only when the device works
 * @only: ask only about rules that begin so, where much else cannot even be looked at; NULL for all
 */
struct lie {
	const char *rules;
	const char *what;
	bool (*ask)(struct liar *liar, struct vfmig_request *request);
	ssize_t (*answer)(struct liar *liar, struct vfmig_request *request, ssize_t result);
	const char *options;
	bool works;
	const char *only;
};

/*
 * @at: the state that the device is in, as far as was heard
 * @sessions: how often data was begun to be read since the last reset
 * @reads, @writes: of data, since the state last changed
 * @shown: the last device_state that a migration region took
 * @count: a lie's own
 * @bits: and for bitmaps
 * @event: an interrupt's eventfd
 */
struct liar {
	struct vfmig_device device;
	const struct lie *lie;
	uint32_t at, shown;
	unsigned sessions, reads, writes;
	uint64_t count;
	uint64_t bits[64];
	int event;
};

extern const struct lie liar_v2[], liar_dma[], liar_v1[], liar_pfn[], liar_power[];

/* Put a lie around a device, which is the liar's from now on. */
struct vfmig_device *liar_open(struct vfmig_device *good, const struct lie *lie);

/* What a request is about. */
bool liar_feature(const struct vfmig_request *request, uint32_t op, uint32_t feature);
bool liar_sets(const struct vfmig_request *request, uint32_t state);
struct vfmig_feature_mig_state *liar_state(struct vfmig_request *request);

/* Of a migration region: a read or write of this register, and its value. */
#define LIAR_REGION VFMIG_PCI_REGION_COUNT
bool liar_reads(const struct vfmig_request *request, uint64_t reg);
bool liar_writes(const struct vfmig_request *request, uint64_t reg);
uint64_t liar_value(const struct vfmig_request *request);
void liar_put(struct vfmig_request *request, uint64_t value);

/* Ask the good device something of the liar's own: before an answer, not in it, when the device is busy with that. */
int liar_go(struct liar *liar, uint32_t state);
int liar_reset(struct liar *liar);

/* Complete it; returns true. */
bool liar_says(struct vfmig_request *request, ssize_t result);

#endif
