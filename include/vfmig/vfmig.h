/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All of the public API. Programs may include single headers instead; each compiles alone.
 *
 *	abi*.h		constants and layouts of VFIO and vfio-user
 *	device.h	devices and requests; open.h opens them by name, info.h decodes their information
 *	space.h		I/O address spaces; tracker.h and type1.h
 *	session.h	the migration of one device
 *	migration.h	the migration of devices and memory; inspect.h lists what a saved one contains
 *	model.h		software devices
 *	mediator.h	shared objects that add migration to a device
 *	export.h	exposing devices to other processes
 *	error.h, event.h, options.h, socket.h, version.h
 *
 * Mediators (mediator.h) do not link the library, and include that header only.
 */
#ifndef VFMIG_VFMIG_H
#define VFMIG_VFMIG_H

#include <vfmig/abi.h>
#include <vfmig/abi_history.h>
#include <vfmig/abi_info.h>
#include <vfmig/abi_region.h>
#include <vfmig/abi_type1.h>
#include <vfmig/device.h>
#include <vfmig/error.h>
#include <vfmig/event.h>
#include <vfmig/export.h>
#include <vfmig/info.h>
#include <vfmig/inspect.h>
#include <vfmig/mediator.h>
#include <vfmig/migration.h>
#include <vfmig/model.h>
#include <vfmig/open.h>
#include <vfmig/options.h>
#include <vfmig/session.h>
#include <vfmig/socket.h>
#include <vfmig/space.h>
#include <vfmig/tracker.h>
#include <vfmig/type1.h>
#include <vfmig/version.h>

#endif
