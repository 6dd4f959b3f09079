#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""without_tracking_it_is_noticed.py ROOT BUILD VERSION [iommu]: the control of all the other tests.

The same move as in a_guest_moves.py, with a device whose log of what it wrote comes back empty: the guest must
find that pages are missing. Then once more with a device that keeps no log at all: the VMM must be told that
everything is written, and nothing is lost.
"""
import sys

from vm import VM, Place, Wrong, main, need, note

EMPTY = ("--filter", "fault,feature=dma-logging-report,do=drop,times=0")


def move(version, device, options, card, **parameters):
    with Place() as place:
        here = VM(place, version, [device], options, card=card)
        here.goes_on()
        there = VM(place, version, [device], options, card=card, incoming=True)
        here.migrate(there, **parameters)


def test():
    version = sys.argv[3]
    need(version)
    card = "x-device-dirty-page-tracking=off" if "iommu" in sys.argv[4:] else ""
    device = "model:copier,size=1M" + (",protocol=v1" if version == "7.2" else "")
    try:
        move(version, device, EMPTY, card)
    except Wrong as wrong:
        if "BAD" not in str(wrong):
            raise
        note(f"without a log: {wrong}")
    else:
        raise Wrong("pages were lost, and nobody noticed")
    move(version, device + ",logging=off", (), card, downtime_limit=60000)
    note("with a device that keeps no log: nothing was lost")


main(test)
