# SPDX-License-Identifier: BSD-3-Clause
"""A saved file that was cut, flipped, doubled or put out of order is refused by inspect and by load."""
import random
import re
import subprocess

from command import SMALL, VFMIG, check, finish, path, run

file, bad = path("good"), path("bad")
run("save", SMALL, "-o", file)
good = open(file, "rb").read()
places = [(e["at"], e["length"]) for e in run("inspect", file, "--sections", "--json").events("section")]
check(len(places) > 3, places)


def refused(data, what):
    with open(bad, "wb") as f:
        f.write(data)
    ran = run("inspect", bad, code=1)
    check(bad in ran.err and ran.err.count("\n") == 1, what, ran.text())
    return ran.err


def also_by_load(what):
    ran = run("load", bad, SMALL, code=1)
    check(bad in ran.err, what, ran.text())


# Flips: in the stream's header, in headers of sections, in their data. The place is named. (Bytes 16 to 31 are
# the stream's id, which may be any.)
random.seed(1)
spots = [0, 9, 10, 13] + [at + 2 for at, _ in places[:3]] + [at + 50 for at, n in places if n > 8][:3]
spots += random.sample(range(32, len(good)), 20)
for spot in spots:
    data = bytearray(good)
    data[spot] ^= 1 << random.randrange(8)
    if bytes(data) == good:
        continue
    sentence = refused(bytes(data), spot)
    check(spot < 32 or re.search(r"\d", sentence), sentence)
also_by_load(spots[-1])

# Cuts, also between two sections.
for at in [0, 1, 31, 32] + [at for at, _ in places[1:]] + random.sample(range(len(good)), 8):
    refused(good[:at], f"cut at {at}")
also_by_load("cut")

# Sections out of order, doubled, left out; something behind the end; the wrong thing altogether.
(a, _), (b, _), (c, _) = places[1:4]
refused(good[:a] + good[b:c] + good[a:b] + good[c:], "out of order")
refused(good[:b] + good[a:], "doubled")
refused(good[:a] + good[b:], "left out")
also_by_load("left out")
refused(good + b"x", "one byte more")
refused(good + good, "two streams")
refused(b"\0" * 100000, "zeros")
refused(b"#!/bin/sh\nexit 0\n" * 100, "a script")
refused(good[:8] + b"\xff\xff" + good[10:], "another version")

# --json says it too, and what came before the damage is told.
with open(bad, "wb") as f:
    f.write(good[:-10])
events = run("inspect", bad, "--json", code=1).events()
check(events[0]["event"] == "stream" and events[-1]["event"] == "error", events)
check(bad in events[-1]["message"], events[-1])

# A directory, a file that is not there, one that may not be read.
run("inspect", "/", code=1)
run("inspect", path("nothing"), code=1)
done = subprocess.run([VFMIG, "inspect", "-"], input=b"", stderr=subprocess.PIPE)
check(done.returncode == 1 and b"standard input" in done.stderr, done)
finish()
