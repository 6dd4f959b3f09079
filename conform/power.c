/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks of low power: entry and exit, access to the device while it is in low power, and the
 * events that the text allows on the eventfd.
 *
 * The suite cannot query whether a device sleeps; an eventfd reports it afterwards. A rule that
 * only shows in a device that slept is not applicable to one that did not in the time it was given.
 */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "conform/suite.h"

#define SET VFMIG_FEATURE_SET

static int enter(struct conform *c)
{
	return conform_feature(c, SET | VFMIG_FEATURE_LOW_POWER_ENTRY, NULL, 0);
}

static int enter_wake(struct conform *c, int event, uint32_t reserved)
{
	struct vfmig_feature_low_power_wake wake = {.wakeup_eventfd = event, .reserved = reserved};

	return conform_feature(c, SET | VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE, &wake, sizeof(wake));
}

static int leave(struct conform *c)
{
	return conform_feature(c, SET | VFMIG_FEATURE_LOW_POWER_EXIT, NULL, 0);
}

/* Let it go to sleep, without an access. */
static void wait_a_while(struct conform *c)
{
	uint64_t ms = c->options->settle_ms ? c->options->settle_ms : 20;

	for (uint64_t i = 0; i < ms; i++) {
		const struct timespec pause = {.tv_nsec = 1000000};

		vfmig_device_process(c->device, NULL);
		nanosleep(&pause, NULL);
	}
}

