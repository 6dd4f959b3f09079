# SPDX-License-Identifier: BSD-3-Clause
"""A device that takes longer to stop than the whole downtime may take: the table says so, and --strict-downtime makes it the
exit code. A downtime within its limit is neither."""
import json

from command import check, run

MOVE = ("migrate", "model:copier", "model:copier", "--strict-downtime", "--unconverged", "switch")
# Each change of state comes 100 ms late, and a migration stops a device in at least one.
LATE = ("--filter", "delay,feature=mig-device-state,latency-us=100000", "--downtime", "50")

ran = run(*MOVE, *LATE, code=6)
check("exceeds the limit of 50.0 ms" in ran.out, ran.text())
check("next:" not in ran.err, ran.text())
ran = run(*MOVE, *LATE, "--json", code=6)
events = [json.loads(line) for line in ran.out.splitlines()]
check([e["over_limit"] for e in events if e["event"] == "downtime" and e["role"] == "source"] == [1], ran.text())
ran = run("migrate", "model:copier", "model:copier", *LATE, "--unconverged", "switch")
check("exceeds the limit of 50.0 ms" in ran.out, ran.text())
ran = run(*MOVE, "--downtime", "60s")
check("exceeds the limit" not in ran.out, ran.text())
ran = run("migrate", "model:copier", "model:copier", *LATE, "--enforce-downtime", "--unconverged", "switch", code=1)
check("enforced" in ran.err, ran.text())
