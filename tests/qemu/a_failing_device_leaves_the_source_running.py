#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""a_failing_device_leaves_the_source_running.py ROOT BUILD VERSION [WORD]...

Devices that fail in each way that a filter knows, on each arc that a migration takes. QEMU gets the errno that the kernel
would give, the migration fails, the guest runs on at the source, and the next migration, for which the device has
recovered, succeeds. What fails after the source has reported that all is done cannot do that; it is said what happens.

Where QEMU resets the device, which it does after most of these, the guest begins anew with it. It polls, for a device that
was reset sends no messages. Words are those of vm.py.
"""
import sys

from vm import Place, Wrong, main, need, note, until

VERSION = sys.argv[3]
V1 = VERSION == "7.2"
ALL, NO_PRE_COPY, NO_P2P = "size=1M", "size=1M,migration=p2p", "size=1M,migration=stop_copy"
BUSY, IO, TIME, SPACE = ("Device or resource busy", "Input/output error", "Connection timed out",
                         "No space left on device")

# (model, what fails at the source, what QEMU says of it). None: it does not fail, or not for good.
SOURCE = [
    (ALL, "fault,arc=running:pre_copy,error=EBUSY", BUSY),
    (ALL, "fault,arc=any:stop_copy,error=EIO", IO),
    (ALL, "fault,arc=any:stop_copy,do=hang", TIME),
    (ALL, "fault,op=data-read,error=EIO", IO),
    (ALL, "fault,op=data-read,nth=3,error=ENOSPC", SPACE),
    (NO_PRE_COPY, "fault,arc=stop:stop_copy,error=ENOSPC", SPACE),
    (NO_P2P, "fault,arc=running:stop,error=EBUSY", BUSY),
]
if V1:
    # In v1 all of that is accesses to a region, which is asked again and again.
    SOURCE = [(model, fault + (",times=0" if "data-read" in fault else ""), words)
              for model, fault, words in SOURCE]
else:
    SOURCE += [
        (ALL, "fault,arc=pre_copy:pre_copy_p2p,error=EIO", IO),
        (ALL, "fault,arc=running:pre_copy,do=hang", TIME),
        # The first such arc is taken as the VM starts.
        (NO_PRE_COPY, "fault,arc=running:running_p2p,nth=2,error=EIO", IO),
        (NO_PRE_COPY, "fault,arc=running_p2p:stop,error=EIO", IO),
        (ALL, "fault,op=data-read,do=hang", TIME),
        (ALL, "fault,feature=dma-logging-start,nth=2,error=ENOMEM", ""),
        (ALL, "fault,feature=mig-data-size,error=EIO,times=0", None),
        (ALL, "fault,feature=mig-data-size,do=corrupt,bit=61,times=0", None),
        (ALL, "fault,op=precopy-info,error=EIO,times=0", None),
        # When it is told that it may stop, all has arrived already.
        (ALL, "fault,arc=stop_copy:stop,error=EIO,times=0", None),
    ]
TARGET = [
    (ALL, "fault,arc=any:resuming,error=EIO", IO),
    (ALL, "fault,op=data-write,error=ENOSPC", SPACE),
    (ALL, "fault,op=data-write,do=corrupt,bit=4000", "Invalid argument"),
]
# These come when the source has said that it is done: loading is one thing, running another.
LATE = [
    (ALL, "fault,arc=resuming:stop,error=EIO", IO),
    (ALL, "fault,arc=running_p2p:running,error=EIO", IO),
]


def fail_at_the_source(model, fault, words):
    with Place() as place:
        here = place.vm(VERSION, model, faults=[fault], timeout=2000 if "hang" in fault else None, mode="poll")
        here.goes_on()
        there = place.vm(VERSION, model, incoming=True)
        here.begin_migration(there)
        if words is None:
            # Who believes such a size finds no time to switch over, and goes on and on.
            until(lambda: here.migration()["status"] not in ("setup", "active") or
                  here.migration().get("ram", {}).get("dirty-sync-count", 0) > 10, "some rounds")
            here.qmp("migrate_cancel")
        info = here.end_of_migration()
        note(f"{fault}: {info['status']}, {info.get('error-desc', '')}")
        if words is None and info["status"] == "completed":
            there.goes_on()
            return
        if words is not None and info["status"] != "failed":
            raise Wrong(f"{fault}: the migration has {info['status']}")
        here.goes_on()
        if words and words not in here.text("log"):
            raise Wrong(f"{fault}: QEMU does not say '{words}'")
        there.kill()
        if "times=0" not in fault:
            here.migrate(place.vm(VERSION, model, incoming=True))


def fail_at_the_destination(model, fault, words):
    with Place() as place:
        here = place.vm(VERSION, model)
        here.goes_on()
        there = place.vm(VERSION, model, faults=[fault], incoming=True)
        here.begin_migration(there, ["return-path"])
        info = here.end_of_migration()
        if info["status"] == "completed":
            raise Wrong(f"{fault}: the migration has completed")
        here.qmp("cont")
        here.goes_on()
        until(lambda: words in there.text("log"), f"'{words}' in the destination's log")
        note(f"{fault}: {info['status']}, {info.get('error-desc', '')}")
        there.kill()
        here.migrate(place.vm(VERSION, model, incoming=True))


def fail_late(model, fault, words):
    """7.2 ends itself, which leaves nobody with half a device; the later ones reset it, and the guest sees that."""
    with Place() as place:
        here = place.vm(VERSION, model, mode="poll")
        here.goes_on()
        there = place.vm(VERSION, model, faults=[fault], incoming=True)
        here.begin_migration(there)
        info = here.end_of_migration()
        if info["status"] != "completed":
            raise Wrong(f"{fault}: the migration has {info['status']}")
        until(lambda: words in there.text("log"), f"'{words}' in the destination's log")
        if V1:
            until(lambda: there.process.poll() is not None, "the destination to end")
        else:
            there.goes_on()
            if "reset\n" not in there.text("serial"):
                raise Wrong(f"{fault}: the guest has not seen a reset")
        note(f"{fault}: too late, as documented")


def test():
    need(VERSION)
    for case in SOURCE:
        fail_at_the_source(*case)
    for case in TARGET:
        fail_at_the_destination(*case)
    for case in LATE:
        fail_late(*case)


main(test)
