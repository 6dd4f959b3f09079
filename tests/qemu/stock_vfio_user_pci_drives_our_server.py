#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""stock_vfio_user_pci_drives_our_server.py ROOT BUILD

QEMU 11.1's own vfio-user client, without our library in it, drives `vfmig serve`: the guest works, and interrupts
arrive. That client moves a VM without the device's state, and our server says what it sees of that.
"""
import json

from vm import VM, Place, main, need, note, until


def test():
    need("11.1")
    with Place() as place:
        for mode in ("irq", "poll"):
            name = f"{mode}.sock"
            server = place.serve("model:copier,size=1M", name=name)
            device = json.dumps({"driver": "vfio-user-pci", "addr": "0x4",
                                 "socket": {"type": "unix", "path": f"/mnt/{name}"}})
            here = VM(place, "11.1", [], card=None, shared=True, mode=mode, exec_too=False,
                      qemu=["-device", device])
            here.goes_on()
            note(f"{mode}: the guest works")
            if server.poll() is not None:
                raise SystemExit("the server has ended")
            here.quit()
            until(lambda: "left-running" in (place.path / f"{name}.log").read_text(),
                  "the server to say what was left behind")


main(test)
