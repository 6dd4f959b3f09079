/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A caller's structure that begins with its size may be shorter or longer than the library's. Missing members are 0, unknown
 * members must be 0, and a caller that did not set the size gets an error.
 */
#include <errno.h>
#include <string.h>

#include "device/sized.h"
#include "tests/lib/check.h"

struct known {
	size_t struct_size;
	int a, b;
};

static void reads(void)
{
	struct newer {
		struct known known;
		int c;
	} from = {.known = {.struct_size = sizeof(from), .a = 1, .b = 2}};
	struct vfmig_error err = {0};
	struct known into;

	CHECK(!sized_read(&into, sizeof(into), &from, "known", &err));
	CHECK(into.struct_size == sizeof(into) && into.a == 1 && into.b == 2);
	from.c = 3;
	CHECK(sized_read(&into, sizeof(into), &from, "known", &err) == -E2BIG);
	CHECK(strstr(err.text, "struct known"));

	from.known.struct_size = offsetof(struct known, b);
	CHECK(!sized_read(&into, sizeof(into), &from, "known", &err));
	CHECK(into.a == 1 && into.b == 0);
	from.known.struct_size = 0;
	CHECK(sized_read(&into, sizeof(into), &from, "known", &err) == -EINVAL);
}

static void writes(void)
{
	const struct known from = {.a = 1, .b = 2};
	struct known older = {.b = 7};
	struct {
		struct known known;
		int c;
	} newer;

	sized_write(&older, offsetof(struct known, b), &from, sizeof(from));
	CHECK(older.struct_size == offsetof(struct known, b) && older.a == 1 && older.b == 7);
	memset(&newer, 0xff, sizeof(newer));
	sized_write(&newer, sizeof(newer), &from, sizeof(from));
	CHECK(newer.known.struct_size == sizeof(newer) && newer.known.b == 2 && newer.c == 0);
}

int main(void)
{
	reads();
	writes();
	return 0;
}
