# SPDX-License-Identifier: BSD-3-Clause
"""Every subcommand is in the help, with its options and an example; everything that can be named is, too."""
import re

from command import check, finish, run

overview = run("help").out
check(run("--help").out == overview and run("-h").out == overview)
commands = re.findall(r"^  ([a-z]+) +[A-Z]", overview, re.M)
check(set(commands) >= {"info", "serve", "migrate", "send", "receive", "save", "load", "inspect",
                        "list", "states", "help", "version"}, commands)
for command in commands:
    text = run("help", command).out
    check(text.startswith("usage: vfmig " + command), text)
    check(run(command, "--help").out == text and run(command, "-h").out == text, command)
    check(command in ("help", "list", "version") or "Examples:\n  vfmig" in text, text)
    check(max(len(line) for line in text.splitlines()) <= 100, text)

check(run("version").out == run("--version").out)
check(re.fullmatch(r"vfmig \d+\.\d+\.\d+\n", run("version").out))

devices = run("help", "devices").out
for known in run("list", "--json").events("known"):
    check("\n  " + known["name"] in devices and known["summary"][:30] in devices, known)
    check(known["name"] in run("list").out, known)
for code in range(6):
    check(re.search(rf"^{code}  ", run("help", "exit-codes").out, re.M), code)
finish()
