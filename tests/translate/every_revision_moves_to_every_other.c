/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A copier at work moves from a device of any revision of the protocol to one of any other, in this process: no
 * descriptor is lost, none is done twice, and every byte of the file comes home.
 *
 * Rules: V1-26, V1-33, PFN-26, PFN-28, PFN-38.
 */
#include "tests/translate/matrix.h"

int main(void)
{
	matrix(false);
	return 0;
}
