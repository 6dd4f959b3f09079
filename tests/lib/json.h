/* SPDX-License-Identifier: BSD-3-Clause */
/* Members of a line of JSON, for tests that read what the library wrote. */
#ifndef TESTS_LIB_JSON_H
#define TESTS_LIB_JSON_H

#include <string.h>

#include "abi/json.h"
#include "tests/lib/check.h"

static inline struct abi_json json_open(const char *text, size_t len)
{
	struct abi_json o;

	CHECKF(abi_json_open(text, len, &o) == len && o.type == ABI_JSON_OBJECT, "%s", text);
	return o;
}

/* The text of a member (of a number: its digits), in a buffer that the next call uses again. */
static inline const char *json_text(const struct abi_json *o, const char *key)
{
	static char buf[256];
	struct abi_json v = abi_json_member(o, key);
	size_t len = (size_t)(v.end - v.at);

	if (v.type == ABI_JSON_NONE)
		return "(missing)";
	if (v.type == ABI_JSON_STRING)
		len = abi_json_string(&v, buf, sizeof(buf) - 1);
	CHECK(len < sizeof(buf));
	if (v.type != ABI_JSON_STRING)
		memcpy(buf, v.at, len);
	buf[len] = 0;
	return buf;
}

static inline uint64_t json_number(const struct abi_json *o, const char *key)
{
	struct abi_json v = abi_json_member(o, key);
	bool negative;
	uint64_t n = abi_json_integer(&v, &negative);

	CHECKF(v.type == ABI_JSON_INTEGER && !negative, "%s", key);
	return n;
}

#endif
