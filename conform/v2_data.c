/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of v2: a stopped device's state is read, and written to a device that was reset. */
#include "conform/suite.h"

static int to_resuming(struct conform *c)
{
	int ret = conform_reset(c);

	return ret ? ret : conform_set(c, VFMIG_STATE_RESUMING);
}

/* Save, then load into the same device after a reset, which is as compatible as can be. */
static int save_and_load(struct conform *c, size_t piece)
{
	int ret = conform_save(c, &c->data[0]);

	if (!ret)
		ret = to_resuming(c);
	return ret ? ret : conform_write_all(c, &c->data[0], c->data[0].len, piece);
}

static enum conform_verdict stop_copy_can_be_read(struct conform *c)
{
	ssize_t n;

	NEED(c, conform_set(c, VFMIG_STATE_STOP));
	NEED(c, conform_set(c, VFMIG_STATE_STOP_COPY));
	n = conform_read(c, c->scratch, sizeof(c->scratch));
	MUST(c, n);
	return conform_pass(c, "the first read in STOP_COPY gave %zd bytes", n);
}

static enum conform_verdict the_end_stays_the_end(struct conform *c)
{
	NEED(c, conform_set(c, VFMIG_STATE_STOP_COPY));
	MUST(c, conform_read_all(c, &c->data[0], 65536));
	for (int i = 0; i < 3; i++) {
		ssize_t n = conform_read(c, c->scratch, sizeof(c->scratch));

		MUST(c, n);
		if (n)
			return conform_fail(c, "after the end, at %zu bytes, another %zd came",
					    c->data[0].len, n);
	}
	return conform_pass(c, "%zu bytes, and the end, again and again", c->data[0].len);
}

static enum conform_verdict refuses_data(struct conform *c, enum vfmig_state state, bool write)
{
	ssize_t ret = write ? conform_write(c, c->scratch, 64) : conform_read(c, c->scratch, 64);

	/* vfio-user has no other way to report that no data is available. */
	if (ret > 0)
		return conform_fail(c, "in %s %zd bytes of data were %s", vfmig_state_name(state),
				    ret, write ? "taken" : "given");
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	return CONFORM_PASS;
}

static enum conform_verdict no_data_elsewhere(struct conform *c)
{
	static const struct {
		enum vfmig_state state;
		bool write;
	} asked[] = {
		{VFMIG_STATE_RUNNING, false},  {VFMIG_STATE_RUNNING, true},
		{VFMIG_STATE_STOP, false},     {VFMIG_STATE_STOP, true},
		{VFMIG_STATE_STOP_COPY, true}, {VFMIG_STATE_RESUMING, false},
	};

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		enum conform_verdict verdict;

		NEED(c, conform_reset(c));
		NEED(c, conform_set(c, asked[i].state));
		verdict = refuses_data(c, asked[i].state, asked[i].write);
		if (verdict != CONFORM_PASS)
			return verdict;
	}
	return conform_pass(c, "no data can be read or written where no session is for it");
}

static enum conform_verdict leaving_ends_the_reading(struct conform *c)
{
	enum conform_verdict verdict;

	NEED(c, conform_set(c, VFMIG_STATE_STOP_COPY));
	NEED(c, conform_read(c, c->scratch, 64));
	NEED(c, conform_set(c, VFMIG_STATE_STOP));
	verdict = refuses_data(c, VFMIG_STATE_STOP, false);
	return verdict != CONFORM_PASS
		       ? verdict
		       : conform_pass(
				 c,
				 "after STOP_COPY was left in the middle there is nothing to read");
}

static enum conform_verdict leaving_ends_the_writing(struct conform *c)
{
	enum conform_verdict verdict;

	NEED(c, save_and_load(c, 65536));
	NEED(c, conform_set(c, VFMIG_STATE_STOP));
	verdict = refuses_data(c, VFMIG_STATE_STOP, true);
	return verdict != CONFORM_PASS ? verdict
				       : conform_pass(c, "after RESUMING nothing more is taken");
}

static enum conform_verdict each_session_begins_anew(struct conform *c)
{
	NEED(c, conform_set(c, VFMIG_STATE_STOP_COPY));
	NEED(c, conform_read(c, c->scratch, 64));
	NEED(c, conform_set(c, VFMIG_STATE_STOP));
	NEED(c, conform_set(c, VFMIG_STATE_STOP_COPY));
	NEED(c, conform_read_all(c, &c->data[0], 65536));
	NEED(c, to_resuming(c));
	MUST(c, conform_write_all(c, &c->data[0], c->data[0].len, 65536));
	MUST(c, conform_set(c, VFMIG_STATE_STOP));
	return conform_pass(c, "a second reading, after one that was broken off, can be loaded");
}

