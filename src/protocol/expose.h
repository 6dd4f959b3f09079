/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session and a logger, exposed in one or several revisions of the protocol.
 *
 * Only one of several revisions is in use at a time. The first request that changes the device's
 * state selects it, until a reset. Meanwhile requests in the other revisions fail with "busy".
 * Reading information and probing select no revision.
 */
#ifndef EXPOSE_H
#define EXPOSE_H

#include <vfmig/options.h>

#include "protocol/region/driver.h"
#include "protocol/v2/v2.h"

/* How a session is exposed: the structure that options are parsed into. */
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
/* "newest" (0), then the names of revisions that vfmig_session_open() accepts; closed by NULL. */
extern const char *const expose_session_protocols[];

/* The entries of a table of options; @at: the offset of the options in the parsed structure. */
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
	atomic_uint in_use; /* the revision whose user has changed the state; 0: none yet */
};

/** expose_init() - nothing is exposed yet: features are refused as unknown */
void expose_init(struct expose *expose);

/**
 * expose_open() - expose a session and a log
 * @session: the device's migration, or NULL for a device that cannot migrate
 * @log: its log, or NULL. v2 and v1 expose a logger as DMA logging; in pfn the log is part
 *	of the region
 * @options: which revisions, and how
 * @index: of the migration region, if there is one
 * @framed: the session's data is that of docs/device-state.md
 */
int expose_open(struct expose *expose, struct vfmig_session *session, const struct region_log *log,
		const struct expose_options *options, uint32_t index, bool framed,
		struct vfmig_error *err);
void expose_fini(struct expose *expose);

/** expose_submit() - answer a device's request; false if the request belongs to other code */
bool expose_submit(struct expose *expose, struct vfmig_request *request);
bool expose_cancel(struct expose *expose, struct vfmig_request *request);

/**
 * expose_regions() - the number of regions, of a device that has so many without the migration
 * region
 */
uint32_t expose_regions(const struct expose *expose, uint32_t others);

/**
 * expose_dma_logging() - whether a user finds DMA logging, and not a log in the revision's own
 * form
 */
bool expose_dma_logging(const struct expose *expose);

/** expose_understands_reinit() - whether the user accepts that pre-copy begins again */
bool expose_understands_reinit(struct expose *expose);

/** expose_reset() - the device was reset, and the session with it */
void expose_reset(struct expose *expose);

#endif
