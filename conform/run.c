/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Running the checks: what the device is, which checks that leaves, and each of them on a device that was reset.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conform/region.h"

static const struct conform_check *const tables[] = {
	conform_v2_features, conform_v2_arcs, conform_v2_stop,	    conform_v2_data,
	conform_v2_precopy,  conform_dma,     conform_region_state, conform_region_data,
	conform_pfn,	     conform_power,   conform_info,
};

static const struct conform_work *const works[] = {&conform_work_copier};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The parts of docs/rules.md, in their order there. */
static const char *const parts[] = {"V2-", "DMA-", "PWR-", "V1-", "PFN-", "T1-", "INFO-"};

static unsigned long place(const struct conform_check *check)
{
	unsigned long part = 0;

	while (part < COUNT(parts) && strncmp(check->id, parts[part], strlen(parts[part])))
		part++;
	return part * 1000 + strtoul(strchr(check->id, '-') + 1, NULL, 10);
}

static int by_place(const void *a, const void *b)
{
	unsigned long x = place(*(const struct conform_check *const *)a),
		      y = place(*(const struct conform_check *const *)b);

	return (x > y) - (x < y);
}

/* The tables are ordered by subject; this returns the checks in the order of their ids. */
size_t conform_checks(const struct conform_check *checks[CONFORM_CHECKS_MAX])
{
	size_t count = 0;

	for (size_t t = 0; t < COUNT(tables); t++)
		for (const struct conform_check *check = tables[t];
		     check->id && count < CONFORM_CHECKS_MAX; check++)
			checks[count++] = check;
	qsort(checks, count, sizeof(checks[0]), by_place);
	return count;
}

const char *conform_word(enum conform_verdict verdict)
{
	static const char *const words[CONFORM_VERDICTS] = {
		[CONFORM_PASS] = "PASS", [CONFORM_FAIL] = "FAIL",     [CONFORM_WARN] = "WARN",
		[CONFORM_NA] = "N/A",	 [CONFORM_UNSEEN] = "UNSEEN",
	};

	return words[verdict];
}

bool conform_match(const char *id, const char *wanted)
{
	size_t len = strlen(wanted);

	if (!strcmp(id, wanted))
		return true;
	return len && !strncmp(id, wanted, len) && (wanted[len - 1] == '-' || id[len] == '-');
}

/* ---- finding out what the device is ---- */

static const struct {
	unsigned need;
	const char *why;
} needs[] = {
	{CONFORM_V2, "the device does not support v2"},
	{CONFORM_V1, "the device does not support v1"},
	{CONFORM_PFN, "the device does not support pfn"},
	{CONFORM_P2P, "the device has no P2P states"},
	{CONFORM_NO_P2P, "the device has P2P states"},
	{CONFORM_PRE_COPY, "the device has no pre-copy"},
	{CONFORM_LOGGING, "the device has no DMA logging"},
	{CONFORM_POWER,
	 "the device has no low power, or was given to be mapped and must stay awake"},
	{CONFORM_PCI, "the device is no PCI device"},
	{CONFORM_BY_SPACE, "the device could not be given any memory"},
	{CONFORM_WORK, "no workload is known for this device (docs/check.md says how to add one)"},
	{CONFORM_RISKY, "it can hang a kernel whose driver gets it wrong: --risky asks it"},
};

static bool wants(const struct conform *c, const char *protocol)
{
	return !c->options->protocol || !strcmp(c->options->protocol, protocol);
}

static void find_v2(struct conform *c)
{
	struct vfmig_feature_migration migration = {0};

	if (!wants(c, "v2") || conform_feature(c, VFMIG_FEATURE_GET | VFMIG_FEATURE_MIGRATION,
					       &migration, sizeof(migration)))
		return;
	c->has |= CONFORM_V2;
	c->flags = migration.flags;
	c->has |= c->flags & VFMIG_MIGRATION_P2P ? CONFORM_P2P : CONFORM_NO_P2P;
	if (c->flags & VFMIG_MIGRATION_PRE_COPY)
		c->has |= CONFORM_PRE_COPY;
}

static bool has_maps(struct conform *c)
{
	struct vfmig_region region;

	for (uint32_t i = 0; i < c->info.num_regions; i++)
		if (!vfmig_device_get_region_info(c->device, i, &region, NULL) && region.areas)
			return true;
	return false;
}

