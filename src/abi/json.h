/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON from a peer, parsed in place: nothing is allocated, so memory cannot run out.
 *
 * abi_json_open() checks a whole text once, strictly by RFC 8259. The other functions walk the
 * values of a text that passed. They find members and elements by scanning, which suits the few
 * kilobytes of a message.
 */
#ifndef ABI_JSON_H
#define ABI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nested objects and arrays; deeper texts are refused. */
#define ABI_JSON_DEPTH 8U

enum abi_json_type {
	ABI_JSON_NONE, /* no value: a member that is not there */
	ABI_JSON_NULL,
	ABI_JSON_BOOL,
	ABI_JSON_INTEGER,
	ABI_JSON_REAL, /* a number with a fraction or an exponent */
	ABI_JSON_STRING,
	ABI_JSON_ARRAY,
	ABI_JSON_OBJECT,
};

/*
 * A value: the bytes that it takes in the text, which must outlive it.
 *
 * @at: its first byte
 * @end: the byte behind its last
 */
struct abi_json {
	enum abi_json_type type;
	const char *at, *end;
};

/**
 * abi_json_open() - check a text
 * @value: the value that the text is
 *
 * Return: @len if the text is one value with nothing but blanks around it; otherwise the offset of
 * the first invalid byte.
 */
size_t abi_json_open(const char *text, size_t len, struct abi_json *value);

/*
 * The member of an object by its name, the last one if there are several; ABI_JSON_NONE if the object
 * has no such member.
 */
struct abi_json abi_json_member(const struct abi_json *object, const char *name);

/*
 * The elements of an array in their order: false after the last. @item begins with all bytes zero.
 */
bool abi_json_next(const struct abi_json *array, struct abi_json *item);

/* How many elements an array has. */
size_t abi_json_count(const struct abi_json *array);

/* The magnitude of an integer; the largest there is if it is larger. */
uint64_t abi_json_integer(const struct abi_json *value, bool *negative);

bool abi_json_bool(const struct abi_json *value);

/*
 * A string's bytes without its escapes, as many as @size; returns how many there are. No NUL is
 * added.
 */
size_t abi_json_string(const struct abi_json *value, char *to, size_t size);

/* Bytes of the UTF-8 character that @s begins with, of @n bytes at least 1; 0 if it is invalid. */
size_t abi_utf8(const char *s, size_t n);

#endif
