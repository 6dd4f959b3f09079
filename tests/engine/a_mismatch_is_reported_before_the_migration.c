/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two ends that differ are told so, each difference by its own sentence, and all of them at once, before
 * anything moves; both are left as they were.
 */
#include "tests/lib/migration_pair.h"

static void ends(struct migration_pair *pair, const char *there, const char *here, size_t memory)
{
	migration_pair_end_init(&pair->from, 1, there, MIGRATION_PAIR_MEMORY);
	migration_pair_end_init(&pair->to, 1, here, memory);
	migration_pair_work(&pair->from);
}

static void refuse(struct migration_pair *pair, const char *const *says, size_t count)
{
	CHECK_EQ(migration_pair_run(pair), -EREMOTEIO);
	if (getenv("VERBOSE"))
		fprintf(stderr, "%s\n", pair->from.err.text);
	CHECK(!strncmp(pair->from.err.text, "the destination refuses: ", 25));
	for (size_t i = 0; i < count; i++)
		CHECKF(strstr(pair->from.err.text, says[i]), "'%s' is not in '%s'", says[i],
		       pair->from.err.text);
	CHECK_EQ(migration_pair_result(&pair->to).code, -EMEDIUMTYPE);
	CHECK_EQ(migration_pair_result(&pair->from).memory_bytes +
			 migration_pair_result(&pair->from).device_bytes,
		 0);
	CHECK(!migration_pair_find(&pair->from, "\"arc\""));
	CHECK(!migration_pair_find(&pair->to, "\"arc\""));
	CHECK_EQ(pair->from.paused, 0);
	migration_pair_stayed(pair);
	migration_pair_free(pair);
}

#define REFUSE(pair, ...)                                                                          \
	refuse((pair), (const char *const[]){__VA_ARGS__},                                         \
	       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void add(struct migration_pair_end *end, const char *id)
{
	CHECK_OK(vfmig_migration_add_device(end->m, id, end->card[0], NULL, &test_err));
}

/* An end with another name for its card. */
static void named(struct migration_pair_end *end, enum vfmig_role role, const char *id)
{
	CHECK_OK(vfmig_space_attach(end->space, end->card[0], &test_err));
	CHECK_OK(vfmig_migration_new(role, &end->options, &end->m, &test_err));
	add(end, id);
	CHECK_OK(vfmig_migration_add_space(end->m, end->space, &test_err));
	vfmig_migration_set_user(end->m, &end->user);
	vfmig_migration_set_events(end->m, &end->events);
}

/* As long as one may be. */
#define LONG_ID "a-device-whose-name-is-as-long-as-the-name-of-a-device-may-be-1"

/* A card of another make: open a copy of the model with other numbers. */
static struct vfmig_model other;

static void remake(struct migration_pair *pair)
{
	vfmig_device_close(pair->to.card[0]);
	pair->to.card[0] = test_device_open_as(&other, NULL);
}

int main(void)
{
	struct migration_pair pair;

	/* another size of memory on board, and so of BAR 2 */
	ends(&pair, NULL, "memory=1M", MIGRATION_PAIR_MEMORY);
	migration_pair_ready(&pair);
	REFUSE(&pair,
	       "device card0: the size of region 2 is 0x80000 at the source and 0x200000 here");

	/* another identity: each number by itself, all in one sentence */
	other = test_device_model;
	other.pci.vendor = 0x1111;
	other.pci.device = 0x2222;
	other.pci.revision = 0x33;
	other.pci.msix_vectors = 3;
	ends(&pair, NULL, NULL, MIGRATION_PAIR_MEMORY);
	remake(&pair);
	migration_pair_ready(&pair);
	REFUSE(&pair, "the vendor id is", "and 0x1111 here", "the device id is", "and 0x2222 here",
	       "the revision is", "and 0x33 here",
	       "the number of interrupts of index 2 is 0x46 at the source and 0x3 here");

	/* other memory */
	ends(&pair, NULL, NULL, MIGRATION_PAIR_MEMORY / 2);
	migration_pair_ready(&pair);
	REFUSE(&pair,
	       "memory: map 0 is 0x100000 bytes at IOVA 0x100000 of space 0 at the source, and "
	       "0x80000 at 0x100000 of space 0 here");
	ends(&pair, NULL, NULL, 0);
	migration_pair_ready(&pair);
	REFUSE(&pair, "memory: 1 maps at the source and 0 here",
	       "map 0 (space 0, IOVA 0x100000, 0x100000 bytes) is not here");

	/* other devices */
	ends(&pair, NULL, NULL, MIGRATION_PAIR_MEMORY);
	named(&pair.from, VFMIG_ROLE_SOURCE, "nvme");
	named(&pair.to, VFMIG_ROLE_DESTINATION, "disk");
	REFUSE(&pair, "device nvme: is not here", "device disk: is here and not at the source");

	/* more than a sentence holds */
	other.pci.bar[0].size = 8192;
	other.pci.class_code = 0x010203;
	other.pci.subsystem_vendor = 0x4444;
	other.pci.subsystem = 0x5555;
	ends(&pair, NULL, NULL, MIGRATION_PAIR_MEMORY * 2);
	remake(&pair);
	named(&pair.from, VFMIG_ROLE_SOURCE, LONG_ID);
	named(&pair.to, VFMIG_ROLE_DESTINATION, LONG_ID);
	REFUSE(&pair, "the vendor id", "; and ", " more");

	/* What can be made to fit does: order does not matter, nor does a device that can do more. */
	migration_pair_init(&pair, 2, NULL);
	migration_pair_work(&pair.from);
	migration_pair_end_ready(&pair.from, VFMIG_ROLE_SOURCE);
	{
		struct vfmig_device *swapped = pair.to.card[0];

		for (unsigned i = 0; i < 2; i++)
			CHECK_OK(vfmig_space_attach(pair.to.space, pair.to.card[i], &test_err));
		CHECK_OK(vfmig_migration_new(VFMIG_ROLE_DESTINATION, NULL, &pair.to.m, &test_err));
		CHECK_OK(vfmig_migration_add_device(pair.to.m, "card1", pair.to.card[1], NULL,
						    &test_err));
		CHECK_OK(vfmig_migration_add_device(pair.to.m, "card0", swapped, NULL, &test_err));
		CHECK_OK(vfmig_migration_add_space(pair.to.m, pair.to.space, &test_err));
		vfmig_migration_set_user(pair.to.m, &pair.to.user);
	}
	CHECKF(!migration_pair_run(&pair), "%s", pair.from.err.text);
	migration_pair_moved(&pair);
	migration_pair_free(&pair);
	return 0;
}
