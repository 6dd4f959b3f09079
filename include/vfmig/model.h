/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Models: what the author of a software device writes.
 *
 * A model is one structure: a name, what the device looks like on its bus, a few callbacks, and a table of
 * its state. The kit makes the rest of it: configuration space, BARs, MSI-X, interrupts, DMA with its
 * log, and the whole of migration, of which the author never sees a protocol. docs/models/writing-a-model.md
 * has the smallest complete model, and goes through this file with it.
 *
 * An instance is @size bytes, zeroed, which every callback gets as @self. The options and the state
 * table name places in it.
 *
 * Which thread: the kit calls the callbacks of one instance one at a time, from whatever thread uses or works
 * the device, so that a model without threads of its own needs no lock. They must return soon: register
 * callbacks at once, @run after a quantum of some hundred microseconds. A model may DMA in @run only, or
 * in a thread of its own while it is neither quiesced nor stopped.
 */
#ifndef VFMIG_MODEL_H
#define VFMIG_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vfmig/abi_info.h>
#include <vfmig/device.h>
#include <vfmig/error.h>
#include <vfmig/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An instance's handle on the kit. Good from create() to destroy(). */
struct vfmig_kit;

/* ---- memory of the device ------------------------------------------------------------------- */

/**
 * struct vfmig_block - a block of the device's own memory
 * @bytes: where it is mapped in this process; page-aligned
 * @size: bytes; a multiple of VFMIG_PAGE_SIZE
 *
 * Made by the kit from the state table before create(), of shared memory with a descriptor, so that a BAR can
 * show it to others who map it. Zero at first. In pre-copy only what was written goes again: so whoever
 * writes to @bytes must tell with vfmig_block_mark(). (What the kit writes, trapped accesses to a
 * BAR with the block in it and DMA into the block with vfmig_kit_dma_read(), the kit marks itself.)
 */
struct vfmig_block {
	uint8_t *bytes;
	uint64_t size;
};

/**
 * vfmig_block_mark() - these bytes of a block were written: data first, then the mark
 * @block: which
 * @offset: of the first byte; what lies outside of the block is cut off
 * @len: bytes
 *
 * Costs next to nothing; takes no lock; from any thread.
 */
void vfmig_block_mark(struct vfmig_block *block, uint64_t offset, uint64_t len);

/** vfmig_block_clear() - make a whole block zero, give its pages back to the system, and mark it */
void vfmig_block_clear(struct vfmig_block *block);

/* ---- the state table ------------------------------------------------------------------------ */

enum vfmig_entry_kind {
	VFMIG_ENTRY_END,   /* closes a table */
	VFMIG_ENTRY_FIELD, /* a value in the instance */
	VFMIG_ENTRY_BLOCK, /* a block: the place is a struct vfmig_block * in the instance */
	VFMIG_ENTRY_OLD,   /* a field of former versions: read from their streams, never written */
};

/**
 * struct vfmig_entry - one thing that makes up the state of a model
 * @name: what `vfmig inspect` prints; unique among the table's FIELDs and BLOCKs; at most 64 printable
 *	characters without a space. Those beginning with "pci." are the kit's
 * @kind: see above
 * @offset: where in the instance. Fields are stored as the machine has them: the format is that of
 *	little-endian machines, the only ones that vfmig runs on
 * @size: FIELD, OLD: bytes, at most 1024. BLOCK: bytes, or 0 if @size_at says it
 * @size_at: BLOCK: where in the instance a uint64_t has its size; filled by an option as a rule
 * @since: the model's version in which this entry came, or changed its meaning; 0 is 1, the first
 * @until: OLD: the last version that had it
 * @min: FIELD of 1, 2, 4 or 8 bytes: the least value that is loaded. With a @max of 0 neither is checked
 * @max: see @min. Refused as soon as it arrives, with a sentence that names the field
 * @default_text: FIELD: the value at reset, and the one it gets from a stream older than @since; @size bytes, or NULL
 *	for zeros
 *
 * Loading goes by name and version. A stream from a newer version of the model is refused. One
 * from an older version must have exactly what the table says that version had: a FIELD with @since
 * later than the stream takes its preset; an OLD one is put into its place (give it one of its
 * own, and let loaded() make the new form of it) or, with an @offset of VFMIG_ENTRY_NOWHERE,
 * dropped. A field that changed its meaning stays in the table twice: as FIELD, with the new @since,
 * and as OLD, with the old @since and its @until.
 */
