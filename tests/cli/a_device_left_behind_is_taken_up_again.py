# SPDX-License-Identifier: BSD-3-Clause
"""resume, reset, info and --start: what each says and does about what a migration has left behind."""
import json
import signal
import subprocess

from command import SMALL, check, finish, path, run, serve, start

HANG = ["--request-timeout", "600s", "--switchover-timeout", "600s"]
server_a, A = serve("a")
server_b, B = serve("b")


def killed(*args, at):
    """Start a command, wait for an event, kill it."""
    process = start(*args, "--json", stdout=subprocess.PIPE)
    for line in process.stdout:
        event = json.loads(line)
        if at(event):
            break
    else:
        check(False, "it ended before", args)
    process.send_signal(signal.SIGKILL)
    process.stdout.read()
    process.wait()


def handoff(name):
    return lambda event: event["event"] == "handoff" and event["state"] == name


def found(name, past, state="STOP"):
    event, = run("info", name, "--json").events("migration")
    check(event["history"] == past and event["state"] == state, event)
    check(past == "moved" or event["moved_to"] == "", event)
    return " ".join(run("info", name).out.split())  # lines are wrapped


# The sender is killed while the device is stopped and not all of its state was read: it is nowhere else, and runs on.
killed("migrate", A, B, "--precopy=off", "--max-rounds", "0", "--unconverged", "switch", "--filter",
       "fault,op=data-read,do=hang,times=0", *HANG, at=lambda event: event["event"] == "arc" and event["to"] == "STOP_COPY")
check("vfmig resume" in found(A, "new", "STOP_COPY"))
check("vfmig reset" in found(B, "loading", "RESUMING"))
ran = run("migrate", A, SMALL, code=1)
check("--start" in ran.err, ran.text())
ran = run("reset", A, code=1)
check("only copy" in ran.err and f"vfmig resume {A}" in ran.err, ran.text())
ran = run("resume", B, code=1)
check(f"vfmig reset {B}" in ran.err, ran.text())
check("STOP_COPY -> RUNNING" in run("resume", A).out)
ran = run("migrate", A, B, "--start", code=1)
check(f"vfmig reset {B}" in ran.err, ran.text())
run("reset", B)
found(B, "new")
found(A, "new")
run("migrate", A, B, "--start", "--quiet")

# It has moved: info says when and where to, and nothing invites to run it here again.
out = found(A, "moved")
check(B in out and f"vfmig reset {A}" in out and "--yes" not in out and "--start" not in out, out)
found(B, "ran")
for command in (["migrate", A, SMALL], ["migrate", A, SMALL, "--start"], ["resume", A]):
    ran = run(*command, code=1)
    check("was migrated" in ran.err and "--start" not in ran.err and B in ran.err, ran.text())
run("reset", A)
found(A, "new")

# Killed when all was read, and loaded: both sides may run, and neither does before its owner says so.
killed("migrate", B, A, "--start", "--to-filter", "fault,arc=stop:running_p2p,do=hang", *HANG,
       at=handoff("DST_QUIET"))
check(f"vfmig resume --yes {B}" in found(B, "read", "STOP_COPY"))
check(f"vfmig resume --yes {A}" in found(A, "loaded"))
for name in (A, B):
    ran = run("resume", name, code=1)
    check(f"vfmig resume --yes {name}" in ran.err, ran.text())
ran = run("migrate", B, SMALL, "--start", code=1)
check("elsewhere" in ran.err, ran.text())
ran = run("migrate", SMALL, B, code=1)  # it is no destination either: it may hold the only copy
check("elsewhere" in ran.err, ran.text())
ran = run("reset", B, code=1)
check(f"vfmig reset --yes {B}" in ran.err, ran.text())
run("reset", A)
events = run("resume", B, "--yes", "--json").events("resumed")
check(events[0]["history"] == "read" and events[0]["from"] == "STOP_COPY", events)
found(B, "ran")
run("migrate", B, A, "--start", "--quiet")

# A saved device is in the file, and says so.
run("save", A, "--start", "-o", path("file"), "--quiet")
check(path("file") in found(A, "moved"))
run("load", path("file"), B, "--start-stopped", "--quiet")
found(B, "loaded")
run("resume", B, "--yes")
found(B, "ran")

# A device of this process runs, and has no past; one that does not migrate can be reset.
check("already RUNNING" in run("resume", SMALL).out)
check("history" not in run("info", SMALL).out)
run("reset", "model:copier,migration=off")
run("resume", "model:copier,migration=off", code=1)
run("resume", code=2)
finish()
