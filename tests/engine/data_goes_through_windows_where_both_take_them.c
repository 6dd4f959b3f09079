/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices in servers, moved within one process: their data goes through memory that is shared with the servers, if both
 * take it; else by messages; and arrives in either case. A window is taken away at the end, and when it fails.
 */
#include <unistd.h>

#include <vfmig/export.h>

#include "source/vfio_user.h"
#include "tests/lib/migration_pair.h"

#define CARDS "memory=4M"

struct served {
	struct vfmig_device *card;
	struct vfmig_export *server;
};

/* Put a server and a client between a card and the rig. */
static void serve(struct migration_pair_end *end, unsigned card, struct served *served,
		  const char *options)
{
	struct vfmig_vfio_user_config config = {0};
	int pair[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	served->card = end->card[card];
	config.fd = pair[0];
	CHECK_OK(vfmig_export_vfio_user(served->card, &config, &served->server, &test_err));
	CHECK_OK(vfmig_export_start(served->server, &test_err));
	CHECK_OK(vfio_user_adopt(pair[1], "served", options, &end->card[card], &test_err));
}

/* Mappings of windows in this process, which is all three. */
static unsigned windows(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned count = 0;
	char line[512];

	CHECK(maps);
	while (fgets(line, sizeof(line), maps))
		count += strstr(line, "memfd:vfmig-window") != NULL;
	fclose(maps);
	return count;
}

static unsigned seen;

static void look(struct migration_pair_end *end, const struct vfmig_event *event)
{
	unsigned now = windows();

	seen = now > seen ? now : seen;
}

static void fill(struct migration_pair_end *end)
{
	for (unsigned i = 0; i < end->cards; i++)
		for (uint64_t at = 0; at < 4 << 20; at += 1009)
			test_device_poke(end->card[i], at, (uint8_t)(at / 1009 + i + 1));
}

static void check(struct migration_pair_end *end)
{
	for (unsigned i = 0; i < end->cards; i++)
		for (uint64_t at = 0; at < 4 << 20; at += 1009)
			if (at / 4096 != 1)
				CHECK_EQ(test_device_peek(end->card[i], at),
					 (uint8_t)(at / 1009 + i + 1));
}

enum how { BOTH, OFF, ONE, FAULT, LIMIT, FAILS };

static void move(unsigned cards, enum how how)
{
	struct served from[2], to[2];
	struct migration_pair pair;

	seen = 0;
	migration_pair_init(&pair, cards, CARDS);
	pair.from.options.window = how != OFF;
	/* Not so low that it would hold anything back. */
	pair.from.options.bandwidth = how == LIMIT ? 64ull << 30 : 0;
	for (unsigned i = 0; i < cards; i++) {
		if (how == FAILS)
			migration_pair_fault(&pair.to, i, "op=data-write,nth=3,error=EIO");
		serve(&pair.from, i, &from[i], how == ONE ? "extensions=off" : NULL);
		serve(&pair.to, i, &to[i], NULL);
		if (how == FAULT)
			migration_pair_fault(&pair.from, i, "op=reset,nth=1000,error=EIO");
	}
	fill(&pair.from);
	migration_pair_work(&pair.from);
	migration_pair_ready(&pair);
	pair.from.hook = look;
	if (how == FAILS) {
		CHECK(migration_pair_run(&pair) < 0);
		CHECK(migration_pair_all(&pair.from, VFMIG_STATE_RUNNING));
		CHECK(migration_pair_result(&pair.from).running);
	} else {
		CHECKF(!migration_pair_run(&pair), "%s", pair.from.err.text);
		migration_pair_moved(&pair);
		check(&pair.to);
		/* What went another way is counted all the same. */
		CHECK(migration_pair_result(&pair.from).bytes > cards * (4ull << 20));
		CHECK_EQ(migration_pair_result(&pair.from).device_bytes,
			 migration_pair_result(&pair.to).device_bytes);
	}
	CHECK_EQ(seen, how == BOTH || how == FAILS ? 2 * cards : 0);
	CHECK_EQ(windows(), 0);
	migration_pair_free(&pair);
	for (unsigned i = 0; i < cards; i++) {
		vfmig_export_close(from[i].server);
		vfmig_export_close(to[i].server);
		vfmig_device_close(from[i].card);
		vfmig_device_close(to[i].card);
	}
}

int main(void)
{
	RUN(move(1, BOTH));
	RUN(move(2, BOTH));
	RUN(move(1, OFF));
	RUN(move(1, ONE));
	RUN(move(1, FAULT));
	RUN(move(1, LIMIT));
	RUN(move(1, FAILS));
	return 0;
}
