/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The same over vfio-user, with the mediator on either side of the socket: in the server, where its user knows
 * nothing of it, and in the client, for a server that knows nothing of migration.
 */
#include "tests/lib/check.h"
#include "tests/copier/move.h"

int main(int argc, char **argv)
{
	static const struct {
		const char *what, *argument;
		bool host, destination_host;
	} how[] = {
		{"pfn, in the servers", "", false, false},
		{"pfn, in the clients", "", true, true},
		{"pfn, from a client's to a server's", "", true, false},
		{"v1, in the servers", ",arg=v1", false, false},
		{"v1, in the clients", ",arg=v1", true, true},
	};

	CHECK_EQ(argc, 2);
	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		char filter[4096];
		struct move move = {
			.options = "migration=off,logging=off",
			.remote = true,
			.max_rounds = 3,
		};

		snprintf(filter, sizeof(filter), "mediate,so=%s%s", argv[1], how[i].argument);
		*(how[i].host ? &move.host_filter : &move.filter) = filter;
		*(how[i].destination_host ? &move.destination_host_filter
					  : &move.destination_filter) = filter;
		move_expect_good(how[i].what, &move);
	}
	return 0;
}
