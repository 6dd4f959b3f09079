/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A rig for migrations: two ends, each with cards (tests/model/card.h), a space with memory and a migration,
 * and a user that is paused and resumed. Work is given to the source, and looked for afterwards where the
 * devices run.
 *
 * Each end records its events as lines of JSON.
 */
#ifndef TESTS_ENGINE_RIG_H
#define TESTS_ENGINE_RIG_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include <vfmig/migration.h>
#include <vfmig/tracker.h>

#include "device/device.h"
#include "filter/filters.h"
#include "tests/model/card.h"

#define RIG_IOVA   0x100000ull
#define RIG_MEMORY (1u << 20)
#define RIG_CARDS  4
#define RIG_LOG	   (1u << 20)

struct rig_end {
	struct vfmig_device *card[RIG_CARDS];
	unsigned cards;
	struct vfmig_space *space;
	uint8_t *memory;
	size_t memory_size;
	struct vfmig_migration *m;
	struct vfmig_migration_options options;
	struct vfmig_events events;
	struct vfmig_migration_user user;
	atomic_uint paused, resumed;
	int pause_fails, resume_fails;
	pthread_mutex_t lock;
	char *log;
	size_t logged;
	/* called for each event, from where it happens */
	void (*hook)(struct rig_end *end, const struct vfmig_event *event);
	void *hook_context;
	struct vfmig_error err;
	int ret;
};

struct rig {
	struct rig_end from, to;
};

static inline void rig_emit(void *context, const struct vfmig_event *event)
{
	struct rig_end *end = (struct rig_end *)context;
	char line[8192];
	size_t n = vfmig_event_json(event, line, sizeof(line));

	CHECK(n < sizeof(line));
	pthread_mutex_lock(&end->lock);
	if (end->logged + n + 2 < RIG_LOG) {
		memcpy(end->log + end->logged, line, n);
		end->log[end->logged + n] = '\n';
		end->logged += n + 1;
		end->log[end->logged] = 0;
	}
	pthread_mutex_unlock(&end->lock);
	if (end->hook)
		end->hook(end, event);
}

static inline int rig_pause(void *context, int64_t deadline, struct vfmig_error *err)
{
	struct rig_end *end = (struct rig_end *)context;

	atomic_fetch_add(&end->paused, 1);
	return end->pause_fails ? vfmig_err(err, end->pause_fails, "the user does not pause") : 0;
}

static inline int rig_resume(void *context, struct vfmig_error *err)
{
	struct rig_end *end = (struct rig_end *)context;

	atomic_fetch_add(&end->resumed, 1);
	return end->resume_fails ? vfmig_err(err, end->resume_fails, "the user does not resume")
				 : 0;
}

static inline void rig_end_init(struct rig_end *end, unsigned cards, const char *options,
				size_t memory)
{
	memset(end, 0, sizeof(*end));
	pthread_mutex_init(&end->lock, NULL);
	end->log = (char *)calloc(1, RIG_LOG);
	end->cards = cards;
	end->memory_size = memory;
	end->space = vfmig_space_new();
	/* What a test writes, it writes before the migration; or it adds a tracker. */
	vfmig_space_only_devices_write(end->space);
	if (memory)
		end->memory = (uint8_t *)card_memory(end->space, RIG_IOVA, memory);
	for (unsigned i = 0; i < cards; i++)
		end->card[i] = card_open(options);
	vfmig_migration_options_init(&end->options);
	end->options.setup_ms = 20000;
	/* What is tried here shall not depend on how fast the machine is just now. */
	end->options.downtime_ms = 60000;
	end->events = (struct vfmig_events){.emit = rig_emit, .context = end};
	end->user = (struct vfmig_migration_user){
		.pause = rig_pause, .resume = rig_resume, .context = end};
}

/* Two ends with so many cards, of these options, and 1 MiB of memory. */
static inline void rig_init(struct rig *rig, unsigned cards, const char *options)
{
	rig_end_init(&rig->from, cards, options, RIG_MEMORY);
	rig_end_init(&rig->to, cards, options, RIG_MEMORY);
}

/* Put a fault around a card; before rig_ready(). */
static inline void rig_fault(struct rig_end *end, unsigned card, const char *options)
{
	struct vfmig_device *outer;

	CARD_OK(filter_fault.open(end->card[card], options, &outer, &card_err));
	end->card[card] = outer;
}

/* Attach the devices and make the migration. */
static inline void rig_end_ready(struct rig_end *end, enum vfmig_role role)
{
	for (unsigned i = 0; i < end->cards; i++)
		CARD_OK(vfmig_space_attach(end->space, end->card[i], &card_err));
	CARD_OK(vfmig_migration_new(role, &end->options, &end->m, &card_err));
	for (unsigned i = 0; i < end->cards; i++) {
		char id[16];

		snprintf(id, sizeof(id), "card%u", i);
		CARD_OK(vfmig_migration_add_device(end->m, id, end->card[i], NULL, &card_err));
	}
	CARD_OK(vfmig_migration_add_space(end->m, end->space, &card_err));
	vfmig_migration_set_user(end->m, &end->user);
	vfmig_migration_set_events(end->m, &end->events);
}

static inline void rig_ready(struct rig *rig)
{
	rig_end_ready(&rig->from, VFMIG_ROLE_SOURCE);
	rig_end_ready(&rig->to, VFMIG_ROLE_DESTINATION);
}

