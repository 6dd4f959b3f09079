/* SPDX-License-Identifier: BSD-3-Clause */
/* SHA-256 by sha256sum(1): a common tool that is independent of this project. */
#ifndef EXAMPLES_DEMO_DIGEST_H
#define EXAMPLES_DEMO_DIGEST_H

#include <stddef.h>
#include <sys/types.h>

#include <vfmig/error.h>

#define DIGEST_HEX 65 /* with the 0 behind it */

struct digest {
	pid_t pid;
	int in, out;
};

/** digest_begin() - start the tool */
int digest_begin(struct digest *d, struct vfmig_error *err);

/** digest_add() - more bytes; 0 or a negative errno */
int digest_add(struct digest *d, const void *bytes, size_t len);

/** digest_end() - the sum, in hex; ends what digest_begin() began in any case */
int digest_end(struct digest *d, char hex[DIGEST_HEX], struct vfmig_error *err);

#endif
