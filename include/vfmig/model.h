/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Models: what the author of a software device writes.
 *
 * A model is one structure: a name, the device's configuration, a few callbacks, and a table of its state. The kit
 * provides the rest: configuration space, BARs, MSI-X, interrupts, DMA with its log, and migration; the author never
 * sees a protocol. docs/models/writing-a-model.md builds the smallest complete model with this header.
 *
 * An instance is @size zeroed bytes, which each callback gets as @self. Options and state table refer to offsets in
 * it.
 *
 * Threads: the kit calls the callbacks of one instance one at a time, from any thread that uses or processes the
 * device, so a model without threads needs no lock. Callbacks must return soon: register accesses immediately, @run
 * after some hundred microseconds of work. A model may do DMA in @run, or in a thread of its own while it is
 * neither quiesced nor stopped.
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

/* An instance's handle of the kit. Valid from create() to destroy(). */
struct vfmig_kit;

/* ---- memory of the device ------------------------------------------------------------------- */

/**
 * struct vfmig_block - a block of the device's own memory
 * @bytes: its mapping in this process; page-aligned
 * @size: in bytes; a multiple of VFMIG_PAGE_SIZE
 *
 * Created by the kit from the state table before create(), zeroed, as shared memory with a descriptor, so that users
 * can map it through a BAR. Pre-copy sends only pages that are marked again: a model that writes to @bytes must call
 * vfmig_block_mark(). (The kit marks what it writes itself, trapped accesses to a BAR that contains the block, and DMA
 * into the block by vfmig_kit_dma_read().)
 */
struct vfmig_block {
	uint8_t *bytes;
	uint64_t size;
};

/**
 * vfmig_block_mark() - mark bytes of a block as written; write the data first, then mark it
 * @block: the block
 * @offset: of the first byte; bytes outside of the block are ignored
 * @len: number of bytes
 *
 * Cheap; takes no lock; may be called from any thread.
 */
void vfmig_block_mark(struct vfmig_block *block, uint64_t offset, uint64_t len);

/** vfmig_block_clear() - zero a block, return its pages to the system, and mark all of it */
void vfmig_block_clear(struct vfmig_block *block);

/* ---- the state table ------------------------------------------------------------------------ */

enum vfmig_entry_kind {
	VFMIG_ENTRY_END,   /* end of the table */
	VFMIG_ENTRY_FIELD, /* a value in the instance */
	VFMIG_ENTRY_BLOCK, /* a block: a struct vfmig_block * in the instance */
	VFMIG_ENTRY_OLD,   /* a field of earlier versions: loaded from their streams, never saved */
};

/**
 * struct vfmig_entry - one entry of a state table
 * @name: printed by `vfmig inspect`; unique among the FIELDs and BLOCKs of the table; at most 64 printable
 *	characters without a space. Names that begin with "pci." are reserved for the kit
 * @kind: enum vfmig_entry_kind
 * @offset: in the instance. Fields are stored in the byte order of the machine; the format is that of
 *	little-endian machines, the only ones that vfmig supports
 * @size: FIELD, OLD: in bytes, at most 1024. BLOCK: in bytes, or 0 if @size_at is set
 * @size_at: BLOCK: offset in the instance of a uint64_t with its size, usually filled by an option
 * @since: version of the model that added this entry or changed its meaning; 0 means 1, the first
 * @until: OLD: the last version that had it
 * @min: FIELD of 1, 2, 4 or 8 bytes: the minimum that is loaded. Not checked if @max is 0
 * @max: the maximum that is loaded; 0: no check. A value out of range fails the load as soon as it arrives
 * @default_text: FIELD: the value at reset, and when loaded from a stream older than @since; @size bytes, or NULL
 *	for zeros
 *
 * Fields are matched by name and version. A stream from a newer version of the model is rejected. A stream
 * from an older version must contain exactly what the table lists for that version: a FIELD with @since
 * later than the stream gets its default. An OLD field is loaded into its offset (reserve a member for it and convert
 * it in loaded()), or skipped if its @offset is VFMIG_ENTRY_NOWHERE. A field whose meaning changed has two entries:
 * a FIELD with the new @since, and an OLD with the old @since and its @until.
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

/* VFMIG_FIELD(struct counter, limit, .max = 100): the entry of a member, with the member's name. */
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

