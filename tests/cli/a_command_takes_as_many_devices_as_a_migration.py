# SPDX-License-Identifier: BSD-3-Clause
"""256 devices, as the library has it, and no more; letters of options may share a dash."""
from command import SMALL, check, finish, path, run

TINY, MOST = "model:copier,size=64K", 256

events = run("migrate", *[TINY] * MOST, *[TINY] * MOST, "--json").events("done")
check(len(events) == 2, events)
ran = run("save", *[TINY] * (MOST + 1), "-o", path("f"), code=2)
check("257" in ran.err and "256" in ran.err, ran.text())

# -vv is -v twice, and a value may follow the last letter.
twice = run("migrate", SMALL, SMALL, "-vv").err
check("arc" in twice, twice)
check(not run("migrate", SMALL, SMALL, "-qqm1M").out)
check("takes no value" in run("migrate", SMALL, SMALL, "--quiet=1", code=2).err)
check("-x" in run("migrate", SMALL, SMALL, "-vx", code=2).err)

# Without a measurement there is no number, and without rounds a file is written all the same.
still = SMALL + ",migration=stop_copy"
err = run("save", still, still, "-o", path("f")).err
check("expected downtime unknown" in err, err)
run("load", path("f"), still, still)
run("save", SMALL, "-o", path("f"), "--max-rounds", "0")
run("load", path("f"), SMALL)
run("migrate", SMALL, SMALL, "--max-rounds", "0")
finish()
