/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the kit, which turns a model into a device.
 *
 * Locks and their purpose. None is held while a request is completed.
 *
 *   the gate (gate.c)  admits one thread at a time to the model. It is not a lock that a thread
 *                      waits for: a request that arrives while another is in the model is parked,
 *                      and the thread inside executes it before leaving. So a device whose model
 *                      waits for a slow DMA never blocks the thread that has to bring the answer.
 *   session_lock       the migration's state and its data. Pre-copy is read under it alone, so
 *                      that reading goes on while the model runs.
 *   irq.lock           interrupts: the model's threads raise them, the user sets them up.
 *   power.lock         innermost: whether the device may sleep, and whether a region's
 *                      descriptor was given away.
 *
 * Lock order: the gate, session_lock, irq.lock.
 */
#ifndef MODEL_KIT_H
#define MODEL_KIT_H

#include <vfmig/model.h>
#include <vfmig/space.h>

#include "device/page_log.h"
#include "abi/device_info.h"
#include "device/session.h"
#include "dirty/map.h"
#include "protocol/expose.h"

#define KIT_CONFIG_SIZE 256u
#define KIT_PAGE	4096u
#define KIT_BLOCK_MAX	(1ull << 46) /* the largest block that is created */

/* The options that every model takes, parsed into the memory in front of the instance. */
struct kit_options {
	uint64_t migration; /* enum kit_migration */
	bool logging;
	struct expose_options show;
};

/*
 * A block of device memory.
 * @block: what the model sees; first
 * @fd: of its memory; the block begins at @front of it, so that a BAR in which the block
 *	does not begin at 0 is mapped at the same offsets
 * @dirty: pages written since they were last saved
 * @shared: another process has a descriptor and may write without being logged
 */
struct kit_block {
	struct vfmig_block block;
	const char *name;
	int fd;
	uint64_t front;
	struct vfmig_dirty *dirty;
	atomic_bool shared;
};

/*
 * One entry of the state: the model's table and the kit's own, in one list.
 * @place: the value's address; NULL for an OLD entry, which is dropped
 * @stage: offset in vfmig_kit.stage at which an arriving value waits until all have
 *	arrived
 * @check: validates an arriving value; for the kit's own entries
 */
struct kit_entry {
	const char *name;
	enum vfmig_entry_kind kind;
	void *place;
	uint64_t size;
	uint32_t since, until;
	uint64_t min, max;
	const void *default_text;
	struct kit_block *block;
	bool ours;
	int (*check)(struct vfmig_kit *kit, const struct kit_entry *entry, const void *value,
		     struct vfmig_error *err);
	size_t stage;
	char own_name[24];
};

/* A BAR with its computed layout. */
struct kit_bar {
	uint64_t size; /* 0: not present */
	uint32_t flags;
	uint32_t width;
	bool msix;
	struct kit_block *memory;
	uint64_t memory_at;
};

struct kit_irqs {
	pthread_mutex_t lock;
	unsigned vectors;
	bool halted;		/* the device is stopped and signals nothing */
	bool function_masked;	/* in MSI-X's control word */
	bool intx_disabled;	/* in the command word */
	bool intx_masked;	/* by SET_IRQS, or because it was signalled */
	uint8_t intx_level;	/* the pin */
	int intx_fd, unmask_fd; /* INTx's eventfds */
	int req_fd;		/* the eventfd of REQ */
	unsigned msix_set;	/* entries in @msix_fd */
	int *msix_fd;		/* an eventfd for each vector, or -1 */
	uint8_t *msix_masked;	/* by SET_IRQS */
	uint8_t *table;		/* MSI-X table: 16 bytes for each vector */
	uint8_t *pending;	/* a bit for each vector, in whole words of 64 */
	size_t table_size, pending_size;
};

enum kit_level { KIT_STOPPED, KIT_QUIESCED, KIT_RUNS };

/*
 * Low power (power.c).
 * @allowed: the user allows it; changes inside the gate and under @lock
 * @asleep: the model has agreed; changes inside the gate
 * @wake_fd: the eventfd to signal when the device wakes, or -1; inside the gate
 * @handed_out: a descriptor of a region was given away, of @handed_region; under @lock
 */
struct kit_power {
	pthread_mutex_t lock;
	atomic_bool allowed, asleep;
	int wake_fd;
	bool handed_out;
	uint32_t handed_region;
};

struct vfmig_kit {
	struct vfmig_device device; /* first */
	const struct vfmig_model *model;
	struct kit_options *options;
	struct vfmig_option *option_table; /* the kit's and the model's, for parsing */
	void *self;			   /* the instance */
	bool created;

	/* the gate */
	pthread_mutex_t gate_lock;
	bool gate_taken;
	bool gate_run;		      /* process() found the gate taken */
	struct inner_list gate_queue; /* parked */

