/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Negative controls for no_loss_*: the same migration, with one thing broken behind the engine's back, such that the
 * engine cannot see it. Each time the migration succeeds, and the proof must not.
 */
#include "examples/demo/steps.h"
#include "models/copier/copier.h"
#include "model/kit.h"
#include "tests/lib/check.h"
#include "tests/copier/move.h"

/* The board's log says nothing: what is written there after the first pass does not go again. */
static bool run_unmarked(struct vfmig_kit *kit, void *self)
{
	struct copier *c = self;
	bool more = copier_work(c);

	dirty_clear(((struct kit_block *)c->board)->dirty, 0, c->board_size);
	return more;
}

/* The next descriptor, or the piece of it that was done last, is done again. */
static int loaded_behind(struct vfmig_kit *kit, void *self, uint32_t version,
			 struct vfmig_error *err)
{
	struct copier_state *s = &((struct copier *)self)->s;

	s->active = false;
	s->position = 0;
	s->head--;
	return 0;
}

/* The next descriptor is left out. */
static int loaded_ahead(struct vfmig_kit *kit, void *self, uint32_t version,
			struct vfmig_error *err)
{
	struct copier_state *s = &((struct copier *)self)->s;

	s->active = false;
	s->position = 0;
	s->head++;
	s->tail = s->head > s->tail ? s->head : s->tail;
	s->sequence++;
	s->copies++;
	return 0;
}

/* A page of the chunk that is to go next, wherever that is: there is no other copy of it. */
static void lose_a_page(struct move *move)
{
	const struct workload_state *s = (void *)move->destination.guest;
	uint64_t round = s->begun / s->chunks;
	uint64_t at = workload_place(s, s->begun % s->chunks, round) + 4096;
	static const char zeros[4096];

	if (round % 2)
		CHECK(!vfmig_device_region_write(move->destination.inner, CP_BAR_WINDOW, at, zeros,
						 sizeof(zeros), NULL));
	else
		memset(move->destination.guest + WORKLOAD_FILE_AT + at, 0, sizeof(zeros));
}

static void lose_some_ballast(struct move *move)
{
	memset(move->destination.guest + MOVE_GUEST - 4096, 0, 8);
}

static void lose_some_ballast_on_board(struct move *move)
{
	CHECK(!vfmig_device_region_write(move->destination.inner, CP_BAR_WINDOW, MOVE_BOARD - 8,
					 "??", 2, NULL));
}

static void lose_a_ledger_entry(struct move *move)
{
	uint64_t *ledger = (uint64_t *)(move->destination.guest + WORKLOAD_LEDGER_AT);

	ledger[0] -= 1;
}

static void add_to_a_ledger_twice(struct move *move)
{
	uint64_t *ledger = (uint64_t *)(move->destination.guest + WORKLOAD_LEDGER_AT);

	ledger[0] += 1;
}

int main(void)
{
	struct vfmig_model unmarked = vfmig_model_copier, behind = vfmig_model_copier,
			   ahead = vfmig_model_copier;

	unmarked.run = run_unmarked;
	behind.loaded = loaded_behind;
	ahead.loaded = loaded_ahead;

	move_expect_caught("the DMA log says nothing",
			   &(struct move){.max_rounds = 2,
					  .filter = "fault,op=feature,feature=dma-logging-report,"
						    "do=drop,times=0"});
	move_expect_caught("the board's log says nothing",
			   &(struct move){.max_rounds = 2, .source_model = &unmarked});
	move_expect_caught("the CPU's tracker says nothing",
			   &(struct move){.max_rounds = 2, .forget = true});
	move_expect_caught("a descriptor is done again",
			   &(struct move){.max_rounds = 2, .destination_model = &behind});
	move_expect_caught("a descriptor is left out",
			   &(struct move){.max_rounds = 2, .destination_model = &ahead});
	move_expect_caught("a page is lost", &(struct move){.max_rounds = 2, .spoil = lose_a_page});
	move_expect_caught("ballast is lost",
			   &(struct move){.max_rounds = 2, .spoil = lose_some_ballast});
	move_expect_caught("ballast on board is lost",
			   &(struct move){.max_rounds = 2, .spoil = lose_some_ballast_on_board});
	move_expect_caught("an ADD is missing",
			   &(struct move){.max_rounds = 2, .spoil = lose_a_ledger_entry});
	move_expect_caught("an ADD is there twice",
			   &(struct move){.max_rounds = 2, .spoil = add_to_a_ledger_twice});
	return 0;
}