struct vfmig_entry {
	const char *name;
	enum vfmig_entry_kind kind;
	size_t offset;
	uint64_t size;
	size_t size_at;
	uint32_t since, until;
	uint64_t min, max;
	const void *default_text;
};

#define VFMIG_ENTRY_NOWHERE ((size_t)-1)

/* VFMIG_FIELD(struct counter, limit, .max = 100): the entry of a member, by its own name. */
#define VFMIG_FIELD(type, member, ...)                                                             \
	{                                                                                          \
		.name = #member, .kind = VFMIG_ENTRY_FIELD, .offset = offsetof(type, member),      \
		.size = sizeof(((type *)NULL)->member), __VA_ARGS__                                \
	}

/* VFMIG_BLOCK(struct card, memory, .size = 1 << 20): the entry of a member struct vfmig_block *. */
#define VFMIG_BLOCK(type, member, ...)                                                             \
	{                                                                                          \
		.name = #member, .kind = VFMIG_ENTRY_BLOCK, .offset = offsetof(type, member),      \
		__VA_ARGS__                                                                        \
	}

/* ---- what it looks like --------------------------------------------------------------------- */

/**
 * struct vfmig_bar - one base address register
 * @size: bytes; a power of two from 16 up. 0: not there, or, with @memory, as large as it takes
 * @flags: VFMIG_BAR_*
 * @width: the widest access that the registers take: 1, 2, 4 or 8; 0 is 4. Wider ones are split
 * @memory: the name of a block that is in this BAR; accesses to it do not reach the callbacks
 * @memory_at: where in the BAR it begins; a multiple of VFMIG_PAGE_SIZE
 * @mappable_at: for VFMIG_BAR_MAPPABLE_IF: where in the instance a uint64_t is; filled by an option
 */
struct vfmig_bar {
	uint64_t size;
	uint32_t flags;
	uint32_t width;
	const char *memory;
	uint64_t memory_at;
	size_t mappable_at;
};

#define VFMIG_BAR_64	   (1u << 0) /* 64 bits; takes the next BAR's place as well */
#define VFMIG_BAR_PREFETCH (1u << 1) /* prefetchable */
#define VFMIG_BAR_MAPPABLE (1u << 2) /* users may map @memory; see vfmig_device's REGION_FD */
/* the same, if what is at @mappable_at is not 0 when the device is made */
#define VFMIG_BAR_MAPPABLE_IF (1u << 3)

#define VFMIG_BARS	   6
#define VFMIG_MSIX_VECTORS 2048 /* at most */

/**
 * struct vfmig_pci - the device on its bus
 * @vendor: with the next four, as in configuration space
 * @class_code: 24 bits: class, subclass, programming interface
 * @bar: its BARs
 * @msix_vectors: how many, 0 for none
 * @msix_bar: the BAR that the kit makes for the MSI-X table and the pending bits; must not be one of
 *	those above
 * @intx: has a pin, which vfmig_kit_intx() drives
 */
struct vfmig_pci {
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint8_t revision;
	uint32_t class_code;
	struct vfmig_bar bar[VFMIG_BARS];
	unsigned msix_vectors;
	unsigned msix_bar;
	bool intx;
};

/* ---- what else it says of itself ---- */

