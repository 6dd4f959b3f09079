#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""two_devices_move_together.py ROOT BUILD VERSION [iommufd]

Two devices in one guest, which write to each other's boards besides the guest's memory (peer to peer). Both move,
thrice, and nothing is lost in memory or on board.
"""
import sys

from vm import VM, Place, main, need, note

VERSION = sys.argv[3]
DEVICE = "model:copier,size=1M,window=mapped" + (",protocol=v1" if VERSION == "7.2" else "")


def test():
    need(VERSION)
    with Place() as place:
        def vm(incoming=False):
            return VM(place, VERSION, [DEVICE, DEVICE], mode="irq p2p", incoming=incoming,
                      iommufd="iommufd" in sys.argv[4:])
        here = vm()
        here.goes_on()
        if "ready 2" not in here.text("serial"):
            raise SystemExit("the guest does not find two devices")
        for _ in range(3):
            there = vm(True)
            info = here.migrate(there)
            note(f"moved: downtime {info['downtime']} ms")
            here = there


main(test)
