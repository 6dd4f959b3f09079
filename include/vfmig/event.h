/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events: what happens, told as it happens.
 *
 * An event is a name and a few fields: enough for a line of JSON, a progress bar or a log, and open to
 * new ones without a new structure for each. Names and fields are listed where they are emitted:
 * migration.h for the engine's, `vfmig help devices` for those of filters.
 */
#ifndef VFMIG_EVENT_H
#define VFMIG_EVENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum vfmig_field_kind { VFMIG_EVENT_U64, VFMIG_EVENT_REAL, VFMIG_EVENT_TEXT };

/**
 * struct vfmig_event_field - one field of an event
 * @key: its name in JSON; a unit is its last word (bytes, ns, pages)
 * @kind: which of the values counts
 * @u64: a number
 * @real: a number with a fraction
 * @text: UTF-8; valid during the call only
 */
struct vfmig_event_field {
	const char *key;
	enum vfmig_field_kind kind;
	uint64_t u64;
	double real;
	const char *text;
};

#define VFMIG_U64(k, v)	 ((struct vfmig_event_field){(k), VFMIG_EVENT_U64, (uint64_t)(v), 0, NULL})
#define VFMIG_REAL(k, v) ((struct vfmig_event_field){(k), VFMIG_EVENT_REAL, 0, (double)(v), NULL})
#define VFMIG_TEXT(k, v) ((struct vfmig_event_field){(k), VFMIG_EVENT_TEXT, 0, 0, (v)})

/**
 * struct vfmig_event - something that happened
 * @name: which; a short word
 * @time_ns: when, by CLOCK_MONOTONIC
 * @fields: @count of them; valid during the call only
 * @count: how many
 */
struct vfmig_event {
	const char *name;
	int64_t time_ns;
	const struct vfmig_event_field *fields;
	size_t count;
};

/**
 * struct vfmig_events - somewhere for events to go
 * @emit: called for each event, from whatever thread it happened in; must not wait for long and must
 *        not call back into what emitted it
 * @context: the callee's own
 *
 * Owned by whoever hands it over; must outlive what it was handed to.
 */
struct vfmig_events {
	void (*emit)(void *context, const struct vfmig_event *event);
	void *context;
};

/**
 * vfmig_emit() - send one event
 * @to: where to; NULL, or one without a callback, drops it
 * @name: which
 * @fields: its fields, or NULL with a @count of 0
 * @count: how many
 *
 * Stamps the time. Safe from any thread if the callback is.
 */
void vfmig_emit(const struct vfmig_events *to, const char *name,
		const struct vfmig_event_field *fields, size_t count);

/* vfmig_event(to, "round", VFMIG_U64("round", 3), …) */
#define vfmig_event(to, name, ...)                                                                 \
	vfmig_emit((to), (name), (const struct vfmig_event_field[]){__VA_ARGS__},                  \
		   sizeof((const struct vfmig_event_field[]){__VA_ARGS__}) /                       \
			   sizeof(struct vfmig_event_field))

/**
 * vfmig_event_json() - an event as a JSON object on one line
 * @event: which
 * @buf: receives the text and a NUL, without a newline
 * @size: of @buf; may be 0, to learn the length
 *
 * {"event": NAME, "time_ns": …, and each field by its key}. Text that is no UTF-8 is replaced where it is not;
 * a real that is no finite number is null.
 *
 * Return: the length of the whole text without the NUL, as snprintf() does; it was cut if that is not
 * below @size.
 */
size_t vfmig_event_json(const struct vfmig_event *event, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