/* ---- configuration -------------------------------------------------------------------------- */

/**
 * struct vfmig_bar - one base address register
 * @size: in bytes; a power of two, at least 16. 0: none, or, with @memory, large enough for it
 * @flags: VFMIG_BAR_*
 * @width: widest access to the registers: 1, 2, 4 or 8 bytes; 0 means 4. Wider accesses are split
 * @memory: name of a block in this BAR; accesses to it do not reach the callbacks
 * @memory_at: offset of the block in the BAR; a multiple of VFMIG_PAGE_SIZE
 * @mappable_at: VFMIG_BAR_MAPPABLE_IF: offset in the instance of a uint64_t, filled by an option
 */
struct vfmig_bar {
	uint64_t size;
	uint32_t flags;
	uint32_t width;
	const char *memory;
	uint64_t memory_at;
	size_t mappable_at;
};

#define VFMIG_BAR_64	   (1u << 0) /* 64 bits; uses the next BAR as well */
#define VFMIG_BAR_PREFETCH (1u << 1) /* prefetchable */
#define VFMIG_BAR_MAPPABLE (1u << 2) /* users may map @memory (VFMIG_OP_REGION_FD) */
/* users may map @memory if the value at @mappable_at is not 0 when the device is created */
#define VFMIG_BAR_MAPPABLE_IF (1u << 3)

#define VFMIG_BARS	   6
#define VFMIG_MSIX_VECTORS 2048 /* maximum */

/**
 * struct vfmig_pci - the PCI configuration of a device
 * @vendor: vendor id
 * @device: device id
 * @subsystem_vendor: subsystem vendor id
 * @subsystem: subsystem id
 * @revision: revision id
 * @class_code: 24 bits: class, subclass, programming interface
 * @bar: its BARs
 * @msix_vectors: number of MSI-X vectors; 0: no MSI-X
 * @msix_bar: the BAR that the kit creates for the MSI-X table and the pending bits; its entry in @bar must be empty
 * @intx: has an interrupt pin, driven by vfmig_kit_intx()
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

/* ---- additional information ---- */

/**
 * struct vfmig_info_cap - a capability of the device's information
 * @id: VFMIG_DEVICE_CAP_*, or another
 * @version: version of the capability
 * @bytes: the bytes after its header
 * @size: number of these bytes; at most 4096
 */
struct vfmig_info_cap {
	uint16_t id, version;
	const void *bytes;
	size_t size;
};

/**
 * struct vfmig_model_region - an additional region of the model
 * @size: in bytes; 0: the region does not exist
 * @flags: VFMIG_REGION_FLAG_READ and _WRITE; other accesses fail
 * @type: with @subtype, the type of the region; 0: identified by its index
 * @subtype: see @type
 *
 * Accesses call the model's read() and write() with the region's index as @bar, in aligned pieces of at most 8 bytes.
 */
struct vfmig_model_region {
	uint64_t size;
	uint32_t flags;
	uint32_t type, subtype;
};

#define VFMIG_MODEL_REGIONS_MAX 32u
#define VFMIG_MODEL_IRQS_MAX	16u

/**
 * struct vfmig_model_info - a device that is more than a PCI device, or not one
 * @kind: one of VFMIG_DEVICE_FLAG_PCI, _PLATFORM, _AMBA, _CCW, _AP, _FSL_MC, _CDX
 * @caps: array of capabilities of the device's information
 * @cap_count: number of @caps; at most 16
 * @regions: array of additional regions; their indexes begin at VFMIG_PCI_REGION_COUNT in a PCI device, at 0 in another
 * @region_count: number of @regions
 * @irq_count: of a device that is not PCI: number of interrupt indexes, with one interrupt each, raised by
 *	vfmig_kit_irq() with the index
 * @msix_mappable: of a PCI device: the BAR with the MSI-X table has the capability MSIX_MAPPABLE
 *
 * For a device that is not PCI, struct vfmig_pci is ignored.
 */
struct vfmig_model_info {
	uint32_t kind;
	const struct vfmig_info_cap *caps;
	size_t cap_count;
	const struct vfmig_model_region *regions;
	uint32_t region_count;
	uint32_t irq_count;
	bool msix_mappable;
};

