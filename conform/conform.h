/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The conformance suite: rules of the migration protocols as checks that run against any device.
 *
 * Each check stands for one rule of docs/rules.md and has its id. It uses the device as any user
 * does, through the public API: so a model in this process, a server behind a socket and a filter
 * around either get the same checks. A rule that cannot be checked on a device is reported as such,
 * with the reason; a check passes only on what it observed.
 *
 * A check begins with a reset, writes the device's state and memory as it needs, and the last one
 * is followed by a reset. Do not check a device that is in use.
 */
#ifndef CONFORM_CONFORM_H
#define CONFORM_CONFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/device.h>

enum conform_verdict {
	CONFORM_PASS,	/* checked, and kept */
	CONFORM_FAIL,	/* checked, and broken */
	CONFORM_WARN,	/* checked, and broken, but the text has only "should" */
	CONFORM_NA,	/* does not apply to this device */
	CONFORM_UNSEEN, /* applies, but could not be checked: an earlier step failed */
};
#define CONFORM_VERDICTS 5

/** conform_word() - a verdict in a word, such as "PASS" or "N/A" */
const char *conform_word(enum conform_verdict verdict);

struct conform;

/* What a device must have for a check to apply. */
#define CONFORM_V2	 (1u << 0)
#define CONFORM_P2P	 (1u << 1)
#define CONFORM_PRE_COPY (1u << 2)
#define CONFORM_LOGGING	 (1u << 3)
#define CONFORM_PCI	 (1u << 4)
#define CONFORM_WORK	 (1u << 5)  /* the suite has a workload for it */
#define CONFORM_RISKY	 (1u << 6)  /* can do harm beyond the device: kernels that hang */
#define CONFORM_NO_P2P	 (1u << 7)  /* and what it must not have */
#define CONFORM_BY_SPACE (1u << 8)  /* for the suite itself: attached to a space */
#define CONFORM_V1	 (1u << 9)  /* a migration region that v1's rules are about */
#define CONFORM_PFN	 (1u << 10) /* and pfn's */
#define CONFORM_POWER	 (1u << 16) /* low power, all three features of it */

/**
 * struct conform_check - one rule that can be checked from outside
 * @id: the rule's, as in docs/rules.md
 * @title: the rule in a line
 * @needs: CONFORM_*: properties of the device without which the check does not apply
 * @should: the text recommends it and does not require it: a violation is a warning
 * @run: performs the check
 */
struct conform_check {
	const char *id;
	const char *title;
	unsigned needs;
	bool should;
	enum conform_verdict (*run)(struct conform *c);
};

/** conform_checks() - all checks, in the order of docs/rules.md; returns how many */
#define CONFORM_CHECKS_MAX 256
size_t conform_checks(const struct conform_check *checks[CONFORM_CHECKS_MAX]);

/** conform_match() - whether an id is meant: "V2-17" is itself, "V2" and "V2-" are all of V2 */
bool conform_match(const char *id, const char *wanted);

/**
 * struct conform_options - how to check
 * @rules: @rule_count ids or beginnings of ids; 0 of them means all rules
 * @protocol: the revision to check: "v2", "v1", "pfn", or NULL for the one that the device exposes
 * @risky: also run checks that can do harm beyond the device (CONFORM_RISKY)
 * @data_max: the most bytes of a device's state that are kept in memory; 0 is 1 GiB
 * @no_work: do not make the device work, even if the suite has a workload for it
 * @patience_ms: how long a device with work to do may make no progress; 0 is 5000
 * @settle_ms: how long to watch for events that must not happen; 0 is 20
 */
struct conform_options {
	const char *const *rules;
	size_t rule_count;
	const char *protocol;
	bool risky, no_work;
	uint64_t data_max;
	uint64_t settle_ms, patience_ms;
};

/**
 * struct conform_result - what became of one check
 * @seen: a sentence: what was seen, or why it could not be
 */
struct conform_result {
	const struct conform_check *check;
	enum conform_verdict verdict;
	const char *seen;
	int64_t took_ns;
};

/**
 * struct conform_report - where results go
 * @about: called once, first: what the device was found to be
 * @result: called for each check, in order
 * @context: their argument
 */
struct conform_report {
	void (*about)(void *context, const char *sentence);
	void (*result)(void *context, const struct conform_result *result);
	void *context;
};

/**
 * conform_run() - check a device
 * @device: which; not attached to a space. It is attached to one of the suite's meanwhile
 * @count: how many checks had which verdict
 *
 * Return: 0 when all was asked, whatever the verdicts; or a negative errno if it could not begin.
 */
int conform_run(struct vfmig_device *device, const struct conform_options *options,
		const struct conform_report *report, unsigned count[CONFORM_VERDICTS],
		struct vfmig_error *err);

#endif
