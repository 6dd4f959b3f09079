#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""a_guest_moves.py ROOT BUILD FROM... [WORD]... [OPTION=VALUE]...: a guest moves from QEMU to QEMU, and loses nothing.

Each FROM is a version; the guest goes from the first to the second and so on. Words and options:

    server, iommufd as vm.py has them
    nobody          without root's rights (QEMU 7.2)
    sandbox         QEMU forbids itself what libvirt has it forbid
    tracking=iommu  the VMM asks the container or iommufd for written pages, not the device
    migration=auto  the VMM is not told to migrate the device, and finds that it can
    memory=private  with server: the server reaches the guest's memory by message
    device=...      the model's options (size=1M,protocol=v1)
    capabilities=a,b    of the migration
    mode=poll       the guest polls for completions
    times=N         the whole way so many times
"""
import sys

from vm import SERVER, Place, Wrong, main, need, note

SANDBOX = ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"]


def test():
    words = [arg for arg in sys.argv[3:] if "=" not in arg]
    versions = [word for word in words if word[0].isdigit()]
    options = dict(arg.split("=", 1) for arg in sys.argv[3:] if "=" in arg)
    need(*versions)
    card = []
    if options.get("tracking") == "iommu":
        card.append("x-device-dirty-page-tracking=off")
    capabilities = [name for name in options.get("capabilities", "").split(",") if name]

    def vm(place, version, incoming):
        return place.vm(version, options.get("device", "size=1M"), incoming=incoming,
                        card=",".join([] if version == "7.2" else card),
                        mode=options.get("mode", "irq"), nobody="nobody" in words,
                        migrate=options.get("migration", "on"),
                        qemu=SANDBOX if "sandbox" in words else (),
                        shared=SERVER and options.get("memory") != "private")

    with Place() as place:
        way = versions + versions[1:] * (int(options.get("times", 1)) - 1)
        here = vm(place, way[0], False)
        here.goes_on()
        note(f"QEMU {way[0]}: the guest works")
        for version in way[1:]:
            there = vm(place, version, True)
            info = here.migrate(there, capabilities)
            note(f"on to QEMU {version}: downtime {info['downtime']} ms, all of it "
                 f"{info['total-time']} ms")
            here = there
            if SERVER and there.text("log").count("share=on") != (options.get("memory") == "private"):
                raise Wrong("that memory is reached by message must be said, once")


main(test)
