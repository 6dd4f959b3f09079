/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mediator for any device, good in all but one thing: which one is a macro's to say, and each is a shared
 * object of its own.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfmig/mediator.h>

/* Which one is wrong. */
enum {
	NOTHING,
	ABI,
	TABLE,
	HALF,
	NAME,
	OPEN,
	RELEASE,
	INFO,
	RW,
	NULL_SELF,
	CAPABILITIES,
	ANSWER,
	REFUSES,
	FAILS,
	CRASHES_AT_LOAD,
	CRASHES_IN_OPEN,
	CRASHES_IN_INFO,
	EXITS_IN_OPEN,
	HANGS_MUTE,
	ASKS_IN_OPEN,
	TOO_SMALL,
	TOO_LARGE,
	RESIZES,
	ADDS_FLAGS,
	NO_REVISION,
	NO_MMAP,
	MAPS_REGISTERS,
	AREA_LEAVES,
	AREAS_OVERLAP,
	OTHER_INDEX,
	SHORT_FILE,
	NO_FILE,
	PASSES,
	COUNTS,
	NO_SYMBOL,
};

/* Not for the compiler to see through. */
static const volatile int bad = BAD;

static int self_is_here;

#ifdef BAD_CRASHES_AT_LOAD
__attribute__((constructor)) static void load(void)
{
	raise(SIGKILL);
}
#endif

static int open_it(const struct vfmig_mediator_device *device, struct vfmig_mediator_host *host,
		   uint64_t *caps, void **self, struct vfmig_error *err)
{
	uint32_t word;

	*caps = VFMIG_MEDIATOR_CAP_MIGRATION;
	*self = &self_is_here;
	switch (bad) {
	case NULL_SELF:
		*self = NULL;
		break;
	case CAPABILITIES:
		*caps = 1ull << 40;
		break;
	case ANSWER:
		return 7;
	case REFUSES:
		return -ENODEV;
	case FAILS:
		snprintf(err->text, sizeof(err->text), "the moon is in the wrong phase");
		return -EIO;
	case CRASHES_IN_OPEN:
		/* Not by a null pointer, which a sanitizer makes an exit of. */
		raise(SIGKILL);
		break;
	case EXITS_IN_OPEN:
		_exit(0);
	case HANGS_MUTE:
		/* Not even the pipe is left by which it could answer. */
		for (int fd = 0; fd < 1024; fd++)
			close(fd);
		for (;;)
			pause();
	case ASKS_IN_OPEN:
		return host->read(host, 0, 0, &word, 4, err);
	}
	return 0;
}

static void release(void *self)
{
}

static int info(void *self, struct vfmig_mediator_region *region, struct vfmig_error *err)
{
	if (region->size) {
		if (BAD == RESIZES && region->index == 0)
			region->size *= 2;
		if (BAD == ADDS_FLAGS && region->index == 0)
			region->flags |= VFMIG_REGION_FLAG_MMAP;
		return 0;
	}
	if (BAD == CRASHES_IN_INFO)
		raise(SIGKILL);
	region->size = 8192;
	region->revision = VFMIG_REGION_PFN;
	switch (bad) {
	case TOO_SMALL:
		region->size = 64;
		break;
	case TOO_LARGE:
		region->size = UINT64_MAX;
		break;
	case NO_REVISION:
		region->revision = 0;
		break;
	case OTHER_INDEX:
		region->index++;
		break;
	case NO_MMAP:
	case MAPS_REGISTERS:
	case AREA_LEAVES:
	case AREAS_OVERLAP:
	case SHORT_FILE:
	case NO_FILE:
		region->flags |= VFMIG_REGION_FLAG_MMAP;
		region->areas = BAD == AREAS_OVERLAP ? 2 : 1;
		region->area[0].offset = BAD == MAPS_REGISTERS ? 0 : 4096;
		region->area[0].size = BAD == AREA_LEAVES ? 8192 : 4096;
		region->area[1] = region->area[0];
		break;
	}
	return 0;
}

static int rw(void *self, uint32_t index, uint64_t offset, void *buf, uint32_t len, bool write,
	      struct vfmig_error *err)
{
	if (BAD == PASSES)
		return VFMIG_MEDIATOR_PASS;
	return BAD == COUNTS ? (int)len : 0;
}

static int map(void *self, uint32_t index, int *fd, uint64_t *offset, struct vfmig_error *err)
{
	static int file = -1;

	if (BAD == SHORT_FILE) {
		if (file < 0)
			file = memfd_create("short", MFD_CLOEXEC);
		*fd = file;
	}
	return 0;
}

#define UNLESS(what, fn) (BAD == (what) ? NULL : (fn))

/* The one without the symbol has the table under another name. */
#ifdef BAD_NO_SYMBOL
#define vfmig_mediator_name vfmig_meditator
#else
#define vfmig_mediator_name vfmig_mediator
#endif
const struct vfmig_mediator vfmig_mediator_name;
const struct vfmig_mediator vfmig_mediator_name = {
	.abi = VFMIG_MEDIATOR_ABI + (BAD == ABI),
	.size = BAD == TABLE  ? 8
		: BAD == HALF ? sizeof(struct vfmig_mediator) - 4
			      : sizeof(struct vfmig_mediator),
	.name = UNLESS(NAME, "bad"),
	.open = UNLESS(OPEN, open_it),
	.release = UNLESS(RELEASE, release),
	.get_region_info = UNLESS(INFO, info),
	.rw = UNLESS(RW, rw),
	.mmap = UNLESS(NO_MMAP, map),
};
