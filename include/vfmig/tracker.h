/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which pages the CPU wrote: a tracker for a space, made of the kernel's userfaultfd.
 *
 * Devices have logs of what they write. What a vCPU, a workload or a read(2) writes into the same memory
 * is nobody's to tell but the kernel's, and this asks it. Memory is write-protected; the first write to
 * a page is noted and goes on. There are two ways, and the better one that the kernel has is used:
 *
 *  pagemap	Linux 6.7 and later: the kernel notes writes by itself (UFFD_FEATURE_WP_ASYNC) and tells
 *		them by the ioctl PAGEMAP_SCAN. A first write costs a page fault
 *  faults	Linux 5.19 and later (Debian 12 has 6.1): each first write stops the thread that writes until a
 *		thread of the tracker's has noted the page and let it go. Costs some microseconds. Needs
 *		the right to handle faults inside the kernel: CAP_SYS_PTRACE, access to
 *		/dev/userfaultfd, or the sysctl vm.unprivileged_userfaultfd
 *
 * Both see writes through the mappings that they watch, of this process: those of the space's maps
 * (vfmig_map.ptr), and others that they are told of (vfmig_cpu_tracker_watch()). They do not see writes by
 * another process that has the same memory mapped, nor pages that are dropped (MADV_DONTNEED, punched holes)
 * while they watch. A mapping can be watched by one tracker at a time.
 *
 * Memory may be private or shared, of pages of 4 KiB, transparent huge pages or pages of hugetlbfs. A huge page of
 * hugetlbfs counts as written whole, also where a map has only a part of it. What cannot be watched is refused when
 * tracking starts (vfmig_cursor_open(), the set-up of a migration), with -EOPNOTSUPP, -EINVAL or -EBUSY: memory
 * that another userfaultfd watches, files on a disk by faults, and hugetlbfs of other pages than 2 MiB by pagemap.
 *
 * For a VMM that knows by itself (KVM's dirty log, a TCG bitmap), a struct vfmig_tracker with callbacks of
 * its own is the better choice.
 */
#ifndef VFMIG_TRACKER_H
#define VFMIG_TRACKER_H

#include <stddef.h>
#include <stdint.h>

#include <vfmig/error.h>
#include <vfmig/space.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfmig_cpu_tracker;

enum vfmig_cpu_tracker_kind {
	VFMIG_CPU_TRACKER_ANY, /* the better one that works here */
	VFMIG_CPU_TRACKER_PAGEMAP,
	VFMIG_CPU_TRACKER_FAULTS,
};

/**
 * vfmig_cpu_tracker_new() - a tracker for what this process's CPUs write
 * @kind: which way
 * @tracker: vfmig_cpu_tracker_free() it
 *
 * Return: 0; -EOPNOTSUPP if the kernel does not have it, -EPERM if it does not allow it: the sentence says
 * what to change.
 */
int vfmig_cpu_tracker_new(enum vfmig_cpu_tracker_kind kind, struct vfmig_cpu_tracker **tracker,
			  struct vfmig_error *err);

/** vfmig_cpu_tracker_free() - after vfmig_space_remove_tracker() or the space's end; NULL is fine */
void vfmig_cpu_tracker_free(struct vfmig_cpu_tracker *tracker);

/** vfmig_cpu_tracker_get_kind() - which way it was that works here; never ANY */
enum vfmig_cpu_tracker_kind vfmig_cpu_tracker_get_kind(const struct vfmig_cpu_tracker *tracker);

/**
 * vfmig_cpu_tracker_watch() - watch one more mapping of memory that is in the space
 * @tracker: which; not yet in a space that is tracked (-EBUSY)
 * @ptr: where in this process; page-aligned
 * @iova: what address in the space the same bytes have
 * @size: bytes; whole pages
 *
 * For processes that map guest memory twice and write through the other mapping.
 */
int vfmig_cpu_tracker_watch(struct vfmig_cpu_tracker *tracker, void *ptr, uint64_t iova,
			    uint64_t size, struct vfmig_error *err);

/**
 * vfmig_cpu_tracker_tracker() - the same as space.h knows trackers, for vfmig_space_add_tracker()
 *
 * It watches the maps of kind VFMIG_MAP_MEMORY that are in the space when tracking starts. One space for
 * each tracker.
 */
const struct vfmig_tracker *vfmig_cpu_tracker_tracker(struct vfmig_cpu_tracker *tracker);

#ifdef __cplusplus
}
#endif
#endif
