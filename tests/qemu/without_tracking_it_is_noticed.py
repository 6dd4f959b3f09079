#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""without_tracking_it_is_noticed.py ROOT BUILD VERSION [WORD]...: the control of all the other tests.

The same move as in a_guest_moves.py, with a device whose log of what it wrote comes back empty: the guest must
find that pages are missing. Then with a device that keeps no log at all, and with one whose log fails on the way: the VMM
must be told that everything is written, or that the migration has failed, and nothing is lost.

Words are those of vm.py, and "iommu": the VMM asks the container or iommufd for written pages, not the device.
"""
import sys

from vm import Place, Wrong, main, need, note, until

VERSION = sys.argv[3]
CARD = "x-device-dirty-page-tracking=off" if "iommu" in sys.argv[4:] else ""
EMPTY = "fault,feature=dma-logging-report,do=drop,times=0"
FAILS = "fault,feature=dma-logging-report,error=EIO,nth=2,times=0"


def move(model="size=1M", faults=(), may_fail=False, **parameters):
    with Place() as place:
        here = place.vm(VERSION, model, faults=faults, card=CARD)
        here.goes_on()
        there = place.vm(VERSION, model, faults=faults, card=CARD, incoming=True)
        if not may_fail:
            here.migrate(there, **parameters)
            return
        here.begin_migration(there, **parameters)
        info = here.end_of_migration()
        if info["status"] == "completed":
            until(lambda: there.qmp("query-status")["status"] == "running", "the destination to run")
            here = there
        here.goes_on()
        note(f"the log fails: {info['status']}")


def test():
    need(VERSION)
    try:
        move(faults=[EMPTY])
    except Wrong as wrong:
        if "BAD" not in str(wrong):
            raise
        note(f"without a log: {wrong}")
    else:
        raise Wrong("pages were lost, and nobody noticed")
    move("size=1M,logging=off", downtime_limit=60000)
    note("with a device that keeps no log: nothing was lost")
    move(faults=[FAILS], may_fail=True, downtime_limit=60000)


main(test)
