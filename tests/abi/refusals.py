#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every sentence with which src/abi refuses is provoked by a test in tests/abi.

A sentence is a string literal with a space in it, outside comments and assertions. It counts as
provoked if a test expects exactly it; the tests compare what was said with what they expect.
"""
import pathlib
import re
import sys

LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')


def literals(path):
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    text = re.sub(r"_Static_assert\([^;]*;", "", text)
    text = re.sub(r'"\s*\n\s*"', "", text)
    return {m.group(1) for m in LITERAL.finditer(text) if " " in m.group(1)}


root = pathlib.Path(sys.argv[1])
said = {s: f for f in sorted((root / "src" / "abi").glob("*.[ch]")) for s in literals(f)}
expected = set().union(*(literals(f) for f in (root / "tests" / "abi").glob("*.c")))
missing = [f"{said[s].name}: \"{s}\"" for s in sorted(said) if s not in expected]
if len(said) < 100:
    sys.exit("the search for sentences finds too few: it is broken")
if missing:
    sys.exit("refusals that no test provokes:\n" + "\n".join(missing))