/**
 * struct vfmig_info_cap - a capability of the device's information
 * @id: VFMIG_DEVICE_CAP_*, or another
 * @version: of it
 * @bytes: what is behind its header
 * @size: how many; at most 4096
 */
struct vfmig_info_cap {
	uint16_t id, version;
	const void *bytes;
	size_t size;
};

/**
 * struct vfmig_own_region - a region of the model's own
 * @size: bytes; 0: not there
 * @flags: VFMIG_REGION_FLAG_READ and _WRITE; the other access is refused
 * @type: with @subtype, what it is; 0: its index says it
 * @subtype: see @type
 *
 * Accesses reach the model's read() and write(), with the region's index as @bar, in aligned pieces of at most 8 bytes.
 */
struct vfmig_own_region {
	uint64_t size;
	uint32_t flags;
	uint32_t type, subtype;
};

#define VFMIG_OWN_REGIONS_MAX 32u
#define VFMIG_OWN_IRQS_MAX    16u

/**
 * struct vfmig_presents - what a device is, where it is more than a PCI device, or none
 * @kind: one of VFMIG_DEVICE_FLAG_PCI, _PLATFORM, _AMBA, _CCW, _AP, _FSL_MC, _CDX
 * @caps: @cap_count capabilities of its information, at most 16
 * @regions: @region_count regions of its own: those of a PCI device begin at VFMIG_PCI_REGION_COUNT, those of
 *	another at 0, as it has no others
 * @irq_count: of a device that is not PCI: how many interrupt indexes it has, with one interrupt each, which
 *	vfmig_kit_irq() raises by its index
 * @msix_mappable: of a PCI device: say so of the BAR with the MSI-X table
 *
 * Of a device that is not PCI, struct vfmig_pci is not looked at.
 */
struct vfmig_presents {
	uint32_t kind;
	const struct vfmig_info_cap *caps;
	size_t cap_count;
	const struct vfmig_own_region *regions;
	uint32_t region_count;
	uint32_t irq_count;
	bool msix_mappable;
};

/* ---- the model ------------------------------------------------------------------------------ */

/**
 * struct vfmig_model - a software device
 * @name: one word; what stands behind "model:"
 * @summary: one line for `vfmig help devices`
 * @version: of its state; 1 at first, one more with each change of the state table
 * @size: bytes of an instance
 * @options: what it takes besides the kit's own (vfmig_model_common_options()), or NULL; the places are in the
 *	instance, filled before create()
 * @pci: what it looks like
 * @state: its state table, closed by VFMIG_ENTRY_END. A model with neither a table nor @save cannot
 *	migrate; an empty table is that of a device without state
 *
 * All callbacks but what a device cannot do without are optional:
 *
 * @create: the instance is there, its options filled in, its blocks made, its fields at their presets.
 *	reset() follows. If it fails, destroy() is not called
 * @destroy: the last callback
 * @presents: what the device is, if it is more than a PCI device with what is in @pci, or none. Asked once, before
 *	create(), with the options filled in; what it returns must stay as long as the instance
 * @reset: become as after power-up. The kit has set all fields to their presets, cleared what was
 *	pending, and ended any migration before. What memory blocks hold is the model's to keep or to clear
 * @read: a register access: @size is 1, 2, 4 or 8, @offset a multiple of it. Reads without a
 *	callback are 0. Never waits, never does DMA
 * @write: the same for writes; what takes time is begun here, with vfmig_kit_wake(), and done in @run
 * @run: do a bounded piece of the work that there is. Called after a kick, while the device runs and has an
 *	address space. Returns whether there is more to do
 *
 * For models with threads of their own (others leave them out, as the kit just does not call @run):
 *
 * @quiesce: begin no DMA any more, wait for what is under way; registers go on working
 * @stop: change nothing any more, inside or outside. Always after quiesce()
 * @resume: back to work, after stop() or quiesce(). If one of the three fails, the device is in state ERROR.
 *	A new device is quiesced: it has no address space yet
 *
 * Low power, for models that have it (@sleep is what offers it; the kit does the rest):
 *
 * @sleep: the user allows the device to sleep and there is nothing to do: save power, and return true. From now on nothing
 *	reaches the model until wake(), and it does no DMA. A model that is not idle (its threads are at work) returns
 *	false, and is asked again after the next access or vfmig_kit_wake()
 * @wake: somebody is about to access the device, or it was kicked: be there again. Registers and memory are as they
 *	were before sleep()
 *
 * State that a table cannot hold:
 *
 * @save: give at most @len bytes of the model's own encoding, of which @offset bytes were given already.
 *	The device is stopped. Returns how many, 0 at the end
 * @load: take the next @len bytes, of which @offset came already. To be mistrusted like any stranger's
 *	bytes: refuse with a sentence at the first that is wrong
 * @saving: the device has stopped and is about to be saved: bring the fields up to date
 * @loaded: all fields have their new values, and @load has had all its bytes: check what belongs together,
 *	and make the rest of the instance fit. The fields are from a stranger. @version is the model's
 *	version that they were saved by. If it fails, the device is reset, and in state ERROR
 */
