/* SPDX-License-Identifier: BSD-3-Clause */
/* Options: each kind read, presets applied, and each mistake named with what would have been right. */
#include <errno.h>
#include <stdbool.h>

#include <vfmig/options.h>

#include "tests/lib/check.h"

struct opts {
	uint64_t size, count, wait, window;
	bool quiet;
	char *file;
};

static const char *const windows[] = {"trapped", "mapped", NULL};

static const struct vfmig_option table[] = {
	{"size", VFMIG_OPTION_SIZE, offsetof(struct opts, size), "16M", "", 4096, 1ull << 40, NULL},
	{"count", VFMIG_OPTION_UINT, offsetof(struct opts, count), "3", "", 1, 10, NULL},
	{"wait", VFMIG_OPTION_MSEC, offsetof(struct opts, wait), NULL, "", 0, 0, NULL},
	{"window", VFMIG_OPTION_CHOICE, offsetof(struct opts, window), "trapped", "", 0, 0,
	 windows},
	{"quiet", VFMIG_OPTION_BOOL, offsetof(struct opts, quiet), "off", "", 0, 0, NULL},
	{"file", VFMIG_OPTION_TEXT, offsetof(struct opts, file), NULL, "", 0, 0, NULL},
	{NULL, VFMIG_OPTION_END, 0, NULL, NULL, 0, 0, NULL},
};

static void refused(const char *text, int code, const char *says)
{
	struct opts o = {0};
	struct vfmig_error err = {0};

	CHECK_EQ(vfmig_options_parse(table, text, &o, &err), code);
	CHECK_EQ(err.code, code);
	CHECKF(strstr(err.text, says), "'%s' says \"%s\", without \"%s\"", text, err.text, says);
	vfmig_options_free(table, &o);
	CHECK(!o.file);
}

int main(void)
{
	struct opts o = {.wait = 7};
	uint64_t n;

	CHECK_EQ(vfmig_options_parse(table, NULL, &o, NULL), 0);
	CHECK_EQ(o.size, 16 << 20);
	CHECK_EQ(o.count, 3);
	CHECK_EQ(o.wait, 7);
	CHECK_EQ(o.window, 0);
	CHECK(!o.quiet && !o.file);

	CHECK_EQ(vfmig_options_parse(
			 table, "size=0x2000,count=10,wait=2s,window=mapped,quiet,file=a,file=/b=c",
			 &o, NULL),
		 0);
	CHECK_EQ(o.size, 8192);
	CHECK_EQ(o.count, 10);
	CHECK_EQ(o.wait, 2000);
	CHECK_EQ(o.window, 1);
	CHECK(o.quiet);
	CHECK_STR(o.file, "/b=c");
	vfmig_options_free(table, &o);

	refused("sise=1", -EINVAL, "the options are size, count, wait, window, quiet, file");
	refused("size", -EINVAL, "size=");
	refused("size=12Q", -EINVAL, "'12Q' is not a valid size");
	refused("size=-1", -EINVAL, "'-1'");
	refused("size=1", -ERANGE, "out of range");
	refused("size=99999999999999999999", -ERANGE, "");
	refused("size=18446744073709551615T", -ERANGE, "");
	refused("count=11", -ERANGE, "1 to 10");
	refused("count=1K", -EINVAL, "not a valid number");
	refused("window=maped", -EINVAL, "use one of trapped, mapped");
	refused("quiet=yes", -EINVAL, "use on or off");
	refused("file=x,,", -EINVAL, "unknown option ''");

	CHECK_EQ(vfmig_parse_size("1G", &n), 0);
	CHECK_EQ(n, 1 << 30);
	CHECK_EQ(vfmig_parse_size("", &n), -EINVAL);
	CHECK_EQ(vfmig_parse_size("1GG", &n), -EINVAL);
	return 0;
}
