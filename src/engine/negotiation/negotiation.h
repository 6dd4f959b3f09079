/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HELLO: what one end is, said to the other.
 *
 * What is in it is what the two ends must have in common for a device's data and memory's pages to make
 * sense at the other: docs/stream.md lists the JSON.
 */
#ifndef ENGINE_NEGOTIATION_H
#define ENGINE_NEGOTIATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/migration.h>

/* Regions and interrupt indexes of a device that are told; more are not looked at. */
#define NEGOTIATION_REGIONS 32u
#define NEGOTIATION_IRQS    16u
#define NEGOTIATION_WORD    31u /* bytes of a protocol's name */

/* The part of configuration space that says what a PCI device is. */
struct negotiation_pci {
	uint32_t vendor, device, revision, class_code, subsystem_vendor, subsystem;
};

struct negotiation_device {
	char id[VFMIG_MIGRATION_ID_MAX + 1];
	char protocol[NEGOTIATION_WORD + 1];
	uint64_t flags; /* VFMIG_MIGRATION_ */
	bool pci;
	struct negotiation_pci ids;
	uint32_t region_count, irq_count;
	struct {
		uint64_t size;
		uint32_t flags; /* VFMIG_REGION_FLAG_READ, _WRITE */
	} regions[NEGOTIATION_REGIONS];
	uint32_t irqs[NEGOTIATION_IRQS]; /* vectors of each index */
};

struct negotiation_memory {
	uint32_t space;
	uint32_t prot;
	uint64_t iova, size;
};

struct negotiation {
	uint32_t device_count, region_count;
	struct negotiation_device *devices;
	struct negotiation_memory *regions;
};

/* Describe this end; asks the devices. */
int negotiation_make(struct vfmig_migration *m, struct negotiation **negotiation,
		     struct vfmig_error *err);
/* Whether @json is a description of this end that holds: read back, and compared with a second answer of the devices. */
int negotiation_check(struct vfmig_migration *m, const char *json, size_t len,
		      struct vfmig_error *err);
/* An empty one. */
struct negotiation *negotiation_new(uint32_t devices, uint32_t regions);
void negotiation_free(struct negotiation *negotiation);
/* As JSON; free() it. NULL without memory. */
char *negotiation_encode(const struct negotiation *negotiation, size_t *len);
/* From JSON of a peer: -EBADMSG with what is wrong in it. */
int negotiation_decode(const char *json, size_t len, struct negotiation **negotiation,
		       struct vfmig_error *err);

/**
 * negotiation_fits() - does what comes fit what is here?
 * @there: the source
 * @here: this end
 * @order: for each device of @there, which of @here it is
 *
 * Return: 0, or -EMEDIUMTYPE with all the differences, as many as a sentence holds.
 */
int negotiation_fits(const struct negotiation *there, const struct negotiation *here,
		     uint32_t *order, struct vfmig_error *err);

#endif
