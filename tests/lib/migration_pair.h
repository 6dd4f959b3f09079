/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A rig for migrations: two ends, each with cards (tests/model/card.h), a space with memory and a migration,
 * and a user that is paused and resumed. Work is given to the source, and looked for afterwards where the
 * devices run.
 *
 * Each end records its events as lines of JSON.
 */
#ifndef TESTS_LIB_MIGRATION_PAIR_H
#define TESTS_LIB_MIGRATION_PAIR_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include <vfmig/migration.h>
#include <vfmig/tracker.h>

#include "device/device.h"
#include "filter/filters.h"
#include "tests/lib/test_device.h"

#define MIGRATION_PAIR_IOVA   0x100000ull
#define MIGRATION_PAIR_MEMORY (1u << 20)
#define MIGRATION_PAIR_CARDS  4
#define MIGRATION_PAIR_LOG    (1u << 20)

struct migration_pair_end {
	struct vfmig_device *card[MIGRATION_PAIR_CARDS];
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
	void (*hook)(struct migration_pair_end *end, const struct vfmig_event *event);
	void *hook_context;
	struct vfmig_error err;
	int ret;
};

struct migration_pair {
	struct migration_pair_end from, to;
};

void migration_pair_emit(void *context, const struct vfmig_event *event);
int migration_pair_pause(void *context, int64_t deadline, struct vfmig_error *err);
int migration_pair_resume(void *context, struct vfmig_error *err);
void migration_pair_end_init(struct migration_pair_end *end, unsigned cards, const char *options,
			     size_t memory);
/* Two ends with so many cards, of these options, and 1 MiB of memory. */
void migration_pair_init(struct migration_pair *pair, unsigned cards, const char *options);
/* Put a fault around a card; before migration_pair_ready(). */
void migration_pair_fault(struct migration_pair_end *end, unsigned card, const char *options);
/* Attach the devices and make the migration. */
void migration_pair_end_ready(struct migration_pair_end *end, enum vfmig_role role);
void migration_pair_ready(struct migration_pair *pair);
void migration_pair_end_free(struct migration_pair_end *end);
void migration_pair_free(struct migration_pair *pair);
/* ---- the work: something in each place where state can be ---- */

void migration_pair_work(struct migration_pair_end *end);
/* The other end has all of it: registers, the cards' memory, and memory as it is at the first. */
bool migration_pair_same(struct migration_pair *pair);
/* ---- what is so afterwards ---- */

enum vfmig_state migration_pair_state(struct migration_pair_end *end, unsigned card);
/* All cards in a state. */
bool migration_pair_all(struct migration_pair_end *end, enum vfmig_state state);
struct vfmig_migration_result migration_pair_result(struct migration_pair_end *end);
/* It moved: runs there, is stopped here, and nothing was lost. */
void migration_pair_moved(struct migration_pair *pair);
/* The source runs on, its user too; the destination is reset: it has nothing of what came. */
void migration_pair_stayed(struct migration_pair *pair);
/* Does the log have this text, and where? NULL if not. */
const char *migration_pair_find(struct migration_pair_end *end, const char *text);
int migration_pair_run(struct migration_pair *pair);
#endif