static void find_power(struct conform *c)
{
	for (uint32_t i = VFMIG_FEATURE_LOW_POWER_ENTRY; i <= VFMIG_FEATURE_LOW_POWER_EXIT; i++)
		if (conform_feature(c, VFMIG_FEATURE_PROBE | VFMIG_FEATURE_SET | i, NULL, 0))
			return;
	/*
	 * A mapped region keeps the device awake. A server hands out the descriptor with the
	 * region's information.
	 */
	if (has_maps(c) && conform_feature(c, VFMIG_FEATURE_SET | VFMIG_FEATURE_LOW_POWER_ENTRY,
					   NULL, 0) == -EBUSY)
		return;
	conform_feature(c, VFMIG_FEATURE_SET | VFMIG_FEATURE_LOW_POWER_EXIT, NULL, 0);
	c->has |= CONFORM_POWER;
}

/*
 * v1 and pfn share the region's type. The region's information names the revision; if it does not,
 * the user's protocol selects it.
 */
static void find_region(struct conform *c)
{
	bool pfn;

	for (uint32_t i = 0; i < c->info.num_regions; i++) {
		if (vfmig_device_get_region_info(c->device, i, &c->layout, NULL) ||
		    c->layout.type != VFMIG_REGION_TYPE_MIGRATION ||
		    c->layout.subtype != VFMIG_REGION_SUBTYPE_MIGRATION)
			continue;
		c->region = i;
		pfn = c->layout.revision ? c->layout.revision == VFMIG_REGION_PFN
					 : c->options->protocol && wants(c, "pfn");
		if (wants(c, pfn ? "pfn" : "v1"))
			c->has |= pfn ? CONFORM_PFN : CONFORM_V1;
		return;
	}
}

static int find_out(struct conform *c, struct vfmig_error *err)
{
	int ret = vfmig_device_get_info(c->device, &c->info, err);

	if (ret)
		return ret;
	if (c->info.flags & VFMIG_DEVICE_FLAG_PCI)
		c->has |= CONFORM_PCI;
	if (c->options->risky || strncmp(vfmig_device_name(c->device), "vfio:", 5))
		c->has |= CONFORM_RISKY;
	find_v2(c);
	find_power(c);
	find_region(c);
	if (!conform_feature(
		    c, VFMIG_FEATURE_PROBE | VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START,
		    NULL, 0))
		c->has |= CONFORM_LOGGING;
	for (size_t i = 0; i < COUNT(works); i++)
		if (!c->options->no_work && c->has & CONFORM_BY_SPACE && works[i]->fits(c))
			c->work = works[i];
	if (c->work)
		c->has |= CONFORM_WORK;
	return 0;
}

static void tell_about(struct conform *c, const struct conform_report *report)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%s: ", vfmig_device_name(c->device));

	if (c->has & CONFORM_V2)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "v2 with STOP_COPY%s%s",
			      c->has & CONFORM_P2P ? ", P2P" : "",
			      c->has & CONFORM_PRE_COPY ? ", PRE_COPY" : "");
	if (c->has & (CONFORM_V1 | CONFORM_PFN))
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "%s%s with a migration region of %llu bytes",
			      c->has & CONFORM_V2 ? ", and " : "",
			      c->has & CONFORM_PFN ? "pfn" : "v1",
			      (unsigned long long)c->layout.size);
	if (!(c->has & (CONFORM_V2 | CONFORM_V1 | CONFORM_PFN)))
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "no migration that was asked for");
	snprintf(text + n, sizeof(text) - (size_t)n, "; %s; %s%s",
		 c->has & CONFORM_LOGGING ? "logs its DMA" : "does not log its DMA",
		 c->work ? "made to work as a " : "no workload is known for this device",
		 c->work ? c->work->name : "");
	if (report->about)
		report->about(report->context, text);
}

/* ---- a space with memory ---- */

static int map(struct conform *c, uint64_t iova, uint64_t size, uint64_t offset, uint8_t **ptr,
	       struct vfmig_error *err)
{
	struct vfmig_map m = {
		.iova = iova,
		.size = size,
		.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		.kind = VFMIG_MAP_MEMORY,
		.fd = c->memfd,
		.fd_offset = offset,
	};

	*ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, c->memfd, (off_t)offset);
	if (*ptr == MAP_FAILED) {
		*ptr = NULL;
		return vfmig_err(err, -errno, "mapping %llu bytes: %s", (unsigned long long)size,
				 strerror(errno));
	}
	m.ptr = *ptr;
	return vfmig_space_map(c->space, &m, err);
}