struct vfmig_model {
	const char *name;
	const char *summary;
	uint32_t version;
	size_t size;
	const struct vfmig_option *options;
	struct vfmig_pci pci;
	const struct vfmig_entry *state;

	const struct vfmig_presents *(*presents)(void *self);
	int (*create)(struct vfmig_kit *kit, void *self, struct vfmig_error *err);
	void (*destroy)(struct vfmig_kit *kit, void *self);
	void (*reset)(struct vfmig_kit *kit, void *self);
	uint64_t (*read)(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
			 unsigned size);
	void (*write)(struct vfmig_kit *kit, void *self, unsigned bar, uint64_t offset,
		      uint64_t value, unsigned size);
	bool (*run)(struct vfmig_kit *kit, void *self);

	int (*quiesce)(struct vfmig_kit *kit, void *self, struct vfmig_error *err);
	int (*stop)(struct vfmig_kit *kit, void *self, struct vfmig_error *err);
	int (*resume)(struct vfmig_kit *kit, void *self, struct vfmig_error *err);

	bool (*sleep)(struct vfmig_kit *kit, void *self);
	void (*wake)(struct vfmig_kit *kit, void *self);

	ssize_t (*save)(struct vfmig_kit *kit, void *self, uint64_t offset, void *buf, size_t len,
			struct vfmig_error *err);
	int (*load)(struct vfmig_kit *kit, void *self, uint64_t offset, const void *buf, size_t len,
		    struct vfmig_error *err);
	void (*saving)(struct vfmig_kit *kit, void *self);
	int (*loaded)(struct vfmig_kit *kit, void *self, uint32_t version, struct vfmig_error *err);
};

/* ---- what a model may ask of the kit: from any thread, at any time, unless said otherwise ---- */

/**
 * vfmig_kit_wake() - there is work: @run is to be called. May be called in any callback
 *
 * A device that sleeps, and may run, is woken by it.
 */
void vfmig_kit_wake(struct vfmig_kit *kit);

/**
 * vfmig_kit_dma_read() - read from the address space of the device's user
 * @kit: whose
 * @iova: where; may cross maps
 * @buf: to where. If that is in one of the model's blocks, the block is marked
 * @len: bytes
 *
 * In @run, or in a thread of the model's while it is neither quiesced nor stopped. May wait, where the
 * memory is only reached by asking.
 *
 * Return: 0; -EFAULT where nothing is mapped or it may not be read (bytes before it may have been read);
 * -ENXIO if the device has no address space; -EBUSY if it may not do DMA now.
 */
int vfmig_kit_dma_read(struct vfmig_kit *kit, uint64_t iova, void *buf, size_t len,
		       struct vfmig_error *err);

