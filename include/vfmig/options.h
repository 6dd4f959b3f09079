/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options: the `key=value,key=value` behind the name of a model, a source, a filter or an export.
 *
 * Whoever takes options lists them in a table. From the table they are parsed, checked against their
 * ranges, given their defaults, and described in the help.
 */
#ifndef VFMIG_OPTIONS_H
#define VFMIG_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include <vfmig/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum vfmig_option_kind {
	VFMIG_OPTION_END,    /* closes a table */
	VFMIG_OPTION_SIZE,   /* uint64_t; takes K, M, G, T (powers of 1024) behind it */
	VFMIG_OPTION_UINT,   /* uint64_t */
	VFMIG_OPTION_MSEC,   /* uint64_t milliseconds; takes ms (as without) or s behind it */
	VFMIG_OPTION_BOOL,   /* bool; on, off; the bare key means on */
	VFMIG_OPTION_TEXT,   /* char *, allocated; may not contain a comma */
	VFMIG_OPTION_CHOICE, /* uint64_t: the index in @choices */
};

/**
 * struct vfmig_option - one option that something takes
 * @name: the key
 * @kind: of what kind its value is, and what it is stored as
 * @offset: where in the caller's structure the value goes
 * @default_text: the value, as text, if the user gives none; NULL leaves the place as it is
 * @help: one line for `vfmig help devices`
 * @min: the least for SIZE, UINT and MSEC
 * @max: the most; 0 means no bound
 * @choices: for CHOICE, the words, closed by NULL
 */
struct vfmig_option {
	const char *name;
	enum vfmig_option_kind kind;
	size_t offset;
	const char *default_text;
	const char *help;
	uint64_t min, max;
	const char *const *choices;
};

/**
 * vfmig_options_parse() - parse a list of options into a structure
 * @table: what is taken, closed by VFMIG_OPTION_END; NULL takes nothing
 * @text: "key=value,key=value", or NULL or "" for none
 * @into: the structure that the table's offsets are of
 * @err: says which key or value was wrong, and what would have been right
 *
 * The presets are applied first. The TEXT values are allocated: vfmig_options_free() them, also
 * after a failure.
 *
 * Return: 0, or -EINVAL, -ERANGE, -ENOMEM.
 */
int vfmig_options_parse(const struct vfmig_option *table, const char *text, void *into,
			struct vfmig_error *err);

/** vfmig_options_free() - free the TEXT values in a structure, and set them to NULL */
void vfmig_options_free(const struct vfmig_option *table, void *into);

/**
 * vfmig_parse_size() - a size as people write it: 4096, 64K, 256M, 1G, 0x1000
 * @text: all of it must be the size
 * @size: bytes
 *
 * Return: 0, or -EINVAL if it is no size, or -ERANGE if it does not fit 64 bits.
 */
int vfmig_parse_size(const char *text, uint64_t *size);

#ifdef __cplusplus
}
#endif
#endif
