#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""two_devices_move_together.py ROOT BUILD VERSION [WORD]...

Two devices in one guest, which write to each other's boards besides the guest's memory (peer to peer). Both move,
thrice, and nothing is lost in memory or on board. Words are those of vm.py.
"""
import sys

from vm import Place, Wrong, main, need, note

VERSION = sys.argv[3]


def test():
    need(VERSION)
    with Place() as place:
        def vm(incoming=False):
            return place.vm(VERSION, "size=1M,window=mapped", 2, mode="irq p2p", incoming=incoming)
        here = vm()
        here.goes_on()
        if "ready 2" not in here.text("serial"):
            raise Wrong("the guest does not find two devices")
        for _ in range(3):
            there = vm(True)
            info = here.migrate(there)
            note(f"moved: downtime {info['downtime']} ms")
            here = there


main(test)
