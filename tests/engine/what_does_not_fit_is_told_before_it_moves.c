/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two ends that differ are told so, each difference by its own sentence, and all of them at once, before
 * anything moves; both are left as they were.
 */
#include "tests/engine/rig.h"

static void ends(struct rig *rig, const char *there, const char *here, size_t memory)
{
	rig_end_init(&rig->from, 1, there, RIG_MEMORY);
	rig_end_init(&rig->to, 1, here, memory);
	rig_work(&rig->from);
}

static void refuse(struct rig *rig, const char *const *says, size_t count)
{
	CHECK_EQ(rig_run(rig), -EREMOTEIO);
	if (getenv("VERBOSE"))
		fprintf(stderr, "%s\n", rig->from.err.text);
	CHECK(!strncmp(rig->from.err.text, "the destination refuses: ", 25));
	for (size_t i = 0; i < count; i++)
		CHECKF(strstr(rig->from.err.text, says[i]), "'%s' is not in '%s'", says[i],
		       rig->from.err.text);
	CHECK_EQ(rig_result(&rig->to).code, -EMEDIUMTYPE);
	CHECK_EQ(rig_result(&rig->from).memory_bytes + rig_result(&rig->from).device_bytes, 0);
	CHECK(!rig_find(&rig->from, "\"arc\""));
	CHECK(!rig_find(&rig->to, "\"arc\""));
	CHECK_EQ(rig->from.paused, 0);
	rig_stayed(rig);
	rig_free(rig);
}

#define REFUSE(rig, ...)                                                                           \
	refuse((rig), (const char *const[]){__VA_ARGS__},                                          \
	       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void add(struct rig_end *end, const char *id)
{
	CARD_OK(vfmig_migration_add_device(end->m, id, end->card[0], NULL, &card_err));
}

/* An end with another name for its card. */
static void named(struct rig_end *end, enum vfmig_role role, const char *id)
{
	CARD_OK(vfmig_space_attach(end->space, end->card[0], &card_err));
	CARD_OK(vfmig_migration_new(role, &end->options, &end->m, &card_err));
	add(end, id);
	CARD_OK(vfmig_migration_add_space(end->m, end->space, &card_err));
	vfmig_migration_set_user(end->m, &end->user);
	vfmig_migration_set_events(end->m, &end->events);
}

/* As long as one may be. */
#define LONG_ID "a-device-whose-name-is-as-long-as-the-name-of-a-device-may-be-1"

/* A card of another make: open a copy of the model with other numbers. */
static struct vfmig_model other;

static void remake(struct rig *rig)
{
	vfmig_device_close(rig->to.card[0]);
	rig->to.card[0] = card_open_as(&other, NULL);
}

int main(void)
{
	struct rig rig;

	/* another size of memory on board, and so of BAR 2 */
	ends(&rig, NULL, "memory=1M", RIG_MEMORY);
	rig_ready(&rig);
	REFUSE(&rig,
	       "device card0: the size of region 2 is 0x80000 at the source and 0x200000 here");

	/* another identity: each number by itself, all in one sentence */
	other = card_model;
	other.pci.vendor = 0x1111;
	other.pci.device = 0x2222;
	other.pci.revision = 0x33;
	other.pci.msix_vectors = 3;
	ends(&rig, NULL, NULL, RIG_MEMORY);
	remake(&rig);
	rig_ready(&rig);
	REFUSE(&rig, "the vendor id is", "and 0x1111 here", "the device id is", "and 0x2222 here",
	       "the revision is", "and 0x33 here",
	       "the number of interrupts of index 2 is 0x46 at the source and 0x3 here");

	/* other memory */
	ends(&rig, NULL, NULL, RIG_MEMORY / 2);
	rig_ready(&rig);
	REFUSE(&rig,
	       "memory: map 0 is 0x100000 bytes at IOVA 0x100000 of space 0 at the source, and "
	       "0x80000 at 0x100000 of space 0 here");
	ends(&rig, NULL, NULL, 0);
	rig_ready(&rig);
	REFUSE(&rig, "memory: 1 maps at the source and 0 here",
	       "map 0 (space 0, IOVA 0x100000, 0x100000 bytes) is not here");

	/* other devices */
	ends(&rig, NULL, NULL, RIG_MEMORY);
	named(&rig.from, VFMIG_ROLE_SOURCE, "nvme");
	named(&rig.to, VFMIG_ROLE_DESTINATION, "disk");
	REFUSE(&rig, "device nvme: is not here", "device disk: is here and not at the source");

	/* more than a sentence holds */
	other.pci.bar[0].size = 8192;
	other.pci.class_code = 0x010203;
	other.pci.subsystem_vendor = 0x4444;
	other.pci.subsystem = 0x5555;
	ends(&rig, NULL, NULL, RIG_MEMORY * 2);
	remake(&rig);
	named(&rig.from, VFMIG_ROLE_SOURCE, LONG_ID);
	named(&rig.to, VFMIG_ROLE_DESTINATION, LONG_ID);
	REFUSE(&rig, "the vendor id", "; and ", " more");

	/* What can be made to fit does: order does not matter, nor does a device that can do more. */
	rig_init(&rig, 2, NULL);
	rig_work(&rig.from);
	rig_end_ready(&rig.from, VFMIG_ROLE_SOURCE);
	{
		struct vfmig_device *swapped = rig.to.card[0];

		for (unsigned i = 0; i < 2; i++)
			CARD_OK(vfmig_space_attach(rig.to.space, rig.to.card[i], &card_err));
		CARD_OK(vfmig_migration_new(VFMIG_ROLE_DESTINATION, NULL, &rig.to.m, &card_err));
		CARD_OK(vfmig_migration_add_device(rig.to.m, "card1", rig.to.card[1], NULL,
						   &card_err));
		CARD_OK(vfmig_migration_add_device(rig.to.m, "card0", swapped, NULL, &card_err));
		CARD_OK(vfmig_migration_add_space(rig.to.m, rig.to.space, &card_err));
		vfmig_migration_set_user(rig.to.m, &rig.to.user);
	}
	CHECKF(!rig_run(&rig), "%s", rig.from.err.text);
	rig_moved(&rig);
	rig_free(&rig);
	return 0;
}
