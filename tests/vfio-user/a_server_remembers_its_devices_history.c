/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A server remembers where its device's state came from and whether a copy of it may run elsewhere, whatever becomes of
 * its clients. A client can add only that the device was moved away. A server without the extension remembers nothing
 * that it could tell.
 */
#include <errno.h>

#include <vfmig/session.h>

#include "tests/lib/server_client.h"

static void past_is(struct server_client *p, enum vfmig_history past, const char *where)
{
	struct vfmig_feature_history h;

	CHECK_EQ(vfmig_device_get_history(p->client, &h, NULL), 0);
	CHECK_EQ(h.past, past);
	CHECK(h.since > 1000000000);
	CHECK(!strcmp(h.where, where));
}

static void go(struct vfmig_session *s, enum vfmig_state state)
{
	CHECK_EQ(vfmig_session_set_state(s, state, NULL), 0);
}

static void its_states_are_seen(struct server_client *p, struct vfmig_session *s)
{
	char data[64];

	past_is(p, VFMIG_HISTORY_NEW, "");
	go(s, VFMIG_STATE_PRE_COPY);
	past_is(p, VFMIG_HISTORY_NEW, "");
	/* Not all of its data is read: no copy can run. */
	fake_device_set_data(p->fake, "state", 5);
	go(s, VFMIG_STATE_STOP_COPY);
	CHECK_EQ(vfmig_session_read(s, data, sizeof(data), NULL), 5);
	past_is(p, VFMIG_HISTORY_NEW, "");
	CHECK_EQ(vfmig_session_read(s, data, sizeof(data), NULL), 0);
	past_is(p, VFMIG_HISTORY_READ, "");
	go(s, VFMIG_STATE_STOP);
	past_is(p, VFMIG_HISTORY_READ, "");
	CHECK_EQ(vfmig_device_set_moved(p->client, "elsewhere", NULL), 0);
	past_is(p, VFMIG_HISTORY_MOVED, "elsewhere");
	go(s, VFMIG_STATE_RUNNING);
	past_is(p, VFMIG_HISTORY_RAN, "");
	go(s, VFMIG_STATE_RESUMING);
	past_is(p, VFMIG_HISTORY_LOADING, "");
	CHECK_EQ(vfmig_session_write(s, "state", 5, NULL), 0);
	past_is(p, VFMIG_HISTORY_LOADING, "");
	go(s, VFMIG_STATE_STOP);
	past_is(p, VFMIG_HISTORY_LOADED, "");
	go(s, VFMIG_STATE_RUNNING);
	past_is(p, VFMIG_HISTORY_RAN, "");
	CHECK_EQ(vfmig_device_reset(p->client, NULL), 0);
	past_is(p, VFMIG_HISTORY_NEW, "");
}

/* What a client says is checked, and nothing else than MOVED is taken from it. */
static void only_moved_can_be_said(struct server_client *p, struct vfmig_session *s)
{
	struct vfmig_feature_history h = {.past = VFMIG_HISTORY_MOVED};
	const uint32_t set = VFMIG_FEATURE_USER_HISTORY | VFMIG_FEATURE_SET;

	CHECK_EQ(vfmig_device_set_moved(p->client, "while it runs", NULL), -EINVAL);
	go(s, VFMIG_STATE_STOP);
	memset(h.where, 'x', sizeof(h.where));
	CHECK_EQ(vfmig_device_call_feature(p->client, set, &h, sizeof(h), NULL), -EINVAL);
	strcpy(h.where, "\033[2J");
	CHECK_EQ(vfmig_device_call_feature(p->client, set, &h, sizeof(h), NULL), -EINVAL);
	strcpy(h.where, "here");
	for (h.past = 0; h.past < 9; h.past++)
		if (h.past != VFMIG_HISTORY_MOVED)
			CHECK_EQ(vfmig_device_call_feature(p->client, set, &h, sizeof(h), NULL),
				 -EINVAL);
	past_is(p, VFMIG_HISTORY_NEW, "");
}

/* A long place is cut, and not in the middle of a character. */
static void a_long_place_is_cut(struct server_client *p)
{
	struct vfmig_feature_history h;
	char place[400];

	for (size_t i = 0; i + 2 < sizeof(place); i += 2)
		memcpy(place + i, "\xc3\xa4", 3);
	CHECK_EQ(vfmig_device_set_moved(p->client, place, NULL), 0);
	CHECK_EQ(vfmig_device_get_history(p->client, &h, NULL), 0);
	CHECK_EQ(strlen(h.where), 238);
	CHECK(!strncmp(h.where, place, 238));
}

int main(void)
{
	const struct vfmig_export_options plain = {
		.struct_size = sizeof(struct vfmig_export_options), .no_extensions = true};
	struct vfmig_feature_history h;
	struct vfmig_session *s;
	struct server_client p;

	server_client_open(&p, SERVER_CLIENT_ALL_FLAGS, NULL, "");
	CHECK_EQ(vfmig_session_open(p.client, NULL, &s, NULL), 0);
	its_states_are_seen(&p, s);
	only_moved_can_be_said(&p, s);
	a_long_place_is_cut(&p);
	vfmig_session_close(s);
	server_client_close(&p);

	server_client_open(&p, SERVER_CLIENT_ALL_FLAGS, &plain, "");
	CHECK_EQ(vfmig_device_get_history(p.client, &h, NULL), -ENOTTY);
	CHECK_EQ(vfmig_device_set_moved(p.client, "elsewhere", NULL), -ENOTTY);
	server_client_close(&p);
	return 0;
}
