/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A migration, put together from its parts. Each part has a header of its own, with the functions that use it:
 *
 *	channel/channel.h  the connection, its buffers	send.h		sections out, and the replies to them
 *	device.h	   the devices and their states	memory.h	maps, holes and written pages
 *	wait.h		   time limits and waiting	report.h	progress, events and results
 *	source.h	   rounds of pre-copy		destination.h	loading
 *	handoff.h	   which end runs		step.h		steps, in this thread or another
 *
 * Calls go downward in this order: step; handoff_source and handoff_destination; source, rounds, destination; pump,
 * receive, sync; device_reads, device_writes, memory; states, sizes; send; reply; wait, report. A test looks for circles.
 */
#ifndef ENGINE_MIGRATION_H
#define ENGINE_MIGRATION_H

#include <vfmig/migration.h>

#include "engine/channel/channel.h"
#include "engine/destination.h"
#include "engine/handoff.h"
#include "engine/loop.h"
#include "engine/memory.h"
#include "engine/report.h"
#include "engine/source.h"
#include "engine/step.h"
#include "engine/wait.h"

/* How far a migration is, which decides the steps that it allows. */
enum engine_stage {
	ENGINE_STAGE_NEW,
	ENGINE_STAGE_MOVING, /* set up; rounds, loading */
	ENGINE_STAGE_OVER,
};

struct engine_device;

struct vfmig_migration {
	enum vfmig_role role;
	struct vfmig_migration_options options;
	struct vfmig_migration_user user;
	const struct vfmig_events *events;
	enum engine_stage stage;

	struct engine_device **devices;
	uint32_t device_count;
	struct engine_memory memory;
	struct loop loop;
	struct channel channel;
	struct engine_limits limits;
	struct engine_progress progress;
	struct engine_status status;
	struct engine_source source;
	struct engine_destination destination;
	struct engine_handoff handoff;
	struct engine_step step;
};

#endif
