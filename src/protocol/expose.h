/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session and a logger, shown in one revision of the protocol or in several at once.
 *
 * Of several, one is in use at a time: the first by which a user changes the device's state, until a reset. To the
 * others the device is busy meanwhile. To look what there is (information, probes) is no use.
 */
#ifndef EXPOSE_H
#define EXPOSE_H

#include <vfmig/options.h>

#include "protocol/region/driver.h"
#include "protocol/v2/v2.h"

/* How it is shown: what options are parsed into. */
struct expose_options {
	uint64_t protocol; /* of expose_protocols */
	uint64_t data;	   /* enum region_data */
	uint64_t transaction;
	uint64_t bitmap; /* 0 same, 1 apart */
	bool tell;
};

/* v2; v1; pfn; v2 and v1; v2 and pfn; closed by NULL. */
extern const char *const expose_protocols[];
extern const char *const expose_data[];
extern const char *const expose_bitmaps[];
/* "newest" (0), then the revisions that vfmig_session_open() takes by name; closed by NULL. */
extern const char *const expose_session_protocols[];

/* The entries of a table of options; @at: where in the parsed structure the options are. */
#define EXPOSE_OPTIONS(at)                                                                         \
	{.name = "protocol",                                                                       \
	 .kind = VFMIG_OPTION_CHOICE,                                                              \
	 .offset = (at) + offsetof(struct expose_options, protocol),                               \
	 .default_text = "v2",                                                                     \
	 .help = "revision of the migration protocol that the device is exposed in",               \
	 .choices = expose_protocols},                                                             \
		{.name = "data",                                                                   \
		 .kind = VFMIG_OPTION_CHOICE,                                                      \
		 .offset = (at) + offsetof(struct expose_options, data),                           \
		 .default_text = "mapped",                                                         \
		 .help = "v1, pfn: how the data section of the region is accessed",                \
		 .choices = expose_data},                                                          \
		{.name = "transaction",                                                            \
		 .kind = VFMIG_OPTION_SIZE,                                                        \
		 .offset = (at) + offsetof(struct expose_options, transaction),                    \
		 .default_text = "256K",                                                           \
		 .help = "v1, pfn: maximum bytes of a transaction",                                \
		 .min = 16,                                                                        \
		 .max = REGION_TRANSACTION_MAX},                                                   \
		{.name = "bitmap",                                                                 \
		 .kind = VFMIG_OPTION_CHOICE,                                                      \
		 .offset = (at) + offsetof(struct expose_options, bitmap),                         \
		 .default_text = "same",                                                           \
		 .help = "pfn: whether bitmaps share the data section or have their own",          \
		 .choices = expose_bitmaps},                                                       \
	{                                                                                          \
		.name = "tell", .kind = VFMIG_OPTION_BOOL,                                         \
		.offset = (at) + offsetof(struct expose_options, tell), .default_text = "on",      \
		.help = "v1, pfn: whether the region has a capability that names its revision"     \
	}

struct expose {
	struct v2_driver v2;
	bool shows_v2;
	struct region_driver *region; /* v1 or pfn, or NULL */
	uint32_t index;		      /* its index */
	enum vfmig_region_revision revision;
	atomic_uint in_use; /* the revision whose user has changed the state; 0: none */
};

/** expose_init() - nothing is shown yet: features are refused as unknown */
void expose_init(struct expose *expose);

/**
 * expose_open() - show them
 * @session: the device's migration, or NULL for a device that cannot migrate
 * @log: its log, or NULL. A logger is shown as DMA logging beside v2 and v1; in pfn it is the region's
 * @options: how
 * @index: of the migration region, where there is one
 * @framed: the session's data is that of docs/device-state.md
 */
int expose_open(struct expose *expose, struct vfmig_session *session, const struct region_log *log,
		const struct expose_options *options, uint32_t index, bool framed,
		struct vfmig_error *err);
void expose_fini(struct expose *expose);

/** expose_submit() - answer a device's request; false if it is for somebody else */
bool expose_submit(struct expose *expose, struct vfmig_request *request);
bool expose_cancel(struct expose *expose, struct vfmig_request *request);

/** expose_regions() - how many regions the device has, if it has that many without */
uint32_t expose_regions(const struct expose *expose, uint32_t others);

/** expose_dma_logging() - whether a user finds DMA logging, and not a log in the revision's own form */
bool expose_dma_logging(const struct expose *expose);

/** expose_understands_reinit() - whether the user accepts that pre-copy begins again */
bool expose_understands_reinit(struct expose *expose);

/** expose_reset() - the device was reset, and the session with it */
void expose_reset(struct expose *expose);

#endif
