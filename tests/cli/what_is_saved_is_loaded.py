# SPDX-License-Identifier: BSD-3-Clause
"""save, inspect, load: the same registers come out as went in; a file is there whole, or not at all."""
import os
import subprocess

from command import DIR, SMALL, VFMIG, check, finish, path, run, serve, stop


def fields(file):
    """Everything of the devices' state by name, with the values."""
    return {(e["device"], e["name"]): e.get("value", e.get("size"))
            for e in run("inspect", file, "--json").events() if e["event"] in ("field", "block")}


file = path("copier")
ran = run("save", SMALL, "-o", file)
check("total" in ran.out and "sent" in ran.out, ran.text())
ran = run("inspect", file)
check("All checksums match" in ran.out and "copier" in ran.out and "dev0" in ran.out, ran.text())
check(len(fields(file)) > 5 and ("dev0", "pci.config") in fields(file), fields(file))
events = run("inspect", file, "--json").events()
check([e["event"] for e in events].count("device") == 1 and events[0]["event"] == "stream", events)
check(events[-1]["event"] == "end", events[-1])
check("DEVICE_DATA" in run("inspect", file, "--sections").out)
run("load", file, SMALL)

# Two devices and memory, by id, in the other order.
two = path("two")
run("save", "a=" + SMALL, "b=model:copier,size=2M", "--memory", "4M", "-o", two)
run("load", two, "b=model:copier,size=2M", "a=" + SMALL, "--memory", "4M")
check({d for d, _ in fields(two)} == {"a", "b"}, fields(two))

# What does not fit is refused before anything is touched, and says what differs.
for args, word in ((["a=" + SMALL], "b"), (["a=" + SMALL, "c=model:copier,size=2M"], "b"),
                   (["a=" + SMALL, "b=" + SMALL, "--memory", "4M"], "b"),
                   (["a=" + SMALL, "b=model:copier,size=2M"], "memory"),
                   (["a=" + SMALL, "b=model:copier,size=2M", "--memory", "8M"], "")):
    ran = run("load", two, *args, code=1)
    check(word in ran.err and two in ran.err, ran.text())

# Through a server: what a device was told survives in the file. Saved, it stays stopped; --run-on is a copy.
server, name = serve("s")
run("save", name, "-o", file, "--run-on")
before = fields(file)
again = path("again")
run("load", file, name)
run("save", name, "-o", again, "--start")
check(fields(again) == before, before, fields(again))
stop(server)

# Pipes: no name, no seeking.
saved = subprocess.run([VFMIG, "save", SMALL, "-o", "-"], stdout=subprocess.PIPE, check=True).stdout
for command in (["inspect", "-"], ["load", "-", SMALL]):
    done = subprocess.run([VFMIG, *command], input=saved, stdout=subprocess.PIPE)
    check(done.returncode == 0, command, done)

# A full disk, or no place at all: exit code 1, no file, nothing else left, and what was there is kept.
os.unlink(again)
ran = run("save", SMALL, "-o", "/dev/full", code=1)
check("no space" in ran.err.lower() and "/dev/full" in ran.err, ran.text())
run("save", SMALL, "-o", path("no/where"), code=1)
keep = open(file, "rb").read()
run("save", SMALL, "-o", file, "--filter", "fault,op=data-read,error=EIO", code=1)
check(open(file, "rb").read() == keep)
os.unlink(file)
run("save", SMALL, "-o", file, "--filter", "fault,op=data-read,error=EIO", code=1)
check(os.listdir(DIR) == ["two"], os.listdir(DIR))
run("load", path("nothing"), SMALL, code=1)
finish()
