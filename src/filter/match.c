/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which requests a filter is about.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/feature.h"
#include "filter/match.h"

/* Operations that a device can be asked; the session's own come behind them. */
#define DEVICE_OPS ((1u << VFMIG_OP_SET_STATE) - 1)

static int parse_op(const char *text, size_t len, uint32_t *ops)
{
	for (unsigned v = 0; v < VFMIG_OP_SET_STATE; v++) {
		const char *name = vfmig_op_name((enum vfmig_op)v);

		if (strlen(name) == len && !memcmp(name, text, len)) {
			*ops |= 1u << v;
			return 0;
		}
	}
	return -EINVAL;
}

/* The uAPI's names, in either case, '-' as good as '_'. */
static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		char x = *a == '-' ? '_' : (char)tolower((unsigned char)*a);
		char y = *b == '-' ? '_' : (char)tolower((unsigned char)*b);

		if (x != y)
			return false;
	}
	return *a == *b;
}

static int parse_feature(const char *text, int32_t *index)
{
	const struct abi_feature_kind *kind;
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	if (*text >= '0' && *text <= '9' && !*end && n <= VFMIG_FEATURE_MASK) {
		*index = (int32_t)n;
		return 0;
	}
	for (uint32_t i = 0; i <= VFMIG_FEATURE_MASK; i++) {
		kind = abi_feature_find_kind(i);
		if (kind && same_name(kind->name, text)) {
			*index = (int32_t)i;
			return 0;
		}
	}
	return -EINVAL;
}

int filter_match_parse(struct filter_match *match, struct vfmig_error *err)
{
	const char *at = match->op;

	match->ops = match->op ? 0 : DEVICE_OPS;
	match->index = -1;
	while (at) {
		size_t len = strcspn(at, "+");

		if (len == 3 && !memcmp(at, "any", 3))
			match->ops = DEVICE_OPS;
		else if (parse_op(at, len, &match->ops))
			return vfmig_err(
				err, -EINVAL,
				"option op: unknown operation '%.*s'; use for example feature, reset or data-read",
				(int)len, at);
		at = at[len] ? at + len + 1 : NULL;
	}
	if (!match->feature)
		return 0;
	if (parse_feature(match->feature, &match->index))
		return vfmig_err(
			err, -EINVAL,
			"option feature: unknown feature '%s'; use an index or a name such as mig-device-state",
			match->feature);
	match->ops &= 1u << VFMIG_OP_FEATURE;
	if (!match->ops)
		return vfmig_err(err, -EINVAL, "option feature: needs op=feature, or no option op");
	return 0;
}

bool filter_matches(const struct filter_match *match, const struct vfmig_request *request)
{
	if (!(match->ops >> request->op & 1))
		return false;
	return match->index < 0 ||
	       (request->feature.flags & VFMIG_FEATURE_MASK) == (uint32_t)match->index;
}
