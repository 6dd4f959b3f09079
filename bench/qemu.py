#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""qemu.py ROOT BUILD: the downtime of a move by stock QEMU, as it reports it (in whole ms), beside that of the same state of the
same device, moved on by vfmig's own engine.

The device is in a server of its own, 64 MiB of board full of data. A guest goes from one QEMU to another, then `vfmig
migrate` takes the device on to a third server, with as much memory as the guest had. In turns. Where QEMU or the
chroots of tools/qemu-chroots are not to be had it is left out.
"""
import json
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(sys.argv[1], "tests/qemu")))
from vm import VM, Place, Wrong, need  # pylint: disable=wrong-import-position

RUNS = 5
# name: QEMU's version, the model's options, by iommufd, the longest downtime that both are allowed, in ms: without pre-copy
# all of the state is in it, whatever is allowed
ROWS = {
    "qemu-downtime-7.2-v1": ("7.2", "protocol=v1", False, 300),
    "qemu-downtime-10.0-stop-copy": ("10.0", "migration=stop_copy", False, 60000),
    "qemu-downtime-11.1-stop-copy": ("11.1", "migration=stop_copy", True, 60000),
    "qemu-downtime-11.1-pre-copy": ("11.1", "migration=all", True, 300),
}


def once(version, options, iommufd, limit):
    """QEMU's downtime and ours, in ms."""
    with Place() as place:
        names = ["a.sock", "b.sock", "c.sock"]
        for name in names:
            place.serve("model:copier,size=64M," + options, name=name)
        inside = place.path if version == "7.2" else "/mnt"
        here, there = (VM(place, version, [f"vfio-user:{inside}/{name}"], mode="poll full", shared=True,
                          iommufd=iommufd, incoming=name == "b.sock") for name in names[:2])
        here.goes_on()
        info = here.migrate(there, downtime_limit=limit)
        there.quit()
        # QEMU has gone and left the device in STOP. No copy of its state runs elsewhere.
        subprocess.run([place.path / "vfmig", "resume", "--yes", f"vfio-user:{place.path}/b.sock"], check=True,
                       timeout=120)
        ours = subprocess.run(
            [place.path / "vfmig", "migrate", f"vfio-user:{place.path}/b.sock",
             f"vfio-user:{place.path}/c.sock", "--start", "--memory", "128M", "--downtime", str(limit), "--json"],
            stdout=subprocess.PIPE, text=True, check=True, timeout=120)
        events = [json.loads(line) for line in ours.stdout.splitlines()]
        done = [event for event in events if event["event"] == "done" and event["role"] == "source"]
        print(f"# {version} {options}: {info['downtime']} ms, ours {done[0]['downtime_ns'] / 1e6:.2f} ms with "
              f"{done[0]['device_bytes']} bytes", file=sys.stderr)
        return info["downtime"], done[0]["downtime_ns"] / 1e6


def main():
    need("7.2", "10.0", "11.1")
    for name, row in ROWS.items():
        # A device at rest has its memory and state sent before the stop, where there is pre-copy: what is left then is the
        # switchover itself. QEMU's has a busy guest.
        found = [once(*row) for _ in range(RUNS)]
        ratios = [theirs / ours for theirs, ours in found]
        print(json.dumps({
            "bench": name, "ratio_median": statistics.median(ratios), "ratio_min": min(ratios),
            "ratio_max": max(ratios), "runs": RUNS, "unit": "ms", "limit": "vfmig's own engine",
            "median": statistics.median(theirs for theirs, _ in found),
            "limit_median": statistics.median(ours for _, ours in found)}), flush=True)


try:
    main()
except Wrong as wrong:
    print(f"qemu: {wrong}", file=sys.stderr)
    sys.exit(1)