static enum conform_verdict resuming_takes_data(struct conform *c)
{
	NEED(c, conform_save(c, &c->data[0]));
	NEED(c, conform_reset(c));
	NEED(c, conform_set(c, VFMIG_STATE_STOP));
	MUST(c, conform_set(c, VFMIG_STATE_RESUMING));
	MUST(c, conform_write_all(c, &c->data[0], c->data[0].len, 65536));
	return conform_pass(c, "RESUMING took %zu bytes", c->data[0].len);
}

static enum conform_verdict pieces_do_not_matter(struct conform *c)
{
	size_t head;

	NEED(c, conform_save(c, &c->data[0]));
	NEED(c, to_resuming(c));
	/* Byte by byte where headers are, as a rule, and then in pieces that fit nothing. */
	head = c->data[0].len < 100 ? c->data[0].len : 100;
	MUST(c, conform_write_all(c, &c->data[0], head, 1));
	memmove(c->data[0].bytes, c->data[0].bytes + head, c->data[0].len - head);
	MUST(c, conform_write_all(c, &c->data[0], c->data[0].len - head, 4093));
	MUST(c, conform_set(c, VFMIG_STATE_RUNNING));
	return conform_pass(c,
			    "written in pieces of 1 and 4093 bytes it is the same to the device");
}

static enum conform_verdict reading_pieces_do_not_matter(struct conform *c)
{
	NEED(c, conform_set(c, VFMIG_STATE_STOP_COPY));
	MUST(c, conform_read_all(c, &c->data[0], 4093));
	NEED(c, to_resuming(c));
	MUST(c, conform_write_all(c, &c->data[0], c->data[0].len, 65536));
	MUST(c, conform_set(c, VFMIG_STATE_RUNNING));
	return conform_pass(c, "%zu bytes read in pieces of 4093 are as good as any",
			    c->data[0].len);
}

static enum conform_verdict what_is_loaded_is_there(struct conform *c)
{
	NEED(c, save_and_load(c, 65536));
	MUST(c, conform_set(c, VFMIG_STATE_STOP));
	NEED(c, conform_save(c, &c->data[1]));
	if (c->data[0].len != c->data[1].len ||
	    memcmp(c->data[0].bytes, c->data[1].bytes, c->data[0].len))
		return conform_fail(c, "%zu bytes were loaded, and %zu other ones saved again",
				    c->data[0].len, c->data[1].len);
	return conform_pass(c, "%zu bytes were loaded, and the same saved again", c->data[0].len);
}

static enum conform_verdict work_moves_with_the_state(struct conform *c)
{
	const char *why;

	NEED(c, c->work->keep(c, CONFORM_IOVA, CONFORM_KEEP, CONFORM_TIMES));
	MUST(c, save_and_load(c, 65536));
	MUST(c, conform_set(c, VFMIG_STATE_RUNNING));
	MUST(c, c->work->adopt(c));
	MUST(c, c->work->drain(c));
	why = c->work->check(c);
	if (why)
		return conform_fail(c, "saved, reset and loaded it went on, and %s", why);
	return conform_pass(
		c, "saved, reset and loaded in mid-work it went on, and the work came out right");
}

/* Data that is not all there, or not as it was. */
static enum conform_verdict refuses_to_leave(struct conform *c, const char *what)
{
	enum vfmig_state state;
	int ret = conform_set(c, VFMIG_STATE_RUNNING);

	if (!ret)
		return conform_fail(c, "%s was accepted as a state, and it runs", what);
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	if (conform_get(c, &state))
		return conform_fail(c, "%s was refused, and after that: %s", what, c->err.text);
	if (state != VFMIG_STATE_RESUMING && state != VFMIG_STATE_ERROR &&
	    state != VFMIG_STATE_STOP)
		return conform_fail(c, "%s was refused, and it is in %s", what,
				    vfmig_state_name(state));
	return conform_pass(c, "%s was refused, and it is in %s", what, vfmig_state_name(state));
}

static enum conform_verdict half_a_state_is_refused(struct conform *c)
{
	NEED(c, conform_save(c, &c->data[0]));
	if (c->data[0].len < 2)
		return conform_na(c, "there are %zu bytes of state", c->data[0].len);
	NEED(c, to_resuming(c));
	if (conform_write_all(c, &c->data[0], c->data[0].len / 2, 65536))
		return conform_pass(c, "half of it was refused as it was written: %s", c->err.text);
	return refuses_to_leave(c, "half of its data");
}

