#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""a_device_is_plugged_and_unplugged.py ROOT BUILD VERSION [WORD]...

A device comes while the guest runs, works, moves with it, is unplugged, and comes again, as new. Words are those of
vm.py.
"""
import sys

from vm import IOMMUFD, Place, Wrong, main, need, note, until

VERSION = sys.argv[3]
MIGRATE = "x-enable-migration" if VERSION == "7.2" else "enable-migration"


def test():
    need(VERSION)
    with Place() as place:
        def vm(cold, incoming=False):
            # The machine that takes it in has it from the beginning.
            return place.vm(VERSION, card="" if cold else None, incoming=incoming)

        def plug(machine, times=1):
            more = {"iommufd": "iommufd0"} if IOMMUFD else {}

            def added():
                reply = machine.try_qmp(
                    "device_add", driver="vfio-pci", id="card0", addr="0x4",
                    sysfsdev=f"{machine.inside}/{machine.name}.devices/vfmig0",
                    **{MIGRATE: "on"}, **more)
                # QEMU lets go of a device some time after it has said so.
                if "already attached" in str(reply) or "Failed to open" in str(reply):
                    return False
                if "error" in reply:
                    raise Wrong(reply["error"]["desc"])
                return True
            until(added, "the device to be plugged")
            until(lambda: machine.text("serial").count("plugged") == times, "the guest to see it")
            machine.goes_on()

        here = vm(False)
        here.goes_on()
        plug(here)
        note("plugged")
        there = vm(True, True)
        here.migrate(there)
        here = there
        note("moved")
        for times in (1, 2):
            here.qmp("device_del", id="card0")
            until(lambda: here.text("serial").count("gone") == times, "the guest to let it go")
            until(lambda: "card0" not in str(here.qmp("qom-list", path="/machine/peripheral")),
                  "QEMU to let it go")
            here.goes_on()
            plug(here, times)
            note("unplugged, and plugged again")


main(test)
