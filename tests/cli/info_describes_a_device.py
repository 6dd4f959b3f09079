# SPDX-License-Identifier: BSD-3-Clause
"""info: the copier as its data sheet has it, the same through a socket, as text and as JSON."""
from command import check, finish, run, serve, stop

NAME = "model:copier,size=4M"


def told(name, *more):
    return {e["event"] + str(e.get("name", "")) if e["event"] in ("region", "irq") else e["event"]: e
            for e in run("info", name, "--json", *more).events()}


here = told(NAME)
check(here["migration"]["protocol"] == "v2" and here["migration"]["state"] == "RUNNING", here)
check(here["migration"]["flags"] == "STOP_COPY, P2P, PRE_COPY", here)
check(here["migration"]["data_bytes"] > 100, here)  # what was never written costs nothing
check("DMA_LOGGING_REPORT" in here["migration"]["features"], here)
check(here["regionconfig"]["size_bytes"] in (256, 4096), here)
check([r for r in here.values() if r.get("size_bytes") == 4 << 20], here)
check(here["irqMSI-X"]["count"] >= 1, here)
check(len(here["pci"]["id"]) == 9, here)
text = run("info", NAME).out
for word in (here["pci"]["id"], "4 MiB", "MSI-X", "STOP_COPY, P2P, PRE_COPY", "MIG_DATA_SIZE"):
    check(word in text, word, text)

# The same device behind a socket is the same device.
server, name = serve("s", NAME)
there = told(name)
for key in here:
    if key not in ("device", "migration"):
        a, b = ({k: v for k, v in e.items() if k != "time_ns"} for e in (here[key], there[key]))
        check(a == b, a, b)
check(there["migration"]["flags"] == here["migration"]["flags"], there)
stop(server)

# Kinds of devices, with what is theirs, the same on both sides of a socket.
for guise, flags in (("zpci", "reset, PCI, caps"), ("ccw", "reset, CCW"), ("fsl-mc", "reset, fsl-mc")):
    name = "model:lookalike,as=" + guise
    here = run("info", name, "--json").events()
    check(here[0]["flags"] == flags, here[0])
    server, there = serve(guise, name)
    there = run("info", there, "--json").events()
    stop(server)
    for a, b in zip(here, there):
        if a["event"] not in ("device", "migration"):
            check({**a, "time_ns": 0} == {**b, "time_ns": 0}, a, b)
    check(here[0]["flags"] == there[0]["flags"] and len(here) == len(there), here, there)
    events = {e["event"]: e for e in here}
    if guise == "zpci":
        check(events["zpci-base"]["start_dma"] == "0x100000000", here)
        check(events["zpci-group"]["msi_addr"] == "0xfe00000000000000", here)
        check(events["zpci-util"]["text"] == "LOOKALIKE 1", here)
        check(events["zpci-path"]["bytes"] == "20050001", here)
        check('"LOOKALIKE 1"' in run("info", name).out)
    if guise == "ccw":
        check([e["what"] for e in here if e["event"] == "region"] ==
              ["", "CCW async commands", "CCW SCHIB", "CCW CRW"], here)
        check([e["name"] for e in here if e["event"] == "irq"] == ["I/O", "CRW", "REQ"], here)
        check("CCW SCHIB (type 2, subtype 2)" in run("info", name).out)
vendor = [e for e in run("info", "model:lookalike,as=igd", "--json").events("region") if e["type"]]
check([e["what"] for e in vendor][0] == "Intel graphics OpRegion" and
      vendor[0]["type"] == 0x80008086, vendor)

# The IOMMU, and the parts of a region that can be mapped.
iommu = run("info", NAME + ",window=mapped", "--iommu", "--json").events()
check([e for e in iommu if e["event"] == "area"][0]["size_bytes"] == 4 << 20, iommu)
said = [e for e in iommu if e["event"] == "iommu"][0]
check(said["migration"] == 1 and said["dirty_page_sizes"] == "0x1000" and said["dma_avail"] > 1000, said)
check([e["end"] for e in iommu if e["event"] == "iova-range"] == ["0xffffffffffffffff"], iommu)
check("available" in run("info", NAME, "--iommu").out)

# What a device does not have, and what it refuses.
check("none" in run("info", NAME + ",migration=off").out)
check(told(NAME + ",migration=stop_copy")["migration"]["flags"] == "STOP_COPY")
ran = run("info", NAME, "--filter", "fault,op=region-info,nth=2,error=ENXIO", code=1)
check("ENXIO" in ran.err, ran.text())
run("info", NAME, "--protocol", "v9", code=1)

# Filters are part of the name, and see what is asked.
ran = run("info", NAME, "--filter", "delay", "--filter", "trace,fd=2,op=irq-info")
check("trace(delay(" in ran.out and '"op":"irq-info"' in ran.err, ran.text())
finish()
