/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the conformance suite: what a check stands on.
 *
 * A check is a function that asks the device something and returns a verdict with a sentence:
 *
 *	static enum conform_verdict reset_leads_to_running(struct conform *c)
 *	{
 *		NEED(c, conform_set(c, VFMIG_STATE_STOP));	unseen, if that fails
 *		MUST(c, vfmig_device_reset(c->device, &c->err));	broken, if that fails
 *		…
 *		return conform_pass(c, "after RESET it is in RUNNING");
 *	}
 *
 * It finds the device reset, in RUNNING, and attached to a space with memory, and need not put anything back.
 */
#ifndef CONFORM_SUITE_H
#define CONFORM_SUITE_H

#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include <vfmig/session.h>
#include <vfmig/space.h>

#include "conform/conform.h"

/*
 * The memory that the device has: two maps with a hole between them, below 4 GiB for devices with
 * 32-bit addresses.
 */
#define CONFORM_IOVA  0x10000000ull
#define CONFORM_SIZE  0x400000ull
#define CONFORM_IOVA2 (CONFORM_IOVA + 2 * CONFORM_SIZE)
#define CONFORM_SIZE2 0x100000ull
#define CONFORM_PAGE  4096u
/* And what it is made to write over and over. */
#define CONFORM_KEEP 0x100000ull
/* How often it writes that, unless it is too fast for so little; and how often at most. */
#define CONFORM_TIMES	  120u
#define CONFORM_TIMES_MAX (CONFORM_TIMES << 6)

/*
 * How the suite makes a device work: without that, what a device does to memory cannot be observed.
 * There is one workload, a small driver, for each supported kind of device. Functions return 0 or a
 * negative errno, with the message in c->err.
 *
 * @name: of the kind of device
 * @fits: whether the device is of this kind
 * @begin: take the device into use, after a reset
 * @adopt: continue with a device to which a state was loaded
 * @write: have it write to all of a range by DMA; returns when that is done
 * @read: have it read all of a range by DMA, without a write there; returns when that is done
 * @keep: have it write to a range @times times; returns immediately, with most of that still
 *        pending. @times is at most CONFORM_TIMES_MAX
 * @left: how much of that is still pending; 0 at the end
 * @drain: wait until all is done
 * @check: whether the memory that @keep wrote is correct by now: NULL, or the mismatch
 * @event: an eventfd that its interrupts signal, or -1
 * @end: release it
 */
struct conform_work {
	const char *name;
	bool (*fits)(struct conform *c);
	int (*begin)(struct conform *c);
	int (*adopt)(struct conform *c);
	int (*write)(struct conform *c, uint64_t iova, uint64_t len);
	int (*read)(struct conform *c, uint64_t iova, uint64_t len);
	int (*keep)(struct conform *c, uint64_t iova, uint64_t len, uint64_t times);
	uint64_t (*left)(struct conform *c);
	int (*drain)(struct conform *c);
	const char *(*check)(struct conform *c);
	int (*event)(struct conform *c);
	void (*end)(struct conform *c);
};
extern const struct conform_work conform_work_copier;

/* A device's state, as it was read. */
struct conform_data {
	uint8_t *bytes;
	size_t len, capacity;
};

/*
 * @device: the device under test
 * @space: with memory at CONFORM_IOVA (@memory) and CONFORM_IOVA2 (@memory2)
 * @err: of the last request
 * @has: CONFORM_*: the device's properties
 * @info: of the device
 * @flags: VFMIG_MIGRATION_*, of a device with v2
 * @region: the migration region's index, and @layout its information
 * @work: the workload for it, or NULL; @work_data is private to the workload
 * @data: data that a check has saved; freed after the check
 * @seen: the check's message
 */
struct conform {
	struct vfmig_device *device;
	const struct conform_options *options;
	struct vfmig_space *space;
	int memfd;
	uint8_t *memory, *memory2;
	struct vfmig_error err;
	unsigned has;
	struct vfmig_device_info info;
	uint64_t flags;
	uint32_t region;
	struct vfmig_region layout;
	const struct conform_work *work;
	void *work_data;
	struct conform_data data[2];
	uint64_t scratch[2048];
	bool should;
	char why[256];	/* of a refusal, for the message */
	char lost[256]; /* why the device is lost */
	char seen[768];
};

