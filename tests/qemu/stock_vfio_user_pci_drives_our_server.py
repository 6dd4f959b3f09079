#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""stock_vfio_user_pci_drives_our_server.py ROOT BUILD

QEMU 11.1's own vfio-user client, without our library in it, drives `vfmig serve`: the guest works, and interrupts
arrive. That client moves a VM without the device's state, and our server says what it sees of that.

Where this fails because the guest is well after the move, QEMU has learnt it: then docs/qemu.md and the server's sentence
are to be mended.
"""
import json

from vm import VM, Place, Wrong, main, need, note, until


def vm(place, mode, name, **more):
    server = place.serve("model:copier,size=1M", name=name)
    device = json.dumps({"driver": "vfio-user-pci", "addr": "0x4",
                         "socket": {"type": "unix", "path": f"/mnt/{name}"}})
    here = VM(place, "11.1", [], card=None, shared=True, mode=mode, exec_too=False,
              qemu=["-device", device], **more)
    return here, server


def says_so(place, name):
    until(lambda: "left-running" in (place.path / f"{name}.log").read_text(),
          "the server to say what was left behind")


def test():
    need("11.1")
    with Place() as place:
        for mode in ("irq", "poll"):
            here, server = vm(place, mode, f"{mode}.sock")
            here.goes_on()
            note(f"{mode}: the guest works")
            if server.poll() is not None:
                raise Wrong("the server has ended")
        there, server = vm(place, "poll", "there.sock", incoming=True)
        here.begin_migration(there)
        info = here.end_of_migration()
        if info["status"] != "completed":
            raise Wrong(f"QEMU 11.1 says of a move with vfio-user-pci: {info}")
        # The device is as new, or answers nothing of what the guest asks of it.
        until(lambda: any(word in there.text("serial") for word in ("reset\n", "BAD")),
              "the guest to find its device gone")
        note("moved without the device's state, and the guest has noticed")
        here.quit()
        says_so(place, "poll.sock")


main(test)
