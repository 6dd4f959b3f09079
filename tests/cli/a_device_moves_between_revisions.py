# SPDX-License-Identifier: BSD-3-Clause
"""The revisions of the protocol on the command line: shown, named, moved between, saved, translated, and checked."""
from command import SMALL, check, finish, path, run, serve, stop

# What it shows is told; a region that does not say which of two it is can only be named.
for options, region, protocol in (("protocol=v1", "migration (v1)", "v1 with"),
                                  ("protocol=pfn", "migration (pfn)", "pfn with"),
                                  ("protocol=v1,tell=off", "migration (v1 or pfn)", "v1 with"),
                                  ("protocol=v2+v1", "migration (v1)", "v2 with")):
    ran = run("info", f"{SMALL},{options}")
    check(region in ran.out and protocol in ran.out, ran.text())
ran = run("info", f"{SMALL},protocol=pfn,tell=off", "--protocol", "pfn")
check("pfn with" in ran.out, ran.text())
events = run("info", f"{SMALL},protocol=v1", "--json").events("region")
check([e["revision"] for e in events if e["type"] == 3] == ["v1"], events)
ran = run("info", f"{SMALL},protocol=v1", "--protocol", "v2", code=1)
ran = run("serve", SMALL, "--protocol", "v1", "-s", path("x"), code=2)

# An old device to a new one and on, by sockets.
old, old_name = serve("old", f"{SMALL},protocol=v1")
new, new_name = serve("new", SMALL)
older, older_name = serve("older", f"{SMALL},protocol=pfn,tell=off")
run("migrate", old_name, new_name, "--memory", "1M")
run("migrate", new_name, older_name, "--memory", "1M", "--start", "--to-protocol", "pfn")
run("migrate", older_name, old_name, "--memory", "1M", "--start", "--protocol", "pfn",
    "--to-protocol", "v1")

# The old one shown to a user who knows only the new protocol; its region is not to be seen.
shown, shown_name = serve("shown", old_name, "--filter", "translate,protocol=v2")
ran = run("info", shown_name)
check("v2 with STOP_COPY, PRE_COPY" in ran.out and "migration (" not in ran.out, ran.text())
run("migrate", shown_name, new_name, "--memory", "1M", "--start")
for server in (shown, old, new, older):
    stop(server)

# By a file.
run("save", f"{SMALL},protocol=v1,tell=off", "-o", path("f"))
check("vfio.transactions" in run("inspect", path("f")).out)
run("load", path("f"), SMALL)

# What cannot be shown says why.
for name, translate, why in ((SMALL, "translate,from=pfn", "does not support pfn migration"),
                             (SMALL, "translate,protocol=v3", "use one of v2, v1, pfn"),
                             (SMALL + ",migration=off", "translate", "does not support migration")):
    ran = run("info", name, "--filter", translate, code=1)
    check(why in ran.err, ran.text())

# A translated device keeps the rules of what it is shown as.
for options, translate in (("protocol=pfn", "translate,protocol=v2"),
                           ("protocol=v1,tell=off", "translate,protocol=v2"),
                           ("migration=stop_copy", "translate,protocol=v1"),
                           ("migration=all", "translate,protocol=pfn")):
    run("check", f"{SMALL},{options}", "--filter", translate, "-q")
finish()
