/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Negotiation: HELLO, the description of the source's devices and maps, and whether it fits the destination.
 *
 * It has what both ends must have in common so that the destination can load the data of the devices and the pages of
 * memory. docs/stream.md lists the JSON.
 */
#ifndef ENGINE_NEGOTIATION_H
#define ENGINE_NEGOTIATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/migration.h>

/* Regions and interrupt indexes of a device that are described; more are ignored. */
#define NEGOTIATION_REGIONS 32u
#define NEGOTIATION_IRQS    16u
#define NEGOTIATION_WORD    31u /* bytes of the name of a protocol */

/* The identification of a PCI device in its configuration space. */
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

/* Describe this end; queries the devices. */
int negotiation_make(struct vfmig_migration *m, struct negotiation **negotiation,
		     struct vfmig_error *err);
/* Check @json, the description of this end: decode it, and compare it with a second query of the devices. */
int negotiation_check(struct vfmig_migration *m, const char *json, size_t len,
		      struct vfmig_error *err);
/* An empty description. */
struct negotiation *negotiation_new(uint32_t devices, uint32_t regions);
void negotiation_free(struct negotiation *negotiation);
/* Encode as JSON; free() it. NULL without memory. */
char *negotiation_encode(const struct negotiation *negotiation, size_t *len);
/* Decode the JSON of a peer: -EBADMSG names the key that is wrong. */
int negotiation_decode(const char *json, size_t len, struct negotiation **negotiation,
		       struct vfmig_error *err);

/**
 * negotiation_fits() - whether the source's devices and maps fit those of this end
 * @there: the description of the source
 * @here: the description of this end
 * @order: for each device of @there, its index in @here
 *
 * Return: 0, or -EMEDIUMTYPE with all the differences, as many as a sentence holds.
 */
int negotiation_fits(const struct negotiation *there, const struct negotiation *here,
		     uint32_t *order, struct vfmig_error *err);

#endif
