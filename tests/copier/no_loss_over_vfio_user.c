/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A copier that is at work moves, from one vfio-user server to another, with the states of v2 that it has and those that it
 * has not: no descriptor is lost, none is done twice, and every byte of the file comes home.
 */
#include "tests/lib/check.h"
#include "tests/copier/move.h"

int main(void)
{
	move_expect_good_in_every_way(true);
	return 0;
}
