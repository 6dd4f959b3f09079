/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The workload of the demo: work that shows every lost page or completion, and every operation that
 * was done twice.
 *
 * A file lies in chunks in guest memory. Step by step a copier moves it: all chunks to its board,
 * then all back, and so on, each time to another place. A chunk's old place is overwritten
 * immediately, so that only one copy of it exists, half the time on board. One step is four
 * descriptors:
 *
 *	COPY		the chunk to its new place, on the other side
 *	CHECKSUM	it there; the workload has the expected result
 *	FILL		its old place with something that was nowhere before
 *	ADD		{1, step} to one of the entries of a ledger, of which one is on board and one in guest memory
 *
 * A page that is lost leaves a chunk (or what was there before it) wrong; a completion that is lost or comes twice breaks
 * the row of sequence numbers; a descriptor that is done twice, or not, leaves a ledger wrong.
 *
 * All state of the workload is in guest memory, and is written there by the CPU. So the workload
 * can be stopped between any two calls, in any state of the device, and continue in another process
 * with the memory and the device that were migrated there: workload_adopt().
 *
 * The unused guest and board memory can be filled with ballast, which is not used, and must be
 * unchanged at the end.
 *
 * Used by one thread at a time. Errors are found either by workload_turn() (it returns -EBADE, with
 * the message) or by workload_prove().
 */
#ifndef EXAMPLES_DEMO_WORKLOAD_H
#define EXAMPLES_DEMO_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "examples/copier-driver.h"

/* Entries in each of the two ledgers, and descriptors in the ring. */
#define WORKLOAD_LEDGER	  512u
#define WORKLOAD_ENTRIES  256u
#define WORKLOAD_PER_STEP 4u

/**
 * struct workload_plan - the resources of a workload
 * @guest: guest memory
 * @iova: its address for the device
 * @guest_size: bytes of it
 * @chunk: bytes that a descriptor moves; a multiple of 4096
 * @file_size: bytes of the file; the caller has put it at @guest + workload_file_offset()
 * @ballast: fill the unused part of both memories
 * @depth: the most steps that are under way together; from 1 to WORKLOAD_ENTRIES / 4
 */
struct workload_plan {
	uint8_t *guest;
	uint64_t iova;
	uint64_t guest_size;
	uint64_t chunk;
	uint64_t file_size;
	bool ballast;
	uint32_t depth;
};

/** workload_file_offset() - the offset in guest memory at which the caller must put the file */
uint64_t workload_file_offset(void);

/** workload_file_max() - the largest file that fits into this guest and board memory */
uint64_t workload_file_max(uint64_t guest_size, uint64_t board_size, uint64_t chunk);

struct workload_state;

/**
 * struct workload - a workload at work
 * @driver: of the copier
 * @state: what migrates
 * @guest: guest memory
 */
struct workload {
	struct cp_driver driver;
	struct workload_state *state;
	uint8_t *guest;
};

/**
 * workload_start() - begin
 * @w: filled in; workload_stop() it
 * @device: a copier, attached to a space in which the guest memory is mapped
 * @plan: see there
 * @interrupts: ask for interrupts, and wait for them; else look into memory
 *
 * Uses the device to fill its board: the caller (if it is not threaded) lets workload_start() work it.
 */
int workload_start(struct workload *w, struct vfmig_device *device,
		   const struct workload_plan *plan, bool interrupts, struct vfmig_error *err);

/**
 * workload_adopt() - go on with what another one began
 * @w: filled in; workload_stop() it
 * @device: the copier to which the other's state has come
 * @guest: the guest memory that came
 * @interrupts: as in workload_start()
 */
int workload_adopt(struct workload *w, struct vfmig_device *device, uint8_t *guest, bool interrupts,
		   struct vfmig_error *err);

/** workload_stop() - let go of the device; what migrates is left as it is */
void workload_stop(struct workload *w);

/**
 * workload_turn() - take what was completed, and begin as many steps as may be begun
 * @w: which
 * @steps: begin no step from this number on
 *
 * Does not wait; see workload_wait(). Return: how many steps were completed, or -EBADE with what is wrong, or
 * the failure of the device.
 */
int workload_turn(struct workload *w, uint64_t steps, struct vfmig_error *err);

/** workload_wait() - wait until there may be something to take, at most @msec */
int workload_wait(struct workload *w, int msec, struct vfmig_error *err);

/**
 * workload_run() - turn and wait until all steps below @steps are completed
 *
 * Return: 0; -ETIMEDOUT if nothing is completed for @msec; or as workload_turn().
 */
int workload_run(struct workload *w, uint64_t steps, int msec, struct vfmig_error *err);

/** workload_steps() - how many steps are completed */
uint64_t workload_steps(const struct workload *w);

/** workload_chunks() - how many steps make a round: the whole file to the other side */
uint64_t workload_chunks(const struct workload *w);

/** workload_chunk_size() - bytes of a chunk */
uint64_t workload_chunk_size(const struct workload *w);

/** workload_file_size() - bytes of the file */
uint64_t workload_file_size(const struct workload *w);

/**
 * workload_home() - the first step number from which on the whole file is in guest memory
 *
 * Not before step @after, nor before what was begun already: run until there, then the file can be read, and workload_prove() used.
 */
uint64_t workload_home(const struct workload *w, uint64_t after);

/**
 * struct workload_proof - what was found
 * @descriptors: put in by the workload, as it remembers
 * @completed: completions that it took, in order, each with the result that it must have
 * @counted: completions that the device counted
 * @adds: ADDs that the two ledgers show
 * @file_ok: every chunk of the file has the sum that it had at first (the caller has a better test)
 * @ballast_bytes: how much of it was looked at
 * @sentence: "" if all of it is right; else the first thing that is not
 */
struct workload_proof {
	uint64_t descriptors;
	uint64_t completed;
	uint64_t counted;
	uint64_t adds;
	bool file_ok;
	uint64_t ballast_bytes;
	char sentence[VFMIG_ERROR_TEXT];
};

/**
 * workload_prove() - look at everything
 * @w: with no step under way, and the file at home
 * @proof: filled in
 *
 * Return: 0 if all is right; -EBADE if not; or the failure of the device, if it could not be looked at.
 */
int workload_prove(struct workload *w, struct workload_proof *proof, struct vfmig_error *err);

/**
 * workload_file() - go through the file, in order; it is at home
 * @fn: called for each piece; a return other than 0 ends it
 *
 * Return: 0, or what @fn returned.
 */
int workload_file(const struct workload *w, int (*fn)(void *context, const void *bytes, size_t len),
		  void *context);

#endif
