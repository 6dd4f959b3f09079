/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Revision v1 of the migration protocol: its two adapters.
 */
#ifndef VFMIG_PROTOCOL_V1_V1_H
#define VFMIG_PROTOCOL_V1_V1_H

#include "protocol/region/offer.h"

/**
 * vfmig_offer_v1_open() - driver side: vfmig_region_offer_open() for v1
 *
 * Which pages were written is not v1's to tell: the address space is asked for them.
 */
int vfmig_offer_v1_open(struct vfmig_session *session, const struct vfmig_region_options *options,
			struct vfmig_region_offer **offer, struct vfmig_error *err);

#endif
