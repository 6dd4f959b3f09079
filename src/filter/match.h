/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which requests a filter is about: of some operations, or about one feature. The same options for every
 * filter that can choose.
 */
#ifndef FILTER_MATCH_H
#define FILTER_MATCH_H

#include <vfmig/device.h>
#include <vfmig/options.h>

/*
 * @op, @feature: as the user gave them
 * @operations: a bit per operation
 * @index: the feature, or -1 for any
 */
struct filter_match {
	char *op;
	char *feature;
	uint32_t ops;
	int32_t index;
};

/* Their lines of an option table; type's member is the struct filter_match. */
#define FILTER_MATCH_OPTIONS(type, member)                                                         \
	{"op", VFMIG_OPTION_TEXT, offsetof(type, member.op), NULL,                                 \
	 "only these operations, joined by + (data-read+data-write); default: any"},               \
	{                                                                                          \
		"feature", VFMIG_OPTION_TEXT, offsetof(type, member.feature), NULL,                \
			"only this feature, by name (dma-logging-report) or index"                 \
	}

/* Parse the two texts into the other fields. */
int filter_match_parse(struct filter_match *match, struct vfmig_error *err);

bool filter_matches(const struct filter_match *match, const struct vfmig_request *request);

#endif