/* ---- verdicts ---- */

enum conform_verdict conform_say(struct conform *c, enum conform_verdict verdict, const char *fmt,
				 ...) __attribute__((format(printf, 3, 4)));
#define conform_pass(c, ...)   conform_say(c, CONFORM_PASS, __VA_ARGS__)
#define conform_fail(c, ...)   conform_say(c, CONFORM_FAIL, __VA_ARGS__)
#define conform_na(c, ...)     conform_say(c, CONFORM_NA, __VA_ARGS__)
#define conform_unseen(c, ...) conform_say(c, CONFORM_UNSEEN, __VA_ARGS__)

/* For a call that the rule is about: its failure breaks the rule. */
#define MUST(c, call)                                                                              \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			return conform_failed(c, CONFORM_FAIL);                                    \
	} while (0)
/* What only leads there: a failure of it is another rule's. */
#define NEED(c, call)                                                                              \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			return conform_failed(c, CONFORM_UNSEEN);                                  \
	} while (0)
enum conform_verdict conform_failed(struct conform *c, enum conform_verdict verdict);

/* ---- asking ---- */

/* Each clears c->err first, and names what it did in it if it fails. */
int conform_get(struct conform *c, enum vfmig_state *state);
int conform_set(struct conform *c, uint32_t state);
int conform_reset(struct conform *c);
int conform_feature(struct conform *c, uint32_t flags, void *data, size_t size);
ssize_t conform_read(struct conform *c, void *buf, size_t len);
ssize_t conform_write(struct conform *c, const void *buf, size_t len);

/* Whether an error means that the device is lost. */
bool conform_lost(ssize_t ret);

/* Read the device's data to its end, in pieces of at most @piece bytes. */
int conform_read_all(struct conform *c, struct conform_data *data, size_t piece);
/* Write it, in pieces; all of it, or its first @len bytes. */
int conform_write_all(struct conform *c, const struct conform_data *data, size_t len, size_t piece);
/* From RUNNING: the device's state into @data; the device is in STOP after it. */
int conform_save(struct conform *c, struct conform_data *data);
/* Make the capacity at least @len bytes in all; false if that is more than the user allows. */
bool conform_room(struct conform *c, struct conform_data *data, size_t len);

/*
 * CLOCK_MONOTONIC in ns; and whether the device has made no progress for too long since @since and
 * in so many @looks. Time alone is not enough: on a machine that pauses, the device did not have
 * that time either.
 */
int64_t conform_now(void);
bool conform_impatient(const struct conform *c, int64_t since, unsigned looks);

/* A bitmap of the first map's pages, in c->scratch: is this one set, and how many are? */
#define CONFORM_WORDS (CONFORM_SIZE / CONFORM_PAGE / 64)
bool conform_told(const struct conform *c, uint64_t page);
uint64_t conform_told_count(const struct conform *c);

/*
 * From RUNNING: give the device work and take it to @stopped by @go, which is also called with @running to go back. A
 * device may be done before it stops, above all if its server gets the processor first. It then gets twice as much
 * work, up to CONFORM_TIMES_MAX. *left is the work that is left in @stopped; 0 if the device was always too fast.
 */
int conform_stop_at_work(struct conform *c, int (*go)(struct conform *c, uint32_t state),
			 uint32_t stopped, uint32_t running, uint64_t *left);

/* Look on for a while, working the device: what must not happen has its chance. */
int conform_look_on(struct conform *c);

/* ---- the checks, a table each, closed by one without an id ---- */

extern const struct conform_check conform_v2_features[], conform_v2_arcs[], conform_v2_stop[],
	conform_v2_data[], conform_v2_precopy[], conform_dma[], conform_region_state[],
	conform_region_data[], conform_pfn[], conform_power[], conform_info[];

#endif
