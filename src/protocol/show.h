/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session and a logger, shown in one revision of the protocol or in several at once.
 *
 * Of several, one is in use at a time: the first by which a user changes the device's state, until a reset. To the
 * others the device is busy meanwhile. To look what there is (information, probes) is no use.
 */
#ifndef VFMIG_PROTOCOL_SHOW_H
#define VFMIG_PROTOCOL_SHOW_H

#include <vfmig/options.h>

#include "protocol/region/offer.h"
#include "protocol/v2/v2.h"

/* How it is shown: what options are parsed into. */
struct vfmig_show_options {
	uint64_t protocol; /* of vfmig_show_protocols */
	uint64_t data;	   /* enum vfmig_region_data */
	uint64_t transaction;
	uint64_t bitmap; /* 0 same, 1 apart */
	bool tell;
};

/* v2; v1; pfn; v2 and v1; v2 and pfn; closed by NULL. */
extern const char *const vfmig_show_protocols[];
extern const char *const vfmig_show_data[];
extern const char *const vfmig_show_bitmaps[];

/* The entries of a table of options; @at: where in the parsed structure the options are; @preset: the protocol. */
#define VFMIG_SHOW_OPTIONS(at, default_protocol)                                                   \
	{.name = "protocol",                                                                       \
	 .kind = VFMIG_OPTION_CHOICE,                                                              \
	 .offset = (at) + offsetof(struct vfmig_show_options, protocol),                           \
	 .preset = (default_protocol),                                                             \
	 .help = "in which revisions of the migration protocol it is shown",                       \
	 .choices = vfmig_show_protocols},                                                         \
		{.name = "data",                                                                   \
		 .kind = VFMIG_OPTION_CHOICE,                                                      \
		 .offset = (at) + offsetof(struct vfmig_show_options, data),                       \
		 .preset = "mapped",                                                               \
		 .help = "v1, pfn: how the region's data section is reached",                      \
		 .choices = vfmig_show_data},                                                      \
		{.name = "transaction",                                                            \
		 .kind = VFMIG_OPTION_SIZE,                                                        \
		 .offset = (at) + offsetof(struct vfmig_show_options, transaction),                \
		 .preset = "256K",                                                                 \
		 .help = "v1, pfn: bytes of a transaction, at most",                               \
		 .min = 16,                                                                        \
		 .max = VFMIG_REGION_TRANSACTION_MAX},                                             \
		{.name = "bitmap",                                                                 \
		 .kind = VFMIG_OPTION_CHOICE,                                                      \
		 .offset = (at) + offsetof(struct vfmig_show_options, bitmap),                     \
		 .preset = "same",                                                                 \
		 .help = "pfn: whether bitmaps come in the data's place, or apart",                \
		 .choices = vfmig_show_bitmaps},                                                   \
	{                                                                                          \
		.name = "tell", .kind = VFMIG_OPTION_BOOL,                                         \
		.offset = (at) + offsetof(struct vfmig_show_options, tell), .preset = "on",        \
		.help = "v1, pfn: whether the region says which of them it is"                     \
	}

struct vfmig_show {
	struct vfmig_offer_v2 v2;
	bool shows_v2;
	struct vfmig_region_offer *region; /* v1 or pfn, or NULL */
	uint32_t index;			   /* its index */
	enum vfmig_region_revision revision;
	atomic_uint in_use; /* the revision whose user has changed the state; 0: none */
};

/** vfmig_show_init() - nothing is shown yet: features are refused as unknown */
void vfmig_show_init(struct vfmig_show *show);

/**
 * vfmig_show_open() - show them
 * @session: the device's migration, or NULL for a device that cannot migrate
 * @log: its log, or NULL. A logger is shown as DMA logging beside v2 and v1; in pfn it is the region's
 * @options: how
 * @index: of the migration region, where there is one
 * @framed: the session's data is that of docs/device-state.md
 */
int vfmig_show_open(struct vfmig_show *show, struct vfmig_session *session,
		    const struct vfmig_region_log *log, const struct vfmig_show_options *options,
		    uint32_t index, bool framed, struct vfmig_error *err);
void vfmig_show_fini(struct vfmig_show *show);

/** vfmig_show_submit() - answer a device's request; false if it is for somebody else */
bool vfmig_show_submit(struct vfmig_show *show, struct vfmig_request *request);
bool vfmig_show_cancel(struct vfmig_show *show, struct vfmig_request *request);

/** vfmig_show_regions() - how many regions the device has, if it has that many without */
uint32_t vfmig_show_regions(const struct vfmig_show *show, uint32_t others);

/** vfmig_show_reset() - the device was reset, and the session with it */
void vfmig_show_reset(struct vfmig_show *show);

#endif