static inline void rig_end_free(struct rig_end *end)
{
	vfmig_migration_free(end->m);
	for (unsigned i = 0; i < end->cards; i++)
		vfmig_device_close(end->card[i]);
	vfmig_space_free(end->space);
	if (end->memory)
		munmap(end->memory, end->memory_size);
	free(end->log);
	pthread_mutex_destroy(&end->lock);
}

static inline void rig_free(struct rig *rig)
{
	rig_end_free(&rig->from);
	rig_end_free(&rig->to);
}

/* ---- the work: something in each place where state can be ---- */

static inline void rig_work(struct rig_end *end)
{
	for (size_t i = 0; i < end->memory_size; i += 3 * 4096)
		memset(end->memory + i, (int)(i / 4096 + 1), 4096);
	for (unsigned i = 0; i < end->cards; i++) {
		card_set(end->card[i], CARD_SRC, RIG_IOVA + i * 8192);
		card_set(end->card[i], CARD_DST, RIG_IOVA + i * 8192);
		card_set(end->card[i], CARD_LEN, 64);
		card_poke(end->card[i], 4096 + i, (uint8_t)(0x40 + i));
	}
}

/* The other end has all of it: registers, the cards' memory, and memory as it is at the first. */
static inline bool rig_same(struct rig *rig)
{
	for (unsigned i = 0; i < rig->from.cards; i++) {
		if (card_get(rig->to.card[i], CARD_SRC) != card_get(rig->from.card[i], CARD_SRC) ||
		    card_get(rig->to.card[i], CARD_DONE) != card_get(rig->from.card[i], CARD_DONE))
			return false;
		if (card_peek(rig->to.card[i], 4096 + i) != 0x40 + i)
			return false;
	}
	return !rig->from.memory_size ||
	       !memcmp(rig->from.memory, rig->to.memory, rig->from.memory_size);
}

/* ---- what is so afterwards ---- */

static inline enum vfmig_state rig_state(struct rig_end *end, unsigned card)
{
	struct vfmig_session *session = card_session(end->card[card]);
	enum vfmig_state state = card_state_of(session);

	vfmig_session_close(session);
	return state;
}

/* All cards in a state. */
static inline bool rig_all(struct rig_end *end, enum vfmig_state state)
{
	for (unsigned i = 0; i < end->cards; i++)
		if (rig_state(end, i) != state)
			return false;
	return true;
}

static inline struct vfmig_migration_result rig_result(struct rig_end *end)
{
	struct vfmig_migration_result result;

	vfmig_migration_get_result(end->m, &result);
	return result;
}

/* It moved: runs there, is stopped here, and nothing was lost. */
static inline void rig_moved(struct rig *rig)
{
	CHECK_EQ(rig_result(&rig->from).outcome, VFMIG_OUTCOME_DONE);
	CHECK_EQ(rig_result(&rig->to).outcome, VFMIG_OUTCOME_DONE);
	CHECK(rig_all(&rig->from, VFMIG_STATE_STOP));
	CHECK(rig_all(&rig->to, VFMIG_STATE_RUNNING));
	CHECK(rig_result(&rig->from).committed && !rig_result(&rig->from).running);
	CHECK(rig_result(&rig->to).committed && rig_result(&rig->to).running);
	CHECK_EQ(rig->from.paused, 1);
	CHECK_EQ(rig->from.resumed, 0);
	CHECK_EQ(rig->to.resumed, 1);
	CHECK(rig_same(rig));
}

/* The source runs on, its user too; the destination is reset: it has nothing of what came. */
static inline void rig_stayed(struct rig *rig)
{
	CHECKF(rig_result(&rig->from).outcome == VFMIG_OUTCOME_FAILED ||
		       rig_result(&rig->from).outcome == VFMIG_OUTCOME_CANCELLED,
	       "outcome %d", rig_result(&rig->from).outcome);
	CHECK(rig_all(&rig->from, VFMIG_STATE_RUNNING));
	CHECK(rig_result(&rig->from).running);
	CHECK_EQ(rig_result(&rig->from).lost_devices, 0);
	CHECK_EQ(rig->from.paused, rig->from.resumed);
	if (!rig->to.m)
		return;
	CHECK(!rig_result(&rig->to).running);
	CHECK_EQ(rig->to.resumed, 0);
	for (unsigned i = 0; i < rig->to.cards; i++) {
		CHECK(rig_state(&rig->to, i) == VFMIG_STATE_RUNNING); /* as after any reset */
		CHECK_EQ(card_get(rig->to.card[i], CARD_SRC), 0);
	}
	/* And the work goes on. */
	for (unsigned i = 0; i < rig->from.cards; i++) {
		uint64_t done = card_get(rig->from.card[i], CARD_DONE);

		card_set(rig->from.card[i], CARD_GO, 1);
		card_work(rig->from.card[i], done + 1);
	}
}

/* Does the log have this text, and where? NULL if not. */
static inline const char *rig_find(struct rig_end *end, const char *text)
{
	return strstr(end->log, text);
}

static inline int rig_run(struct rig *rig)
{
	rig->from.err = (struct vfmig_error){0};
	rig->from.ret = vfmig_migrate_local(rig->from.m, rig->to.m, &rig->from.err);
	return rig->from.ret;
}

#endif
