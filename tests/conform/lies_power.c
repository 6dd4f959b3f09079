/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices whose low power, or information, breaks a rule, one each. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/conform/liar.h"

#define ENTRY VFMIG_FEATURE_SET, VFMIG_FEATURE_LOW_POWER_ENTRY
#define WAKE  VFMIG_FEATURE_SET, VFMIG_FEATURE_LOW_POWER_ENTRY_WAKE
#define EXIT  VFMIG_FEATURE_SET, VFMIG_FEATURE_LOW_POWER_EXIT

#define ASK(name)    static bool name(struct liar *liar, struct vfmig_request *r)
#define ANSWER(name) static ssize_t name(struct liar *liar, struct vfmig_request *r, ssize_t result)

/* An entry cannot be asked for twice in its life. */
ASK(enters_once)
{
	return liar_feature(r, ENTRY) && liar->count++ && liar_says(r, -EBUSY);
}

/* What was allowed, in count: 1 by ENTRY; and what was answered in between. */
ANSWER(notes_entry)
{
	if (liar_feature(r, ENTRY))
		liar->count = 1;
	if (liar_feature(r, EXIT))
		liar->count = 0;
	return result;
}

ASK(is_not_there_asleep)
{
	return liar->count && r->op == VFMIG_OP_REGION_READ && liar_says(r, -EIO);
}

/* The eventfd is signalled by each request from the entry on, for ever (1) or until EXIT (2). */
static void note_wake(struct liar *liar, struct vfmig_request *r)
{
	struct vfmig_feature_low_power_wake *wake = r->feature.data;

	close(liar->event);
	liar->event = dup(wake->wakeup_eventfd);
	liar->count = 1;
}

ASK(tells_each_access)
{
	if (liar_feature(r, WAKE) && !((uint32_t *)r->feature.data)[1])
		note_wake(liar, r);
	if (liar_feature(r, EXIT))
		liar->count = 0;
	if (liar->count && r->op == VFMIG_OP_DEVICE_INFO)
		eventfd_write(liar->event, 1);
	return false;
}

ASK(tells_after_exit)
{
	if (liar_feature(r, WAKE) && !((uint32_t *)r->feature.data)[1]) {
		note_wake(liar, r);
		liar->count = 0;
	}
	if (liar_feature(r, EXIT))
		liar->count = 1;
	if (liar->count && r->op == VFMIG_OP_DEVICE_INFO)
		eventfd_write(liar->event, 1);
	return false;
}

ASK(wants_an_exit)
{
	if (liar_feature(r, EXIT))
		liar->count = 0;
	return liar_feature(r, WAKE) && liar->count++ && liar_says(r, -EINVAL);
}

ANSWER(forgives_what_it_refused)
{
	if (liar_feature(r, WAKE) && result == -EINVAL)
		liar->count = 0;
	return result;
}

ASK(does_not_look_at_reserved)
{
	if (liar_feature(r, WAKE))
		((struct vfmig_feature_low_power_wake *)r->feature.data)->reserved = 0;
	return false;
}

ANSWER(has_capabilities_elsewhere)
{
	struct vfmig_device_info *info = r->info.buf;

	if (r->op == VFMIG_OP_DEVICE_INFO && result > 0 && r->info.size >= sizeof(*info)) {
		info->flags |= VFMIG_DEVICE_FLAG_CAPS;
		info->cap_offset = 0x1000;
	}
	return result;
}

const struct lie liar_power[] = {
	{"PWR-01", "can be sent to sleep once", enters_once, NULL, .only = "PWR-01"},
	{"PWR-04", "does not answer when it may sleep", is_not_there_asleep, notes_entry},
	{"PWR-08", "signals its eventfd at each access", tells_each_access, NULL},
	{"PWR-14", "wants to be woken by EXIT only", wants_an_exit, forgives_what_it_refused},
	{"PWR-15", "does not look at reserved words", does_not_look_at_reserved, NULL},
	{"PWR-16", "goes on telling after EXIT", tells_after_exit, NULL},
	{"INFO-02", "has capabilities where nothing is", NULL, has_capabilities_elsewhere},
	{NULL},
};