static enum conform_verdict no_state_is_refused(struct conform *c)
{
	NEED(c, conform_save(c, &c->data[0]));
	if (!c->data[0].len)
		return conform_na(c, "there is no state");
	NEED(c, to_resuming(c));
	return refuses_to_leave(c, "nothing at all");
}

static enum conform_verdict damage_is_refused(struct conform *c)
{
	NEED(c, conform_save(c, &c->data[0]));
	if (!c->data[0].len)
		return conform_na(c, "there is no state");
	NEED(c, to_resuming(c));
	c->data[0].bytes[c->data[0].len / 2] ^= 0x40;
	if (conform_write_all(c, &c->data[0], c->data[0].len, 65536))
		return conform_pass(c, "a flipped bit was refused as it was written: %s",
				    c->err.text);
	return refuses_to_leave(c, "data with a flipped bit");
}

static enum conform_verdict a_reset_gives_up_loading(struct conform *c)
{
	enum vfmig_state state;

	NEED(c, conform_save(c, &c->data[0]));
	NEED(c, to_resuming(c));
	NEED(c, conform_write_all(c, &c->data[0], c->data[0].len / 2, 65536));
	MUST(c, conform_reset(c));
	MUST(c, conform_get(c, &state));
	if (state != VFMIG_STATE_RUNNING)
		return conform_fail(c, "after the reset it is in %s", vfmig_state_name(state));
	MUST(c, conform_save(c, &c->data[1]));
	return conform_pass(c, "reset in mid-load it runs, and can be saved again");
}

static enum conform_verdict a_failed_load_can_be_recovered_from(struct conform *c)
{
	enum vfmig_state state;
	int ret;

	NEED(c, to_resuming(c));
	memset(c->scratch, 0xa5, sizeof(c->scratch));
	ret = (int)conform_write(c, c->scratch, sizeof(c->scratch));
	if (!conform_lost(ret))
		ret = conform_set(c, VFMIG_STATE_RUNNING);
	if (conform_lost(ret))
		return conform_failed(c, CONFORM_FAIL);
	MUST(c, conform_get(c, &state));
	MUST(c, conform_reset(c));
	MUST(c, conform_get(c, &state));
	if (state != VFMIG_STATE_RUNNING)
		return conform_fail(c, "after garbage and a reset it is in %s",
				    vfmig_state_name(state));
	MUST(c, save_and_load(c, 65536));
	MUST(c, conform_set(c, VFMIG_STATE_RUNNING));
	return conform_pass(c, "after garbage and a reset it could be saved, loaded and run");
}

const struct conform_check conform_v2_data[] = {
	{"V2-13", "a state with a data session has data to read or takes it", CONFORM_V2, false,
	 stop_copy_can_be_read},
	{"V2-16", "how the data is cut when it is written does not matter", CONFORM_V2, false,
	 pieces_do_not_matter},
	{"V2-18", "data is read and written only where a session is for it", CONFORM_V2, false,
	 no_data_elsewhere},
	{"V2-25", "leaving STOP_COPY ends the data session", CONFORM_V2, false,
	 leaving_ends_the_reading},
	{"V2-26", "leaving RESUMING ends the data session", CONFORM_V2, false,
	 leaving_ends_the_writing},
	{"V2-27", "what was written is the device's state when RESUMING is left", CONFORM_V2, true,
	 what_is_loaded_is_there},
	{"V2-28", "data that is not complete is refused", CONFORM_V2, true,
	 half_a_state_is_refused},
	{"V2-29", "no data is not complete either", CONFORM_V2, true, no_state_is_refused},
	{"V2-30", "loading is given up by a reset", CONFORM_V2, false, a_reset_gives_up_loading},
	{"V2-33", "each STOP_COPY begins its data anew", CONFORM_V2, false,
	 each_session_begins_anew},
	{"V2-35", "the end of the data is the end", CONFORM_V2, false, the_end_stays_the_end},
	{"V2-37", "RESUMING takes what STOP_COPY gave", CONFORM_V2, false, resuming_takes_data},
	{"V2-38", "with its state, a device's work goes on", CONFORM_V2 | CONFORM_WORK, false,
	 work_moves_with_the_state},
	{"V2-51", "after a failure the state can be read, and a reset recovers", CONFORM_V2, false,
	 a_failed_load_can_be_recovered_from},
	{"V2-55", "how the data is cut when it is read does not matter", CONFORM_V2, false,
	 reading_pieces_do_not_matter},
	{"V2-56", "data that was damaged is refused", CONFORM_V2, true, damage_is_refused},
	{NULL},
};
