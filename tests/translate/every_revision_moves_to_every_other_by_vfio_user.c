/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A copier at work moves from a device of any revision of the protocol to one of any other, from one vfio-user server
 * to another: no descriptor is lost, none is done twice, and every byte of the file comes home.
 */
#include "tests/translate/matrix.h"

int main(void)
{
	matrix(true);
	return 0;
}
