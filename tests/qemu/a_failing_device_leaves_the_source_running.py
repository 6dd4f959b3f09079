#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""a_failing_device_leaves_the_source_running.py ROOT BUILD VERSION

Devices that fail in each way that a filter knows. QEMU gets the errno that the kernel would give, the migration fails, the
guest runs on at the source, and the next migration, for which the device has recovered, succeeds.

Where QEMU resets the device, which it does after most of these, the guest begins anew with it. It polls, for a device that
was reset sends no messages.
"""
import sys

from vm import VM, Place, Wrong, main, need, note, until

VERSION = sys.argv[3]
V1 = VERSION == "7.2"
DEVICE = "model:copier,size=1M" + (",protocol=v1" if V1 else "")


def filters(fault):
    """A fault in a device that speaks v2, which is shown in v1 to who speaks no other."""
    return ["--filter", fault] + (["--filter", "translate,protocol=v1"] if V1 else [])

# what fails at the source, what QEMU says
SOURCE_V2 = {
    "fault,arc=any:pre_copy,error=EBUSY": "Device or resource busy",
    "fault,arc=any:stop_copy,error=EIO": "Input/output error",
    "fault,arc=any:stop_copy,do=hang": "Connection timed out",
    "fault,verb=data-read,error=EIO": "Input/output error",
    "fault,verb=data-read,nth=3,error=ENOSPC": "No space left on device",
    "fault,feature=dma-logging-start,nth=2,error=ENOMEM": "",
    "fault,feature=mig-data-size,error=EIO,times=0": None,
    "fault,feature=mig-data-size,do=corrupt,bit=61,times=0": None,
}
# In v1 all of that is accesses to a region: which of them fails is what can be chosen.
# In v1 the same, by way of the filter that shows the device in it.
SOURCE_V1 = {
    "fault,arc=any:pre_copy,error=EBUSY": "Device or resource busy",
    "fault,arc=any:stop_copy,error=EIO": "Input/output error",
    "fault,arc=any:stop_copy,do=hang": "Connection timed out",
    "fault,verb=data-read,error=EIO,times=0": "Input/output error",
    "fault,verb=data-read,nth=3,error=ENOSPC,times=0": "No space left on device",
}
# What fails at the destination.
TARGET_V2 = {
    "fault,arc=any:resuming,error=EIO": "Input/output error",
    "fault,verb=data-write,error=ENOSPC": "No space left on device",
    "fault,verb=data-write,do=corrupt,bit=4000": "Invalid argument",
}


def at_the_source(fault, words):
    with Place() as place:
        here = VM(place, VERSION, ["model:copier,size=1M"], filters(fault) + ["--timeout", "1s"],
                  mode="poll")
        here.goes_on()
        there = VM(place, VERSION, [DEVICE], incoming=True)
        here.begin_migration(there)
        if words is None:
            # Who believes such a size finds no time to switch over, and goes on and on.
            until(lambda: here.migration()["status"] != "active" or
                  here.migration()["ram"]["dirty-sync-count"] > 10, "some rounds")
            here.qmp("migrate_cancel")
        info = here.end_of_migration()
        if words is None and info["status"] == "completed":
            there.goes_on()
            note(f"{fault}: {info['status']}")
            return
        if words is not None and info["status"] != "failed":
            raise Wrong(f"{fault}: the migration has {info['status']}")
        here.goes_on()
        if words and words not in here.text("log"):
            raise Wrong(f"{fault}: QEMU does not say '{words}'")
        note(f"{fault}: {info['status']}, {info.get('error-desc', '')}")
        there.kill()
        if "times=0" not in fault:
            here.migrate(VM(place, VERSION, [DEVICE], incoming=True))


def at_the_destination(fault, words):
    with Place() as place:
        here = VM(place, VERSION, [DEVICE])
        here.goes_on()
        there = VM(place, VERSION, ["model:copier,size=1M"], filters(fault),
                   incoming=True)
        here.begin_migration(there, ["return-path"])
        info = here.end_of_migration()
        if info["status"] == "completed":
            raise Wrong(f"{fault}: the migration has completed")
        here.qmp("cont")
        here.goes_on()
        until(lambda: words in there.text("log"), f"'{words}' in the destination's log")
        note(f"{fault}: {info['status']}, {info.get('error-desc', '')}")
        there.kill()
        again = VM(place, VERSION, [DEVICE], incoming=True)
        here.migrate(again)


def test():
    need(VERSION)
    for fault, words in (SOURCE_V1 if V1 else SOURCE_V2).items():
        at_the_source(fault, words)
    for fault, words in TARGET_V2.items():
        at_the_destination(fault, words)


main(test)
