/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A relay between source and destination that does something to one section on its way: it is how messages
 * get lost, cut, damaged and doubled, at an exact place.
 */
#ifndef TESTS_ENGINE_RELAY_H
#define TESTS_ENGINE_RELAY_H

#include "abi/stream.h"
#include "tests/lib/migration_pair.h"

enum relay_act {
	RELAY_NOTHING,
	RELAY_CUT_BEFORE, /* the channel ends before the section, … */
	RELAY_CUT_MIDDLE, /* … within it, … */
	RELAY_CUT_AFTER,  /* … behind it */
	RELAY_SWALLOW,	  /* it never arrives, and the channel stays */
	RELAY_FLIP,	  /* one bit is another */
	RELAY_TWICE,	  /* it arrives twice */
	RELAY_DEAF,	  /* it arrives, and from then on nobody hears who it was for */
	RELAY_ACTS,
};

static const char *const relay_names[] = {"nothing", "cut before", "cut within", "cut behind",
					  "swallow", "flip",	   "twice",	 "deaf"};

struct relay_plan {
	enum relay_act act;
	uint16_t type; /* whose direction follows from it */
	unsigned nth;  /* of this type, from 0 */
	unsigned bit;  /* to flip, modulo the section's */
};

struct relay_way {
	struct relay *relay;
	int in, out;
	bool backward;
	pthread_t thread;
};

struct relay {
	struct relay_plan plan;
	struct relay_way way[2];
	int source[2], destination[2]; /* [0]: theirs, [1]: ours */
	atomic_bool struck;
};

static inline bool relay_read(int fd, uint8_t *to, size_t len)
{
	while (len) {
		ssize_t n = recv(fd, to, len, 0);

		if (n <= 0)
			return false;
		to += n;
		len -= (size_t)n;
	}
	return true;
}

static inline bool relay_write(int fd, const uint8_t *from, size_t len)
{
	while (len) {
		ssize_t n = send(fd, from, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		from += n;
		len -= (size_t)n;
	}
	return true;
}

static inline void relay_cut(struct relay *relay)
{
	shutdown(relay->source[1], SHUT_RDWR);
	shutdown(relay->destination[1], SHUT_RDWR);
}

/* What the plan says, to this section. Whether to go on. */
static inline bool relay_strike(struct relay_way *way, uint8_t *bytes, size_t len)
{
	struct relay *relay = way->relay;

	atomic_store(&relay->struck, true);
	switch (relay->plan.act) {
	case RELAY_CUT_BEFORE:
		relay_cut(relay);
		return false;
	case RELAY_CUT_MIDDLE:
		relay_write(way->out, bytes, len / 2);
		relay_cut(relay);
		return false;
	case RELAY_CUT_AFTER:
		/* No answer to it comes back, however soon it is given. */
		shutdown(way->in, SHUT_WR);
		relay_write(way->out, bytes, len);
		relay_cut(relay);
		return false;
	case RELAY_SWALLOW:
		return true;
	case RELAY_FLIP:
		bytes[relay->plan.bit / 8 % len] ^= (uint8_t)(1 << relay->plan.bit % 8);
		return relay_write(way->out, bytes, len);
	case RELAY_TWICE:
		return relay_write(way->out, bytes, len) && relay_write(way->out, bytes, len);
	case RELAY_DEAF:
		shutdown(way->out, SHUT_RD);
		return relay_write(way->out, bytes, len);
	default:
		return relay_write(way->out, bytes, len);
	}
}

static inline void relay_sections(struct relay_way *way, uint8_t *bytes)
{
	const struct relay_plan *plan = &way->relay->plan;
	bool ours = plan->act && way->backward == !!(plan->type & ABI_SECTION_BACKWARD);
	struct abi_section s;
	unsigned seen = 0;
	bool go = true;

	if (!relay_read(way->in, bytes, ABI_STREAM_HEADER_SIZE))
		return;
	relay_write(way->out, bytes, ABI_STREAM_HEADER_SIZE);
	while (go && relay_read(way->in, bytes, ABI_SECTION_HEADER_SIZE)) {
		CHECK(!abi_section_get(bytes, ABI_SECTION_HEADER_SIZE, &s));
		if (!relay_read(way->in, bytes + ABI_SECTION_HEADER_SIZE, s.length))
			return;
		if (ours && s.type == plan->type && seen++ == plan->nth)
			go = relay_strike(way, bytes, ABI_SECTION_HEADER_SIZE + s.length);
		else
			go = relay_write(way->out, bytes, ABI_SECTION_HEADER_SIZE + s.length);
	}
}

static inline void *relay_run(void *context)
{
	struct relay_way *way = (struct relay_way *)context;
	uint8_t *bytes = (uint8_t *)malloc(ABI_SECTION_HEADER_SIZE + ABI_SECTION_HELLO_MAX);

	relay_sections(way, bytes);
	free(bytes);
	/* One side is done: the other learns it. */
	shutdown(way->out, SHUT_WR);
	return NULL;
}

static inline void relay_start(struct relay *relay, struct relay_plan plan)
{
	memset(relay, 0, sizeof(*relay));
	relay->plan = plan;
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, relay->source));
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, relay->destination));
	for (int i = 0; i < 2; i++) {
		struct relay_way *way = &relay->way[i];

		way->relay = relay;
		way->backward = i;
		way->in = i ? relay->destination[1] : relay->source[1];
		way->out = i ? relay->source[1] : relay->destination[1];
		CHECK(!pthread_create(&way->thread, NULL, relay_run, way));
	}
}

static inline void relay_stop(struct relay *relay)
{
	relay_cut(relay);
	for (int i = 0; i < 2; i++)
		pthread_join(relay->way[i].thread, NULL);
	for (int i = 0; i < 2; i++) {
		close(relay->source[i]);
		close(relay->destination[i]);
	}
}

struct relay_far {
	struct migration_pair_end *end;
	int fd;
};

static inline void *relay_far_run(void *context)
{
	struct relay_far *far = (struct relay_far *)context;

	far->end->ret = vfmig_migration_run(far->end->m, far->fd, far->fd, &far->end->err);
	shutdown(far->fd, SHUT_RDWR);
	return NULL;
}

/* Run both ends through a relay. Whether the plan came to pass. */
static inline bool relay_migrate(struct migration_pair *pair, struct relay_plan plan)
{
	struct relay relay;
	struct relay_far far;
	pthread_t thread;
	bool struck;

	relay_start(&relay, plan);
	far.end = &pair->to;
	far.fd = relay.destination[0];
	CHECK(!pthread_create(&thread, NULL, relay_far_run, &far));
	pair->from.ret = vfmig_migration_run(pair->from.m, relay.source[0], relay.source[0],
					     &pair->from.err);
	shutdown(relay.source[0], SHUT_RDWR);
	pthread_join(thread, NULL);
	relay_stop(&relay);
	struck = atomic_load(&relay.struck);
	return struck;
}

#endif
