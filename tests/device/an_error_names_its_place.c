/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors: filled, put into their place, and cut rather than overflown. */
#include <errno.h>

#include <vfmig/error.h>

#include "tests/lib/check.h"

int main(void)
{
	struct vfmig_error err = {0};
	char longer[2 * VFMIG_ERROR_TEXT];

	CHECK_EQ(vfmig_err(NULL, -EIO, "nobody listens"), -EIO);
	CHECK_EQ(vfmig_err(&err, -EIO, "register %d", 5), -EIO);
	CHECK_STR(err.text, "register 5");
	CHECK_EQ(vfmig_err_at(&err, -EIO, "device %d (%s)", 1, "model:copier"), -EIO);
	CHECK_STR(err.text, "device 1 (model:copier): register 5");
	CHECK_EQ(err.code, -EIO);

	memset(&err, 0, sizeof(err));
	CHECK_EQ(vfmig_err_at(&err, -ENOENT, "file"), -ENOENT);
	CHECK_STR(err.text, "file: No such file or directory");
	CHECK_EQ(err.code, -ENOENT);

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	vfmig_err(&err, -EIO, "%s", longer);
	CHECK_EQ(strlen(err.text), VFMIG_ERROR_TEXT - 1);
	vfmig_err_at(&err, -EIO, "here");
	CHECK(!strncmp(err.text, "here: xxx", 9));
	vfmig_err_at(&err, -EIO, "%s", longer);
	CHECK_EQ(strlen(err.text), VFMIG_ERROR_TEXT - 1);
	return 0;
}
