/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the suite makes a copier work: fills are its writes, checksums its reads. With the driver of examples/, so that
 * this file is also an example of how to teach the suite another device.
 */
#include <stdlib.h>

#include "conform/suite.h"
#include "examples/copier-driver.h"

/* Each descriptor writes all of the range, so there is work for a while. */
#define ENTRIES 8192u
_Static_assert(CONFORM_TIMES_MAX < ENTRIES, "the ring has room for all that is put in together");

struct copier {
	struct cp_driver driver;
	bool open;
	uint64_t pattern; /* of the last fill */
	uint64_t failed;  /* completions that were no success */
	uint64_t iova, len;
};

static struct copier *copier(struct conform *c)
{
	return c->work_data;
}

static bool fits(struct conform *c)
{
	uint8_t ids[4];

	return c->has & CONFORM_PCI &&
	       !vfmig_device_region_read(c->device, VFMIG_PCI_REGION_CONFIG, 0, ids, 4, NULL) &&
	       (ids[0] | ids[1] << 8) == CP_VENDOR && (ids[2] | ids[3] << 8) == CP_DEVICE;
}

static int begin(struct conform *c)
{
	struct copier *w = calloc(1, sizeof(*w));
	int ret;

	c->work_data = w;
	c->err = (struct vfmig_error){0};
	if (!w)
		return vfmig_err(&c->err, -ENOMEM, "no memory for a driver");
	ret = cp_open(&w->driver, c->device, c->memory2, CONFORM_IOVA2, ENTRIES, &c->err);
	w->open = !ret;
	if (!ret)
		ret = cp_interrupts(&w->driver, &c->err);
	return ret;
}

/* The new user sets up the interrupts, also after a state from another device was loaded. */
static int adopt(struct conform *c)
{
	struct copier *w = copier(c);

	cp_close(&w->driver);
	w->open = false;
	if (cp_adopt(&w->driver, c->device, c->memory2, CONFORM_IOVA2, &c->err))
		return -EIO;
	w->open = true;
	return cp_interrupts(&w->driver, &c->err);
}

static void take(struct copier *w)
{
	struct cp_completion done;

	while (cp_take(&w->driver, &done))
		w->failed += done.status != CP_OK;
}

static uint64_t left(struct conform *c)
{
	struct copier *w = copier(c);

	take(w);
	return w->driver.queue->submitted - w->driver.queue->completed;
}

static int drain(struct conform *c)
{
	uint64_t before = left(c), now;
	int64_t since = conform_now();
	unsigned looks = 0;

	c->err = (struct vfmig_error){0};
	for (; (now = left(c)); before = now) {
		int ret = cp_wait(&copier(c)->driver, 1, &c->err);

		if (ret < 0)
			return ret;
		if (now != before) {
			since = conform_now();
			looks = 0;
		} else if (conform_impatient(c, since, ++looks))
			return vfmig_err(&c->err, -ETIME,
					 "with %llu descriptors to be done it does nothing",
					 (unsigned long long)now);
	}
	if (copier(c)->failed)
		return vfmig_err(&c->err, -EIO, "it completed %llu descriptors with errors",
				 (unsigned long long)copier(c)->failed);
	return 0;
}

static int do_one(struct conform *c, struct cp_descriptor d)
{
	int ret;

	c->err = (struct vfmig_error){0};
	if (cp_put(&copier(c)->driver, &d))
		return vfmig_err(&c->err, -ENOSPC, "the copier's ring is full");
	ret = cp_ring(&copier(c)->driver, &c->err);
	return ret ? ret : drain(c);
}

static int write_range(struct conform *c, uint64_t iova, uint64_t len)
{
	struct cp_descriptor d = {
		.operation = CP_FILL,
		.flags = CP_INTERRUPT,
		.destination = iova,
		.length = len,
		.value = ++copier(c)->pattern * 0x0101010101010101ull,
	};

	return do_one(c, d);
}

static int read_range(struct conform *c, uint64_t iova, uint64_t len)
{
	struct cp_descriptor d = {
		.operation = CP_CHECKSUM,
		.flags = CP_INTERRUPT,
		.source = iova,
		.length = len,
	};

	return do_one(c, d);
}

static int keep(struct conform *c, uint64_t iova, uint64_t len, uint64_t times)
{
	struct copier *w = copier(c);

	c->err = (struct vfmig_error){0};
	w->iova = iova;
	w->len = len;
	for (uint64_t i = 0; i < times; i++) {
		struct cp_descriptor d = {
			.operation = CP_FILL,
			.flags = CP_INTERRUPT,
			.destination = iova,
			.length = len,
			.value = ++w->pattern * 0x0101010101010101ull,
		};

		if (cp_put(&w->driver, &d))
			return vfmig_err(&c->err, -ENOSPC, "the copier's ring is full");
	}
	return cp_ring(&w->driver, &c->err);
}

static const char *check(struct conform *c)
{
	struct copier *w = copier(c);
	const uint8_t *bytes = c->memory + (w->iova - CONFORM_IOVA);
	uint8_t byte = (uint8_t)w->pattern;

	for (uint64_t i = 0; i < w->len; i++)
		if (bytes[i] != byte)
			return "not all of the last write is there";
	return NULL;
}

static int event(struct conform *c)
{
	return copier(c)->driver.events[0];
}

static void end(struct conform *c)
{
	if (copier(c) && copier(c)->open)
		cp_close(&copier(c)->driver);
	free(copier(c));
	c->work_data = NULL;
}

const struct conform_work conform_work_copier = {
	.name = "copier",
	.fits = fits,
	.begin = begin,
	.adopt = adopt,
	.write = write_range,
	.read = read_range,
	.keep = keep,
	.left = left,
	.drain = drain,
	.check = check,
	.event = event,
	.end = end,
};
