#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""a_guest_moves.py ROOT BUILD FROM... [OPTION=VALUE]...: a guest moves from QEMU to QEMU, and loses nothing.

Each FROM is a version; the guest goes from the first to the second and so on. Options:

    iommufd=yes     by iommufd and the device's own file, not by container and group
    tracking=iommu  the VMM asks the container or iommufd for written pages, not the device
    server=yes      the device is in a server of ours, one for each VM
    memory=private  with server=yes: the server reaches the guest's memory by message
    device=...      the model's options (size=1M,protocol=v1)
    capabilities=a,b    of the migration
    mode=poll       the guest polls for completions
    times=N         the whole way so many times
"""
import sys

from vm import VM, Place, main, need, note


def test():
    versions = [arg for arg in sys.argv[3:] if "=" not in arg]
    options = dict(arg.split("=", 1) for arg in sys.argv[3:] if "=" in arg)
    need(*versions)
    server = options.get("server") == "yes"
    card = []
    if options.get("tracking") == "iommu":
        card.append("x-device-dirty-page-tracking=off")
    capabilities = [name for name in options.get("capabilities", "").split(",") if name]

    def vm(place, version, incoming):
        more = "," + options["device"] if "device" in options else ",size=1M"
        device = "model:copier" + more
        # QEMU 7.2 speaks v1 and no other; what its device is at the far end is for that VMM to say.
        if version == "7.2":
            device += ",protocol=v1"
        if server:
            name = f"dev{VM.count}.sock"
            place.serve(device, name=name)
            inside = "/mnt" if version != "7.2" else place.path
            device = f"vfio-user:{inside}/{name}"
        properties = [] if version == "7.2" else card
        return VM(place, version, [device], incoming=incoming, card=",".join(properties),
                  iommufd=options.get("iommufd") == "yes", mode=options.get("mode", "irq"),
                  shared=server and options.get("memory") != "private")

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
        if server and options.get("memory") == "private" and \
                "share=on" not in here.text("log"):
            raise SystemExit("nobody said that memory is reached by message")


main(test)
