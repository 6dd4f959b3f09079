/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The suite's negative controls: for each rule a device that breaks it, and the suite sees that rule broken, and no
 * other but those that say the same. A check that cannot fail proves nothing.
 */
#include <vfmig/open.h>

#include "conform/conform.h"
#include "tests/lib/check.h"
#include "tests/conform/liar.h"

/* Ids between blanks, in the order of the suite. */
struct received {
	char broken[512];
	char last[768];
};

static void hear(void *context, const struct conform_result *r)
{
	struct received *received = context;
	size_t len = strlen(received->broken);

	if (r->verdict != CONFORM_FAIL && r->verdict != CONFORM_WARN)
		return;
	snprintf(received->broken + len, sizeof(received->broken) - len, "%s%s", len ? " " : "",
		 r->check->id);
	snprintf(received->last, sizeof(received->last), "%s", r->seen);
}

/* What the device does wrong while it is looked on, it does when it has the processor: that may take @settle_ms. */
static bool try_for(const struct lie *lie, uint64_t settle_ms)
{
	const struct conform_options how = {
		.rules = &lie->only,
		.rule_count = lie->only != NULL,
		.no_work = !lie->works,
		.risky = true,
		.settle_ms = settle_ms,
		.patience_ms = 400,
	};
	struct received received = {{0}, {0}};
	const struct conform_report report = {.result = hear, .context = &received};
	unsigned count[CONFORM_VERDICTS];
	struct vfmig_device *device;
	struct vfmig_error err = {0};
	char name[128];

	snprintf(name, sizeof(name), "model:copier,size=64K%s%s", lie->options ? "," : "",
		 lie->options ? lie->options : "");
	CHECKF(!vfmig_open(name, &device, &err), "%s", err.text);
	device = liar_open(device, lie);
	CHECKF(!conform_run(device, &how, &report, count, &err), "%s: %s", lie->what, err.text);
	vfmig_device_close(device);
	if (!strcmp(received.broken, lie->rules))
		return true;
	if (strlen(received.broken) < strlen(lie->rules) && settle_ms < 3000)
		return try_for(lie, settle_ms * 10);
	fprintf(stderr, "a device that %s:\n  must break   %s\n  and breaks   %s\n  (%s)\n",
		lie->what, lie->rules, received.broken, received.last);
	return false;
}

static const struct lie *const tables[] = {liar_v2, liar_dma, liar_v1, liar_pfn, liar_power};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

/* So that a new check comes with its control: each id is in some lie. */
static bool covered(const char *id)
{
	for (size_t t = 0; t < TABLES; t++)
		for (const struct lie *lie = tables[t]; lie->rules; lie++) {
			const char *at = strstr(lie->rules, id);

			if (at && (at[strlen(id)] == ' ' || !at[strlen(id)]))
				return true;
		}
	fprintf(stderr, "no device breaks %s\n", id);
	return false;
}

int main(void)
{
	const struct conform_check *checks[CONFORM_CHECKS_MAX];
	size_t nr = conform_checks(checks);
	unsigned wrong = 0;

	for (size_t t = 0; t < TABLES; t++)
		for (const struct lie *lie = tables[t]; lie->rules; lie++)
			wrong += !try_for(lie, 3);
	for (size_t i = 0; i < nr; i++)
		wrong += !covered(checks[i]->id);
	CHECK_EQ(wrong, 0);
	return 0;
}
