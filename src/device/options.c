/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options: text into a structure, by a table.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <vfmig/options.h>

/* A number with one of the suffixes; 0, -EINVAL or -ERANGE. */
struct suffix {
	const char *text;
	uint64_t factor;
};

static const struct suffix sizes[] = {
	{"", 1},	   {"K", 1ull << 10}, {"k", 1ull << 10}, {"M", 1ull << 20},
	{"G", 1ull << 30}, {"T", 1ull << 40}, {NULL, 0},
};
static const struct suffix plain[] = {{"", 1}, {NULL, 0}};
static const struct suffix msecs[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {NULL, 0}};

static int number(const char *text, const struct suffix *suffix, uint64_t *value)
{
	unsigned long long n;
	char *end;

	/* strtoull takes signs and blanks; a size has none. */
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10);
	if (errno)
		return -ERANGE;
	for (; suffix->text; suffix++)
		if (!strcmp(end, suffix->text))
			break;
	if (!suffix->text)
		return -EINVAL;
	if (__builtin_mul_overflow((uint64_t)n, suffix->factor, value))
		return -ERANGE;
	return 0;
}

int vfmig_parse_size(const char *text, uint64_t *size)
{
	return number(text, sizes, size);
}

static int bounded(const struct vfmig_option *o, const char *text, const struct suffix *suffix,
		   uint64_t *value, struct vfmig_error *err)
{
	int ret = number(text, suffix, value);

	if (ret)
		return vfmig_err(err, ret, "option %s: '%s' is not a valid %s", o->name, text,
				 suffix == sizes ? "size (try 4096, 64K, 1G)" : "number");
	if (*value < o->min || (o->max && *value > o->max))
		return vfmig_err(err, -ERANGE,
				 "option %s: %s is out of range; use a value from %llu to %llu",
				 o->name, text, (unsigned long long)o->min,
				 (unsigned long long)(o->max ? o->max : UINT64_MAX));
	return 0;
}

/* "a, b, c" for messages. */
static void list_choices(const char *const *choices, char *out, size_t size)
{
	size_t used = 0;

	out[0] = 0;
	for (; *choices; choices++) {
		size_t n = strlen(*choices);

		if (used + n + 3 > size)
			return;
		if (used) {
			memcpy(out + used, ", ", 2);
			used += 2;
		}
		memcpy(out + used, *choices, n + 1);
		used += n;
	}
}

static int set(const struct vfmig_option *o, const char *text, char *into, struct vfmig_error *err)
{
	char list[256];
	char *copy;

	into += o->offset;
	switch (o->kind) {
	case VFMIG_OPTION_SIZE:
		return bounded(o, text, sizes, (uint64_t *)into, err);
	case VFMIG_OPTION_UINT:
		return bounded(o, text, plain, (uint64_t *)into, err);
	case VFMIG_OPTION_MSEC:
		return bounded(o, text, msecs, (uint64_t *)into, err);
	case VFMIG_OPTION_BOOL:
		if (strcmp(text, "on") && strcmp(text, "off"))
			return vfmig_err(err, -EINVAL,
					 "option %s: invalid value '%s'; use on or off", o->name,
					 text);
		*(bool *)into = !strcmp(text, "on");
		return 0;
	case VFMIG_OPTION_TEXT:
		copy = strdup(text);
		if (!copy)
			return vfmig_err(err, -ENOMEM, "option %s: no memory", o->name);
		free(*(char **)into);
		*(char **)into = copy;
		return 0;
	case VFMIG_OPTION_CHOICE:
		for (uint64_t i = 0; o->choices[i]; i++) {
			if (!strcmp(o->choices[i], text)) {
				*(uint64_t *)into = i;
				return 0;
			}
		}
		list_choices(o->choices, list, sizeof(list));
		return vfmig_err(err, -EINVAL, "option %s: invalid value '%s'; use one of %s",
				 o->name, text, list);
	case VFMIG_OPTION_END:
		break;
	}
	return vfmig_err(err, -EINVAL, "option %s: the option table has the unknown kind %d",
			 o->name, o->kind);
}

static int unknown(const struct vfmig_option *table, const char *key, struct vfmig_error *err)
{
	const char *names[33];
	char list[256];
	size_t n = 0;

	for (; table && table->kind && n < 32; table++)
		names[n++] = table->name;
	names[n] = NULL;
	if (!n)
		return vfmig_err(err, -EINVAL, "option '%s': no options are accepted here", key);
	list_choices(names, list, sizeof(list));
	return vfmig_err(err, -EINVAL, "unknown option '%s'; the options are %s", key, list);
}

/* One "key=value", which it may write into. */
static int parse_one(const struct vfmig_option *table, char *item, void *into,
		     struct vfmig_error *err)
{
	const struct vfmig_option *o;
	char *value = strchr(item, '=');

	if (value)
		*value++ = 0;
	for (o = table; o && o->kind; o++) {
		if (strcmp(o->name, item))
			continue;
		if (!value && o->kind != VFMIG_OPTION_BOOL)
			return vfmig_err(err, -EINVAL, "option %s needs a value: %s=…", o->name,
					 o->name);
		return set(o, value ? value : "on", into, err);
	}
	return unknown(table, item, err);
}

int vfmig_options_parse(const struct vfmig_option *table, const char *text, void *into,
			struct vfmig_error *err)
{
	const struct vfmig_option *o;
	char *copy, *item, *rest;
	int ret = 0;

	for (o = table; o && o->kind; o++)
		if (o->default_text && (ret = set(o, o->default_text, into, err)))
			return ret;
	if (!text || !*text)
		return 0;
	copy = rest = strdup(text);
	if (!copy)
		return vfmig_err(err, -ENOMEM, "no memory for options");
	while (!ret && (item = strsep(&rest, ",")))
		ret = parse_one(table, item, into, err);
	free(copy);
	return ret;
}

void vfmig_options_free(const struct vfmig_option *table, void *into)
{
	for (; table && table->kind; table++) {
		char **text = (char **)((char *)into + table->offset);

		if (table->kind != VFMIG_OPTION_TEXT)
			continue;
		free(*text);
		*text = NULL;
	}
}
