/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Errors: a code for programs and a sentence for people.
 *
 * A function that can fail returns 0 (or a count) or a negative errno. If the caller passes a struct vfmig_error, the
 * function fills it with a sentence that says what failed and where, and what the user can do about it.
 */
#ifndef VFMIG_ERROR_H
#define VFMIG_ERROR_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Enough for a sentence that contains a path. Longer sentences are truncated. */
#define VFMIG_ERROR_TEXT 1024

/**
 * struct vfmig_error - the reason of a failure
 * @code: the negative errno that the function returned; 0 if no function filled the structure
 * @text: one sentence without a newline or a final full stop
 *
 * Owned by the caller, usually on its stack. Initialise it with `struct vfmig_error err = {0};`. A function
 * that succeeds does not modify it. Two threads must not pass the same structure to calls at the same time.
 */
struct vfmig_error {
	int code;
	char text[VFMIG_ERROR_TEXT];
};

/**
 * vfmig_err() - fill an error and return its code
 * @err: the error to fill, or NULL
 * @code: a negative errno
 * @fmt: format of the sentence, as for printf()
 *
 * For use in a return statement: `return vfmig_err(err, -EINVAL, "...");`. For the library, for models, and for
 * callers that implement callbacks of the library. May be called from any thread.
 *
 * Return: @code.
 */
int vfmig_err(struct vfmig_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** vfmig_verr() - vfmig_err() with the arguments in a va_list */
int vfmig_verr(struct vfmig_error *err, int code, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

/**
 * vfmig_err_at() - put the place of an error in front of its sentence
 * @err: an error that was filled, or NULL
 * @code: the code to return; stored in the error if its code is 0
 * @fmt: format of the place, such as "device 1 (model:copier)"; the function appends ": "
 *
 * Return: @code.
 */
int vfmig_err_at(struct vfmig_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif
#endif
