/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options: the `key=value,key=value` after the name of a model, a source, a filter or an export.
 *
 * A table describes the options that something has. The table is used to parse them, to check their ranges, to set their
 * defaults, and to print the help.
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
	VFMIG_OPTION_END,    /* end of the table */
	VFMIG_OPTION_SIZE,   /* uint64_t; suffixes K, M, G, T (powers of 1024) */
	VFMIG_OPTION_UINT,   /* uint64_t */
	VFMIG_OPTION_MSEC,   /* uint64_t milliseconds; suffixes ms (as without) and s */
	VFMIG_OPTION_BOOL,   /* bool; on, off; the key alone means on */
	VFMIG_OPTION_TEXT,   /* char *, allocated; cannot contain a comma */
	VFMIG_OPTION_CHOICE, /* uint64_t: the index in @choices */
};

/**
 * struct vfmig_option - one entry of an option table
 * @name: the key
 * @kind: enum vfmig_option_kind: how the value is parsed and stored
 * @offset: where the value is stored in the caller's structure
 * @default_text: the default, as text; NULL leaves the value as it is
 * @help: one line for `vfmig help devices`
 * @min: SIZE, UINT and MSEC: the minimum
 * @max: SIZE, UINT and MSEC: the maximum; 0: none
 * @choices: CHOICE: the words, terminated by NULL
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
 * @table: the options, terminated by VFMIG_OPTION_END; NULL: none
 * @text: "key=value,key=value"; NULL or "": no options
 * @into: the structure that the offsets of the table refer to
 * @err: names the invalid key or value and lists the valid ones
 *
 * Sets the defaults first. TEXT values are allocated: the caller calls vfmig_options_free(), also after a
 * failure.
 *
 * Return: 0; -EINVAL, -ERANGE, -ENOMEM.
 */
int vfmig_options_parse(const struct vfmig_option *table, const char *text, void *into,
			struct vfmig_error *err);

/** vfmig_options_free() - free the TEXT values in a structure and set them to NULL */
void vfmig_options_free(const struct vfmig_option *table, void *into);

/**
 * vfmig_parse_size() - parse a size: 4096, 64K, 256M, 1G, 0x1000
 * @text: the size, without other characters
 * @size: filled in, in bytes
 *
 * Return: 0; -EINVAL if it is not a size; -ERANGE if it does not fit into 64 bits.
 */
int vfmig_parse_size(const char *text, uint64_t *size);

#ifdef __cplusplus
}
#endif
#endif
