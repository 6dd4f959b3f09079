#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""rules_have_their_tests.py ROOT: docs/rules.md, the conformance suite and the tests agree.

Every rule has one row, and says what proves it: a check of the suite, tests that name the id in their
first comment, or openly nothing. Every id that is used anywhere has its row, and both ways round.
"""
import pathlib
import re
import sys

import tree

ID = r"(?:V2|DMA|PWR|V1|TLK|PFN|MED|T1|INFO)-\d{2}"
# An entry of a table of checks: id, title, needs, should.
CHECK = re.compile(r'\{"(' + ID + r')",\s*"(?:[^"\\]|\\.|"\s*")*",\s*[^,"]+,\s*(true|false),')


def rows(path, wrong):
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r"\| (" + ID + r") \|", line)
        if not match:
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) != 5 or not all(cells):
            wrong.append(f"docs/rules.md:{number}: {match[1]} must have five cells")
        elif match[1] in found:
            wrong.append(f"docs/rules.md:{number}: {match[1]} is there twice")
        else:
            found[match[1]] = cells
    return found


def checks(root, wrong):
    found = {}
    for path in sorted((root / "conform").rglob("*.c")):
        for match in CHECK.finditer(path.read_text()):
            if match[1] in found:
                wrong.append(f"{path.relative_to(root)}: {match[1]} is checked twice")
            found[match[1]] = match[2] == "true"
    return found


def first_comment(text):
    """Behind the licence."""
    comments = re.findall(r"/\*.*?\*/", text, re.S)
    return comments[1] if len(comments) > 1 else ""


def hold(root, wrong):
    table, suite = rows(root / "docs/rules.md", wrong), checks(root, wrong)
    named, used = {}, {}
    for path in tree.sources(root, "tests", "conform", "fuzz"):
        text = (root / path).read_text()
        for rule in set(re.findall(ID, text)):
            used.setdefault(rule, path)
        if path.parts[0] == "tests" and path.parts[1] != "conform":
            for rule in re.findall(ID, first_comment(text)):
                named.setdefault(rule, set()).add(str(path))
    for rule, path in sorted(used.items()):
        if rule not in table:
            wrong.append(f"{path}: {rule} has no row in docs/rules.md")
    for rule, (_, _, what, _, proof) in table.items():
        claimed = "`vfmig check`" in proof
        if claimed and rule not in suite:
            wrong.append(f"docs/rules.md: {rule} claims a check, and there is none")
        if rule in suite and not claimed:
            wrong.append(f"docs/rules.md: {rule} has a check, and does not say so")
        if rule in suite and suite[rule] != ("should" in what):
            wrong.append(f"docs/rules.md: {rule} is 'should' here or in the suite, and not in both")
        links = set(re.findall(r"\]\(\.\./([^)]*)\)", proof))
        for link in sorted(links ^ named.get(rule, set())):
            wrong.append(f"docs/rules.md: {rule} and {link}: only one of them names the other")
        if not (claimed or links or "not built yet" in proof or "none: " in proof):
            wrong.append(f"docs/rules.md: {rule} does not say what proves it")


def main():
    wrong = []
    hold(pathlib.Path(sys.argv[1]), wrong)
    tree.finish(wrong)


main()