	/* work */
	int work_fd; /* an eventfd */
	int poll_fd; /* polled by users: an epoll with @work_fd and INTx's unmask eventfd */
	atomic_bool kicked;
	atomic_bool awake;	   /* @work_fd is readable */
	atomic_bool watched;	   /* INTx's unmask eventfd is in @poll_fd */
	_Atomic(pthread_t) worker; /* the last thread that checked whether the device is idle, */
	atomic_bool has_worker;	   /* if a thread has */
	atomic_bool restless;	   /* another thread has made @work_fd readable since */
	_Atomic(enum kit_level) level; /* the level that the model was last set to */
	_Atomic(struct vfmig_space *) space;

	/* state */
	struct kit_block *blocks;
	unsigned block_count;
	struct kit_entry *entries;
	unsigned entry_count;
	uint8_t *stage;

	/* the description, and the bus */
	const struct vfmig_model_info *info;
	bool is_pci;
	uint32_t own_regions;  /* the index of the model's first own region, */
	uint32_t region_count; /* and the number of all regions */
	struct abi_cap_said caps[ABI_CAPS_MAX];
	uint8_t config[KIT_CONFIG_SIZE];
	uint8_t config_mask[KIT_CONFIG_SIZE]; /* the writable bits */
	struct kit_bar bar[VFMIG_BARS];
	struct kit_irqs irq;
	struct kit_power power;

	/* migration */
	pthread_mutex_t session_lock;
	struct vfmig_session session;
	enum vfmig_state state;
	atomic_bool reinit;
	struct kit_save *save;
	struct kit_load *load;
	struct page_log log; /* always zeros with logging=off */
	struct expose show;
};

/* ---- open.c ---- */

extern const struct device_ops kit_ops;

/* Frees everything, last of all; also after an open that failed half-way. */
void kit_free(struct vfmig_kit *kit);

static inline struct vfmig_kit *kit_of(struct vfmig_device *device)
{
	return (struct vfmig_kit *)device;
}

/* ---- gate.c ---- */

/* Execute a request in the model: now, or when the thread inside has finished. */
void kit_enter(struct vfmig_kit *kit, struct vfmig_request *request);
/*
 * The same for a request that was not dispatched yet: inside, it is submitted again, to a device
 * that is awake.
 */
void kit_enter_awake(struct vfmig_kit *kit, struct vfmig_request *request);
bool kit_take_back(struct vfmig_kit *kit, struct vfmig_request *request);
int kit_process(struct vfmig_device *device, struct vfmig_error *err);

/* ---- kit.c ---- */

/* Executes a request inside the gate. */
void kit_execute(struct vfmig_kit *kit, struct vfmig_request *request, bool is_new);
/* Bring the model to the level that the state and the space allow. Inside the gate. */
int kit_settle(struct vfmig_kit *kit, enum vfmig_state state, struct vfmig_error *err);
/*
 * Set fields to their defaults and the bus to power-up, and call the model's reset. Inside the
 * gate.
 */
void kit_power_up(struct vfmig_kit *kit);
/* The device has work: wake its thread. */
void kit_wake(struct vfmig_kit *kit);

/* ---- power.c ---- */

void kit_power_open(struct vfmig_kit *kit);
void kit_power_close(struct vfmig_kit *kit);
/* Inside the gate: the device has work; the device has no work left (and low power is allowed). */
void kit_power_wake(struct vfmig_kit *kit);
void kit_power_rest(struct vfmig_kit *kit);
/* A FEATURE request that no other code handles; and one of low power, inside the gate. */
void kit_power_submit(struct vfmig_kit *kit, struct vfmig_request *request);
ssize_t kit_power_feature(struct vfmig_kit *kit, struct vfmig_request *request);
/* A descriptor of a region is about to be given away; false if that is refused. */
bool kit_power_hands_out(struct vfmig_kit *kit, uint32_t region);

/* ---- block.c ---- */

int kit_block_open(struct kit_block *block, const char *name, uint64_t size, uint64_t front,
		   struct vfmig_error *err);
void kit_block_close(struct kit_block *block);
/* Zero a range without touching pages that are zero because they were never written. */
void kit_block_zero(struct kit_block *block, uint64_t offset, uint64_t len);
/* Write bytes to untouched pages. */
int kit_block_fill(struct kit_block *block, uint64_t offset, const void *data, size_t len);
/* The end of the stretch at @offset that is all data or (*data false) was never touched. */
uint64_t kit_block_extent(const struct kit_block *block, uint64_t offset, bool *data);
/* The memory that the block really takes; never more than its size. */
uint64_t kit_block_used(const struct kit_block *block);
/* Compare and copy bytes that another thread may be writing at the same time. */
bool kit_all_zero(const void *bytes, size_t len);
void kit_copy(void *to, const void *from, size_t len);
/*
 * Whether other threads may read memory that the model writes; false if that would be reported as
 * a race.
 */
extern const bool kit_lends;

/* ---- entries.c ---- */

int kit_entries_open(struct vfmig_kit *kit, struct vfmig_error *err);
void kit_entries_close(struct vfmig_kit *kit);
/* Set up the blocks from the table. Comes before the BARs and so before the entries. */
int kit_blocks_open(struct vfmig_kit *kit, struct vfmig_error *err);
struct kit_block *kit_block_named(struct vfmig_kit *kit, const char *name);
void kit_apply_defaults(struct vfmig_kit *kit);