/** vfmig_kit_dma_write() - write to it; what was written is in the device's log when this returns */
int vfmig_kit_dma_write(struct vfmig_kit *kit, uint64_t iova, const void *buf, size_t len,
			struct vfmig_error *err);

/**
 * struct vfmig_dma - one piece of a batch
 * @iova: where
 * @buf: from or to where
 * @len: bytes
 * @write: to (true) or from (false) the address space
 * @result: 0 or a negative errno, filled in
 */
struct vfmig_dma {
	uint64_t iova;
	void *buf;
	size_t len;
	bool write;
	int result;
};

/**
 * vfmig_kit_dma() - do several transfers, of which as many may be under way at once as the path takes
 * @kit: whose
 * @batch: @count of them; they may happen in any order, all are tried
 * @count: how many
 *
 * When it returns all have been done. Return: 0, or the first negative @result.
 */
int vfmig_kit_dma(struct vfmig_kit *kit, struct vfmig_dma *batch, size_t count,
		  struct vfmig_error *err);

/**
 * vfmig_kit_irq() - an MSI-X interrupt
 * @kit: whose
 * @vector: which; one that there is not is ignored
 *
 * Signals the vector's eventfd. While the vector or the function is masked, the device is stopped, or
 * nobody has set an eventfd, it stays pending, and is signalled when that has changed.
 */
void vfmig_kit_irq(struct vfmig_kit *kit, unsigned vector);

/** vfmig_kit_intx() - drive the interrupt pin: true asserts it, until false. Level-triggered, as on the bus */
void vfmig_kit_intx(struct vfmig_kit *kit, bool level);

/**
 * vfmig_kit_reinit() - what pre-copy sent so far is worthless, the device became another
 *
 * For a change that rewrites all memory, such as a new firmware or mode. Pre-copy begins its first pass again, and
 * users that understand it (PRECOPY_INFOv2's REINIT) are told.
 */
void vfmig_kit_reinit(struct vfmig_kit *kit);

/* ---- for those who open models -------------------------------------------------------------- */

/**
 * vfmig_model_common_options() - the options that every model takes, for the help
 *
 * migration=all|stop_copy|p2p|pre_copy|off: which of v2's optional states the device shows: both, none, one, the
 * other; or that it cannot migrate. logging=on|off: whether it can tell which pages it wrote.
 *
 * protocol=v2|v1|pfn|v2+v1|v2+pfn: in which revisions of the protocol it is shown; of two, one is in use at a time, from
 * the first change of the state to a reset. For v1's and pfn's migration region: data=trapped|mapped|partly,
 * transaction=SIZE, bitmap=same|apart (pfn), and tell=on|off: whether the region says which of the two it is.
 */
const struct vfmig_option *vfmig_model_common_options(void);

/**
 * vfmig_model_open() - make a device of a model
 * @model: which; must outlive the device
 * @options: "key=value,…" of the model's options and the common ones, or NULL
 * @device: the device, running, without an address space; vfmig_device_close() it
 *
 * For tests and servers that have a model of their own; those in the library are opened by name.
 *
 * Return: 0; -EINVAL if the model contradicts itself or for a wrong option; -ENOMEM; or what create() says.
 */
int vfmig_model_open(const struct vfmig_model *model, const char *options,
		     struct vfmig_device **device, struct vfmig_error *err);

/**
 * vfmig_model_field() - read a field of a model's state by its name
 * @device: made by vfmig_model_open() itself, no filter around it
 * @name: as in the state table, or one of the kit's ("pci.config")
 * @buf: receives at most @size bytes of it
 *
 * Return: the field's size, which may be more than @size; -ENOENT if there is none of that name;
 * -EINVAL if the device is not a model's.
 */
ssize_t vfmig_model_field(struct vfmig_device *device, const char *name, void *buf, size_t size,
			  struct vfmig_error *err);

#ifdef __cplusplus
}
#endif
#endif
