# SPDX-License-Identifier: BSD-3-Clause
"""A server is killed while it owes an answer: the command ends, with the reason and what was asked, whatever is in between."""
import json
import os
import signal
import subprocess

from command import SMALL, check, finish, path, run, serve, start

FILTERS = {
    "none": [],
    "trace": ["--filter", "trace,file=/dev/null"],
    "fault": ["--filter", "fault,op=reset"],
    "delay": ["--filter", "delay,latency-us=1000000,op=data-read"],
    "slow": ["--filter", "delay,rate=1"],
    "v1": ["--filter", "translate,protocol=v1"],
    "two": ["--filter", "translate,protocol=v1", "--filter", "translate,protocol=v2"],
}
for name, filters in FILTERS.items():
    server, device = serve(name, SMALL, "--filter", "fault,op=data-read,do=hang,times=0")
    mover = start("migrate", device, SMALL, *filters, "--request-timeout", "600s", "--channel-timeout", "600s",
                  "--switchover-timeout", "600s", "--timeout", "600000", "--json", stdout=subprocess.PIPE,
                  stderr=subprocess.PIPE)
    for line in mover.stdout:
        event = json.loads(line)
        if event["event"] == "arc" and event["role"] == "source" and event["to"] == "PRE_COPY":
            break  # its data is what is asked for next
    server.send_signal(signal.SIGKILL)
    out, err = mover.communicate(timeout=50)
    check(mover.returncode == 5 and "data: the peer closed the connection" in err, name, mover.returncode, err)
    check("its state cannot be read: " in err and err.count("the peer closed the connection") == 2, err)

# A reason is not taken for another one: a device that cannot be asked for its log has not none.
ran = run("migrate", SMALL, SMALL, "--memory", "1M", "--filter",
          "fault,feature=dma-logging-start,error=ECONNRESET", code=1)
check("has no DMA logging" not in ran.err and "DMA logging could not be probed" in ran.err, ran.text())

# Long names do not push out what is to be done.
server, device = serve("n" * 70)
os.mkdir(path("d" * 100))
run("save", device, "-o", path("d" * 100 + "/" + "f" * 100), "--quiet")
ran = run("resume", device, code=1)
check(len(ran.err) > 530 and ran.err.strip().endswith("resets it"), ran.text())
finish()