static uint64_t signals(int event)
{
	uint64_t count = 0;

	return read(event, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static int touch(struct conform *c)
{
	struct vfmig_device_info info;

	c->err = (struct vfmig_error){0};
	return vfmig_device_get_info(c->device, &info, &c->err);
}

/* A check with an eventfd; whatever it left allowed is given up behind it. */
static enum conform_verdict with_event(struct conform *c,
				       enum conform_verdict (*look)(struct conform *c, int event))
{
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	enum conform_verdict verdict;

	if (event < 0)
		return conform_unseen(c, "no eventfd");
	verdict = look(c, event);
	vfmig_device_call_feature(c->device, SET | VFMIG_FEATURE_LOW_POWER_EXIT, NULL, 0, NULL);
	close(event);
	return verdict;
}

static enum conform_verdict entry_and_exit(struct conform *c)
{
	MUST(c, enter(c));
	MUST(c, leave(c));
	/* And again: after the exit, a new entry must succeed. */
	MUST(c, enter(c));
	MUST(c, leave(c));
	return conform_pass(c, "ENTRY and EXIT are taken, twice");
}

/* Every request gets the same answer as before. */
static enum conform_verdict same_answers(struct conform *c)
{
	struct vfmig_feature_mig_state state = {0};
	struct vfmig_region before, after;
	unsigned regions = 0;
	uint8_t a[64], b[64];

	for (uint32_t i = 0; i < c->info.num_regions; i++) {
		NEED(c, vfmig_device_get_region_info(c->device, i, &before, &c->err));
		if (!before.size)
			continue;
		wait_a_while(c);
		if (vfmig_device_get_region_info(c->device, i, &after, &c->err))
			return conform_fail(c, "region %u is not told of: %s", i, c->err.text);
		if (before.size != after.size)
			return conform_fail(c, "region %u has another size when it may sleep", i);
		regions++;
	}
	if (c->has & CONFORM_PCI) {
		NEED(c, leave(c));
		NEED(c, vfmig_device_region_read(c->device, VFMIG_PCI_REGION_CONFIG, 0, a, 64,
						 &c->err));
		NEED(c, enter(c));
		wait_a_while(c);
		if (vfmig_device_region_read(c->device, VFMIG_PCI_REGION_CONFIG, 0, b, 64, &c->err))
			return conform_fail(c, "configuration space does not answer: %s",
					    c->err.text);
		if (memcmp(a, b, 4))
			return conform_fail(c, "configuration space says something else");
	}
	if (c->has & CONFORM_V2) {
		wait_a_while(c);
		MUST(c, conform_feature(c, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIG_STATE, &state,
					sizeof(state)));
		if (state.device_state != VFMIG_STATE_RUNNING)
			return conform_fail(c, "it is in state %s when it may sleep",
					    vfmig_state_name(state.device_state));
	}
	return conform_pass(c, "%u regions, and all else that was asked, answer as before",
			    regions);
}

static enum conform_verdict answers(struct conform *c)
{
	enum conform_verdict verdict;

	NEED(c, enter(c));
	verdict = same_answers(c);
	vfmig_device_call_feature(c->device, SET | VFMIG_FEATURE_LOW_POWER_EXIT, NULL, 0, NULL);
	return verdict;
}

static enum conform_verdict once(struct conform *c, int event)
{
	uint64_t count = 0;

	NEED(c, enter_wake(c, event, 0));
	for (int i = 0; i < 4; i++) {
		wait_a_while(c);
		NEED(c, touch(c));
		count += signals(event);
	}
	if (!count)
		return conform_na(c, "the device did not sleep while it was looked at");
	if (count > 1)
		return conform_fail(c, "four accesses signalled the eventfd %llu times",
				    (unsigned long long)count);
	return conform_pass(c, "of four accesses one signalled the eventfd, once");
}

static enum conform_verdict sleeps_once(struct conform *c)
{
	return with_event(c, once);
}

static enum conform_verdict anew(struct conform *c, int event)
{
	NEED(c, enter_wake(c, event, 0));
	wait_a_while(c);
	NEED(c, touch(c));
	if (!signals(event))
		return conform_na(c, "the device did not sleep while it was looked at");
	MUST(c, enter_wake(c, event, 0));
	return conform_pass(c, "after the signal another entry was taken, without EXIT");
}

static enum conform_verdict exit_is_optional(struct conform *c)
{
	return with_event(c, anew);
}

static enum conform_verdict payload(struct conform *c, int event)
{
	if (!enter_wake(c, event, 1))
		return conform_fail(c, "a reserved word that is not zero was taken");
	if (conform_lost(c->err.code))
		return conform_failed(c, CONFORM_FAIL);
	if (!enter_wake(c, -1, 0))
		return conform_fail(c, "an entry with wake-up was taken without an eventfd");
	MUST(c, enter_wake(c, event, 0));
	return conform_pass(c, "an eventfd is taken; no eventfd, and a reserved word, are not");
}

static enum conform_verdict eventfd_and_reserved(struct conform *c)
{
	return with_event(c, payload);
}

static enum conform_verdict silence(struct conform *c, int event)
{
	uint64_t count;

	NEED(c, enter_wake(c, event, 0));
	wait_a_while(c);
	MUST(c, leave(c));
	signals(event); /* EXIT may itself signal it */
	wait_a_while(c);
	NEED(c, touch(c));
	count = signals(event);
	if (count)
		return conform_fail(c, "after EXIT an access signalled the eventfd");
	return conform_pass(c, "after EXIT the eventfd was not signalled any more");
}

static enum conform_verdict exit_ends_it(struct conform *c)
{
	return with_event(c, silence);
}

const struct conform_check conform_power[] = {
	{"PWR-01", "LOW_POWER_ENTRY is taken, and EXIT gives it up", CONFORM_POWER, false,
	 entry_and_exit},
	{"PWR-04", "every access is answered while the device may sleep", CONFORM_POWER, false,
	 answers},
	{"PWR-08", "woken once, it stays up until it is allowed to sleep again", CONFORM_POWER,
	 false, sleeps_once},
	{"PWR-14", "after the signal EXIT need not be called", CONFORM_POWER, false,
	 exit_is_optional},
	{"PWR-15", "an entry with wake-up takes an eventfd and a reserved word", CONFORM_POWER,
	 false, eventfd_and_reserved},
	{"PWR-16", "EXIT takes back what was allowed", CONFORM_POWER, false, exit_ends_it},
	{NULL},
};