/* ---- the model ------------------------------------------------------------------------------ */

/**
 * struct vfmig_model - a software device
 * @name: one word; the device is opened as "model:NAME"
 * @summary: one line for `vfmig help devices`
 * @version: version of its state; 1 at first, incremented with each change of the state table
 * @size: of an instance, in bytes
 * @options: options in addition to the kit's (vfmig_model_common_options()), or NULL; their offsets are in the
 *	instance, and they are set before create()
 * @pci: the PCI configuration
 * @state: the state table, terminated by VFMIG_ENTRY_END. A model with neither a table nor @save cannot
 *	migrate; the table of a device without state is empty
 *
 * Callbacks are optional, except those without which the device cannot work:
 *
 * @create: the instance exists, with its options set, its blocks created and its fields at their defaults.
 *	reset() follows. If it fails, destroy() is not called
 * @destroy: the last callback
 * @info: describes a device that is more than a PCI device with @pci, or not one. Called once, before create(),
 *	with the options set; the result must stay valid as long as the instance
 * @reset: return to the state after power-up. The kit has set all fields to their defaults, cleared pending interrupts,
 *	and ended a migration. The model decides whether memory blocks keep their contents
 * @read: read a register: @size is 1, 2, 4 or 8, @offset a multiple of it. Without the callback reads
 *	return 0. Must not wait or do DMA
 * @write: write a register, likewise. Long work is only started here, with vfmig_kit_wake(), and done in @run
 * @run: do a bounded amount of work. Called after vfmig_kit_wake() while the device runs and is attached to a space.
 *	Returns whether there is more work
 *
 * For models with threads (for others the kit stops calling @run, and these are NULL):
 *
 * @quiesce: start no more DMA and wait for DMA in flight; registers keep working
 * @stop: change nothing any more, inside or outside. Always called after quiesce()
 * @resume: continue after stop() or quiesce(). If one of the three fails, the device enters the state ERROR.
 *	A new device is quiesced, since it is attached to no space yet
 *
 * Low power, for models that support it (@sleep makes the kit offer the feature):
 *
 * @sleep: the user allows the device to sleep, and it has no work: save power and return true. Until wake() no other
 *	callback is called, and the model must not do DMA. A model that is busy (in its threads) returns
 *	false and is called again after the next access or vfmig_kit_wake()
 * @wake: an access or vfmig_kit_wake() needs the device: be ready again. Registers and memory are as before sleep()
 *
 * State that a table cannot describe:
 *
 * @save: write at most @len bytes of the model's own encoding into @buf, from byte @offset of it. The device is stopped.
 *	Returns the number of bytes, 0 at the end
 * @load: load the next @len bytes, from byte @offset of the encoding. They are untrusted: fail with a sentence
 *	at the first invalid byte
 * @saving: the device has stopped and is about to be saved: update the fields
 * @loaded: all fields have their new values, and @load has received all bytes: check that they are consistent,
 *	and update the rest of the instance. The fields are untrusted. @version is the version of the
 *	model that saved them. If it fails, the device is reset and enters the state ERROR
 */
struct vfmig_model {
	const char *name;
	const char *summary;
	uint32_t version;
	size_t size;
	const struct vfmig_option *options;
	struct vfmig_pci pci;
	const struct vfmig_entry *state;

