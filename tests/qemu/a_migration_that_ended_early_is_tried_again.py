#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""a_migration_that_ended_early_is_tried_again.py ROOT BUILD VERSION [WORD]...

Cancelled on the way, and the destination killed on the way: the guest runs on at the source each time, and then
moves. Words are those of vm.py.
"""
import sys

from vm import Place, Wrong, main, need, note, until

VERSION = sys.argv[3]


def begin_slowly(place, here):
    """A migration that will be under way for long."""
    there = place.vm(VERSION, incoming=True)
    here.begin_migration(there, max_bandwidth=1 << 18, downtime_limit=1)
    until(lambda: here.migration().get("ram", {}).get("transferred", 0) > 1 << 17, "some of it")
    return there


def test():
    need(VERSION)
    with Place() as place:
        here = place.vm(VERSION)
        here.goes_on()
        for _ in range(2):
            there = begin_slowly(place, here)
            here.qmp("migrate_cancel")
            info = here.end_of_migration()
            if info["status"] != "cancelled":
                raise Wrong(f"cancelled, and yet {info['status']}")
            here.goes_on()
            there.kill()
            note("cancelled, and the guest goes on")
        there = begin_slowly(place, here)
        there.kill()
        info = here.end_of_migration()
        if info["status"] != "failed":
            raise Wrong(f"its destination was killed, and it has {info['status']}")
        here.goes_on()
        note("the destination was killed, and the guest goes on")
        here.migrate(place.vm(VERSION, incoming=True))
        note("moved after all")


main(test)
