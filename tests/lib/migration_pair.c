/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two ends of a migration; see migration_pair.h.
 */
#include "tests/lib/migration_pair.h"

void migration_pair_emit(void *context, const struct vfmig_event *event)
{
	struct migration_pair_end *end = (struct migration_pair_end *)context;
	char line[8192];
	size_t n = vfmig_event_json(event, line, sizeof(line));

	CHECK(n < sizeof(line));
	pthread_mutex_lock(&end->lock);
	if (end->logged + n + 2 < MIGRATION_PAIR_LOG) {
		memcpy(end->log + end->logged, line, n);
		end->log[end->logged + n] = '\n';
		end->logged += n + 1;
		end->log[end->logged] = 0;
	}
	pthread_mutex_unlock(&end->lock);
	if (end->hook)
		end->hook(end, event);
}

int migration_pair_pause(void *context, int64_t deadline, struct vfmig_error *err)
{
	struct migration_pair_end *end = (struct migration_pair_end *)context;

	atomic_fetch_add(&end->paused, 1);
	return end->pause_fails ? vfmig_err(err, end->pause_fails, "the user does not pause") : 0;
}

int migration_pair_resume(void *context, struct vfmig_error *err)
{
	struct migration_pair_end *end = (struct migration_pair_end *)context;

	atomic_fetch_add(&end->resumed, 1);
	return end->resume_fails ? vfmig_err(err, end->resume_fails, "the user does not resume")
				 : 0;
}

void migration_pair_end_init(struct migration_pair_end *end, unsigned cards, const char *options,
			     size_t memory)
{
	memset(end, 0, sizeof(*end));
	pthread_mutex_init(&end->lock, NULL);
	end->log = (char *)calloc(1, MIGRATION_PAIR_LOG);
	end->cards = cards;
	end->memory_size = memory;
	end->space = vfmig_space_new();
	/* What a test writes, it writes before the migration; or it adds a tracker. */
	vfmig_space_set_no_cpu_writes(end->space);
	if (memory)
		end->memory =
			(uint8_t *)test_device_memory(end->space, MIGRATION_PAIR_IOVA, memory);
	for (unsigned i = 0; i < cards; i++)
		end->card[i] = test_device_open(options);
	vfmig_migration_options_init(&end->options);
	end->options.setup_ms = 20000;
	/* What is tried here shall not depend on how fast the machine is just now. */
	end->options.downtime_ms = 60000;
	end->events = (struct vfmig_events){.emit = migration_pair_emit, .context = end};
	end->user = (struct vfmig_migration_user){
		.pause = migration_pair_pause, .resume = migration_pair_resume, .context = end};
}

void migration_pair_init(struct migration_pair *pair, unsigned cards, const char *options)
{
	migration_pair_end_init(&pair->from, cards, options, MIGRATION_PAIR_MEMORY);
	migration_pair_end_init(&pair->to, cards, options, MIGRATION_PAIR_MEMORY);
}

void migration_pair_fault(struct migration_pair_end *end, unsigned card, const char *options)
{
	struct vfmig_device *outer;

	CHECK_OK(filter_fault.open(end->card[card], options, &outer, &test_err));
	end->card[card] = outer;
}

void migration_pair_end_ready(struct migration_pair_end *end, enum vfmig_role role)
{
	for (unsigned i = 0; i < end->cards; i++)
		CHECK_OK(vfmig_space_attach(end->space, end->card[i], &test_err));
	CHECK_OK(vfmig_migration_new(role, &end->options, &end->m, &test_err));
	for (unsigned i = 0; i < end->cards; i++) {
		char id[16];

		snprintf(id, sizeof(id), "card%u", i);
		CHECK_OK(vfmig_migration_add_device(end->m, id, end->card[i], NULL, &test_err));
	}
	CHECK_OK(vfmig_migration_add_space(end->m, end->space, &test_err));
	vfmig_migration_set_user(end->m, &end->user);
	vfmig_migration_set_events(end->m, &end->events);
}

void migration_pair_ready(struct migration_pair *pair)
{
	migration_pair_end_ready(&pair->from, VFMIG_ROLE_SOURCE);
	migration_pair_end_ready(&pair->to, VFMIG_ROLE_DESTINATION);
}

void migration_pair_end_free(struct migration_pair_end *end)
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

void migration_pair_free(struct migration_pair *pair)
{
	migration_pair_end_free(&pair->from);
	migration_pair_end_free(&pair->to);
}

