/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A tracker of the pages that the CPU writes, based on the kernel's userfaultfd.
 *
 * Devices have logs of the pages that they write. Writes of a vCPU, a workload or a read(2) to the same memory are known to
 * the kernel only. This tracker write-protects memory; the first write to a page is recorded and continues. It uses the
 * better of two methods that the kernel supports:
 *
 *  pagemap	Linux 6.7 and later: the kernel records writes (UFFD_FEATURE_WP_ASYNC) and reports them by the ioctl
 *		PAGEMAP_SCAN. A first write costs a page fault
 *  faults	Linux 5.19 and later (Debian 12 has 6.1): a first write stops its thread until a thread of the
 *		tracker has recorded the page and removed the protection. Costs some microseconds. Requires
 *		the right to handle faults inside the kernel: CAP_SYS_PTRACE, access to
 *		/dev/userfaultfd, or the sysctl vm.unprivileged_userfaultfd
 *
 * Both record writes through mappings of this process that they watch: those of the space's maps (vfmig_map.ptr), and
 * those added by vfmig_cpu_tracker_watch(). They miss writes by another process that maps the same memory, and pages that are
 * dropped (MADV_DONTNEED, punched holes) while they watch. One tracker at a time can watch a mapping.
 *
 * Memory may be private or shared, of pages of 4 KiB, transparent huge pages or pages of hugetlbfs. A huge page of
 * hugetlbfs counts as written whole, even if only a part of it is mapped. Memory that cannot be watched makes the start of
 * tracking fail (vfmig_cursor_open(), SETUP of a migration) with -EOPNOTSUPP, -EINVAL or -EBUSY: memory
 * that another userfaultfd watches, files on a disk (faults), and hugetlbfs with other pages than 2 MiB (pagemap).
 *
 * A VMM that knows its dirty pages (KVM's dirty log, a TCG bitmap) should provide a struct vfmig_tracker with its own
 * callbacks instead.
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
	VFMIG_CPU_TRACKER_ANY,	   /* the better method that works on this system */
	VFMIG_CPU_TRACKER_PAGEMAP, /* UFFD_FEATURE_WP_ASYNC and PAGEMAP_SCAN */
	VFMIG_CPU_TRACKER_FAULTS,  /* userfaultfd, with a thread that handles faults */
};

/**
 * vfmig_cpu_tracker_new() - create a tracker for pages that the CPUs of this process write
 * @kind: the method
 * @tracker: the tracker; the caller calls vfmig_cpu_tracker_free()
 *
 * Return: 0; -EOPNOTSUPP if the kernel does not support the method; -EPERM if it does not permit it: the sentence says
 * what to change.
 */
int vfmig_cpu_tracker_new(enum vfmig_cpu_tracker_kind kind, struct vfmig_cpu_tracker **tracker,
			  struct vfmig_error *err);

/**
 * vfmig_cpu_tracker_free() - free a tracker that was removed from its space, or whose space was freed; NULL is allowed
 */
void vfmig_cpu_tracker_free(struct vfmig_cpu_tracker *tracker);

/** vfmig_cpu_tracker_get_kind() - the method in use; never VFMIG_CPU_TRACKER_ANY */
enum vfmig_cpu_tracker_kind vfmig_cpu_tracker_get_kind(const struct vfmig_cpu_tracker *tracker);

/**
 * vfmig_cpu_tracker_watch() - watch another mapping of memory in the space
 * @tracker: the tracker; its space must not be tracked yet (-EBUSY)
 * @ptr: the mapping in this process; page-aligned
 * @iova: address of the same memory in the space
 * @size: in bytes; whole pages
 *
 * For processes that map guest memory twice and write through the other mapping.
 */
int vfmig_cpu_tracker_watch(struct vfmig_cpu_tracker *tracker, void *ptr, uint64_t iova,
			    uint64_t size, struct vfmig_error *err);

/**
 * vfmig_cpu_tracker_get_tracker() - the struct vfmig_tracker to pass to vfmig_space_add_tracker()
 *
 * It watches the maps of kind VFMIG_MAP_MEMORY that are in the space when tracking starts. A tracker belongs to one
 * space.
 */
const struct vfmig_tracker *vfmig_cpu_tracker_get_tracker(struct vfmig_cpu_tracker *tracker);

#ifdef __cplusplus
}
#endif
#endif