	const struct vfmig_model_info *(*info)(void *self);
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

/* ---- functions for models; may be called from any thread at any time, unless documented otherwise ---- */

/**
 * vfmig_kit_wake() - request a call of @run; may be called in any callback
 *
 * Wakes a device that sleeps, if it may run.
 */
void vfmig_kit_wake(struct vfmig_kit *kit);

/**
 * vfmig_kit_dma_read() - read from the space that the device is attached to
 * @kit: the kit of the instance
 * @iova: address in the space; the range may cross maps
 * @buf: destination. If it is in a block of the model, the block is marked
 * @len: in bytes
 *
 * May be called in @run, or in a thread of the model while it is neither quiesced nor stopped. May wait for a client
 * that does not share its memory.
 *
 * Return: 0; -EFAULT where nothing is mapped or reading is not allowed (bytes before it may have been read); -ENXIO if the
 * device is attached to no space; -EBUSY if it must not do DMA now.
 */
int vfmig_kit_dma_read(struct vfmig_kit *kit, uint64_t iova, void *buf, size_t len,
		       struct vfmig_error *err);

/**
 * vfmig_kit_dma_write() - write to the space; the written pages are in the device's log when it returns
 */
int vfmig_kit_dma_write(struct vfmig_kit *kit, uint64_t iova, const void *buf, size_t len,
			struct vfmig_error *err);

/**
 * struct vfmig_dma - one transfer of a batch
 * @iova: address in the space
 * @buf: source or destination in this process
 * @len: in bytes
 * @write: true: to the space; false: from it
 * @result: filled in: 0 or a negative errno
 */
struct vfmig_dma {
	uint64_t iova;
	void *buf;
	size_t len;
	bool write;
	int result;
};

/**
 * vfmig_kit_dma() - do several transfers, in parallel where the connection allows it
 * @kit: the kit of the instance
 * @batch: array of @count transfers; they are done in any order, and all are attempted
 * @count: number of transfers
 *
 * All transfers are complete when it returns. Return: 0, or the first negative @result.
 */
int vfmig_kit_dma(struct vfmig_kit *kit, struct vfmig_dma *batch, size_t count,
		  struct vfmig_error *err);

/**
 * vfmig_kit_irq() - raise an MSI-X interrupt
 * @kit: the kit of the instance
 * @vector: the vector; ignored if it does not exist
 *
 * Signals the eventfd of the vector. While the vector or the function is masked, the device is stopped, or no
 * eventfd is set, the interrupt stays pending; it is signalled when that changes.
 */
void vfmig_kit_irq(struct vfmig_kit *kit, unsigned vector);

/**
 * vfmig_kit_intx() - drive the interrupt pin: true asserts it until false. Level-triggered, as on the bus
 */
void vfmig_kit_intx(struct vfmig_kit *kit, bool level);

/**
 * vfmig_kit_reinit() - discard what pre-copy has sent so far, since the device's state was replaced
 *
 * For a change that rewrites all memory, such as a new firmware or mode. Pre-copy starts its first pass again, and
 * users that support it (PRECOPY_INFOv2's REINIT) are notified.
 */
void vfmig_kit_reinit(struct vfmig_kit *kit);

/* ---- opening models ------------------------------------------------------------------------- */

/**
 * vfmig_model_common_options() - the options that every model has, for help texts
 *
 * migration=all|stop_copy|p2p|pre_copy|off: the optional states of v2 that the device has: both, none, P2P only, PRE_COPY
 * only; off: it cannot migrate. logging=on|off: whether it logs dirty pages.
 *
 * protocol=v2|v1|pfn|v2+v1|v2+pfn: the revisions of the protocol by which it is exposed; of two, one is in use at a time,
 * from the first state change until a reset. For the migration region of v1 and pfn: data=trapped|mapped|partly,
 * transaction=SIZE, bitmap=same|apart (pfn), and tell=on|off: whether the region has the capability REVISION.
 */
const struct vfmig_option *vfmig_model_common_options(void);

/**
 * vfmig_model_open() - create a device from a model
 * @model: the model; must outlive the device
 * @options: "key=value,..." of the model's options and the common ones, or NULL
 * @device: the device, running and attached to no space; the caller calls vfmig_device_close()
 *
 * For tests and servers with models of their own; vfmig_open() opens the models of the library.
 *
 * Return: 0; -EINVAL for an inconsistent model or an invalid option; -ENOMEM; or the error of create().
 */
int vfmig_model_open(const struct vfmig_model *model, const char *options,
		     struct vfmig_device **device, struct vfmig_error *err);

/**
 * vfmig_model_get_field() - read a field of a model's state by its name
 * @device: from vfmig_model_open(), without a filter
 * @name: from the state table, or one of the kit's ("pci.config")
 * @buf: receives at most @size bytes of the field
 * @size: of @buf, in bytes
 *
 * Return: the size of the field, which may exceed @size; -ENOENT if the model has no such field;
 * -EINVAL if the device is not a model.
 */
ssize_t vfmig_model_get_field(struct vfmig_device *device, const char *name, void *buf, size_t size,
			      struct vfmig_error *err);

#ifdef __cplusplus
}
#endif
#endif
