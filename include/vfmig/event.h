/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events: what happens, reported while it happens.
 *
 * An event is a name and a few fields. It can become a line of JSON, a progress bar or a log entry, and new events need no
 * new structure. The events of the engine are listed in migration.h, those of filters by `vfmig help devices`.
 */
#ifndef VFMIG_EVENT_H
#define VFMIG_EVENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The type of a field of an event. */
enum vfmig_field_kind { VFMIG_EVENT_U64, VFMIG_EVENT_REAL, VFMIG_EVENT_TEXT };

/**
 * struct vfmig_event_field - one field of an event
 * @key: name of the field in JSON; its last word is the unit (bytes, ns, pages)
 * @kind: which of the values is set
 * @u64: VFMIG_EVENT_U64: an integer
 * @real: VFMIG_EVENT_REAL: a floating-point number
 * @text: VFMIG_EVENT_TEXT: UTF-8; valid during the call only
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
 * @name: a short word
 * @time_ns: time of the event, in ns of CLOCK_MONOTONIC
 * @fields: array of @count fields; valid during the call only
 * @count: number of fields
 */
struct vfmig_event {
	const char *name;
	int64_t time_ns;
	const struct vfmig_event_field *fields;
	size_t count;
};

/**
 * struct vfmig_events - a receiver of events
 * @emit: called for each event, in the thread in which it occurs; must return soon, and must not call the object
 *        that emits the event
 * @context: passed to @emit
 *
 * Owned by the caller. It must outlive the object that it was passed to.
 */
struct vfmig_events {
	void (*emit)(void *context, const struct vfmig_event *event);
	void *context;
};

/**
 * vfmig_emit() - send one event
 * @to: the receiver; the event is dropped if it is NULL or has no callback
 * @name: name of the event
 * @fields: its fields, or NULL with a @count of 0
 * @count: number of fields
 *
 * Sets the time of the event. May be called from any thread if the receiver's callback may.
 */
void vfmig_emit(const struct vfmig_events *to, const char *name,
		const struct vfmig_event_field *fields, size_t count);

/* vfmig_event(to, "round", VFMIG_U64("round", 3), ...): vfmig_emit() with the fields as arguments. */
#define vfmig_event(to, name, ...)                                                                 \
	vfmig_emit((to), (name), (const struct vfmig_event_field[]){__VA_ARGS__},                  \
		   sizeof((const struct vfmig_event_field[]){__VA_ARGS__}) /                       \
			   sizeof(struct vfmig_event_field))

/**
 * vfmig_event_json() - format an event as a JSON object on one line
 * @event: the event
 * @buf: receives the text and a NUL, without a newline
 * @size: of @buf, in bytes; 0 to get the length only
 *
 * The object is {"event": NAME, "time_ns": ..., and each field by its key}. Bytes that are not UTF-8 are replaced.
 * A number that is not finite becomes null.
 *
 * Return: the length of the whole text without the NUL, as snprintf() does; the text was truncated if that is @size or
 * more.
 */
size_t vfmig_event_json(const struct vfmig_event *event, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