static int give_memory(struct conform *c, struct vfmig_error *err)
{
	int ret;

	c->space = vfmig_space_new();
	c->memfd = memfd_create("vfmig-check", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (!c->space || c->memfd < 0 || ftruncate(c->memfd, CONFORM_SIZE + CONFORM_SIZE2))
		return vfmig_err(err, -ENOMEM, "no memory for the device: %s", strerror(errno));
	ret = map(c, CONFORM_IOVA, CONFORM_SIZE, 0, &c->memory, err);
	if (!ret)
		ret = map(c, CONFORM_IOVA2, CONFORM_SIZE2, CONFORM_SIZE, &c->memory2, err);
	/* One that takes no memory does no DMA, and has other rules to keep. */
	if (!ret && !vfmig_space_attach(c->space, c->device, NULL))
		c->has |= CONFORM_BY_SPACE;
	return ret;
}

static void let_go(struct conform *c)
{
	if (c->has & CONFORM_BY_SPACE)
		vfmig_space_detach(c->space, c->device, NULL);
	vfmig_space_free(c->space);
	if (c->memory)
		munmap(c->memory, CONFORM_SIZE);
	if (c->memory2)
		munmap(c->memory2, CONFORM_SIZE2);
	if (c->memfd >= 0)
		close(c->memfd);
}

/* ---- one check ---- */

/*
 * Put the device into the state that every check starts from. A device that a reset does not bring
 * to RUNNING breaks a rule, and that rule has a check; the other checks still run.
 */
static int prepare(struct conform *c)
{
	enum vfmig_state state;
	uint32_t bits;
	int ret;

	if (c->has & CONFORM_LOGGING)
		conform_feature(c, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP, NULL, 0);
	ret = conform_reset(c);
	if (conform_lost(ret))
		return ret;
	if (c->has & CONFORM_V2) {
		ret = conform_get(c, &state);
		if (!ret && state != VFMIG_STATE_RUNNING)
			ret = conform_set(c, VFMIG_STATE_RUNNING);
	} else if (c->has & (CONFORM_V1 | CONFORM_PFN)) {
		ret = region_state(c, &bits);
		if (!ret && bits != VFMIG_V1_STATE_RUNNING)
			ret = region_go(c, VFMIG_V1_STATE_RUNNING);
	}
	return ret;
}

static const char *why_not(const struct conform *c, const struct conform_check *check)
{
	for (size_t i = 0; i < COUNT(needs); i++)
		if (check->needs & needs[i].need && !(c->has & needs[i].need))
			return needs[i].why;
	return NULL;
}

static enum conform_verdict look(struct conform *c, const struct conform_check *check)
{
	const char *why = why_not(c, check);
	enum conform_verdict verdict;

	c->should = check->should;
	if (why)
		return conform_na(c, "%s", why);
	if (c->lost[0])
		return conform_unseen(c, "%s", c->lost);
	if (prepare(c) < 0) {
		/* One that only takes too long may be back for the next. */
		if (conform_lost(c->err.code) && c->err.code != -ETIMEDOUT)
			snprintf(c->lost, sizeof(c->lost), "the device is gone: %.200s",
				 c->err.text);
		return conform_unseen(c, "the device could not be brought to RUNNING first: %s",
				      c->err.text);
	}
	if (check->needs & CONFORM_WORK && c->work->begin(c) < 0) {
		c->work->end(c);
		return conform_unseen(c, "the device could not be made to work: %s", c->err.text);
	}
	verdict = check->run(c);
	if (check->needs & CONFORM_WORK)
		c->work->end(c);
	for (size_t i = 0; i < COUNT(c->data); i++) {
		free(c->data[i].bytes);
		c->data[i] = (struct conform_data){0};
	}
	return verdict;
}

static bool wanted(const struct conform_options *options, const struct conform_check *check)
{
	for (size_t i = 0; i < options->rule_count; i++)
		if (conform_match(check->id, options->rules[i]))
			return true;
	return !options->rule_count;
}

static void run_all(struct conform *c, const struct conform_report *report,
		    unsigned count[CONFORM_VERDICTS])
{
	const struct conform_check *checks[CONFORM_CHECKS_MAX];
	size_t nr = conform_checks(checks);

	for (size_t i = 0; i < nr; i++) {
		const struct conform_check *check = checks[i];
		struct conform_result result = {.check = check, .seen = c->seen};
		int64_t begun = conform_now();

		if (!wanted(c->options, check))
			continue;
		c->seen[0] = 0;
		result.verdict = look(c, check);
		result.took_ns = conform_now() - begun;
		count[result.verdict]++;
		if (report->result)
			report->result(report->context, &result);
	}
	prepare(c);
}

int conform_run(struct vfmig_device *device, const struct conform_options *options,
		const struct conform_report *report, unsigned count[CONFORM_VERDICTS],
		struct vfmig_error *err)
{
	struct conform *c = calloc(1, sizeof(*c));
	int ret;

	memset(count, 0, CONFORM_VERDICTS * sizeof(count[0]));
	if (!c)
		return vfmig_err(err, -ENOMEM, "no memory for the checks");
	c->device = device;
	c->options = options;
	c->memfd = -1;
	ret = give_memory(c, err);
	if (!ret)
		ret = find_out(c, err);
	if (!ret) {
		tell_about(c, report);
		run_all(c, report, count);
	}
	let_go(c);
	free(c);
	return ret;
}