void migration_pair_work(struct migration_pair_end *end)
{
	for (size_t i = 0; i < end->memory_size; i += 3 * 4096)
		memset(end->memory + i, (int)(i / 4096 + 1), 4096);
	for (unsigned i = 0; i < end->cards; i++) {
		test_device_set(end->card[i], TEST_DEVICE_SRC, MIGRATION_PAIR_IOVA + i * 8192);
		test_device_set(end->card[i], TEST_DEVICE_DST, MIGRATION_PAIR_IOVA + i * 8192);
		test_device_set(end->card[i], TEST_DEVICE_LEN, 64);
		test_device_poke(end->card[i], 4096 + i, (uint8_t)(0x40 + i));
	}
}

bool migration_pair_same(struct migration_pair *pair)
{
	for (unsigned i = 0; i < pair->from.cards; i++) {
		if (test_device_get(pair->to.card[i], TEST_DEVICE_SRC) !=
			    test_device_get(pair->from.card[i], TEST_DEVICE_SRC) ||
		    test_device_get(pair->to.card[i], TEST_DEVICE_DONE) !=
			    test_device_get(pair->from.card[i], TEST_DEVICE_DONE))
			return false;
		if (test_device_peek(pair->to.card[i], 4096 + i) != 0x40 + i)
			return false;
	}
	return !pair->from.memory_size ||
	       !memcmp(pair->from.memory, pair->to.memory, pair->from.memory_size);
}

enum vfmig_state migration_pair_state(struct migration_pair_end *end, unsigned card)
{
	struct vfmig_session *session = test_device_session(end->card[card]);
	enum vfmig_state state = test_device_state_of(session);

	vfmig_session_close(session);
	return state;
}

bool migration_pair_all(struct migration_pair_end *end, enum vfmig_state state)
{
	for (unsigned i = 0; i < end->cards; i++)
		if (migration_pair_state(end, i) != state)
			return false;
	return true;
}

struct vfmig_migration_result migration_pair_result(struct migration_pair_end *end)
{
	struct vfmig_migration_result result;

	vfmig_migration_get_result(end->m, &result);
	return result;
}

void migration_pair_moved(struct migration_pair *pair)
{
	CHECK_EQ(migration_pair_result(&pair->from).outcome, VFMIG_OUTCOME_DONE);
	CHECK_EQ(migration_pair_result(&pair->to).outcome, VFMIG_OUTCOME_DONE);
	CHECK(migration_pair_all(&pair->from, VFMIG_STATE_STOP));
	CHECK(migration_pair_all(&pair->to, VFMIG_STATE_RUNNING));
	CHECK(migration_pair_result(&pair->from).committed &&
	      !migration_pair_result(&pair->from).running);
	CHECK(migration_pair_result(&pair->to).committed &&
	      migration_pair_result(&pair->to).running);
	CHECK_EQ(pair->from.paused, 1);
	CHECK_EQ(pair->from.resumed, 0);
	CHECK_EQ(pair->to.resumed, 1);
	CHECK(migration_pair_same(pair));
}

void migration_pair_stayed(struct migration_pair *pair)
{
	CHECKF(migration_pair_result(&pair->from).outcome == VFMIG_OUTCOME_FAILED ||
		       migration_pair_result(&pair->from).outcome == VFMIG_OUTCOME_CANCELLED,
	       "outcome %d", migration_pair_result(&pair->from).outcome);
	CHECK(migration_pair_all(&pair->from, VFMIG_STATE_RUNNING));
	CHECK(migration_pair_result(&pair->from).running);
	CHECK_EQ(migration_pair_result(&pair->from).lost_devices, 0);
	CHECK_EQ(pair->from.paused, pair->from.resumed);
	if (!pair->to.m)
		return;
	CHECK(!migration_pair_result(&pair->to).running);
	CHECK_EQ(pair->to.resumed, 0);
	for (unsigned i = 0; i < pair->to.cards; i++) {
		CHECK(migration_pair_state(&pair->to, i) ==
		      VFMIG_STATE_RUNNING); /* as after any reset */
		CHECK_EQ(test_device_get(pair->to.card[i], TEST_DEVICE_SRC), 0);
	}
	/* And the work goes on. */
	for (unsigned i = 0; i < pair->from.cards; i++) {
		uint64_t done = test_device_get(pair->from.card[i], TEST_DEVICE_DONE);

		test_device_set(pair->from.card[i], TEST_DEVICE_GO, 1);
		test_device_work(pair->from.card[i], done + 1);
	}
}

const char *migration_pair_find(struct migration_pair_end *end, const char *text)
{
	return strstr(end->log, text);
}

int migration_pair_run(struct migration_pair *pair)
{
	pair->from.err = (struct vfmig_error){0};
	pair->from.ret = vfmig_migration_run_local(pair->from.m, pair->to.m, &pair->from.err);
	return pair->from.ret;
}
