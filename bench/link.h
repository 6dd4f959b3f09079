/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A slow link between two sockets: a rate, a latency, and losses, which a stream sees as stalls. It holds
 * megabytes, as real ones do.
 */
#ifndef VFMIG_BENCH_LINK_H
#define VFMIG_BENCH_LINK_H

#include <stdint.h>

struct bench_link;

/*
 * How slow.
 * @rate: bytes per second from source to destination; 0 is as fast as it goes
 * @latency_ns: of each direction
 * @stall_bytes, @stall_ns: after each so many bytes, nothing arrives for so long; 0 is never
 */
struct bench_link_options {
	uint64_t rate;
	uint64_t latency_ns;
	uint64_t stall_bytes, stall_ns;
};

/* @fd: the source's and the destination's end, both the caller's to close after bench_link_free(). */
struct bench_link *bench_link_new(const struct bench_link_options *options, int fd[2]);
void bench_link_free(struct bench_link *link);

#endif
