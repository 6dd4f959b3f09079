/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Errors: a code for programs, a sentence for people.
 *
 * Every function that can fail returns 0 (or a count) or a negative errno, and fills the
 * struct vfmig_error that the caller brought, if it brought one. The sentence says what went wrong,
 * where, and, if there is something to be done about it, what.
 */
#ifndef VFMIG_ERROR_H
#define VFMIG_ERROR_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Long enough for a sentence with a path in it; a longer one is cut, never overflown. */
#define VFMIG_ERROR_TEXT 1024

/**
 * struct vfmig_error - what went wrong
 * @code: the negative errno that the function returned; 0 if nothing was ever filled in
 * @text: one sentence without a newline or final full stop
 *
 * Owned by the caller, on its stack as a rule. Start with `struct vfmig_error err = {0};`. A function
 * that succeeds leaves it alone. Not to be shared between threads while a call is under way.
 */
struct vfmig_error {
	int code;
	char text[VFMIG_ERROR_TEXT];
};

/**
 * vfmig_err() - fill an error and return its code
 * @err: where to, or NULL
 * @code: a negative errno
 * @fmt: the sentence
 *
 * Made to be returned: `return vfmig_err(err, -EINVAL, "…");`. For the library, for models, and for
 * anyone who implements one of the library's callbacks. May be called from any thread.
 *
 * Return: @code.
 */
int vfmig_err(struct vfmig_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** vfmig_verr() - vfmig_err() with the arguments in a va_list */
int vfmig_verr(struct vfmig_error *err, int code, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

/**
 * vfmig_err_at() - say where an error happened, in front of the sentence that is there
 * @err: an error that was filled in, or NULL
 * @code: what to return; also becomes the code if the error has none yet
 * @fmt: the place, such as "device 1 (model:copier)"; ": " is put behind it
 *
 * Return: @code.
 */
int vfmig_err_at(struct vfmig_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif
#endif
