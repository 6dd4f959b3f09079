/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An event as one line of JSON, written straight into a buffer: it happens at every round and, in a trace, at
 * every request.
 *
 * Text comes from anywhere (a path, a peer's sentence), so what is not UTF-8 is replaced: the line must be
 * readable by any parser.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/json.h"
#include <vfmig/event.h>

/* Counts what does not fit, as snprintf() does. */
struct out {
	char *buf;
	size_t size, len;
};

static void put(struct out *out, const char *bytes, size_t n)
{
	if (out->len < out->size)
		memcpy(out->buf + out->len, bytes,
		       n < out->size - out->len ? n : out->size - out->len);
	out->len += n;
}

static void putf(struct out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void putf(struct out *out, const char *fmt, ...)
{
	char buf[64];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	put(out, buf, n < 0 ? 0 : (size_t)n < sizeof(buf) ? (size_t)n : sizeof(buf) - 1);
}

static void put_text(struct out *out, const char *text)
{
	const char *s = text ? text : "";
	size_t n;

	put(out, "\"", 1);
	for (; *s; s += n ? n : 1) {
		n = abi_utf8(s, strnlen(s, 4));
		if (!n)
			put(out, "\xef\xbf\xbd", 3);
		else if (*s == '"' || *s == '\\')
			putf(out, "\\%c", *s);
		else if (n == 1 && (*s < 0x20 || *s == 0x7f))
			putf(out, "\\u%04x", (unsigned)*s);
		else
			put(out, s, n);
	}
	put(out, "\"", 1);
}

static void put_real(struct out *out, double real)
{
	char buf[40], *comma;

	if (!isfinite(real)) {
		put(out, "null", 4);
		return;
	}
	snprintf(buf, sizeof(buf), "%.9g", real);
	comma = strchr(buf, ','); /* some locales' point */
	if (comma)
		*comma = '.';
	put(out, buf, strlen(buf));
}

size_t vfmig_event_json(const struct vfmig_event *event, char *buf, size_t size)
{
	struct out out = {buf, size ? size - 1 : 0, 0};

	put(&out, "{\"event\":", 9);
	put_text(&out, event->name);
	putf(&out, ",\"time_ns\":%lld", (long long)event->time_ns);
	for (size_t i = 0; i < event->count; i++) {
		const struct vfmig_event_field *f = &event->fields[i];

		put(&out, ",", 1);
		put_text(&out, f->key);
		put(&out, ":", 1);
		switch (f->kind) {
		case VFMIG_EVENT_U64:
			putf(&out, "%llu", (unsigned long long)f->u64);
			break;
		case VFMIG_EVENT_REAL:
			put_real(&out, f->real);
			break;
		case VFMIG_EVENT_TEXT:
			put_text(&out, f->text);
			break;
		}
	}
	put(&out, "}", 1);
	if (size)
		buf[out.len < size ? out.len : size - 1] = 0;
	return out.len;
}