/* ---- info.c ---- */

/* Check the model's description; comes before everything that depends on it. */
int kit_info_open(struct vfmig_kit *kit, struct vfmig_error *err);
/* The model's own region at an index, or NULL. */
const struct vfmig_model_region *kit_own_region(const struct vfmig_kit *kit, uint32_t index);

/* ---- pci.c, bar.c ---- */

int kit_pci_open(struct vfmig_kit *kit, struct vfmig_error *err);
void kit_pci_reset(struct vfmig_kit *kit);
void kit_config_read(struct vfmig_kit *kit, uint32_t offset, void *buf, uint32_t len);
void kit_config_write(struct vfmig_kit *kit, uint32_t offset, const void *buf, uint32_t len);
/* The configuration space was changed as a whole: apply the effects. */
void kit_config_loaded(struct vfmig_kit *kit);
int kit_config_check(struct vfmig_kit *kit, const struct kit_entry *entry, const void *value,
		     struct vfmig_error *err);

ssize_t kit_device_info(struct vfmig_kit *kit, struct vfmig_request *request); /* info.c */
ssize_t kit_region_info(struct vfmig_kit *kit, struct vfmig_request *request);
/* Whether the region has a descriptor. */
bool kit_mappable(const struct vfmig_kit *kit, uint32_t index);
ssize_t kit_region_fd(struct vfmig_kit *kit, struct vfmig_request *request);
/* Checks an access; true if it was only to memory and is done. */
bool kit_region_quick(struct vfmig_kit *kit, struct vfmig_request *request, ssize_t *result);
/* Executes the other accesses, inside the gate. */
void kit_region_access(struct vfmig_kit *kit, struct vfmig_request *request);

/* ---- irq.c, set_irqs.c ---- */

int kit_irqs_open(struct vfmig_kit *kit, struct vfmig_error *err);
void kit_irqs_close(struct vfmig_kit *kit);
void kit_irqs_reset(struct vfmig_kit *kit);
void kit_irqs_halt(struct vfmig_kit *kit, bool halted);
/* Masks or the pin have changed: signal what may be signalled now. Called with irq.lock held. */
void kit_irqs_deliver(struct vfmig_kit *kit);
/* The same without irq.lock, after the relevant words of configuration space have changed. */
void kit_irqs_config(struct vfmig_kit *kit, bool function_masked, bool intx_disabled);
void kit_msix_access(struct vfmig_kit *kit, uint64_t offset, void *buf, uint32_t len, bool write);
uint64_t kit_msix_size(unsigned vectors);
uint32_t kit_msix_pba(unsigned vectors);
void kit_signal(int fd);
/* Only eventfds are accepted: writing to another descriptor could block or do harm. */
bool kit_is_eventfd(int fd);
/* INTx's unmask eventfd is readable. */
void kit_unmask_poll(struct vfmig_kit *kit);
ssize_t kit_irq_info(struct vfmig_kit *kit, struct vfmig_request *request);
ssize_t kit_set_irqs(struct vfmig_kit *kit, struct vfmig_request *request);

/* ---- states.c ---- */

extern const struct session_ops kit_session_ops;

void kit_session_execute(struct vfmig_kit *kit, struct vfmig_request *request);
/* End any migration and run. Inside the gate. */
ssize_t kit_reset(struct vfmig_kit *kit, struct vfmig_error *err);

/* ---- save.c: all but open are called with session_lock held ---- */

int kit_save_open(struct vfmig_kit *kit, struct kit_save **save, struct vfmig_error *err);
void kit_save_close(struct kit_save *save);
/*
 * The device has stopped: snapshot the fields, and report everything from here on. Inside the
 * gate.
 */
int kit_save_stop(struct kit_save *save, struct vfmig_error *err);
/* @lent may be NULL: everything is copied to @buf then. */
ssize_t kit_save_read(struct kit_save *save, void *buf, size_t len, struct vfmig_lent *lent,
		      struct vfmig_error *err);
void kit_save_precopy(struct kit_save *save, struct vfmig_precopy_info *info);
/* An upper bound of what is left to read; @save may be NULL: the whole device then. */
uint64_t kit_save_left(struct vfmig_kit *kit, struct kit_save *save);

/* ---- load.c: called with session_lock held, too ---- */

int kit_load_open(struct vfmig_kit *kit, struct kit_load **load, struct vfmig_error *err);
void kit_load_close(struct kit_load *load);
int kit_load_write(struct kit_load *load, const void *buf, size_t len, struct vfmig_error *err);
/* Checks that all of the state has arrived. Changes nothing on failure. */
int kit_load_complete(struct kit_load *load, struct vfmig_error *err);
/* Puts the state in place; on failure the device needs a reset. */
int kit_load_apply(struct kit_load *load, struct vfmig_error *err);

#endif
