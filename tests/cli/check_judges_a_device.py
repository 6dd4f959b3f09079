# SPDX-License-Identifier: BSD-3-Clause
"""`vfmig check`: a good device, one that breaks rules, one behind a socket; the exit code, the lines, the events."""
from command import SMALL, check, finish, run, serve, stop

FORGETFUL = ["--filter", "fault,op=reset,do=drop,times=0"]

ran = run("check", SMALL)
check("PASS   V2-42" in ran.out and "\nv2: DMA logging\n" in ran.out, ran.text())
check("0 failed" in ran.out and "FAIL" not in ran.out, ran.text())

# What is broken is told with what was seen, and is exit code 1.
ran = run("check", SMALL, "--rule", "V2-42", *FORGETFUL, code=1)
check("FAIL   V2-42" in ran.out and "a reset in STOP leads to STOP" in ran.out, ran.text())
check("1 rule failed" in ran.err, ran.text())
ran = run("check", SMALL, "-q", *FORGETFUL, code=1)
check("PASS" not in ran.out and "FAIL   V2-03" in ran.out, ran.text())

# One rule or a part; what was seen of what is kept; a rule that there is not is a slip.
ran = run("check", SMALL, "--rule", "DMA", "-v")
check("DMA-20" in ran.out and "V2-" not in ran.out and "refused before START" in ran.out, ran.text())
run("check", SMALL, "--rule", "V2-99", code=2)
run("check", SMALL, "--rule", "V", code=2)
run("check", code=2)

# What it does not have does not apply; what nobody makes work is not made to.
events = run("check", SMALL + ",migration=stop_copy", "--no-work", "--json").events("check")
verdict = {e["rule"]: e for e in events}
check(verdict["V2-61"]["verdict"] == "N/A" and "pre-copy" in verdict["V2-61"]["seen"], verdict["V2-61"])
check(verdict["V2-21"]["verdict"] == "N/A" and verdict["V2-53"]["verdict"] == "PASS", events)
check(all(e["title"] and e["seen"] and e["took_ns"] >= 0 for e in events), events)
summary = run("check", SMALL, "--rule", "V2-04", "--json").events("summary")
check(len(summary) == 1 and summary[0]["pass"] == 1 and summary[0]["fail"] == 0, summary)

# A device that only warns is good enough, one that cannot be looked at is not.
ran = run("check", SMALL, "--rule", "V2-62", "--rule", "V2-27", "--filter",
          "fault,feature=mig-device-state,nth=2,times=0", code=1)
check("UNSEEN" in ran.out and "not checked" in ran.err, ran.text())

rules = run("check", "--list", "--json").events("rule")
check({e["rule"] for e in rules} >= {"V2-01", "DMA-21"}, rules)
check({e["strength"] for e in rules} == {"must", "should"}, rules)
check([e["rule"] for e in rules] == [e["rule"] for e in run("check", SMALL, "--json").events("check")])

server, device = serve("s")
ran = run("check", device)
check("0 failed" in ran.out, ran.text())
ran = run("check", device)
check("0 failed" in ran.out, ran.text())
stop(server)
finish()
