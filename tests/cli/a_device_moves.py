# SPDX-License-Identifier: BSD-3-Clause
"""migrate: between models, between servers, several at once; told as a table, as JSON, or not at all."""
from command import SMALL, check, finish, run, serve, stop

ran = run("migrate", SMALL, SMALL, "--memory", "2M")
for word in ("total", "downtime", "sent", "rounds"):
    check(word in ran.out, word, ran.text())
check("round 1" in ran.err and "\033" not in ran.err + ran.out, ran.text())

ran = run("migrate", SMALL, SMALL, "--quiet")
check(not ran.out and not ran.err, ran.text())
ran = run("migrate", SMALL, SMALL, "-v")
check("arc dev0: " in ran.err and "handoff" in ran.err, ran.text())

events = run("migrate", "x=" + SMALL, "y=" + SMALL, "x=" + SMALL, "y=" + SMALL, "--json").events()
check({e["role"] for e in events} == {"source", "destination"}, events)
check({e["device"] for e in events if e["event"] == "arc"} == {"x", "y"}, events)
check([e["event"] for e in events if e["role"] == "source"][-1] == "done", events[-1])
arcs = [e for e in events if e["event"] == "arc" and e["role"] == "destination"]
check([e["to"] for e in arcs[-2:]] == ["RUNNING", "RUNNING"], arcs)

# Between two servers; then back.
a, from_name = serve("a")
b, to_name = serve("b")
run("migrate", from_name, to_name, "--memory", "1M")
# What its client has left is stopped, and is started only by one who says so.
ran = run("migrate", to_name, from_name, "--memory", "1M", code=1)
check("--start" in ran.err, ran.text())
run("migrate", to_name, from_name, "--memory", "1M", "--start")
stop(a)
stop(b)

# What does not fit is told before anything moves.
ran = run("migrate", SMALL, "model:copier,size=2M", code=1)
check("dev0" in ran.err, ran.text())
ran = run("migrate", "x=" + SMALL, "y=" + SMALL, code=1)
check("x" in ran.err, ran.text())
run("migrate", "x=" + SMALL, "x=" + SMALL, "x=" + SMALL, "x=" + SMALL, code=1)
run("migrate", SMALL + ",migration=off", SMALL, code=1)
run("migrate", SMALL, SMALL, "--protocol", "v9", code=1)
finish()
