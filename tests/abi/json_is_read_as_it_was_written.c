/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON of a peer's: what RFC 8259 allows is read, what it does not allow is refused, wherever the text is cut off. */
#include <stdlib.h>
#include <string.h>

#include "abi/json.h"
#include "tests/lib/check.h"

static const char *const good[] = {
	"{}",
	"[]",
	" [ 1 , -2 ] ",
	"true",
	"null",
	"0",
	"-0",
	"1.5e+3",
	"1E9",
	"\"\"",
	"\"\\u00e9\\n\\\"\"",
	"\"\\ud83d\\ude00\"",
	"\"\xc3\xa9\"",
	"{\"a\":{\"b\":[[[[[1]]]]]}}",
	"[{},{\"x\":[]}]",
};

static const char *const bad[] = {
	"",
	" ",
	"{",
	"[",
	"[1,]",
	"[,1]",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\":1,}",
	"{a:1}",
	"{'a':1}",
	"1 2",
	"01",
	"-",
	"1.",
	".5",
	"1e",
	"+1",
	"0x10",
	"NaN",
	"tru",
	"nulL",
	"True",
	"\"",
	"\"\\x\"",
	"\"\\u12g4\"",
	"\"\\ud83d\"",
	"\"\\udc00\"",
	"\"\\ud83dx\"",
	"\"\n\"",
	"\"\xff\"",
	"\"\xc0\x80\"",
	"\"\xed\xa0\x80\"",
	"[1]]",
	"{}{}",
	"[[[[[[[[[1]]]]]]]]]",
	"[1 2]",
	"{\"a\":1 \"b\":2}",
	"/**/1",
};

/* In a block of its own, so that a byte read behind it is seen by AddressSanitizer. */
static bool opens(const char *text, size_t len, struct abi_json *value)
{
	char *copy = malloc(len ? len : 1);
	size_t at;

	memcpy(copy, text, len);
	at = abi_json_open(copy, len, value);
	CHECK(at <= len);
	free(copy);
	return len && at == len && value->type != ABI_JSON_NONE;
}

static uint64_t number(const struct abi_json *object, const char *name)
{
	struct abi_json v = abi_json_member(object, name);
	bool negative;
	uint64_t n = abi_json_integer(&v, &negative);

	CHECK(v.type == ABI_JSON_INTEGER && !negative);
	return n;
}

static void values_are_found(void)
{
	static const char text[] =
		" {\"a\": [1, \"x]}\", {\"b\": 7}, []], \"n\":1, \"n\" : 18446744073709551615,"
		"\"big\":99999999999999999999, \"neg\":-5, \"\\u0073\":\"q\\u00e9\\ud83d\\ude00\\/\", \"t\":true, \"f\":false,"
		"\"real\":1.0, \"a name that is longer than any that is asked for\":1} ";
	struct abi_json top, list, item = {0}, v;
	char buf[16] = "###############";
	bool negative;

	CHECK_EQ(abi_json_open(text, sizeof(text) - 1, &top), sizeof(text) - 1);
	CHECK_EQ(top.type, ABI_JSON_OBJECT);
	list = abi_json_member(&top, "a");
	CHECK_EQ(abi_json_count(&list), 4);
	CHECK(abi_json_next(&list, &item) && item.type == ABI_JSON_INTEGER);
	CHECK(abi_json_next(&list, &item) && item.type == ABI_JSON_STRING);
	CHECK(abi_json_next(&list, &item) && number(&item, "b") == 7);
	CHECK(abi_json_next(&list, &item) && !abi_json_count(&item));
	CHECK(!abi_json_next(&list, &item));
	CHECK(number(&top, "n") == UINT64_MAX); /* the last of the two */
	CHECK(number(&top, "big") == UINT64_MAX);
	v = abi_json_member(&top, "neg");
	CHECK(abi_json_integer(&v, &negative) == 5 && negative);
	v = abi_json_member(&top, "s");
	CHECK_EQ(abi_json_string(&v, buf, sizeof(buf)), 8);
	CHECK(!memcmp(buf, "q\xc3\xa9\xf0\x9f\x98\x80/#", 9));
	CHECK_EQ(abi_json_string(&v, buf, 1), 8);
	v = abi_json_member(&top, "t");
	CHECK(abi_json_bool(&v));
	v = abi_json_member(&top, "f");
	CHECK(v.type == ABI_JSON_BOOL && !abi_json_bool(&v));
	v = abi_json_member(&top, "real");
	CHECK_EQ(v.type, ABI_JSON_REAL);
	v = abi_json_member(&top, "none");
	CHECK_EQ(v.type, ABI_JSON_NONE);
	/* What is no object or array has nothing in it. */
	v = abi_json_member(&v, "x");
	CHECK_EQ(v.type, ABI_JSON_NONE);
	CHECK(!abi_json_next(&top, &v) && !abi_json_count(&v));
}

int main(void)
{
	struct abi_json value;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t len = strlen(good[i]);

		CHECKF(opens(good[i], len, &value), "%s", good[i]);
		if (strchr("{[\"", good[i][0]))
			for (size_t cut = 0; cut < len; cut++)
				CHECKF(!opens(good[i], cut, &value), "%s cut at %zu", good[i], cut);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECKF(!opens(bad[i], strlen(bad[i]), &value), "%s", bad[i]);
	values_are_found();
	return 0;
}
