/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HELLO: what one end is, said to the other.
 *
 * What is in it is what the two ends must have in common for a device's data and memory's pages to make
 * sense at the other: docs/stream.md lists the JSON.
 */
#ifndef VFMIG_ENGINE_HELLO_H
#define VFMIG_ENGINE_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfmig/migration.h>

/* Regions and interrupt indexes of a device that are told; more are not looked at. */
#define VFMIG_HELLO_REGIONS 32u
#define VFMIG_HELLO_IRQS    16u
#define VFMIG_HELLO_WORD    31u /* bytes of a protocol's name */

/* The part of configuration space that says what a PCI device is. */
struct vfmig_hello_pci {
	uint32_t vendor, device, revision, class_code, subsystem_vendor, subsystem;
};

struct vfmig_hello_device {
	char id[VFMIG_MIGRATION_ID_MAX + 1];
	char protocol[VFMIG_HELLO_WORD + 1];
	uint64_t flags; /* VFMIG_MIGRATION_ */
	bool pci;
	struct vfmig_hello_pci ids;
	uint32_t nr_regions, nr_irqs;
	struct {
		uint64_t size;
		uint32_t flags; /* VFMIG_REGION_FLAG_READ, _WRITE */
	} regions[VFMIG_HELLO_REGIONS];
	uint32_t irqs[VFMIG_HELLO_IRQS]; /* vectors of each index */
};

struct vfmig_hello_memory {
	uint32_t space;
	uint32_t prot;
	uint64_t iova, size;
};

struct vfmig_hello {
	uint32_t nr_devices, nr_regions;
	struct vfmig_hello_device *devices;
	struct vfmig_hello_memory *regions;
};

/* Describe this end; asks the devices. */
int vfmig_hello_make(struct vfmig_migration *m, struct vfmig_hello **hello,
		     struct vfmig_error *err);
/* Whether @json is a description of this end that holds: read back, and compared with a second answer of the devices. */
int vfmig_hello_check(struct vfmig_migration *m, const char *json, size_t len,
		      struct vfmig_error *err);
/* An empty one. */
struct vfmig_hello *vfmig_hello_new(uint32_t devices, uint32_t regions);
void vfmig_hello_free(struct vfmig_hello *hello);
/* As JSON; free() it. NULL without memory. */
char *vfmig_hello_encode(const struct vfmig_hello *hello, size_t *len);
/* From JSON of a peer: -EBADMSG with what is wrong in it. */
int vfmig_hello_decode(const char *json, size_t len, struct vfmig_hello **hello,
		       struct vfmig_error *err);

/**
 * vfmig_hello_fits() - does what comes fit what is here?
 * @there: the source
 * @here: this end
 * @order: for each device of @there, which of @here it is
 *
 * Return: 0, or -EMEDIUMTYPE with all the differences, as many as a sentence holds.
 */
int vfmig_hello_fits(const struct vfmig_hello *there, const struct vfmig_hello *here,
		     uint32_t *order, struct vfmig_error *err);

#endif
