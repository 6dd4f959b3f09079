/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON, parsed in place: see json.h.
 *
 * One function parses a value, take(). The check runs it over the whole text and checks every
 * byte; the walkers run it again over parts, which cannot fail then.
 */
#include "abi/json.h"

struct text {
	const char *at, *end;
};

size_t abi_utf8(const char *text, size_t n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *s = (const unsigned char *)text;
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	uint32_t code = len == 1 ? s[0] : s[0] & (0x7fU >> len);

	if (s[0] >= 0xf8 || (len > 1 && s[0] < 0xc0) || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return len;
}

static void blanks(struct text *t)
{
	while (t->at < t->end &&
	       (*t->at == ' ' || *t->at == '\t' || *t->at == '\n' || *t->at == '\r'))
		t->at++;
}

static bool take_char(struct text *t, char c)
{
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

static bool take_word(struct text *t, const char *word)
{
	while (*word)
		if (!take_char(t, *word++))
			return false;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of a \u escape. */
static bool take_hex(struct text *t, uint32_t *code)
{
	*code = 0;
	for (int i = 0; i < 4; i++, t->at++) {
		if (t->at == t->end || hex_digit(*t->at) < 0)
			return false;
		*code = *code << 4 | (uint32_t)hex_digit(*t->at);
	}
	return true;
}

/* What follows a backslash: a character, as a code point. */
static bool take_escape(struct text *t, uint32_t *code)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	uint32_t low;

	if (t->at == t->end)
		return false;
	for (size_t i = 0; from[i]; i++) {
		if (*t->at == from[i]) {
			t->at++;
			*code = (uint32_t)to[i];
			return true;
		}
	}
	if (!take_char(t, 'u') || !take_hex(t, code))
		return false;
	if (*code < 0xd800 || *code > 0xdfff)
		return true;
	/* The first half of a surrogate pair; one half is not a character. */
	if (*code > 0xdbff || !take_char(t, '\\') || !take_char(t, 'u') || !take_hex(t, &low) ||
	    low < 0xdc00 || low > 0xdfff)
		return false;
	*code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

static void put(char *to, size_t size, size_t *len, uint32_t byte)
{
	if (*len < size)
		to[*len] = (char)(unsigned char)byte;
	++*len;
}

static void put_code(char *to, size_t size, size_t *len, uint32_t code)
{
	if (code < 0x80) {
		put(to, size, len, code);
		return;
	}
	if (code < 0x800) {
		put(to, size, len, 0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			put(to, size, len, 0xe0 | code >> 12);
		} else {
			put(to, size, len, 0xf0 | code >> 18);
			put(to, size, len, 0x80 | (code >> 12 & 0x3f));
		}
		put(to, size, len, 0x80 | (code >> 6 & 0x3f));
	}
	put(to, size, len, 0x80 | (code & 0x3f));
}

/* A string with its quotes; its bytes go to @to. */
static bool take_string(struct text *t, char *to, size_t size, size_t *len)
{
	uint32_t code;
	size_t n;

	*len = 0;
	if (!take_char(t, '"'))
		return false;
	while (t->at < t->end && *t->at != '"') {
		if (take_char(t, '\\')) {
			if (!take_escape(t, &code))
				return false;
			put_code(to, size, len, code);
			continue;
		}
		n = abi_utf8(t->at, (size_t)(t->end - t->at));
		if (!n || (unsigned char)*t->at < 0x20)
			return false;
		while (n--)
			put(to, size, len, (unsigned char)*t->at++);
	}
	return take_char(t, '"');
}

static bool take_digits(struct text *t)
{
	const char *from = t->at;

	while (t->at < t->end && *t->at >= '0' && *t->at <= '9')
		t->at++;
	return t->at > from;
}

static bool take_number(struct text *t, enum abi_json_type *type)
{
	*type = ABI_JSON_INTEGER;
	take_char(t, '-');
	if (!take_char(t, '0') && !take_digits(t))
		return false;
	if (take_char(t, '.')) {
		*type = ABI_JSON_REAL;
		if (!take_digits(t))
			return false;
	}
	if (take_char(t, 'e') || take_char(t, 'E')) {
		*type = ABI_JSON_REAL;
		if (!take_char(t, '+'))
			take_char(t, '-');
		return take_digits(t);
	}
	return true;
}

static bool take(struct text *t, unsigned depth, struct abi_json *value);

/* What is between the brackets of an object (with @close '}') or an array. */
static bool take_items(struct text *t, unsigned depth, char close)
{
	struct abi_json item;
	size_t len;

	if (!depth)
		return false;
	t->at++;
	blanks(t);
	if (take_char(t, close))
		return true;
	do {
		blanks(t);
		if (close == '}') {
			if (!take_string(t, NULL, 0, &len))
				return false;
			blanks(t);
			if (!take_char(t, ':'))
				return false;
		}
		if (!take(t, depth - 1, &item))
			return false;
	} while (take_char(t, ','));
	return take_char(t, close);
}

/* One value and the blanks around it. */
static bool take(struct text *t, unsigned depth, struct abi_json *value)
{
	size_t len;
	bool fine;

	blanks(t);
	value->type = ABI_JSON_NONE;
	value->at = t->at;
	switch (t->at == t->end ? 0 : *t->at) {
	case '{':
		value->type = ABI_JSON_OBJECT;
		fine = take_items(t, depth, '}');
		break;
	case '[':
		value->type = ABI_JSON_ARRAY;
		fine = take_items(t, depth, ']');
		break;
	case '"':
		value->type = ABI_JSON_STRING;
		fine = take_string(t, NULL, 0, &len);
		break;
	case 't':
		value->type = ABI_JSON_BOOL;
		fine = take_word(t, "true");
		break;
	case 'f':
		value->type = ABI_JSON_BOOL;
		fine = take_word(t, "false");
		break;
	case 'n':
		value->type = ABI_JSON_NULL;
		fine = take_word(t, "null");
		break;
	default:
		fine = take_number(t, &value->type);
	}
	value->end = t->at;
	blanks(t);
	return fine;
}

size_t abi_json_open(const char *text, size_t len, struct abi_json *value)
{
	struct text t = {text, text + len};
	bool fine = take(&t, ABI_JSON_DEPTH, value);

	if (fine && t.at == t.end)
		return len;
	value->type = ABI_JSON_NONE;
	/* A text that ends too early is invalid at its last byte at the latest. */
	return t.at < t.end || !len ? (size_t)(t.at - text) : len - 1;
}

static bool is_named(struct text *t, const char *name)
{
	struct text n = *t;
	char buf[32];
	size_t len, i = 0;

	take_string(&n, buf, sizeof(buf), &len);
	*t = n;
	while (i < len && i < sizeof(buf) && name[i] && buf[i] == name[i])
		i++;
	return i == len && !name[i];
}

struct abi_json abi_json_member(const struct abi_json *object, const char *name)
{
	struct abi_json found = {ABI_JSON_NONE, NULL, NULL}, value;
	struct text t;
	bool named;

	if (object->type != ABI_JSON_OBJECT)
		return found;
	t = (struct text){object->at + 1, object->end};
	blanks(&t);
	while (t.at < t.end && *t.at == '"') {
		named = is_named(&t, name);
		blanks(&t);
		t.at++; /* : */
		take(&t, ABI_JSON_DEPTH, &value);
		if (named)
			found = value;
		t.at++; /* , or } */
		blanks(&t);
	}
	return found;
}

bool abi_json_next(const struct abi_json *array, struct abi_json *item)
{
	struct text t;

	if (array->type != ABI_JSON_ARRAY)
		return false;
	t = (struct text){item->at ? item->end : array->at + 1, array->end};
	blanks(&t);
	if (item->at)
		t.at++; /* , or ] */
	blanks(&t);
	return t.at < t.end && *t.at != ']' && take(&t, ABI_JSON_DEPTH, item);
}

size_t abi_json_count(const struct abi_json *array)
{
	struct abi_json item = {ABI_JSON_NONE, NULL, NULL};
	size_t count = 0;

	while (abi_json_next(array, &item))
		count++;
	return count;
}

uint64_t abi_json_integer(const struct abi_json *value, bool *negative)
{
	const char *at = value->at;
	uint64_t n = 0;

	*negative = at < value->end && *at == '-';
	for (at += *negative; at < value->end; at++)
		if (__builtin_mul_overflow(n, 10U, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*at - '0'), &n))
			return UINT64_MAX;
	return n;
}

bool abi_json_bool(const struct abi_json *value)
{
	return value->type == ABI_JSON_BOOL && *value->at == 't';
}

size_t abi_json_string(const struct abi_json *value, char *to, size_t size)
{
	struct text t = {value->at, value->end};
	size_t len;

	return take_string(&t, to, size, &len) ? len : 0;
}
