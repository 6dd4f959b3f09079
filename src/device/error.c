/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Errors: a code and a sentence.
 */
#include <stdio.h>
#include <string.h>

#include <vfmig/error.h>

int vfmig_verr(struct vfmig_error *err, int code, const char *fmt, va_list ap)
{
	if (err) {
		err->code = code;
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
	}
	return code;
}

int vfmig_err(struct vfmig_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfmig_verr(err, code, fmt, ap);
	va_end(ap);
	return code;
}

int vfmig_err_at(struct vfmig_error *err, int code, const char *fmt, ...)
{
	char text[VFMIG_ERROR_TEXT];
	size_t used;
	va_list ap;
	int n;

	if (!err)
		return code;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	used = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
	/* What does not fit is cut at the end: the place is worth more than the last words. */
	n = snprintf(text + used, sizeof(text) - used, ": %s",
		     err->code ? err->text : strerror(-code));
	if (n < 0)
		text[used] = 0;
	memcpy(err->text, text, sizeof(text));
	if (!err->code)
		err->code = code;
	return code;
}
