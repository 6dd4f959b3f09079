# SPDX-License-Identifier: BSD-3-Clause
"""power: PWR-01, PWR-12, PWR-16: a device may sleep, says when it was woken, and says why it may not."""
import signal
import subprocess

from command import SMALL, check, finish, run, serve, start, stop

# Woken by an access, here and behind a socket.
for name, process in (("here", None), ("there", None)):
    device = SMALL
    if name == "there":
        process, device = serve("s", SMALL)
    ran = run("power", device, "watch", "--touch", "--json")
    whats = [e["what"] for e in ran.events("low-power")]
    check(whats == ["low power allowed until wake-up", "woken"], whats)
    check("after_ns" in ran.events("low-power")[1], ran.text())
    check("woken, after" in run("power", device, "watch", "--touch").out)
    check("low power no longer allowed" in run("power", device, "enter", "--for", "1").out)
    run("power", device, "exit")
    if process:
        stop(process)

# Nobody wakes it; and a signal ends the waiting.
ran = run("power", SMALL, "watch", "--for", "1", code=1)
check("no wake-up within 1 ms" in ran.err, ran.text())
for action, code in (("enter", 0), ("watch", 4)):
    process = start("power", SMALL, action, stdout=subprocess.PIPE)
    check("low power allowed" in process.stdout.readline())
    stop(process, code, signal.SIGINT)
    check(action == "watch" or "no longer" in process.stdout.read())

# What cannot be done has its sentence.
run("power", SMALL, "doze", code=2)
run("power", SMALL, "enter", "--for", "soon", code=2)
run("power", SMALL, code=2)
ran = run("power", SMALL, "enter", "--filter", "fault,feature=low-power-entry,error=EBUSY", code=1)
check("EBUSY" in ran.err, ran.text())
process, device = serve("plain", SMALL, "--no-extensions")
ran = run("power", device, "enter", code=1)
check("LOW_POWER_ENTRY" in ran.err or "feature 3" in ran.err, ran.text())
stop(process)
finish()
